// What stand-ins for registries have in common: an HTTP server that can hold an answer back until something changes. A stand-in was
// written from the documentation of a server and is not that server: no test with one shows how the real one behaves.

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface StandInRequest {
  /** Method and path, such as `GET /v1/kv/key`. */
  readonly what: string;
  /** The parts of the path after `prefix`, decoded. */
  parts(prefix: string): string[];
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface StandInAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Anything but a text is sent as JSON. */
  readonly body?: unknown;
}

export abstract class StandIn {
  /** Method and path of every request. */
  readonly requests: string[] = [];
  readonly #held = new Set<() => void>();
  #server: http.Server | undefined;
  #port = 0;

  protected abstract answer(request: StandInRequest): StandInAnswer | Promise<StandInAnswer>;

  /** Listens: the second time on the port of the first time. */
  async start(): Promise<this> {
    this.#server = http
      .createServer((request, response) => void this.#onRequest(request, response))
      .listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  /** Ends every connection. What is known stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    this.changed();
    await once(server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many answers are held back. */
  get held(): number {
    return this.#held.size;
  }

  /** Looks again whether an answer that is held back can be given. */
  protected changed(): void {
    for (const look of [...this.#held]) look();
  }

  /** Resolves when there is news, or when the time is over. */
  protected until(isNews: () => boolean, waitMs: number): Promise<void> {
    if (isNews()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#held.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isNews() || !this.#server) end();
      };
      const timer = setTimeout(end, waitMs);
      this.#held.add(look);
    });
  }

  async #onRequest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url!, 'http://localhost');
    const what = `${request.method} ${pathname}`;
    this.requests.push(what);
    try {
      const {
        status = 200,
        headers = {},
        body = '',
      } = await this.answer({
        what,
        parts: (prefix) => pathname.slice(prefix.length).split('/').map(decodeURIComponent),
        query,
        headers: request.headers,
        body: await text(request),
      });
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    } catch (error) {
      response.writeHead(500).end(String(error)); // a client that has gone, or a fault of the stand-in
    }
  }
}
