// What a process does for a channel during a term. Every role gives the same verbs, and the client layer never asks which role
// is in place.

import type { OwnChannelId } from '../../protocol/handshake';
import type { CallStyle } from '../../protocol/message';
import type { ValueCodec } from '../../protocol/value-codec';
import type { FleetView } from '../fleet-view';
import type { UpstreamView } from '../host-view';
import type { CarryMode, DeliveryMode } from '../options';
import type { LedReport } from '../process-report';
import type { CallTrace } from '../telemetry';
import type { PeerSettings } from '../transport/peer-settings';

/** Gets the values of a key, as the bytes that the channel's transcode made. */
export interface Subscriber {
  /** Must not throw. */
  deliver(payload: Buffer): void;
  /** Several values that came together, in order, instead of `deliver` for each. Absent: each value goes to `deliver`. Must not throw. */
  deliverAll?(payloads: readonly Buffer[]): void;
  /** The upstream client has refused the key. Absent: this consumer learns of the refusal through `onError`. Must not throw. */
  refuse?(error: Error): void;
}

/** What this process wants to subscribe in its next role. */
export interface Wanted {
  readonly key: string;
  readonly registration: unknown;
}

/** Holds until `unsubscribe`, or the end of the role. */
export interface Subscription {
  readonly subscriber: Subscriber;
}

export interface PublishOptions {
  /**
   * The publication is repeated because the leader changed: the upstream client needs only publications that are new to this
   * client.
   */
  readonly replay: boolean;
}

/** Why a role ended. */
export type RoleEnd = { readonly reason: 'closed' } | { readonly reason: 'leader-lost'; readonly error: Error | undefined };

/** One step of a stream: the next item, or the end and what the generator returned. */
export type StreamStep = IteratorResult<unknown, unknown>;

/** A stream that is under way, as the one reader sees it, who asks for a step when the step before has ended. */
export interface StreamReader {
  next(): Promise<StreamStep>;
  /** As `return` of an async generator: the stream ends, unless the generator goes on in its `finally`. */
  return(value: unknown): Promise<StreamStep>;
  /** As `throw` of an async generator, which may catch the error and go on. */
  throw(error: unknown): Promise<StreamStep>;
  /** Nobody reads any longer, also not the step that is under way, if any: the generator is ended. */
  abandon(): void;
}

/** What few calls need. */
export interface CallManner {
  /** How long a follower waits for the answer; undefined: `responseTimeout`. */
  readonly limitMs?: number | undefined;
  /** The call as this process traces the call. */
  readonly trace?: CallTrace | undefined;
}

/** What a consumer of a channel (a client of this process, a connected follower) can ask for. */
export interface Verbs {
  /** @param key what `formatKey` gives for the registration, if the caller knows the key */
  subscribe(registration: unknown, subscriber: Subscriber, key?: string): Subscription;
  /** @param subscription made by the same verbs; without effect when the subscription has ended already */
  unsubscribe(subscription: Subscription): void;
  /** The newest value of a key that is subscribed here; undefined when there is none. */
  latest(key: string): Buffer | undefined;
  publish(registration: unknown, options: PublishOptions): void;
  /**
   * Runs a delegated method at most once.
   * @param style how the caller awaits the result; undefined when a peer of cluster-client 3.x does not tell
   * @returns everything that the method gave: a single value, or the results of the callback
   */
  call(method: string, args: readonly unknown[], style: CallStyle | undefined, how?: CallManner): Promise<unknown[]>;
  /**
   * Runs a method that gives a stream; the first step of the reader begins it.
   * @throws TrunklineError when the stream cannot be opened
   */
  stream(method: string, args: readonly unknown[], trace?: CallTrace): StreamReader;
  /** Runs a delegated method without an answer. Failures become errors of the process that holds the upstream client. */
  notify(method: string, args: readonly unknown[], trace?: CallTrace): void;
}

