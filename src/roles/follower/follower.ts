// A follower: a hub over the connection to the leader. The role ends with the connection; the failover loop
// (src/client/failover.ts) then starts the next term.

import type { UnknownCode } from '../../../protocol/codes';
import type { Call, CallStyle, Goaway, Message, V2Message } from '../../../protocol/message';
import type { UpstreamState } from '../../../protocol/standing-messages';
import { tracing } from '../../call-tracer';
import { TrunklineError } from '../../errors';
import type { UpstreamView } from '../../host-view';
import { eventChannel, type CallTrace } from '../../telemetry';
import type { Connection, ConnectionEnd } from '../../transport/connection';
import { closedDuring, leaderLost, tooMuchWaits } from './follower-errors';
import { LegacyKeyRequests, TopicRequests, type Asked, type KeyRequests } from './key-requests';
import { notDecodable } from '../not-decodable';
import type { PeerValues } from '../peer-values';
import { callTimeout } from '../call-timeout';
import { FollowedStreams, MAX_STREAMS } from './followed-streams';
import { FollowedSignals } from './argument-signals';
import { takeSignals, type TakenSignals } from '../taken-signals';
import { SpokenValues } from '../spoken-values';
import { PendingCalls } from './pending-calls';
import type {
  CallManner,
  ChannelSpec,
  PublishOptions,
  Role,
  RoleEnd,
  RoleHooks,
  StreamReader,
  Subscriber,
  Subscription,
  Verbs,
} from '../role';
import { SubscriptionHub, type OpenKey } from '../subscription-hub';
import { UNKNOWN_STANDING, UpstreamStanding } from '../upstream-standing';

/** Calls of a follower that may wait for answers: more than any leader answers in time. */
const MAX_CALLS = 100_000;

/** What was agreed when this follower joined. */
export interface JoinedWith {
  /** Keys that the join has asked for. */
  readonly keys?: readonly string[];
  /** Whether the leader serves streams. */
  readonly hasStreams?: boolean;
  /** Whether the leader tells how its upstream client stands. */
  readonly hasStates?: boolean;
}

export class Follower implements Role, Verbs {
  readonly kind = 'follower';
  readonly isLeader = false;
  readonly verbs = this;
  readonly term: number;
  readonly handOffBegun: Promise<void>;
  readonly ended: Promise<RoleEnd>;
  isOver = false;
  upstream: UpstreamView;
  readonly #spec: ChannelSpec;
  readonly #hooks: RoleHooks;
  readonly #connection: Connection;
  readonly #hub: SubscriptionHub<Asked>;
  /** The way in which this follower asks for keys: `#topics` or `#legacyKeys`. */
  readonly #requests: KeyRequests;
  readonly #topics: TopicRequests | undefined;
  readonly #legacyKeys: LegacyKeyRequests | undefined;
  readonly #pending: PendingCalls;
  readonly #signals = new FollowedSignals(MAX_CALLS);
  readonly #streams: FollowedStreams;
  readonly #hasStreams: boolean;
  readonly #values: PeerValues;
  readonly #spoken: SpokenValues;
  /** Why the leader ends the connection, if the leader has given a reason. */
  #dismissal: TrunklineError | undefined;
  #onHandOff!: () => void;
  /** What the leader has said of keys that the join has asked for, until `begin`: nobody here has opened these keys yet. */
  #early: (Message | V2Message)[] | undefined;

