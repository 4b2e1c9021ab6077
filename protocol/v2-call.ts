// The body of `call`.

import type { Call, CallStyle } from './message';
import { HEADER_BYTES, begin, listBytes, readList, readText, wideFlag, writeList, writeText } from './v2-frame';

const FLAG = { oneway: 1, promise: 2, callback: 4, replay: 8 } as const;

export function writeCall(type: number, message: Call): Buffer {
  const { method, args } = message;
  if (method !== latest.method) latest = writtenMethod(method);
  const { wide, bytes } = latest;
  const out = begin(type, callFlags(message) | wide, message.id, bytes.length + listBytes(args));
  out.set(bytes, HEADER_BYTES);
  writeList(out, args, HEADER_BYTES + bytes.length);
  return out;
}

/** A method with the length in front, as it stands in a frame. */
interface WrittenMethod {
  readonly method: string;
  readonly wide: number;
  readonly bytes: Buffer;
}

/** A process calls the same method many times in a row, and copying a name is cheaper than writing it. */
let latest: WrittenMethod = { method: '', wide: 0, bytes: Buffer.alloc(2) };

function writtenMethod(method: string): WrittenMethod {
  const wide = wideFlag(method);
  const textBytes = wide ? method.length * 2 : method.length;
  const bytes = Buffer.allocUnsafe(2 + textBytes);
  writeText(bytes, method, bytes.writeUInt16BE(textBytes), wide);
  return { method, wide, bytes };
}

function callFlags({ oneway, style, replay }: Call): number {
  return (oneway ? FLAG.oneway : 0) | (style === undefined ? 0 : FLAG[style]) | (replay ? FLAG.replay : 0);
}

export function readCall(frame: Buffer, flags: number, id: number): Call {
  const [method, end] = readText(frame, HEADER_BYTES, 2, flags);
  const args = readList(frame, end);
  const timeoutMs = 0;
  const oneway = (flags & FLAG.oneway) !== 0;
  const style: CallStyle | undefined =
    (flags & FLAG.callback) !== 0 ? 'callback' : (flags & FLAG.promise) !== 0 ? 'promise' : undefined;
  // Nearly every call. What the general case spreads took a tenth of the CPU time of a call.
  if (style && (flags & FLAG.replay) === 0) return { type: 'call', id, timeoutMs, method, args, oneway, style };
  return {
    type: 'call',
    id,
    timeoutMs,
    method,
    args,
    oneway,
    ...(style && { style }),
    ...((flags & FLAG.replay) !== 0 && { replay: true }),
  };
}
