// A process of trunkline from the view of a port: a connection that has introduced itself, and all later messages.

import type { Candidacy } from '../../protocol/candidacy';
import type { ChannelId, Join, Message, V2Message } from '../../protocol/message';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { dial } from '../../src/transport/dialer';
import { introduce } from '../../src/transport/introduction';
import { eventually } from './eventually';
import { SECRET } from './meeting';

const channelOf = (name: string): ChannelId => ({ name, identity: '', isStrict: false });

export class Peer {
  readonly connection: Connection;
  readonly heard: (Message | V2Message)[] = [];
  isClosed = false;

  private constructor(connection: Connection) {
    this.connection = connection;
    connection.receiver = (message) => this.heard.push(message);
    void connection.closed.then(() => (this.isClosed = true));
  }

  static async at(port: number, secret: Buffer = SECRET): Promise<Peer> {
    const outcome = await dial(loopback(port), 2_000, systemClock, new AbortController().signal);
    if (!('connection' in outcome)) throw outcome.unreachable;
    const { connection } = outcome;
    const options = { channel: 'any', port, secret, timeoutMs: 2_000, firstWordMs: 5_000, clock: systemClock };
    const { kind } = await introduce(connection, options);
    if (kind !== 'known') throw new Error(`not known: ${kind}`);
    return new Peer(connection);
  }

  join(channel: string, candidacy: Candidacy, changes: Partial<Join> = {}): this {
    const join = { id: 7, channel: channelOf(channel), candidacy, term: 0, codecs: ['structured'], ...changes };
    this.connection.send({ type: 'join', ...join });
    return this;
  }

  announce(channel: string, term: number, port = 4711): this {
    this.connection.send({ type: 'announce', channel: channelOf(channel), term, port });
    return this;
  }

  resign(): this {
    this.connection.send({ type: 'resign' });
    return this;
  }

  /** The next message, which is removed from the received messages. */
  async next(): Promise<Message | V2Message> {
    await eventually('a message', () => this.heard.length > 0);
    return this.heard.shift()!;
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
