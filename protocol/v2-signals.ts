// The bodies of `call-signals` and `abort`: AbortSignals among the arguments of a call, which stay in the process of the caller and
// have a counterpart in the leader.

import type { Abort, CallSignals, SignalPlace } from './message';
import { ProtocolError } from './protocol-error';
import { HEADER_BYTES, begin, readText, wideFlag, withPayload, writeText } from './v2-frame';

/** AbortSignals of one call. */
export const MAX_SIGNALS = 16;

/** The index of the last argument that can hold a signal: the width of the field. */
export const MAX_ARGUMENT = 0xffff;
/** Characters of the name of a property that holds a signal: the width of the field, with two bytes for each character. */
export const MAX_PROPERTY_LENGTH = 0x7fff;

/** Before the name of the property: the number of the signal, the kind of place, the index of the argument. */
const PLACE_BYTES = 4;
const ARGUMENT = 0;
const PROPERTY = 1;

export function writeSignals(type: number, { id, places }: CallSignals): Buffer {
  const wide = wideFlag(places.map(({ property }) => property ?? '').join(''));
  const width = wide ? 2 : 1;
  const bodyBytes = places.reduce((sum, { property = '' }) => sum + PLACE_BYTES + 2 + property.length * width, 0);
  const out = begin(type, wide, id, bodyBytes);
  let offset = HEADER_BYTES;
  for (const { signal, argument, property } of places) {
    offset = out.writeUInt8(signal, offset);
    offset = out.writeUInt8(property === undefined ? ARGUMENT : PROPERTY, offset);
    offset = out.writeUInt16BE(argument, offset);
    offset = writeText(out, property ?? '', out.writeUInt16BE((property ?? '').length * width, offset), wide);
  }
  return out;
}

export function readSignals(frame: Buffer, flags: number, id: number): CallSignals {
  const places: SignalPlace[] = [];
  let offset = HEADER_BYTES;
  while (offset < frame.length) {
    if (frame.length < offset + PLACE_BYTES) throw new ProtocolError('the place of a signal ends early', frame);
    const signal = frame[offset]!;
    const kind = frame[offset + 1]!;
    const argument = frame.readUInt16BE(offset + 2);
    const [property, end] = readText(frame, offset + PLACE_BYTES, 2, flags);
    if (signal >= MAX_SIGNALS) throw new ProtocolError(`signal ${signal}`, frame);
    if (kind > PROPERTY || (kind === ARGUMENT && property !== '')) throw new ProtocolError('a place of no kind', frame);
    if (places.length === MAX_SIGNALS) throw new ProtocolError('too many places of signals', frame);
    places.push(kind === PROPERTY ? { signal, argument, property } : { signal, argument });
    offset = end;
  }
  return { type: 'call-signals', id, places };
}

export function writeAbort(type: number, { id, signal, payload }: Abort): Buffer {
  return withPayload(type, 0, id, Buffer.concat([Buffer.of(signal), payload]));
}

export function readAbort(frame: Buffer, id: number): Abort {
  const signal = frame[HEADER_BYTES];
  if (signal === undefined || signal >= MAX_SIGNALS) throw new ProtocolError('abort of no signal', frame);
  return { type: 'abort', id, signal, payload: frame.subarray(HEADER_BYTES + 1) };
}
