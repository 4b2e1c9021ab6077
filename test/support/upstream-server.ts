// The frame of an upstream server for tests and runs: it lives in the driver, outlives every leader, and knows which upstream
// clients are connected. What client and server say is for the owner.

import net from 'node:net';

export interface UpstreamServerHooks<P> {
  /** A client has connected. @returns what the server keeps of the client */
  onClient(): P;
  /** Reads what the client says. */
  serve(socket: net.Socket, client: P): void;
  /** The client is gone. */
  onGone(client: P): void;
}

export class UpstreamServer<P> {
  readonly #hooks: UpstreamServerHooks<P>;
  readonly #clients = new Map<net.Socket, P>();
  #server: net.Server | undefined;
  #port = 0;
  #reopening: NodeJS.Timeout | undefined;

  constructor(hooks: UpstreamServerHooks<P>) {
    this.#hooks = hooks;
  }

  /** @param port 0: any free port, which stays the same from then on */
  async open(port = this.#port): Promise<void> {
    const server = net.createServer({ noDelay: true }, (socket) => {
      this.#accept(socket);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as net.AddressInfo).port;
  }

  get port(): number {
    return this.#port;
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** The connected clients. */
  get clients(): Iterable<readonly [socket: net.Socket, client: P]> {
    return this.#clients;
  }

  /** What satisfies the condition, of what the server keeps of the connected clients. */
  find(condition: (client: P) => boolean): P[] {
    return [...this.#clients.values()].filter(condition);
  }

  /** Cuts all connections and refuses new connections for a while. */
  restart(downMs: number): void {
    if (!this.#server) return;
    void this.#stop();
    this.#reopening = setTimeout(() => void this.open(), downMs);
  }

  async close(): Promise<void> {
    clearTimeout(this.#reopening);
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server && new Promise((resolve) => server.close(resolve));
    for (const socket of this.#clients.keys()) socket.destroy();
    await closed;
  }

  #accept(socket: net.Socket): void {
    const client = this.#hooks.onClient();
    this.#clients.set(socket, client);
    socket.on('error', () => undefined); // the process of the client was killed
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      this.#clients.delete(socket);
      this.#hooks.onGone(client);
    });
    this.#hooks.serve(socket, client);
  }
}

/** Values by name, each with a version that grows by one with each change as long as the server lives. */
export class VersionedValues<V extends { readonly version: number }> {
  readonly #values = new Map<string, V>();

  get(name: string): V | undefined {
    return this.#values.get(name);
  }

  version(name: string): number {
    return this.#values.get(name)?.version ?? 0;
  }

  /** @param make makes the value with this version */
  next(name: string, make: (version: number) => V): V {
    const value = make(this.version(name) + 1);
    this.#values.set(name, value);
    return value;
  }

  /** The present versions by name. */
  get versions(): Map<string, number> {
    return new Map([...this.#values].map(([name, { version }]) => [name, version]));
  }
}
