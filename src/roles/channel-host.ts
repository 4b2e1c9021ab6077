// Serves a Single to the followers of a channel: one session for each connection. It only translates between
// messages and verbs.

import { OUR_HELLO, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import { toErrorValue } from '../../protocol/error-value';
import type { Call, Message, Register, Subscribe } from '../../protocol/message';
import { assertFits } from '../../protocol/value-codec';
import { TrunklineError } from '../errors';
import type { Logger } from '../logger';
import type { Connection } from '../transport/connection';
import type { ChannelDoor } from '../transport/listener';
import type { ChannelSpec, Subscriber } from './role';
import type { Session, Single } from './single';

export class ChannelHost implements ChannelDoor {
  readonly #single: Single;
  readonly #onError: (error: unknown) => void;
  readonly #connections = new Set<Connection>();

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
    const follower = new HostedFollower(this.#single, connection, this.#onError);
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

class HostedFollower {
  readonly #spec: ChannelSpec;
  readonly #single: Single;
  readonly #session: Session;
  readonly #connection: Connection;
  readonly #onError: (error: unknown) => void;
  /** What this follower has subscribed, by the key that it uses itself. */
  readonly #subscriptions = new Map<string, Subscriber>();
  /** Registrations that wait for the upstream client. */
  #unanswered: Register[] = [];

  constructor(single: Single, connection: Connection, onError: (error: unknown) => void) {
    this.#single = single;
    this.#spec = single.spec;
    this.#connection = connection;
    this.#onError = onError;
    this.#session = single.join({
      onError: () => undefined, // the leader's own client hears of it
      onReady: () => {
        this.#answer(() => writeAcceptance(this.#spec.values));
      },
      onSetback: (error) => {
        this.#answer(() => writeRefusal(error, this.#spec.values));
      },
      onUpstream: () => () => undefined,
    });
  }

  onMessage(message: Message): void {
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
    this.#session.leave();
  }

  #serve(message: Message): void {
    switch (message.type) {
      case 'register':
        this.#onRegister(message);
        return;
      case 'subscribe':
        this.#onSubscribe(message);
        return;
      case 'unsubscribe': {
        const subscriber = this.#subscriptions.get(message.key);
        if (!subscriber) return;
        this.#subscriptions.delete(message.key);
        this.#session.unsubscribe(subscriber);
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
    if (this.#single.upstream.isReady) this.#answer(() => writeAcceptance(this.#spec.values));
    else if (setback) this.#answer(() => writeRefusal(setback.error, this.#spec.values));
    // Otherwise the first outcome is the answer.
  }

  #answer(write: () => Buffer): void {
    const registers = this.#unanswered.splice(0);
    if (registers.length === 0) return;
    const payload = this.#encoded(write);
    if (!payload) {
      void this.#connection.close(); // the follower asks again
      return;
    }
    for (const { id, timeoutMs, hello } of registers) {
      this.#connection.send({ type: 'register-result', id, timeoutMs, payload, ...(hello && { hello: OUR_HELLO }) });
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
    const subscriber: Subscriber = {
      deliver: (value) => {
        this.#connection.send({ type: 'event', id: this.#connection.nextId(), timeoutMs, key, payload: value });
      },
    };
    this.#session.subscribe(payload ? this.#spec.values.decode(payload) : registration, subscriber);
    this.#subscriptions.set(key, subscriber);
  }

  #onCall(call: Call): void {
    let args: unknown[];
    try {
      args = call.args.map((arg) => this.#spec.values.decode(arg));
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
    this.#session.call(call.method, args, call.oneway ? 'promise' : call.style).then(
      (values) => {
        if (!call.oneway) this.#succeed(call, values);
      },
      (error: unknown) => {
        this.#fail(call, error);
      },
    );
  }

  #succeed(call: Call, values: unknown[]): void {
    // A peer of cluster-client 3.x reads one value and no more.
    const readable = call.style === undefined ? values.slice(0, 1) : values;
    let encoded: Buffer[];
    try {
      encoded = readable.map((value) => this.#spec.values.encode(value));
      if (call.style === undefined && encoded.length === 0) encoded.push(this.#spec.values.encode(undefined));
      assertFits(encoded);
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
    const { values } = this.#spec;
    // Some field of the error may be what cannot be encoded. No bytes at all tell the follower that nothing could.
    const payload =
      this.#encoded(() => values.encode(value)) ?? this.#encoded(() => values.encode({ name, message, code })) ?? Buffer.alloc(0);
    this.#connection.send({ type: 'call-failure', id: call.id, timeoutMs: call.timeoutMs, payload });
  }
}
