// What two processes say to each other, independent of the bytes. A codec (v1.ts) turns each message into the bytes of a frame
// and back. Values of the user stay opaque here: `Buffer`s that a Transcode (value-codec.ts) has produced or will read.

import type { Candidacy } from './candidacy';
import type { GoawayCode, RefusalCode, UnknownCode, WaitCode } from './codes';
import type { Look, LookResult, UpstreamState } from './standing-messages';
import type { StreamMessage } from './stream-messages';

/** What both ends of a connection tell about themselves while registering. Absent: a peer of cluster-client 3.x. */
export interface Hello {
  /** Wire versions that the sender can speak, any order. */
  readonly versions: readonly number[];
  /** Random bytes for the proof of the other side. Absent: the sender asks for no proof. */
  readonly nonce?: Buffer | undefined;
  /** The proof for the nonce of the other side. Only in an answer; the side that began sends the proof with `prove`. */
  readonly proof?: Buffer | undefined;
  /** Fingerprint of the methods that the sender shares. Only in a question. */
  readonly methods?: string | undefined;
  /** True: the sender reads the keys of a join. Only in an answer. */
  readonly joinKeys?: boolean | undefined;
  /** True: the sender answers a look. */
  readonly looks?: boolean | undefined;
}

interface Envelope {
  /** Chosen by the side that asks; the answer repeats the id. 1 … 2^30 − 1 from trunkline. */
  readonly id: number;
  /**
   * How long the asking side waits for the answer, ms. The answer repeats this time. Version 2 does not carry the time and reads
   * 0.
   */
  readonly timeoutMs: number;
}

/** A follower asks to be served on a channel. The first message on every connection; with a hello, only the hello counts. */
export interface Register extends Envelope {
  readonly type: 'register';
  readonly channel: string;
  readonly hello?: Hello | undefined;
}

/**
 * The answer; handshake.ts writes and reads the payload. With a hello the payload is empty, and both sides go on in version 2.
 */
export interface RegisterResult extends Envelope {
  readonly type: 'register-result';
  readonly payload: Buffer;
  readonly hello?: Hello | undefined;
}

/** Follower → leader: push the values of `key` from now on. No answer. Version 1 only. */
export interface Subscribe extends Envelope {
  readonly type: 'subscribe';
  readonly key: string;
  /** The registration in JSON; enough for registrations that are plain JSON. */
  readonly registration: unknown;
  /** The registration with everything that JSON would lose; sent by our own followers. */
  readonly payload?: Buffer | undefined;
}

/** Follower → leader: stop pushing `key`. No answer. */
export interface Unsubscribe extends Envelope {
  readonly type: 'unsubscribe';
  readonly key: string;
  readonly registration: unknown;
}

/** Follower → leader: push the values of `key` from now on. Answered by `topics`. */
export interface TopicSubscribe {
  readonly type: 'topic-subscribe';
  readonly id: number;
  readonly key: string;
  /** The registration as a value. */
  readonly payload: Buffer;
}

/** `Subscribe` for keys that are registrations as JSON, each key on a separate line. */
export interface PlainSubscribe {
  readonly type: 'plain-subscribe';
  /** The id of the first subscription; the others follow in sequence. */
  readonly id: number;
  readonly keys: readonly string[];
}

/** Follower → leader: push no more values for the subscription with this id. No answer. */
export interface TopicUnsubscribe {
  readonly type: 'topic-unsubscribe';
  readonly id: number;
}

/** Leader → follower: the newest value of `key`. Version 1 only. */
export interface Event extends Envelope {
  readonly type: 'event';
  readonly key: string;
  readonly payload: Buffer;
}

/** Follower → leader: the event was received. Version 1 asks for this answer; trunkline does not wait for it. */
export interface EventAck extends Envelope {
  readonly type: 'event-ack';
}

/** Follower → leader: run a delegated method. */
export interface Call extends Envelope {
  readonly type: 'call';
  readonly method: string;
  readonly args: readonly Buffer[];
  /** True: nobody waits for a result. */
  readonly oneway: boolean;
  /** How the caller awaits the result; absent from a peer of cluster-client 3.x, which does not tell. */
  readonly style?: CallStyle | undefined;
  /** True on a publication that is repeated because the leader changed. */
  readonly replay?: boolean | undefined;
}

