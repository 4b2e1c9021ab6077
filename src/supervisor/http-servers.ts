// The HTTP servers of this process, found through Node's diagnostics channel: the application need not tell of them.

import { subscribe } from 'node:diagnostics_channel';
import type { Server, ServerResponse } from 'node:http';
import net from 'node:net';

/** Idle keep-alive connections are looked for so often while a server closes at once, ms. */
const IDLE_CHECK_MS = 20;

export class HttpServers {
  readonly #servers = new Set<Server>();
  #isDraining = false;

  /** From now on every server that gets a request is known. */
  observe(): void {
    subscribe('http.server.request.start', (message) => {
      const { server, response } = message as { server: Server; response: ServerResponse };
      this.#servers.add(server);
      // The next request of this connection shall go to another process.
      if (this.#isDraining) response.shouldKeepAlive = false;
    });
  }

  /**
   * Accepts nothing more; resolves when the last request under way has its answer.
   * @param gently idle keep-alive connections are not closed under a client that may just be writing to one: they end
   *   with their next answer, or by the server's keepAliveTimeout, which clients are told of
   */
  async drain(gently: boolean): Promise<void> {
    this.#isDraining = true;
    await Promise.all([...this.#servers].map((server) => (gently ? closeGently(server) : closeNow(server))));
  }
}

function closeGently(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) net.Server.prototype.close.call(server, () => resolve());
    else resolve();
  });
}

async function closeNow(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection whose request has just been answered would stay open for the next one.
  const timer = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  await closed;
  clearInterval(timer);
}