  /** @param connection an accepted connection; the follower owns the connection from here on */
  constructor(
    spec: ChannelSpec,
    connection: Connection,
    term: number,
    values: PeerValues,
    hooks: RoleHooks,
    { keys: inJoin = [], hasStreams = false, hasStates = false }: JoinedWith = {},
  ) {
    this.#spec = spec;
    this.upstream = hasStates ? new UpstreamStanding('ok').view : UNKNOWN_STANDING;
    this.term = term;
    this.handOffBegun = new Promise((resolve) => {
      this.#onHandOff = resolve;
    });
    this.#values = values;
    this.#spoken = new SpokenValues(spec.name, values, (error) => hooks.onError(error));
    this.#hooks = hooks;
    this.#connection = connection;
    this.#pending = new PendingCalls(spec.clock, (method, limitMs) => callTimeout(spec.name, method, limitMs));
    this.#hasStreams = hasStreams;
    this.#streams = new FollowedStreams({
      send: (message) => connection.send(message),
      decode: (payload, what, method) => this.#spoken.decode(payload, what, method),
      errorOf: (payload, what, method) => this.#spoken.errorOf(payload, what, method),
      encodeValue: (value) => this.#spoken.encodeArguments('return()', [value])[0]!,
      encodeError: (error) => this.#spoken.encodeError(error),
      onEnd: (id) => this.#signals.end(id),
    });
    const requestOptions = { spec, connection, values, onError: (error: unknown) => hooks.onError(error) };
    this.#topics = connection.dialect.hasTopics ? new TopicRequests(requestOptions, inJoin) : undefined;
    this.#legacyKeys = this.#topics ? undefined : new LegacyKeyRequests(requestOptions);
    if (inJoin.length > 0) this.#early = [];
    this.#requests = (this.#topics ?? this.#legacyKeys)!;
    this.#hub = new SubscriptionHub({
      source: {
        open: (key) => {
          this.#requests.open(key);
        },
        close: (key) => {
          this.#requests.close(key);
          return true;
        },
      },
      isBroadcast: spec.isBroadcast,
      lingerMs: 0, // the leader lingers for the whole host
      clock: spec.clock,
      kept: (payload) => values.kept(payload),
    });
    connection.receiver = (message) => {
      if (message.type === 'upstream-state') this.#onUpstreamState(message);
      else if (this.#early) this.#early.push(message);
      else this.#onMessage(message);
    };
    this.ended = connection.closed.then((end) => this.#onClosed(end));
  }

  begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.#topics?.dropUnopened();
    for (const message of early) this.#onMessage(message);
    const topics = this.#topics;
    if (topics) this.#connection.eventReceiver = (topic, payload) => this.#push(topics.numbered(topic), payload);
  }

  subscribe(registration: unknown, subscriber: Subscriber, key = this.#spec.formatKey(registration)): Subscription {
    return this.#hub.subscribe(key, registration, subscriber);
  }

  unsubscribe(subscription: Subscription): void {
    this.#hub.unsubscribe(subscription);
  }

  get valuesReceived(): number {
    return this.#hub.received;
  }

  get localPort(): number | undefined {
    return this.#connection.localPort;
  }

  latest(key: string): Buffer | undefined {
    return this.#hub.latest(key);
  }

  publish(registration: unknown, { replay }: PublishOptions): void {
    const { publish } = this.#spec.methods;
    if (publish === undefined) return;
    if (!replay) this.#assertNotBusy(publish); // a repeated publication must not be lost
    const args = this.#spoken.encodeArguments(publish, [registration]);
    this.#notify(publish, args, replay);
  }

  call(method: string, args: readonly unknown[], style: CallStyle | undefined, how?: CallManner): Promise<unknown[]> {
    const limitMs = how?.limitMs ?? this.#spec.responseTimeoutMs;
    try {
      if (this.isOver) throw leaderLost(this.#spec.name, method, undefined);
      this.#assertNotBusy(method);
      const taken = this.#connection.dialect.hasSignals ? this.#takeSignals(method, args) : undefined;
      const encoded = this.#spoken.encodeArguments(method, taken?.args ?? args);
      const id = this.#connection.nextId(this.#isTaken);
      const answer = this.#pending.add(id, method, limitMs);
      this.#requests.flush();
      if (how?.trace) this.#tellContext(id, how.trace);
      if (taken) this.#connection.send({ type: 'call-signals', id, places: taken.places });
      this.#connection.send({
        type: 'call',
        id,
        timeoutMs: limitMs,
        method,
        args: encoded,
        oneway: false,
        style: style ?? 'promise',
      });
      if (taken) this.#signals.begin(id, taken.signals, (signal, reason) => this.#tellAbort(id, signal, reason));
      return answer;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  stream(method: string, args: readonly unknown[], trace?: CallTrace): StreamReader {
    const { name: channel } = this.#spec;
    if (this.isOver) throw leaderLost(this.#spec.name, method, undefined);
    if (!this.#hasStreams) {
      const message = `${channel}: ${method} gives a stream, which the leader cannot send, as its version is older; update that process`;
      throw new TrunklineError('ERR_TRUNKLINE_NOT_SHARED', message, { channel, method });
    }
    this.#assertNotBusy(method, MAX_STREAMS);
    const taken = this.#takeSignals(method, args);
    const encoded = this.#spoken.encodeArguments(method, taken?.args ?? args);
    const id = this.#connection.nextId(this.#isTaken);
    this.#requests.flush();
    if (trace) this.#tellContext(id, trace);
    if (taken) this.#connection.send({ type: 'call-signals', id, places: taken.places });
    const stream = this.#streams.open(id, method, encoded);
    if (taken) this.#signals.begin(id, taken.signals, (signal, reason) => this.#tellAbort(id, signal, reason));
    return stream;
  }

  /** Whether an id cannot be used for a call or a stream now. */
  readonly #isTaken = (id: number): boolean => this.#pending.isTaken(id) || this.#streams.has(id);

  notify(method: string, args: readonly unknown[], trace?: CallTrace): void {
    try {
      this.#assertNotBusy(method);
      this.#notify(method, this.#spoken.encodeArguments(method, args), false, trace);
    } catch (error) {
      if (trace) trace.error = error;
      this.#hooks.onError(error);
    }
  }

  async retire(): Promise<void> {
    this.#hub.close();
    await Promise.all([this.#pending.settled, this.#streams.settled]);
    await this.close();
  }

  async close(): Promise<void> {
    await this.#connection.close();
    await this.ended;
  }

  #onMessage(message: Message | V2Message): void {
    switch (message.type) {
      case 'event': {
        const { id, timeoutMs, key, payload } = message;
        this.#connection.send({ type: 'event-ack', id, timeoutMs });
        this.#push(this.#legacyKeys?.named(key), payload);
        return;
      }
      case 'goaway':
        this.#onGoaway(message);
        return;
      case 'topics':
        this.#topics?.onTopics(message.id, message.topics);
        return;
      case 'topic-event':
        this.#push(this.#topics?.numbered(message.topic), message.payload);
        return;
      case 'key-failure': {
        const { verb, key, payload } = message;
        if (verb === 'subscribe' && !this.#hub.find(key)) return; // the key was unsubscribed meanwhile
        this.#hooks.onError(this.#spoken.errorOf(payload, `the refusal of ${verb} of ${key}`));
        return;
      }
      case 'call-result': {
        this.#signals.end(message.id);
        const call = this.#pending.take(message.id);
        if (!call) return;
        this.#hooks.onAnswered?.(this.#connection.lastHeardAt - call.begunAt);
        try {
          call.resolve(this.#values.decodeAll(message.values));
        } catch (cause) {
          call.reject(notDecodable(this.#spec.name, `the answer to ${call.method}`, cause, { method: call.method }));
        }
        return;
      }
      case 'call-failure': {
        this.#signals.end(message.id);
        const call = this.#pending.take(message.id);
        if (!call) return;
        this.#hooks.onAnswered?.(this.#connection.lastHeardAt - call.begunAt);
        call.reject(this.#spoken.errorOf(message.payload, `the answer to ${call.method}`, call.method));
        return;
      }
      case 'stream-item':
      case 'stream-done':
      case 'stream-failure':
        this.#streams.onMessage(message);
        return;
      default: // leaders send followers nothing else
    }
  }

  #onUpstreamState(message: UpstreamState): void {
    this.upstream = UpstreamStanding.of(message).view;
    this.#hooks.onUpstreamState?.();
  }

  #onGoaway({ code, sentence }: Goaway): void {
    const { name: channel } = this.#spec;
    switch (code) {
      case 'hand-off':
        this.#onHandOff();
        return;
      case 'too-slow':
        this.#dismissal = new TrunklineError('ERR_TRUNKLINE_TOO_SLOW', `${channel}: ${sentence}`, { channel });
        return;
      case 'succeeded': // said to leaders only
      default:
        code satisfies 'succeeded' | UnknownCode;
    }
  }

  /** @param key undefined: the key was unsubscribed meanwhile */
  #push(key: OpenKey<Asked> | undefined, bytes: Buffer): void {
    if (!key) return;
    if (eventChannel.hasSubscribers)
      eventChannel.publish({ channel: this.#spec.name, key: key.key, bytes: bytes.length, from: 'leader' });
    try {
      this.#hub.push(key, this.#values.fromPeer(bytes));
    } catch (cause) {
      this.#hooks.onError(notDecodable(this.#spec.name, 'a value', cause));
    }
  }

  #onClosed(end: ConnectionEnd): RoleEnd {
    this.#hub.close();
    this.#signals.endAll();
    this.isOver = true;
    const { name: channel } = this.#spec;
    const cause = this.#dismissal ?? ('error' in end ? end.error : undefined);
    const reason = (method: string): TrunklineError =>
      end.reason === 'closed' ? closedDuring(channel, method) : leaderLost(channel, method, cause);
    this.#pending.failAll(reason);
    this.#streams.failAll(reason);
    return end.reason === 'closed' ? { reason: 'closed' } : { reason: 'leader-lost', error: cause };
  }

  /** The leader does not read, or does not answer: what is not sent has certainly not run. */
  #assertNotBusy(method: string, maxStreams = Infinity): void {
    const { name: channel, maxOutboxBytes } = this.#spec;
    const { backlogBytes } = this.#connection;
    const waitingCalls = this.#pending.size;
    const streams = this.#streams.size;
    if (backlogBytes <= maxOutboxBytes && waitingCalls < MAX_CALLS && streams < maxStreams) return;
    const { outboxBytes } = this.#connection;
    throw tooMuchWaits(channel, method, { outboxBytes, maxOutboxBytes, waitingCalls, streams });
  }

  #notify(method: string, args: readonly Buffer[], replay: boolean, trace?: CallTrace): void {
    this.#requests.flush();
    const id = this.#connection.nextId();
    if (trace) this.#tellContext(id, trace);
    const call: Call = {
      type: 'call',
      id,
      timeoutMs: this.#spec.responseTimeoutMs,
      method,
      args,
      oneway: true,
      style: 'promise',
    };
    this.#connection.send(replay ? { ...call, replay } : call);
  }

  #tellContext(id: number, trace: CallTrace): void {
    if (!tracing.tracer) return;
    const fields = tracing.tracer.send(trace);
    if (this.#connection.dialect.hasContext && fields.length > 0) this.#connection.send({ type: 'call-context', id, fields });
  }

  #takeSignals(method: string, args: readonly unknown[]): TakenSignals | undefined {
    try {
      return takeSignals(args);
    } catch (cause) {
      throw this.#spoken.notEncodable(method, 'the arguments', cause);
    }
  }

  #tellAbort(id: number, signal: number, reason: unknown): void {
    this.#connection.send({ type: 'abort', id, signal, payload: this.#spoken.encodeError(reason) });
  }
}
