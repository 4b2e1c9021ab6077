// The body of `call-context`: the trace in which a call is made, as named fields of text. Which fields there are, the propagators of
// the tracer decide, and nothing here looks into the values.

import type { CallContext, ContextField } from './message';
import { ProtocolError } from './protocol-error';
import { HEADER_BYTES, begin, readText, wideFlag, writeText } from './v2-frame';

/** A trace context and baggage are three fields. */
const MAX_FIELDS = 16;
/** Characters of a name or a value: the limit that W3C Baggage sets for what everybody has to pass on. */
const MAX_LENGTH = 8_192;

/** The fields of these that a message can carry. Tracing must not make a call fail, so the others are left out. */
function carried(fields: readonly ContextField[]): readonly ContextField[] {
  return fields
    .filter(({ name, value }) => name !== '' && name.length <= MAX_LENGTH && value.length <= MAX_LENGTH)
    .slice(0, MAX_FIELDS);
}

export function writeContext(type: number, { id, fields }: CallContext): Buffer {
  const texts = carried(fields).flatMap(({ name, value }) => [name, value]);
  const wide = wideFlag(texts.join(''));
  const width = wide ? 2 : 1;
  const out = begin(
    type,
    wide,
    id,
    texts.reduce((sum, { length }) => sum + 2 + length * width, 0),
  );
  let offset = HEADER_BYTES;
  for (const text of texts) offset = writeText(out, text, out.writeUInt16BE(text.length * width, offset), wide);
  return out;
}

export function readContext(frame: Buffer, flags: number, id: number): CallContext {
  const fields: ContextField[] = [];
  let offset = HEADER_BYTES;
  while (offset < frame.length) {
    const [name, nameEnd] = readText(frame, offset, 2, flags);
    const [value, end] = readText(frame, nameEnd, 2, flags);
    if (name === '') throw new ProtocolError('a field of a context without a name', frame);
    if (fields.length === MAX_FIELDS) throw new ProtocolError('too many fields of a context', frame);
    fields.push({ name, value });
    offset = end;
  }
  return { type: 'call-context', id, fields };
}
