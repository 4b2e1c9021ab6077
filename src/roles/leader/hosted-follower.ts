// A follower as its leader sees it: let in when the upstream client is ready, then served by translating its messages into verbs of a
// session, in either wire version; dropped when it does not read.

import { fromErrorValue, messageOf } from '../../../protocol/error-value';
import type { Call, CallContext, Join, KeyFailure, Message, Register, Subscribe, V2Message } from '../../../protocol/message';
import { encodeThrown } from '../../../protocol/thrown';
import { TrunklineError } from '../../errors';
import type { Connection } from '../../transport/connection';
import { Admission } from './admission';
import { CallSignals } from './call-signals';
import { EventFeed } from './event-feed';
import { KeySubscriber, TopicSubscriber, type FedSubscriber, type TopicPeer } from './fed-subscriber';
import { HostedStreams } from './hosted-streams';
import { notDecodable } from '../not-decodable';
import type { PeerValues } from '../peer-values';
import type { ChannelSpec, Subscriber, Subscription } from '../role';
import type { HostedChannel, HostedSession } from './hosted-channel';
import type { Topic, Topics } from './topics';

export interface HostedOptions {
  readonly channel: HostedChannel;
  readonly term: number;
  readonly topics: Topics;
  readonly connection: Connection;
  readonly values: PeerValues;
  readonly onError: (error: unknown) => void;
}

/** A follower of a channel, with a separate session. */
export class HostedFollower {
  readonly #spec: ChannelSpec;
  readonly #session: HostedSession;
  readonly #connection: Connection;
  readonly #onError: (error: unknown) => void;
  readonly #topics: Topics;
  readonly #feed: EventFeed;
  readonly #peer: TopicPeer;
  /** What this follower has subscribed: in version 2 by the id of the message, in version 1 by the key that the follower uses. */
  readonly #subscriptions = new Map<number | string, Subscription>();
  readonly #values: PeerValues;
  readonly #signals = new CallSignals();
  readonly #streams: HostedStreams;
  readonly #admission: Admission;
  /** Told for the call that comes next. */
  #context: CallContext | undefined;
  #isLetGo = false;

