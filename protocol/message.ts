// What two processes say to each other, independent of how it is written. A codec (v1.ts) turns each
// message into the bytes of one frame and back. Values of the user stay opaque here: they are `Buffer`s
// that a Transcode (value-codec.ts) has produced or will read.

/** What both ends of a connection tell about themselves while they register. Absent: a peer of cluster-client 3.x. */
export interface Hello {
  /** Wire versions that the sender can speak, any order. */
  readonly versions: readonly number[];
  /** Random bytes that the other side has to prove its knowledge with. Absent: the sender asks for no proof. */
  readonly nonce?: Buffer | undefined;
  /** What the other side's nonce asks for. Only in an answer; the side that began proves itself with `prove`. */
  readonly proof?: Buffer | undefined;
  /** Fingerprint of the methods that the sender shares. Only in a question. */
  readonly methods?: string | undefined;
}

interface Envelope {
  /** Chosen by the side that asks; the answer repeats it. 1 … 2^30 − 1 from our own side. */
  readonly id: number;
  /** How long the asking side waits for the answer, ms. The answer repeats it. Version 2 does not carry it and reads 0. */
  readonly timeoutMs: number;
}

/** A follower asks to be served on a channel. It is the first message on every connection; with a hello, only the hello counts. */
export interface Register extends Envelope {
  readonly type: 'register';
  readonly channel: string;
  readonly hello?: Hello | undefined;
}

/** The answer; handshake.ts writes and reads the payload. With a hello it has none, and both sides go on in version 2. */
export interface RegisterResult extends Envelope {
  readonly type: 'register-result';
  readonly payload: Buffer;
  readonly hello?: Hello | undefined;
}

/** Follower → leader: push the values of `key` from now on. No answer. Version 1 only, as the next one. */
export interface Subscribe extends Envelope {
  readonly type: 'subscribe';
  readonly key: string;
  /** The registration as JSON carries it; enough for registrations that are plain JSON. */
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

/** The same for keys that are their registrations as JSON, each in one line. */
export interface PlainSubscribe {
  readonly type: 'plain-subscribe';
  /** Of the first subscription; the others have the next ones. */
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

/** Follower → leader: the event was received. Version 1 asks for it; nothing waits for it on our side. */
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

/** A well-formed frame of a type that this version does not know; receivers skip it. */
export interface Unknown extends Envelope {
  readonly type: 'unknown';
  readonly name: string;
}

/** Leader → follower: events name the keys of these subscriptions by these numbers. They are the same for all followers of a channel. */
export interface Topics {
  readonly type: 'topics';
  /** Of the first subscription; the others have the next ones. */
  readonly id: number;
  readonly topics: readonly number[];
}

/** Leader → follower: the newest value of a topic. Its frame is the same for all followers. */
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
  /** An encoded error-value; no bytes: it could not be encoded. */
  readonly payload: Buffer;
}

/** The sender is going to end the connection; what is under way is still answered. */
export interface Goaway {
  readonly type: 'goaway';
  /** For programs: lower case, with hyphens. */
  readonly code: string;
  /** For people. */
  readonly sentence: string;
  /** When it is worth while to come again, ms from now. Absent: no hint. */
  readonly retryAfterMs?: number | undefined;
}

/** Code of a goaway: the other side does not read what is sent to it, or not fast enough. */
export const TOO_SLOW = 'too-slow';

/** The sender does not serve the other side, and ends the connection after it. */
export interface Refusal {
  readonly type: 'refusal';
  /** The request that it answers; 0: none. */
  readonly id: number;
  /** For programs: lower case, with hyphens. */
  readonly code: string;
  /** For people. */
  readonly sentence: string;
  /** An encoded error-value with more about it; no bytes: there is none. */
  readonly payload: Buffer;
}

/** Follower → leader, or leader → port holder; the first message of a side that was asked for a proof. No answer if it is right. */
export interface Prove {
  readonly type: 'prove';
  readonly proof: Buffer;
}

/** Which channel is meant. */
export interface ChannelId {
  readonly name: string;
  /** Fingerprint of what it was made with; empty: any. */
  readonly identity: string;
  /** Whether another fingerprint is another channel. */
  readonly isStrict: boolean;
}

/** Asks to be served on a channel. Answered by `joined`, `redirect`, `appoint` or `refusal`, perhaps after some `wait`. */
export interface Join {
  readonly type: 'join';
  readonly id: number;
  readonly channel: ChannelId;
  readonly lead: LeadWish;
  /** The newest term of the channel that the sender has seen; 0: none. */
  readonly term: number;
  /** How it can write values: names of value-codec.ts, the best first. */
  readonly codecs: readonly string[];
}

/** `never`: follows. `may`: leads when nobody does. `must`: is refused when somebody does. `succeeds`: takes over from whoever does. */
export type LeadWish = 'never' | 'may' | 'must' | 'succeeds';

/** Leader → follower: served from here on. */
export interface Joined {
  readonly type: 'joined';
  readonly id: number;
  readonly term: number;
  /** How values are written on this connection. */
  readonly codec: string;
  /** Fingerprint of the leader's channel. */
  readonly identity: string;
  /** When it differs from the follower's: what identity.ts needs to name the parts that differ. Else no bytes. */
  readonly parts: Buffer;
}

/** Leader → follower, before `joined`: what the leader shares, because the follower's fingerprint is another one. No answer. */
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

/** Port holder → a process that may lead: it does, from now on, and is to announce itself on this connection. */
export interface Appoint {
  readonly type: 'appoint';
  readonly id: number;
  readonly term: number;
  /** A leader still serves the channel: the new one announces itself when it is ready. Said again as false when that one is gone. */
  readonly isSucceeding: boolean;
}

/** Leader → port holder: leads the channel and listens on this port. Holds as long as the connection. */
export interface Announce {
  readonly type: 'announce';
  readonly channel: ChannelId;
  readonly term: number;
  readonly port: number;
}

/** Leader → port holder: is going to stop leading; whoever asks next may succeed it, while it still serves its followers. */
export interface Resign {
  readonly type: 'resign';
}

/** The request is understood and not answered yet, and this is why. */
export interface Wait {
  readonly type: 'wait';
  readonly id: number;
  readonly code: string;
  readonly sentence: string;
}

/** A part of a frame that is too long to be sent in one piece; chunks.ts takes frames apart and puts them together. */
export interface Chunk {
  readonly type: 'chunk';
  /** Which of the frames that are under way it belongs to. */
  readonly stream: number;
  /** Only on the first one: the length of the whole frame. */
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
  | TopicSubscribe
  | PlainSubscribe
  | TopicUnsubscribe
  | Topics
  | TopicEvent
  | KeyFailure
  | Goaway
  | Refusal
  | Chunk
  | Prove
  | Join
  | Joined
  | SharedMethods
  | Redirect
  | Appoint
  | Announce
  | Resign
  | Wait;

/** One wire version: how a message becomes a frame and back. */
export interface Codec<M = Message> {
  readonly version: number;
  encode(message: M): Buffer;
  /**
   * Reads one whole frame.
   * @throws ProtocolError when the bytes are not a frame of this version.
   */
  decode(frame: Buffer): M;
}

/** Ids wrap around below 2^30, as cluster-client's do, so that both readers see them as small integers. */
export const MAX_ID = 2 ** 30 - 1;
