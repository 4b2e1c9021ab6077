// The network between a host and a server at a port of this machine, which a test cuts and restores.

import net from 'node:net';

export class NetworkPath {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isCut = false;

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    server.on('connection', (client) => {
      if (this.#isCut) {
        client.destroy();
        return;
      }
      const target = net.connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => undefined);
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  static async start(targetPort: number): Promise<NetworkPath> {
    const server = net.createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new NetworkPath(server, targetPort);
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Ends all connections, and lets none come. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  restore(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
