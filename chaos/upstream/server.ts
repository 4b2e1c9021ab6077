// The upstream server, which lives in the driver, outlives every member, and holds the truth. A client that watches a key gets
// the present value at once and then each change: nobody can get an older value from a newer connection.

import net from 'node:net';
import { freePort } from '../../test/support/ports';
import type { Recorder } from '../history';
import { hear, makeValue, tell, type Increment, type Question, type Value } from './messages';

interface Peer {
  readonly connection: number;
  channel: string;
  pid: number;
  readonly keys: Set<string>;
  readonly publications: Set<string>;
}

export class UpstreamServer {
  readonly port: number;
  readonly #record: Recorder;
  #server: net.Server | undefined;
  readonly #peers = new Map<net.Socket, Peer>();
  /** By channel and key. */
  readonly #values = new Map<string, Value>();
  #lastConnection = 0;
  #reopening: NodeJS.Timeout | undefined;

  private constructor(port: number, record: Recorder) {
    this.port = port;
    this.#record = record;
  }

  static async start(record: Recorder): Promise<UpstreamServer> {
    const server = new UpstreamServer(await freePort(), record);
    await server.#open();
    return server;
  }

  /** Gives the key of a channel the next version. */
  change(channel: string, key: string, size: number): void {
    const id = `${channel}/${key}`;
    const value = makeValue(key, (this.#values.get(id)?.version ?? 0) + 1, size);
    this.#values.set(id, value);
    for (const [socket, peer] of this.#peers) {
      if (peer.channel === channel && peer.keys.has(key)) tell(socket, { op: 'value', value });
    }
  }

  /** The present versions, by channel and key. */
  versions(): Map<string, number> {
    return new Map([...this.#values].map(([id, { version }]) => [id, version]));
  }

  /** What is published now, by channel and name. */
  publications(): Set<string> {
    const peers = [...this.#peers.values()];
    return new Set(peers.flatMap(({ channel, publications }) => [...publications].map((name) => `${channel}/${name}`)));
  }

  /** Who has an upstream client for the channel. */
  pidsOf(channel: string): number[] {
    return [...this.#peers.values()].filter((peer) => peer.channel === channel).map(({ pid }) => pid);
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** Cuts all connections and refuses new connections for a while; the values stay. */
  restart(downMs: number): void {
    if (!this.#server) return;
    this.#server.close();
    this.#server = undefined;
    for (const socket of this.#peers.keys()) socket.destroy();
    this.#reopening = setTimeout(() => void this.#open(), downMs);
  }

  close(): void {
    clearTimeout(this.#reopening);
    this.#server?.close();
    for (const socket of this.#peers.keys()) socket.destroy();
  }

  #open(): Promise<void> {
    const server = net.createServer({ noDelay: true }, (socket) => {
      this.#serve(socket);
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  #serve(socket: net.Socket): void {
    const peer: Peer = { connection: ++this.#lastConnection, channel: '', pid: 0, keys: new Set(), publications: new Set() };
    const { connection } = peer;
    socket.on('error', () => undefined); // the process of the client was killed
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      this.#peers.delete(socket);
      if (peer.pid) this.#record({ kind: 'upstream-off', pid: peer.pid, channel: peer.channel, connection });
    });
    hear<Question>(socket, (question) => {
      switch (question.op) {
        case 'hello':
          peer.pid = question.pid;
          peer.channel = question.channel;
          this.#peers.set(socket, peer);
          this.#record({ kind: 'upstream-on', pid: peer.pid, channel: peer.channel, connection });
          tell(socket, { op: 'welcome' });
          return;
        case 'watch': {
          peer.keys.add(question.key);
          const value = this.#values.get(`${peer.channel}/${question.key}`);
          if (value) tell(socket, { op: 'value', value });
          return;
        }
        case 'unwatch':
          peer.keys.delete(question.key);
          return;
        case 'publish':
          peer.publications.add(question.name);
          return;
        case 'unpublish':
          peer.publications.delete(question.name);
          return;
        case 'get': {
          const version = this.#values.get(`${peer.channel}/${question.key}`)?.version;
          tell(socket, { op: 'answer', id: question.id, answer: { key: question.key, version } });
          return;
        }
        case 'increment':
          this.#increment(socket, peer, question.id, question.increment);
      }
    });
  }

  /** Requests are carried out even if the client is gone by then, as on a real server. */
  #increment(socket: net.Socket, { channel, pid }: Peer, id: number, { call, isIdempotent, beforeMs, afterMs }: Increment): void {
    const run = (): void => {
      this.#record({ kind: 'journal', pid, channel, call, isIdempotent });
      const answer = (): void => tell(socket, { op: 'answer', id, answer: { call } });
      if (afterMs) setTimeout(answer, afterMs).unref();
      else answer();
    };
    if (beforeMs) setTimeout(run, beforeMs).unref();
    else run();
  }
}