/** Where an AbortSignal was among the arguments of a call. */
export interface SignalPlace {
  /** The number of the signal within the call, from 0; one signal may be in several places. */
  readonly signal: number;
  /** The index of the argument. */
  readonly argument: number;
  /** The name of the property of that argument, which is an object; absent: the argument is the signal. */
  readonly property?: string | undefined;
}

/** Follower → leader, directly before the call or stream-open of this id: arguments are AbortSignals, and read as undefined there. */
export interface CallSignals {
  readonly type: 'call-signals';
  readonly id: number;
  readonly places: readonly SignalPlace[];
}

/** Follower → leader: a signal of a call that is under way was aborted. No answer; skipped when the call has ended. */
export interface Abort {
  readonly type: 'abort';
  /** The id of the call. */
  readonly id: number;
  readonly signal: number;
  /** The reason as an encoded error-value; no bytes: the reason could not be encoded. */
  readonly payload: Buffer;
}

/** A field of a trace context, as a header of HTTP would carry the field. */
export interface ContextField {
  /** E.g. `traceparent`; not empty. */
  readonly name: string;
  readonly value: string;
}

/** Follower → leader, before the call with the same id: the trace in which the call is made. */
export interface CallContext {
  readonly type: 'call-context';
  readonly id: number;
  readonly fields: readonly ContextField[];
}

export type CallStyle = 'promise' | 'callback';

/** Leader → follower: what the method gave. Callback methods may give several values. */
export interface CallResult extends Envelope {
  readonly type: 'call-result';
  readonly values: readonly Buffer[];
}

/** Leader → follower: the method failed; `payload` is an encoded error-value. */
export interface CallFailure extends Envelope {
  readonly type: 'call-failure';
  readonly payload: Buffer;
}

export interface Ping extends Envelope {
  readonly type: 'ping';
}

export interface Pong extends Envelope {
  readonly type: 'pong';
}

/** A well-formed frame of a type that this version does not know; receivers skip such frames. */
export interface Unknown extends Envelope {
  readonly type: 'unknown';
  readonly name: string;
}

/**
 * Leader → follower: events name the keys of these subscriptions by these numbers, which are the same for all followers of a
 * channel.
 */
export interface TopicNumbers {
  readonly type: 'topics';
  /** The id of the first subscription; the others follow in sequence. */
  readonly id: number;
  readonly topics: readonly number[];
}

/** Leader → follower: the newest value of a topic. The frame is the same for all followers. */
export interface TopicEvent {
  readonly type: 'topic-event';
  readonly topic: number;
  readonly payload: Buffer;
}

/** Leader → follower: a subscription or publication of this follower was refused. No answer. Version 2 only. */
export interface KeyFailure {
  readonly type: 'key-failure';
  readonly verb: 'subscribe' | 'publish';
  /** The key of the registration; empty when the leader cannot read the publication. */
  readonly key: string;
  /** An encoded error-value; no bytes when the error could not be encoded. */
  readonly payload: Buffer;
}

/** The sender is going to end the connection; what is under way is still answered. */
export interface Goaway {
  readonly type: 'goaway';
  readonly code: GoawayCode | UnknownCode;
  /** For people. */
  readonly sentence: string;
  /** When to come again, ms from now. Absent: no hint. */
  readonly retryAfterMs?: number | undefined;
}

/** The sender does not serve the other side, and ends the connection after this message. */
export interface Refusal {
  readonly type: 'refusal';
  /** The request that is refused; 0: none. */
  readonly id: number;
  readonly code: RefusalCode | UnknownCode;
  /** For people. */
  readonly sentence: string;
  /** An encoded error-value with details; no bytes: no details. */
  readonly payload: Buffer;
}

/**
 * Follower → leader, or leader → port holder; the first message of a side that was asked for a proof. No answer if the proof is
 * right.
 */
export interface Prove {
  readonly type: 'prove';
  readonly proof: Buffer;
}

/** Which channel is meant. */
export interface ChannelId {
  readonly name: string;
  /** Fingerprint of the constructor arguments of the channel; empty: any. */
  readonly identity: string;
  /** Whether another fingerprint is another channel. */
  readonly isStrict: boolean;
}

