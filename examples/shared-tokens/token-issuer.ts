// Stands for the authorization server: issues tokens over HTTP, and counts requests.

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
  /** The number of requests for tokens. */
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

  /** @returns the address of the issuer */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1').unref(); // the server does not keep the process alive
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }
}
