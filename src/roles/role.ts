// What a process does for a channel during one term. Every role gives the same verbs, so the client layer never asks
// which one it has.

import type { CallStyle, ChannelId } from '../../protocol/message';
import type { ValueCodec } from '../../protocol/value-codec';
import type { Logger } from '../logger';
import type { Delivery } from '../options';
import type { Clock } from '../time';

/** Gets the values of one key, as the bytes that the channel's transcode made of them. */
export interface Subscriber {
  /** Must not throw. */
  deliver(payload: Buffer): void;
  /** The upstream client has refused the key. Absent: this consumer hears of it through its `onError`. Must not throw. */
  refuse?(error: Error): void;
}

/** Holds until `unsubscribe`, or the end of the role. */
export interface Subscription {
  readonly subscriber: Subscriber;
}

export interface PublishOptions {
  /** The publication is repeated because the leader changed: the upstream client needs it only if it is new to it. */
  readonly replay: boolean;
}

/** Why a role ended. */
export type RoleEnd = { readonly reason: 'closed' } | { readonly reason: 'leader-lost'; readonly error: Error | undefined };

/** What one consumer of a channel (a client of this process, a connected follower) can ask for. */
export interface Verbs {
  /** @param key what `formatKey` gives for the registration, where the caller knows it */
  subscribe(registration: unknown, subscriber: Subscriber, key?: string): Subscription;
  /** @param subscription of the same verbs; without effect when it has ended already */
  unsubscribe(subscription: Subscription): void;
  publish(registration: unknown, options: PublishOptions): void;
  /**
   * Runs a delegated method at most once.
   * @param style how the caller awaits the result; undefined when a peer of cluster-client 3.x does not tell
   * @returns everything that the method gave: one value, or the results of its callback
   */
  call(method: string, args: readonly unknown[], style: CallStyle | undefined): Promise<unknown[]>;
  /** Runs a delegated method without an answer. Failures become errors of whoever holds the upstream client. */
  notify(method: string, args: readonly unknown[]): void;
}

export interface Role {
  readonly kind: 'leader' | 'follower' | 'single';
  /** Whether the upstream client is in this process. */
  readonly isLeader: boolean;
  /** What the client of this process asks of the channel. */
  readonly verbs: Verbs;
  /** Which period of leadership of the channel it belongs to. */
  readonly term: number;
  /** Settles when another leader is to be looked for, while this role still works; perhaps never. */
  readonly leaving: Promise<void>;
  /** Of a leader: who follows it, and how many values they did not get because newer ones came. */
  readonly followers?: readonly FollowerSnapshot[];
  readonly skippedEvents?: number;
  readonly ended: Promise<RoleEnd>;
  /** Whether it has ended: nothing can be asked of it any more. */
  readonly isOver: boolean;
  /**
   * Another role has taken its place: it delivers nothing from this call on, but calls under way still get their answers.
   * @returns resolves when it has ended
   */
  retire(): Promise<void>;
  close(): Promise<void>;
}

/** What a role tells the client that it works for. */
export interface RoleHooks {
  /** Something failed that nobody waits for. */
  onError(error: unknown): void;
  /** The upstream client is ready: for the first time, or again after a setback. */
  onReady(): void;
  /** The upstream client is not ready because of this; it is tried again. May be called several times, or never. */
  onSetback(error: unknown): void;
  /**
   * A live upstream client exists in this process. Called for each one.
   * @returns undoes whatever was attached to it
   */
  onUpstream(upstreamClient: object): () => void;
}

/** Why a process that has reached another one is not served yet. */
export type WaitReason = 'no-leader' | 'hand-over' | 'upstream';

/** The methods of the upstream client that have a meaning of their own, by the names that the user gave them. */
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
  /** What waits in this process for it to read. */
  readonly outboxBytes: number;
  /** Values that were replaced by newer ones before they were sent. */
  readonly skippedEvents: number;
}

/** Everything about a channel that roles need; made once by the client layer. */
export interface ChannelSpec {
  readonly name: string;
  /** Its name, and what it was made with. */
  readonly id: ChannelId;
  /** What the constructor of the upstream client gets. */
  readonly args: readonly unknown[];
  /** Makes a new upstream client. May throw. */
  readonly createUpstream: () => object;
  readonly methods: UpstreamMethods;
  /** Every method that is shared, sorted, as its name or, where it is not invoked, `name as target`. */
  readonly sharedMethods: readonly string[];
  /** Methods that calls and notifications may name. */
  readonly callable: ReadonlySet<string>;
  /** How values are written in this process, and between processes that agree on it. */
  readonly values: ValueCodec;
  /** How they are written to and by processes of cluster-client 3.x. */
  readonly legacyValues: ValueCodec;
  readonly formatKey: (registration: unknown) => string;
  /** Whether the key of a registration is the registration as JSON, and JSON loses nothing of it. */
  readonly isKeyEnough: (registration: unknown) => boolean;
  readonly isBroadcast: boolean;
  /** Whether processes of cluster-client 3.x are served, and followed. */
  readonly allowsOldPeers: boolean;
  /** What may wait in this process for the other side of one connection to read. */
  readonly maxOutboxBytes: number;
  /** What becomes of a follower that has more to get: it skips older values, or it is let go. */
  readonly delivery: Delivery;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  /** Undefined: silent connections are not ended. */
  readonly heartbeatIntervalMs: number | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * How long something that nobody needs any more is kept upstream, ms: a follower that restarts or changes its leader
 * within it costs the upstream server nothing.
 */
export const LINGER_MS = 1_000;
