// The HTTP servers of this process, found through Node's diagnostics channel: the application need not tell of them.

import { subscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';

/** Idle keep-alive connections are looked for so often while a server closes, ms. */
const IDLE_CHECK_MS = 20;

export class HttpServers {
  readonly #servers = new Set<Server>();

  /** From now on every server that gets a request is known. */
  observe(): void {
    subscribe('http.server.request.start', (message) => {
      this.#servers.add((message as { server: Server }).server);
    });
  }

  /** Accepts nothing more; resolves when the last request under way has its answer. */
  async drain(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => closeServer(server)));
  }
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection whose request has just been answered stays open for the next one, which must go elsewhere.
  const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  await closed;
  clearInterval(timer);
}
