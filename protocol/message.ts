// What two processes say to each other, independent of how it is written. A codec (v1.ts) turns each
// message into the bytes of one frame and back. Values of the user stay opaque here: they are `Buffer`s
// that a Transcode (value-codec.ts) has produced or will read.

/** What both ends of a connection tell about themselves while they register. Absent: a peer of cluster-client 3.x. */
export interface Hello {
  /** Wire versions that the sender can speak, any order. */
  readonly versions: readonly number[];
}

interface Envelope {
  /** Chosen by the side that asks; the answer repeats it. 1 … 2^30 − 1 from our own side. */
  readonly id: number;
  /** How long the asking side waits for the answer, ms. The answer repeats it. */
  readonly timeoutMs: number;
}

/** A follower asks to be served on a channel. It is the first message on every connection. */
export interface Register extends Envelope {
  readonly type: 'register';
  readonly channel: string;
  readonly hello?: Hello | undefined;
}

/** The leader's answer; handshake.ts writes and reads the payload. */
export interface RegisterResult extends Envelope {
  readonly type: 'register-result';
  readonly payload: Buffer;
  readonly hello?: Hello | undefined;
}

/** Follower → leader: push the values of `key` from now on. No answer. */
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

/** Leader → follower: the newest value of `key`. */
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

export type Message =
  | Register
  | RegisterResult
  | Subscribe
  | Unsubscribe
  | Event
  | EventAck
  | Call
  | CallResult
  | CallFailure
  | Ping
  | Pong
  | Unknown;

/** One wire version: how a message becomes a frame and back. */
export interface Codec {
  readonly version: number;
  encode(message: Message): Buffer;
  /**
   * Reads one whole frame.
   * @throws ProtocolError when the bytes are not a frame of this version.
   */
  decode(frame: Buffer): Message;
}

/** Ids wrap around below 2^30, as cluster-client's do, so that both readers see them as small integers. */
export const MAX_ID = 2 ** 30 - 1;
