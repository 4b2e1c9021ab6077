// Serves a Single to the followers of a channel: one session for each connection. It only translates between
// messages and verbs.

import { OUR_HELLO, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import { toErrorValue } from '../../protocol/error-value';
import type { Call, Message, Register, Subscribe } from '../../protocol/message';
import { TrunklineError } from '../errors';
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
        this.#answer(writeAcceptance(this.#spec.values));
      },
      onSetback: (error) => {
        this.#answer(writeRefusal(error, this.#spec.values));
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
        this.#session.unsubscribe(message.registration, subscriber);
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
    if (this.#single.upstream.isReady) this.#answer(writeAcceptance(this.#spec.values));
    else if (setback) this.#answer(writeRefusal(setback.error, this.#spec.values));
    // Otherwise the first outcome is the answer.
  }

  #answer(payload: Buffer): void {
    for (const { id, timeoutMs, hello } of this.#unanswered.splice(0)) {
      this.#connection.send({ type: 'register-result', id, timeoutMs, payload, ...(hello && { hello: OUR_HELLO }) });
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
    let payload: Buffer;
    try {
      payload = this.#spec.values.encode(toErrorValue(error));
    } catch {
      payload = this.#spec.values.encode({ name: 'Error', message: String((error as Error).message) });
    }
    this.#connection.send({ type: 'call-failure', id: call.id, timeoutMs: call.timeoutMs, payload });
  }
}