  constructor({ channel, term, topics, connection, values, onError }: HostedOptions) {
    const { spec } = channel;
    this.#topics = topics;
    this.#values = values;
    this.#spec = spec;
    this.#connection = connection;
    this.#onError = onError;
    const onTooSlow = (): void => {
      this.#letGo();
    };
    this.#feed = new EventFeed(spec, connection, onTooSlow);
    this.#peer = {
      connection,
      values,
      onRefused: (key, error) => {
        this.#tellFailure('subscribe', key, error);
      },
    };
    connection.limitOutbox(spec.maxOutboxBytes, onTooSlow);
    this.#admission = new Admission({
      spec,
      readiness: () => channel.readiness,
      term,
      connection,
      values,
      onError,
      standing: () => channel.standing,
      onKeys: (keys) => this.#subscribeTopics(1, keys, undefined),
    });
    this.#session = channel.join({
      onError: () => undefined, // the leader's own client reports the error
      onReady: () => {
        this.#admission.accept();
      },
      onSetback: (error) => {
        this.#admission.refuse(error);
      },
      onUpstream: () => () => undefined,
      onUpstreamState: () => this.#admission.tellState(),
      onPublicationRefused: (key, error) => {
        this.#tellFailure('publish', key, error);
      },
    });
    this.#streams = new HostedStreams({
      spec,
      session: this.#session,
      connection,
      values,
      errorPayload: (error) => this.#errorPayload(error),
      beginSignals: (id, args) => this.#signals.begin(id, args),
      endSignals: (id) => this.#signals.end(id),
    });
  }

  /** Streams that this follower reads and that are under way. */
  get streams(): number {
    return this.#streams.size;
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

  get skippedEvents(): number {
    return this.#feed.skippedEvents;
  }

  /** The follower gets no value from this call on; calls and publications go on. */
  silence(): void {
    this.#feed.forgetAll();
    this.#session.silence();
  }

  leave(): void {
    this.#admission.end();
    for (const { subscriber } of this.#subscriptions.values()) this.#leaveTopic(subscriber);
    this.#subscriptions.clear();
    const { name: channel } = this.#spec;
    this.#signals.abortAll(
      new TrunklineError('ERR_TRUNKLINE_CALLER_LOST', `${channel}: the process that made this call is gone`, { channel }),
    );
    this.#streams.abandonAll();
    this.#session.leave();
  }

  #serve(message: Message | V2Message): void {
    if (!this.#admission.isAdmitted && message.type !== 'register') return; // a peer that was not let in gets nothing
    switch (message.type) {
      case 'register':
        this.ask(message);
        return;
      case 'subscribe':
        this.#subscribeKey(message);
        return;
      case 'topic-subscribe':
        this.#subscribeTopics(message.id, [message.key], message.payload);
        return;
      case 'plain-subscribe':
        this.#subscribeTopics(message.id, message.keys, undefined);
        return;
      case 'unsubscribe':
        this.#unsubscribe(message.key);
        return;
      case 'topic-unsubscribe':
        this.#unsubscribe(message.id);
        return;
      case 'call':
        this.#onCall(message);
        return;
      case 'call-context':
        this.#context = message;
        return;
      case 'call-signals':
        this.#signals.announce(message);
        return;
      case 'stream-open':
        this.#streams.open(message, this.#takeContext(message.id));
        return;
      case 'stream-credit':
        this.#streams.credit(message);
        return;
      case 'stream-stop':
        this.#streams.stop(message);
        return;
      case 'abort':
        this.#signals.abort(message, () => this.#reasonOf(message.payload));
        return;
      default: // followers send the leader nothing else
    }
  }

  /** Asks to be let in; a legacy peer may ask again. */
  ask(question: Join | Register): void {
    this.#admission.ask(question);
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

  #subscribeKey({ key, registration, payload, timeoutMs }: Subscribe): void {
    if (this.#subscriptions.has(key)) return;
    const subscriber = new KeySubscriber(this.#feed, (value) => {
      const bytes = this.#encoded(() => this.#values.toPeer(value));
      if (!bytes) return;
      const id = this.#connection.nextId();
      this.#connection.sendEvent(this.#connection.dialect.encode({ type: 'event', id, timeoutMs, key, payload: bytes }));
    });
    const wanted = payload ? this.#values.decode(payload) : registration;
    this.#subscriptions.set(key, this.#session.subscribe(wanted, subscriber));
  }

  /** @param payload the registration of the only key; undefined: each key is the registration */
  #subscribeTopics(firstId: number, keys: readonly string[], payload: Buffer | undefined): void {
    const topics = keys.map((key) => this.#topics.join(key));
    this.#connection.send({ type: 'topics', id: firstId, topics: topics.map(({ number }) => number) });
    for (let i = 0; i < topics.length; i++) this.#subscribeTopic(firstId + i, topics[i]!, payload);
  }

  #subscribeTopic(id: number, topic: Topic, payload: Buffer | undefined): void {
    const subscriber = new TopicSubscriber(this.#feed, this.#peer, topic);
    try {
      if (this.#subscriptions.has(id)) throw new TypeError(`the subscription ${id} is in use`);
      const known = topic.registrationOf(payload, this.#values, this.#spec.formatKey);
      this.#subscriptions.set(id, this.#session.subscribe(known.registration, subscriber, known.key));
    } catch (error) {
      this.#topics.leave(topic);
      this.#onError(error);
      this.#tellFailure('subscribe', topic.key, error);
    }
  }

  #unsubscribe(idOrKey: number | string): void {
    const subscription = this.#subscriptions.get(idOrKey);
    if (!subscription) return;
    this.#subscriptions.delete(idOrKey);
    this.#leaveTopic(subscription.subscriber);
    this.#feed.forget(subscription.subscriber as FedSubscriber);
    this.#session.unsubscribe(subscription);
  }

  #leaveTopic(subscriber: Subscriber): void {
    if (subscriber instanceof TopicSubscriber) this.#topics.leave(subscriber.topic);
  }

  /** Ends the connection of a follower that does not read what must arrive. */
  #letGo(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    const { name, logger, maxOutboxBytes } = this.#spec;
    const { outboxBytes, remotePort, dialect } = this.#connection;
    const figures = `outboxBytes=${outboxBytes} maxOutboxBytes=${maxOutboxBytes}`;
    this.#feed.tell('dropped');
    logger.warn(`${name}: follower dropped, it does not read what it must get, remotePort=${remotePort} ${figures}`);
    // The message arrives if the follower still reads.
    if (dialect.hasNotices) {
      const sentence = `this process did not read what the leader sent: ${figures}; block it less, or raise maxOutboxBytes`;
      this.#connection.send({ type: 'goaway', code: 'too-slow', sentence, retryAfterMs: 0 });
    }
    void this.#connection.close();
  }

  /** What stands before the call or stream of this id. */
  #takeContext(id: number): CallContext['fields'] | undefined {
    const context = this.#context;
    this.#context = undefined;
    return context?.id === id ? context.fields : undefined;
  }

  #onCall(call: Call): void {
    const context = this.#takeContext(call.id);
    let args: unknown[];
    try {
      args = this.#values.decodeAll(call.args);
    } catch (cause) {
      const what = `the arguments of ${call.method} that the leader has got`;
      this.#fail(call, notDecodable(this.#spec.name, what, cause, { method: call.method }));
      return;
    }
    if (call.oneway && call.method === this.#spec.methods.publish) {
      this.#session.publish(args[0], { replay: call.replay === true });
      return;
    }
    const hasSignals = this.#signals.begin(call.id, args);
    void this.#session.run(
      call.method,
      args,
      call.oneway ? 'promise' : call.style,
      (values) => {
        if (hasSignals) this.#signals.end(call.id);
        if (!call.oneway) this.#succeed(call, values);
      },
      (error) => {
        if (hasSignals) this.#signals.end(call.id);
        this.#fail(call, error);
      },
      context,
    );
  }

  /** The reason that a follower gives for an abort. */
  #reasonOf(payload: Buffer): unknown {
    try {
      if (payload.length > 0) return fromErrorValue(this.#values.decode(payload));
    } catch (error) {
      this.#onError(error);
    }
    return undefined; // as abort() without a reason
  }

  #succeed(call: Call, values: unknown[]): void {
    // A peer of cluster-client 3.x reads only the first value.
    const readable = call.style === undefined ? values.slice(0, 1) : values;
    let encoded: Buffer[];
    try {
      encoded = this.#values.encodeAll(readable);
      if (call.style === undefined && encoded.length === 0) encoded.push(this.#values.encode(undefined));
    } catch (cause) {
      this.#fail(
        call,
        new TrunklineError(
          'ERR_TRUNKLINE_NOT_ENCODABLE',
          `${this.#spec.name}: the result of ${call.method} cannot be encoded: ${messageOf(cause)}`,
          {
            channel: this.#spec.name,
            method: call.method,
            cause,
          },
        ),
      );
      return;
    }
    this.#connection.send({ type: 'call-result', id: call.id, timeoutMs: call.timeoutMs, values: encoded });
  }

  #fail(call: Call, error: unknown): void {
    if (call.oneway) {
      this.#onError(error);
      if (call.method === this.#spec.methods.publish) this.#tellFailure('publish', '', error);
      return;
    }
    this.#connection.send({ type: 'call-failure', id: call.id, timeoutMs: call.timeoutMs, payload: this.#errorPayload(error) });
  }

  /**
   * Reports a refused key to the follower that asked for the key, as to the leader's own clients. In version 1 there is no
   * message for this.
   */
  #tellFailure(verb: KeyFailure['verb'], key: string, error: unknown): void {
    const { dialect, outboxBytes } = this.#connection;
    // A follower that does not read gets no report: a verb that is tried again is also reported again.
    if (!dialect.hasNotices || outboxBytes > this.#spec.maxOutboxBytes) return;
    this.#connection.send({ type: 'key-failure', verb, key, payload: this.#errorPayload(error) });
  }

  /** Encodes the fields of the error that can be encoded. No bytes at all tell the follower that none could. */
  #errorPayload(error: unknown): Buffer {
    return encodeThrown(error, this.#values, (refusal) => {
      this.#onError(refusal);
    });
  }
}