/** Asks to be served on a channel. Answered by `joined`, `redirect`, `appoint` or `refusal`, perhaps after some `wait`. */
export interface Join {
  readonly type: 'join';
  readonly id: number;
  readonly channel: ChannelId;
  readonly candidacy: Candidacy;
  /** The newest term of the channel that the sender has seen; 0: none. */
  readonly term: number;
  /** The codecs in which the sender can write values: names of value-codec.ts, the best first. */
  readonly codecs: readonly string[];
  /**
   * Keys that the sender wants as soon as it is `joined`, as in a plain-subscribe with the id 1. Only for a listener with `joinKeys`
   * in its hello.
   */
  readonly keys?: readonly string[] | undefined;
}

/** Leader → follower: served from here on. */
export interface Joined {
  readonly type: 'joined';
  readonly id: number;
  readonly term: number;
  /** How values are written on this connection. */
  readonly codec: string;
  /** Fingerprint of the leader's channel. */
  readonly identity: string;
  /**
   * If the identity differs from the follower's: the data with which identity.ts names the parts that differ. No bytes if the
   * identities are equal.
   */
  readonly parts: Buffer;
  /** Whether the leader serves streams. */
  readonly streams?: boolean | undefined;
  /** Whether the leader tells how its upstream client stands. */
  readonly states?: boolean | undefined;
}

/**
 * Leader → follower, before `joined`: the methods that the leader shares, because the fingerprint of the follower differs. No
 * answer.
 */
export interface SharedMethods {
  readonly type: 'shared-methods';
  /** The shared methods, each as name and target. */
  readonly methods: readonly string[];
}

/** The channel is led by the process that listens on this port. */
export interface Redirect {
  readonly type: 'redirect';
  readonly id: number;
  readonly term: number;
  readonly port: number;
}

/** Port holder → a process that may lead: the process leads from now on, and is to announce itself on this connection. */
export interface Appoint {
  readonly type: 'appoint';
  readonly id: number;
  readonly term: number;
  /**
   * A leader still serves the channel: the new leader announces itself when ready. Repeated as false when the old leader is
   * gone.
   */
  readonly isSucceeding: boolean;
}

/** Leader → port holder: leads the channel and listens on this port. Holds as long as the connection. */
export interface Announce {
  readonly type: 'announce';
  readonly channel: ChannelId;
  readonly term: number;
  readonly port: number;
}

/**
 * Leader → port holder: the sender is going to stop leading; the next process that asks may succeed while the sender still
 * serves followers.
 */
export interface Resign {
  readonly type: 'resign';
}

/** The request is understood and not answered yet, and this is why. */
export interface Wait {
  readonly type: 'wait';
  readonly id: number;
  readonly code: WaitCode | UnknownCode;
  readonly sentence: string;
}

/** A part of a frame that is too long for a single piece; chunks.ts takes frames apart and puts chunks together. */
export interface Chunk {
  readonly type: 'chunk';
  /** The number of the frame to which the chunk belongs, among the frames that are under way. */
  readonly stream: number;
  /** Only in the first chunk: the length of the whole frame. */
  readonly totalBytes?: number | undefined;
  readonly isLast: boolean;
  readonly part: Buffer;
}

/** What both versions can say. */
type Common = Call | CallResult | CallFailure | Ping | Pong | Unknown;
/** Version 1. */
export type Message = Common | Register | RegisterResult | Subscribe | Unsubscribe | Event | EventAck;
/** Version 2. */
export type V2Message =
  | Common
  | CallSignals
  | Abort
  | StreamMessage
  | CallContext
  | TopicSubscribe
  | PlainSubscribe
  | TopicUnsubscribe
  | TopicNumbers
  | TopicEvent
  | KeyFailure
  | Goaway
  | Refusal
  | Chunk
  | Prove
  | Join
  | Joined
  | SharedMethods
  | UpstreamState
  | Look
  | LookResult
  | Redirect
  | Appoint
  | Announce
  | Resign
  | Wait;

/** A wire version: how a message becomes a frame and back. */
export interface Codec<M = Message> {
  readonly version: number;
  encode(message: M): Buffer;
  /**
   * Reads a whole frame.
   * @throws ProtocolError when the bytes are not a frame of this version.
   */
  decode(frame: Buffer): M;
}

/** Ids wrap around below 2^30, as in cluster-client, and both readers see small integers. */
export const MAX_ID = 2 ** 30 - 1;
