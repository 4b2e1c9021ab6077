// An upstream server for tests: versioned values by key, and a record of publications. The server lives in the test and outlives
// every leader: its values are the truth to which survivors are compared. Fixture RegistryClient
// (test/fixtures/registry-client.ts) talks to this server, a JSON text a line.

import net from 'node:net';
import { createInterface } from 'node:readline';

/** What the upstream client says. */
export type RegistryRequest =
  | { readonly op: 'hello'; readonly pid: number }
  | { readonly op: 'subscribe' | 'unsubscribe'; readonly key: string }
  | { readonly op: 'publish' | 'unpublish'; readonly registration: unknown };

/** What the server is told. */
export interface RegistryValue {
  readonly key: string;
  readonly version: number;
  readonly data: unknown;
}

interface Peer {
  pid: number;
  readonly keys: Set<string>;
}

export class ValueRegistry {
  readonly #server: net.Server;
  readonly #peers = new Map<net.Socket, Peer>();
  readonly #values = new Map<string, RegistryValue>();
  /** Every publish and unpublish, oldest first, with the process that asked. */
  readonly publications: { readonly op: 'publish' | 'unpublish'; readonly pid: number; readonly registration: unknown }[] = [];

  /** Upstream clients that came and went, oldest first. The process of a client is known a moment after the client came. */
  readonly history: { readonly is: 'here' | 'gone'; pid: number }[] = [];

  private constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#serve(socket);
    });
  }

  static async start(): Promise<ValueRegistry> {
    const server = net.createServer({ noDelay: true });
    const registry = new ValueRegistry(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Processes that hold an upstream client now. */
  get pids(): number[] {
    return [...this.#peers.values()].map(({ pid }) => pid);
  }

  /** Keys that somebody is subscribed to. */
  get keys(): string[] {
    return [...new Set([...this.#peers.values()].flatMap(({ keys }) => [...keys]))];
  }

  /** Processes that are subscribed to a key, an entry for each upstream client. */
  pidsOf(key: string): number[] {
    return [...this.#peers.values()].filter(({ keys }) => keys.has(key)).map(({ pid }) => pid);
  }

  version(key: string): number {
    return this.#values.get(key)?.version ?? 0;
  }

  /** @returns the new version, higher by one */
  set(key: string, data: unknown): number {
    const value: RegistryValue = { key, version: this.version(key) + 1, data };
    this.#values.set(key, value);
    for (const [socket, { keys }] of this.#peers) if (keys.has(key)) tell(socket, value);
    return value.version;
  }

  async close(): Promise<void> {
    for (const socket of this.#peers.keys()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: net.Socket): void {
    const peer: Peer = { pid: 0, keys: new Set() };
    this.#peers.set(socket, peer);
    const arrival: ValueRegistry['history'][number] = { is: 'here', pid: 0 };
    this.history.push(arrival);
    socket.on('error', () => undefined); // the process of the client was killed
    socket.on('close', () => {
      this.#peers.delete(socket);
      this.history.push({ is: 'gone', pid: peer.pid });
    });
    const lines = createInterface({ input: socket });
    lines.on('error', () => undefined); // repeats the errors of the input
    lines.on('line', (line) => {
      const request = JSON.parse(line) as RegistryRequest;
      switch (request.op) {
        case 'hello':
          peer.pid = arrival.pid = request.pid;
          return;
        case 'subscribe': {
          peer.keys.add(request.key);
          const value = this.#values.get(request.key);
          if (value) tell(socket, value);
          return;
        }
        case 'unsubscribe':
          peer.keys.delete(request.key);
          return;
        case 'publish':
        case 'unpublish':
          this.publications.push({ op: request.op, pid: peer.pid, registration: request.registration });
      }
    });
  }
}

function tell(socket: net.Socket, value: RegistryValue): void {
  socket.write(`${JSON.stringify(value)}\n`);
}
