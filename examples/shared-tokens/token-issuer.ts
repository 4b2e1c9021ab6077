// Stands for the authorization server: issues tokens over HTTP, and counts how often it was asked.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Token } from './token';

export class TokenIssuer {
  readonly #server: http.Server;
  /** How long a token is good, ms. */
  lifeMs = 60_000;
  nextValue: () => string = randomUUID;
  /** How many tokens it was asked for. */
  asked = 0;
  /** Answers with errors from now on. */
  isBroken = false;

  constructor() {
    this.#server = http.createServer((request, response) => {
      this.asked++;
      const scope = decodeURIComponent((request.url ?? '/').slice(1));
      const token: Token = { scope, value: this.nextValue(), expiresAt: Date.now() + this.lifeMs };
      response.writeHead(this.isBroken ? 503 : 200, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(token));
    });
  }

  /** @returns its address */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1').unref(); // it alone keeps no process alive
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }
}
