// The upstream server, which lives in the driver, outlives every member, and holds the truth. A client that watches a key gets
// the present value at once and then each change: nobody can get an older value from a newer connection.

import type net from 'node:net';
import { UpstreamServer, VersionedValues } from '../../test/support/upstream-server';
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

export class ChaosUpstream {
  readonly #record: Recorder;
  readonly #server = new UpstreamServer<Peer>({
    onClient: () => ({ connection: ++this.#lastConnection, channel: '', pid: 0, keys: new Set(), publications: new Set() }),
    serve: (socket, peer) => {
      this.#serve(socket, peer);
    },
    onGone: ({ pid, channel, connection }) => {
      if (pid) this.#record({ kind: 'upstream-off', pid, channel, connection });
    },
  });
  /** By channel and key. */
  readonly #values = new VersionedValues<Value>();
  #lastConnection = 0;

  private constructor(record: Recorder) {
    this.#record = record;
  }

  static async start(record: Recorder): Promise<ChaosUpstream> {
    const upstream = new ChaosUpstream(record);
    await upstream.#server.open(await freePort());
    return upstream;
  }

  get port(): number {
    return this.#server.port;
  }

  /** Gives the key of a channel the next version. */
  change(channel: string, key: string, size: number): void {
    const value = this.#values.next(`${channel}/${key}`, (version) => makeValue(key, version, size));
    for (const [socket, peer] of this.#server.clients) {
      if (peer.channel === channel && peer.keys.has(key)) tell(socket, { op: 'value', value });
    }
  }

  /** The present versions, by channel and key. */
  versions(): Map<string, number> {
    return this.#values.versions;
  }

  /** What is published now, by channel and name. */
  publications(): Set<string> {
    const peers = this.#server.find(() => true);
    return new Set(peers.flatMap(({ channel, publications }) => [...publications].map((name) => `${channel}/${name}`)));
  }

  /** Who has an upstream client for the channel. */
  pidsOf(channel: string): number[] {
    return this.#server.find((peer) => peer.channel === channel).map(({ pid }) => pid);
  }

  get isUp(): boolean {
    return this.#server.isUp;
  }

  /** Cuts all connections and refuses new connections for a while; the values stay. */
  restart(downMs: number): void {
    this.#server.restart(downMs);
  }

  close(): void {
    void this.#server.close();
  }

  #serve(socket: net.Socket, peer: Peer): void {
    hear<Question>(socket, (question) => {
      switch (question.op) {
        case 'hello':
          peer.pid = question.pid;
          peer.channel = question.channel;
          this.#record({
            ...{ kind: 'upstream-on', pid: peer.pid, channel: peer.channel, connection: peer.connection },
            epoch: question.epoch,
          });
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
        case 'generator': {
          const { pid, channel, connection } = peer;
          this.#record({ kind: 'generator', pid, channel, connection, stream: question.stream, isBegun: question.isBegun });
          return;
        }
        case 'increment':
          this.#increment(socket, peer, question.id, question.increment);
      }
    });
  }

  /** Requests are carried out even if the client is gone by then, as on a real server. */
  #increment(
    socket: net.Socket,
    { channel, pid, connection }: Peer,
    id: number,
    { call, isIdempotent, beforeMs, afterMs }: Increment,
  ): void {
    const run = (): void => {
      this.#record({ kind: 'journal', pid, channel, call, isIdempotent, connection });
      const answer = (): void => tell(socket, { op: 'answer', id, answer: { call } });
      if (afterMs) setTimeout(answer, afterMs).unref();
      else answer();
    };
    if (beforeMs) setTimeout(run, beforeMs).unref();
    else run();
  }
}