export interface Role {
  readonly kind: 'leader' | 'follower' | 'single';
  /** Whether the upstream client is in this process. */
  readonly isLeader: boolean;
  /** What the client of this process asks of the channel. */
  readonly verbs: Verbs;
  /** The period of leadership of the channel to which this role belongs. */
  readonly term: number;
  /** Settles when another leader is to be looked for, while this role still works; perhaps never. */
  readonly handOffBegun: Promise<void>;
  /** Leader only: the followers, and how many values each follower did not get because newer values came. */
  readonly followers?: readonly FollowerSnapshot[];
  readonly skippedEvents?: number;
  /** How the upstream client stands, here or in the leader. */
  readonly upstream: UpstreamView;
  /** Where the upstream client is in this process, and belongs to a fleet: how this host stands there. */
  readonly fleet?: FleetView | undefined;
  /** Values that have come in since the role began. */
  readonly valuesReceived: number;
  /** Follower only: where the connection to the leader begins. */
  readonly localPort?: number | undefined;
  /** Where the upstream client is in this process: what only this process knows of the channel. */
  report?(withKeys: boolean): LedReport;
  /** Another text when that report would say something new. */
  stamp?(): string;
  readonly ended: Promise<RoleEnd>;
  /** This process has asked for everything it wants, and gets values from this call on. Absent: values come as soon as asked for. */
  begin?(): void;
  /** Whether the role has ended: nothing can be asked of the role any more. */
  readonly isOver: boolean;
  /**
   * Another role is in place now: this role delivers nothing from this call on, but calls under way still get answers.
   * @returns resolves when the role has ended
   */
  retire(): Promise<void>;
  close(): Promise<void>;
}

/** What a role tells the client above. */
export interface RoleHooks {
  /** Something failed that nobody waits for. */
  onError(error: unknown): void;
  /** The upstream client is ready: for the first time, or again after a setback. */
  onReady(): void;
  /** The upstream client is not ready because of this error; a new try follows. May be called several times, or never. */
  onSetback(error: unknown): void;
  /**
   * A live upstream client exists in this process. Called for each upstream client.
   * @returns undoes everything that was attached to the client
   */
  onUpstream(upstreamClient: object): () => void;
  /** The upstream client stands in another way than before. */
  onUpstreamState?(): void;
  /** A leader has answered a call of this process. */
  onAnswered?(tookMs: number): void;
}

/** The methods of the upstream client that have a special meaning, by the names that the user gave. */
export interface UpstreamMethods {
  readonly subscribe?: string | undefined;
  readonly unSubscribe?: string | undefined;
  readonly publish?: string | undefined;
  readonly unPublish?: string | undefined;
  readonly close?: string | undefined;
}

/** How the connection of a follower is. */
export interface FollowerSnapshot {
  readonly remotePort: number | undefined;
  /** Bytes that wait in this process until the follower reads. */
  readonly outboxBytes: number;
  /** Values that were replaced by newer values before being sent. */
  readonly skippedEvents: number;
  /** Streams of this leader that the follower reads and that are under way. */
  readonly streams: number;
}

/** Everything about a channel that roles need; made once by the client layer. */
export interface ChannelSpec extends PeerSettings {
  readonly name: string;
  /** The name of the channel, and what the channel was made with. */
  readonly id: OwnChannelId;
  /** What the constructor of the upstream client gets. */
  readonly args: readonly unknown[];
  /** Makes a new upstream client. May throw. */
  readonly createUpstream: () => object;
  readonly methods: UpstreamMethods;
  /** Every shared method, sorted, as the name or, for methods that are not invoked, `name as target`. */
  readonly sharedMethods: readonly string[];
  /** Methods that calls and notifications may name. */
  readonly callable: ReadonlySet<string>;
  /** Methods that give streams. */
  readonly streams: ReadonlySet<string>;
  /** How values are written in this process, and between processes that agree on this codec. */
  readonly values: ValueCodec;
  /** How values are written to and by processes of cluster-client 3.x. */
  readonly legacyValues: ValueCodec;
  readonly formatKey: (registration: unknown) => string;
  /** Whether the key of a registration is the registration as JSON, and JSON loses nothing. */
  readonly isKeyEnough: (registration: unknown) => boolean;
  readonly isBroadcast: boolean;
  /** How many bytes may wait in this process until the other side of a connection reads. */
  readonly maxOutboxBytes: number;
  /** What happens when a follower falls further behind: older values are skipped, or the follower is disconnected. */
  readonly delivery: DeliveryMode;
  readonly responseTimeoutMs: number;
  /** Single mode only. `copy`: what goes to the upstream client and back is copied, as between two processes. */
  readonly carry?: CarryMode | undefined;
}

/**
 * How long something that nobody needs any more is kept upstream, ms: a follower that restarts or changes leaders within this
 * time costs the upstream server nothing.
 */
export const LINGER_MS = 1_000;
