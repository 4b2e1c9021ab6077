// The frames of streams: what an async generator method in the leader yields to a reader in a follower, as far as the reader has
// given credit. README.md has the numbers.

import type { StreamMessage } from './stream-messages';
import {
  HEADER_BYTES,
  assertEnd,
  listBytes,
  readList,
  readText,
  readUint32,
  uint32,
  withPayload,
  withTexts,
  writeList,
} from './v2-frame';

/** Append-only, a part of the numbers of version 2. */
export const STREAM_TYPE = {
  'stream-open': 26,
  'stream-credit': 27,
  'stream-stop': 28,
  'stream-item': 29,
  'stream-done': 30,
  'stream-failure': 31,
} as const satisfies Record<StreamMessage['type'], number>;

const FLAG = { throw: 1, answer: 1 } as const;

/** What an item costs of the credit besides its bytes: the memory of a reader is bounded also if items have no bytes. */
export const ITEM_COST_BYTES = 64;

/** How much of the credit of a stream an item uses up. */
export function costOf(payload: Buffer): number {
  return payload.length + ITEM_COST_BYTES;
}

export function writeStream(message: StreamMessage): Buffer {
  const type = STREAM_TYPE[message.type];
  switch (message.type) {
    case 'stream-open': {
      const list = Buffer.allocUnsafe(listBytes(message.args));
      writeList(list, message.args, 0);
      return withTexts(type, 0, message.id, uint32(message.creditBytes), [message.method], list);
    }
    case 'stream-credit':
      return withPayload(type, 0, message.id, uint32(message.bytes));
    case 'stream-stop':
      return withPayload(type, message.how === 'throw' ? FLAG.throw : 0, message.id, message.payload);
    case 'stream-item':
    case 'stream-done':
    case 'stream-failure':
      return withPayload(type, message.answersStop ? FLAG.answer : 0, message.id, message.payload);
  }
}

/**
 * @returns undefined for a frame of another type
 * @throws ProtocolError
 */
export function readStream(frame: Buffer, type: number, flags: number, id: number): StreamMessage | undefined {
  const answersStop = (flags & FLAG.answer) !== 0;
  switch (type) {
    case STREAM_TYPE['stream-open']: {
      const creditBytes = readUint32(frame, HEADER_BYTES);
      const [method, end] = readText(frame, HEADER_BYTES + 4, 2, flags);
      return { type: 'stream-open', id, creditBytes, method, args: readList(frame, end) };
    }
    case STREAM_TYPE['stream-credit']: {
      const bytes = readUint32(frame, HEADER_BYTES);
      assertEnd(frame, HEADER_BYTES + 4);
      return { type: 'stream-credit', id, bytes };
    }
    case STREAM_TYPE['stream-stop']: {
      const how = (flags & FLAG.throw) !== 0 ? 'throw' : 'return';
      return { type: 'stream-stop', id, how, payload: frame.subarray(HEADER_BYTES) };
    }
    case STREAM_TYPE['stream-item']:
      return { type: 'stream-item', id, answersStop, payload: frame.subarray(HEADER_BYTES) };
    case STREAM_TYPE['stream-done']:
      return { type: 'stream-done', id, answersStop, payload: frame.subarray(HEADER_BYTES) };
    case STREAM_TYPE['stream-failure']:
      return { type: 'stream-failure', id, answersStop, payload: frame.subarray(HEADER_BYTES) };
    default:
      return undefined;
  }
}
