// Serves a Single to the followers of a channel: one session for each connection. It only translates between
// messages and verbs.

import { agree, helloOf, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import { toErrorValue } from '../../protocol/error-value';
import type { Call, Hello, Message, Register, Subscribe, V2Message } from '../../protocol/message';
import { TrunklineError } from '../errors';
import type { Logger } from '../logger';
import type { Connection } from '../transport/connection';
import type { ChannelDoor } from '../transport/listener';
import { PeerValues } from './peer-values';
import type { ChannelSpec, Subscriber } from './role';
import type { Session, Single } from './single';
import { Topics, type Topic } from './topics';

export class ChannelHost implements ChannelDoor {
  readonly #single: Single;
  readonly #onError: (error: unknown) => void;
  readonly #connections = new Set<Connection>();
  readonly #topics = new Topics();

  /** @param onError gets the failures of one-way calls, which have no caller to tell */
  constructor(single: Single, onError: (error: unknown) => void) {
    this.#single = single;
    this.#onError = onError;
  }

  get logger(): Logger {
    return this.#single.spec.logger;
  }

  admit(connection: Connection, register: Register): void {
    const { spec } = this.#single;
    this.#connections.add(connection);
    const follower = new HostedFollower(this.#single, this.#topics, connection, this.#onError);
    connection.receiver = (message) => {
      follower.onMessage(message);
    };
    if (spec.heartbeatIntervalMs !== undefined) {
      connection.startHeartbeat(spec.heartbeatIntervalMs, 'follower', spec.name);
    }
    void connection.closed.then((end) => {
      this.#connections.delete(connection);
      follower.leave();
      if (end.reason === 'silent') spec.logger.warn(end.error.message);
      if (end.reason === 'not-understood') {
        spec.logger.warn(`${spec.name}: follower dropped, remotePort=${connection.remotePort}: ${end.error.message}`);
      }
    });
    follower.onMessage(register);
  }

  /** Closes the connection of every follower. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }
}

interface Subscription {
  readonly subscriber: Subscriber;
  readonly topic?: Topic;
}

class HostedFollower {
  readonly #spec: ChannelSpec;
  readonly #single: Single;
  readonly #session: Session;
  readonly #connection: Connection;
  readonly #onError: (error: unknown) => void;
  readonly #topics: Topics;
  /** What this follower has subscribed, by the key that it uses itself. */
  readonly #subscriptions = new Map<string, Subscription>();
  #values: PeerValues;
  /** Registrations that wait for the upstream client. */
  #unanswered: Register[] = [];

  constructor(single: Single, topics: Topics, connection: Connection, onError: (error: unknown) => void) {
    this.#single = single;
    this.#topics = topics;
    this.#values = PeerValues.between(single.spec, undefined, undefined)!; // an old peer, until it says otherwise
    this.#spec = single.spec;
    this.#connection = connection;
    this.#onError = onError;
    this.#session = single.join({
      onError: () => undefined, // the leader's own client hears of it
      onReady: () => {
        this.#accept();
      },
      onSetback: (error) => {
        this.#refuse(error);
      },
      onUpstream: () => () => undefined,
    });
  }

  onMessage(message: Message | V2Message): void {
    try {
      this.#serve(message);
    } catch (error) {
      // formatKey and transcode of the user run here, on what a peer has sent. Nothing of that may end this process.
      if (message.type === 'call') this.#fail(message, error);
      else this.#onError(error);
    }
  }

  leave(): void {
    this.#unanswered = [];
    for (const { topic } of this.#subscriptions.values()) if (topic) this.#topics.leave(topic);
    this.#subscriptions.clear();
    this.#session.leave();
  }

  #serve(message: Message | V2Message): void {
    switch (message.type) {
      case 'register':
        this.#onRegister(message);
        return;
      case 'subscribe':
        this.#onSubscribe(message);
        return;
      case 'unsubscribe': {
        const subscription = this.#subscriptions.get(message.key);
        if (!subscription) return;
        this.#subscriptions.delete(message.key);
        if (subscription.topic) this.#topics.leave(subscription.topic);
        this.#session.unsubscribe(subscription.subscriber);
        return;
      }
      case 'call':
        this.#onCall(message);
        return;
      default: // nothing else goes from a follower to its leader
    }
  }

  #onRegister(message: Register): void {
    this.#unanswered.push(message);
    const setback = this.#single.setback;
    if (this.#single.upstream.isReady) this.#accept();
    else if (setback) this.#refuse(setback.error);
    // Otherwise the first outcome is the answer.
  }

  #accept(): void {
    const [register] = this.#unanswered;
    if (!register) return;
    const question = register.hello;
    const answer = question && helloOf([this.#spec.values.name]);
    const values = PeerValues.between(this.#spec, question, answer);
    if (!values) {
      const { name: channel } = this.#spec;
      const message = `${channel}: the leader writes values as ${this.#spec.values.name}, this process does not; use the same transcode in every process`;
      this.#refuse(new TrunklineError('ERR_TRUNKLINE_NOT_DECODABLE', message, { channel }));
      return;
    }
    this.#values = values;
    // The last that is written in version 1, where the other side can do better.
    this.#answer(() => writeAcceptance(this.#spec.legacyValues), answer);
    if (agree(question, answer).version === 2) this.#connection.upgrade();
  }

  #refuse(error: unknown): void {
    this.#answer(() => writeRefusal(error, this.#spec.legacyValues), undefined);
  }

  #answer(write: () => Buffer, hello: Hello | undefined): void {
    const registers = this.#unanswered.splice(0);
    if (registers.length === 0) return;
    const payload = this.#encoded(write);
    if (!payload) {
      void this.#connection.close(); // the follower asks again
      return;
    }
    for (const { id, timeoutMs } of registers) {
      this.#connection.send({ type: 'register-result', id, timeoutMs, payload, ...(hello && { hello }) });
    }
  }

  /** The transcode of the user may throw, where no caller could be told. */
  #encoded(write: () => Buffer): Buffer | undefined {
    try {
      return write();
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  #onSubscribe({ key, registration, payload, timeoutMs }: Subscribe): void {
    if (this.#subscriptions.has(key)) return;
    if (this.#connection.version === 2) {
      this.#subscribeTopic(key, payload!);
      return;
    }
    const subscriber = this.#byKey(key, timeoutMs);
    this.#subscriptions.set(key, { subscriber });
    this.#session.subscribe(payload ? this.#values.decode(payload) : registration, subscriber);
  }

  /** Version 1 names the key with each event. */
  #byKey(key: string, timeoutMs: number): Subscriber {
    return {
      deliver: (payload) => {
        const bytes = this.#encoded(() => this.#values.toPeer(payload));
        if (bytes) this.#connection.send({ type: 'event', id: this.#connection.nextId(), timeoutMs, key, payload: bytes });
      },
    };
  }

  #subscribeTopic(key: string, payload: Buffer): void {
    const topic = this.#topics.join(key);
    this.#connection.send({ type: 'topic', topic: topic.number, key });
    const subscriber: Subscriber = { deliver: (value) => this.#connection.sendFrame(topic.frameOf(value)) };
    this.#subscriptions.set(key, { topic, subscriber });
    const known = topic.registrationOf(payload, this.#values, this.#spec.formatKey);
    this.#session.subscribe(known.registration, subscriber, known.key);
  }

  #onCall(call: Call): void {
    let args: unknown[];
    try {
      args = this.#values.decodeAll(call.args);
    } catch (cause) {
      this.#fail(
        call,
        new TrunklineError(
          'ERR_TRUNKLINE_NOT_DECODABLE',
          `${this.#spec.name}: the arguments of ${call.method} cannot be decoded by the leader; use the same transcode in every process`,
          {
            channel: this.#spec.name,
            method: call.method,
            cause,
          },
        ),
      );
      return;
    }
    if (call.oneway && call.method === this.#spec.methods.publish) {
      this.#session.publish(args[0], { replay: call.replay === true });
      return;
    }
    void this.#session.run(
      call.method,
      args,
      call.oneway ? 'promise' : call.style,
      (values) => {
        if (!call.oneway) this.#succeed(call, values);
      },
      (error) => {
        this.#fail(call, error);
      },
    );
  }

  #succeed(call: Call, values: unknown[]): void {
    // A peer of cluster-client 3.x reads one value and no more.
    const readable = call.style === undefined ? values.slice(0, 1) : values;
    let encoded: Buffer[];
    try {
      encoded = this.#values.encodeAll(readable);
      if (call.style === undefined && encoded.length === 0) encoded.push(this.#values.encode(undefined));
    } catch (cause) {
      this.#fail(
        call,
        new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', `${this.#spec.name}: the result of ${call.method} cannot be encoded`, {
          channel: this.#spec.name,
          method: call.method,
          cause,
        }),
      );
      return;
    }
    this.#connection.send({ type: 'call-result', id: call.id, timeoutMs: call.timeoutMs, values: encoded });
  }

  #fail(call: Call, error: unknown): void {
    if (call.oneway) {
      this.#onError(error);
      return;
    }
    const value = toErrorValue(error);
    const { name, message, code } = value;
    const values = this.#values;
    // Some field of the error may be what cannot be encoded. No bytes at all tell the follower that nothing could.
    const payload =
      this.#encoded(() => values.encode(value)) ?? this.#encoded(() => values.encode({ name, message, code })) ?? Buffer.alloc(0);
    this.#connection.send({ type: 'call-failure', id: call.id, timeoutMs: call.timeoutMs, payload });
  }
}
