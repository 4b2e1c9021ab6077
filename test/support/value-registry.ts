// An upstream server for tests: versioned values by key, and a record of publications. The server lives in the test and outlives
// every leader: its values are the truth to which survivors are compared. Fixture RegistryClient
// (test/fixtures/registry-client.ts) talks to this server, a JSON text a line.

import type net from 'node:net';
import { createInterface } from 'node:readline';
import { UpstreamServer, VersionedValues } from './upstream-server';

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
  /** The entry of the history, which gets the process of the client as soon as that is known. */
  readonly arrival: { readonly is: 'here'; pid: number };
  readonly keys: Set<string>;
}

export class ValueRegistry {
  readonly #values = new VersionedValues<RegistryValue>();
  /** Every publish and unpublish, oldest first, with the process that asked. */
  readonly publications: { readonly op: 'publish' | 'unpublish'; readonly pid: number; readonly registration: unknown }[] = [];

  /** Upstream clients that came and went, oldest first. The process of a client is known a moment after the client came. */
  readonly history: { readonly is: 'here' | 'gone'; pid: number }[] = [];

  readonly #server = new UpstreamServer<Peer>({
    onClient: () => {
      const arrival: Peer['arrival'] = { is: 'here', pid: 0 };
      this.history.push(arrival);
      return { arrival, keys: new Set() };
    },
    serve: (socket, peer) => {
      this.#serve(socket, peer);
    },
    onGone: ({ arrival: { pid } }) => {
      this.history.push({ is: 'gone', pid });
    },
  });

  static async start(): Promise<ValueRegistry> {
    const registry = new ValueRegistry();
    await registry.#server.open();
    return registry;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Processes that hold an upstream client now. */
  get pids(): number[] {
    return this.#server.find(() => true).map(({ arrival }) => arrival.pid);
  }

  /** Keys that somebody is subscribed to. */
  get keys(): string[] {
    return [...new Set(this.#server.find(() => true).flatMap(({ keys }) => [...keys]))];
  }

  /** Processes that are subscribed to a key, an entry for each upstream client. */
  pidsOf(key: string): number[] {
    return this.#server.find(({ keys }) => keys.has(key)).map(({ arrival }) => arrival.pid);
  }

  version(key: string): number {
    return this.#values.version(key);
  }

  /** @returns the new version, higher by one */
  set(key: string, data: unknown): number {
    const value = this.#values.next(key, (version) => ({ key, version, data }));
    for (const [socket, { keys }] of this.#server.clients) if (keys.has(key)) tell(socket, value);
    return value.version;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #serve(socket: net.Socket, peer: Peer): void {
    const lines = createInterface({ input: socket });
    lines.on('error', () => undefined); // repeats the errors of the input
    lines.on('line', (line) => {
      const request = JSON.parse(line) as RegistryRequest;
      switch (request.op) {
        case 'hello':
          peer.arrival.pid = request.pid;
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
          this.publications.push({ op: request.op, pid: peer.arrival.pid, registration: request.registration });
      }
    });
  }
}

function tell(socket: net.Socket, value: RegistryValue): void {
  socket.write(`${JSON.stringify(value)}\n`);
}
