// Which frames of version 2 must leave in the order in which they were written, also when one of them goes in chunks and other frames
// may go in between. chunks.ts asks.

import { V2_TYPE } from './v2';
import { OFFSET } from './v2-frame';

const TYPE = V2_TYPE;

/** Above every topic. */
const REQUESTS = 2 ** 32;
/** Above the requests; the id of a stream is added. */
const STREAMS = 2 ** 33;

/**
 * Frames with the same number must be sent in the order of writing, also when one of the frames goes in chunks; undefined: the
 * frame may pass all others. A value of a topic must not overtake another value of the topic, nor an item of a stream another
 * item of the stream, and the requests of a follower stay in order.
 */
export function orderOf(frame: Buffer): number | undefined {
  const type = frame[OFFSET.type]!;
  switch (type) {
    case TYPE['topic-event']:
      return frame.readUInt32BE(OFFSET.id);
    case TYPE['topic-subscribe']:
    case TYPE['plain-subscribe']:
    case TYPE['topic-unsubscribe']:
    case TYPE['call-signals']:
    case TYPE['call-context']:
    case TYPE.call:
    case TYPE.abort:
    case TYPE['stream-open']:
    case TYPE['stream-credit']:
    case TYPE['stream-stop']:
      return REQUESTS;
    case TYPE['stream-item']:
    case TYPE['stream-done']:
    case TYPE['stream-failure']:
      return STREAMS + frame.readUInt32BE(OFFSET.id);
    default:
      return undefined;
  }
}
