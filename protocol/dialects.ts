// What each wire version can do, a row for each version. A connection has one dialect, and the code above a connection asks the dialect,
// never for the number of the version: another version is another codec and another row.

import { MAX_FRAME_BYTES, type Framing } from './frame';
import type { Codec, Hello, Message, V2Message } from './message';
import { v1Codec, v1Framing } from './v1';
import { EVENT_ROOM, V2_MAX_FRAME_BYTES, topicOfEvent, v2Codec, v2Framing } from './v2';

/** A codec gets only messages that its version can say. */
export interface Dialect extends Codec<Message | V2Message> {
  readonly framing: Framing;
  /** The largest frame of a side that is trusted, header included. */
  readonly maxFrameBytes: number;
  /** Whether frames that are longer than the largest one go in chunks. */
  readonly hasChunks: boolean;
  /** Whether keys are numbered; if not, each event names its key. */
  readonly hasTopics: boolean;
  /** How an event is read without making a message. Absent: events have no number. */
  readonly events?: {
    /** Bytes of the frame before the value. */
    readonly headerBytes: number;
    /** The number of the topic, when the whole frame that begins here is an event; undefined for any other frame. */
    topicAt(bytes: Buffer, at: number): number | undefined;
  };
  /** Whether one side can tell the other what nobody has asked: goaway, refusal and key-failure. */
  readonly hasNotices: boolean;
  /** Whether AbortSignals among the arguments of a call can be told of. */
  readonly hasSignals: boolean;
  /** Whether a leader can tell how its upstream client stands. */
  readonly hasStates: boolean;
  /** Whether a call can be told in which trace it is made. */
  readonly hasContext: boolean;
}

/** The dialect in which every connection begins, and the only one of cluster-client 3.x. */
export const V1: Dialect = {
  ...v1Codec,
  framing: v1Framing,
  maxFrameBytes: MAX_FRAME_BYTES,
  hasChunks: false,
  hasTopics: false,
  hasNotices: false,
  hasSignals: false,
  hasStates: false,
  hasContext: false,
};

export const V2: Dialect = {
  ...v2Codec,
  framing: v2Framing,
  maxFrameBytes: V2_MAX_FRAME_BYTES,
  hasChunks: true,
  hasTopics: true,
  events: { headerBytes: EVENT_ROOM, topicAt: topicOfEvent },
  hasNotices: true,
  hasSignals: true,
  hasStates: true,
  hasContext: true,
};

/** The dialects that two processes of trunkline may agree on, the best first. */
const AGREEABLE: readonly Dialect[] = [V2];

/** The versions that a hello of this process names. */
export const VERSIONS: readonly number[] = [V1, ...AGREEABLE].map(({ version }) => version);

/** The dialect in which a connection goes on after the hellos; undefined: none. @param hello the other side's */
export function agreedDialect(hello: Hello | undefined): Dialect | undefined {
  return AGREEABLE.find(({ version }) => hello?.versions.includes(version));
}
