// Whether JSON can carry a value exactly, and such values as JSON text (value-codec.ts decides when that is tried): the engine writes
// and parses JSON in native code, and the first values of a process cost a fraction of what a codec in JavaScript costs before being
// compiled. structured-*.ts carries all other values.

import { isUtf8 } from 'node:buffer';
import { MAX_DEPTH, MalformedValueError } from './structured-format';

/**
 * A key that is special to the language, also with underscores that are hidden by escapes. No text written by this file has such
 * a key.
 */
const PROTO = '__proto__';
const ESCAPED_UNDERSCORE = '\\u005';

/**
 * An object or an array as UTF-8 JSON text.
 * @param room bytes before the text that are free for the caller, filled with 0
 * @returns undefined when JSON would lose something of the value, for instance that the same object stands in two places
 */
export function encodePlainJson(value: unknown, room: number): Buffer | undefined {
  if (typeof value !== 'object' || value === null || isLanguageChanged()) return undefined;
  const copy = exactCopy(value, new Set(), 1);
  if (!copy) return undefined;
  const text = JSON.stringify(copy);
  if (hasProto(text)) return undefined;
  const bytes = Buffer.allocUnsafe(room + Buffer.byteLength(text));
  if (room > 0) bytes.fill(0, 0, room);
  bytes.write(text, room);
  return room > 0 ? bytes.subarray(room) : bytes;
}

/** Whether bytes are JSON text of an object or an array. A structured value begins with a form, which is a smaller number. */
export function isPlainJson(bytes: Buffer): boolean {
  return bytes[0] === BRACE || bytes[0] === BRACKET;
}

const BRACE = 0x7b;
const BRACKET = 0x5b;

/**
 * Makes a new value of JSON text. The bytes may be anything.
 * @throws MalformedValueError
 */
export function decodePlainJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new MalformedValueError('JSON text that is not UTF-8');
  const text = bytes.toString();
  if (hasProto(text)) throw new MalformedValueError(`JSON text with ${PROTO}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MalformedValueError(`not JSON text: ${(cause as Error).message}`, { cause });
  }
  // Each level has two brackets. Counting brackets costs a tenth of walking through the value.
  const mayBeDeep = text.length > 2 * MAX_DEPTH && text.split('{').length + text.split('[').length > MAX_DEPTH;
  if (mayBeDeep && isDeeper(value, MAX_DEPTH)) throw new MalformedValueError('JSON text that is nested too deeply');
  return value;
}

function hasProto(text: string): boolean {
  return text.includes(PROTO) || text.includes(ESCAPED_UNDERSCORE);
}

/**
 * A copy of an object of which JSON text says all. JSON.stringify gets the copy, because a getter or a proxy may give another
 * value each time. A single function without calls for each field, because the function mostly runs before being compiled. A
 * spread costs 2.5 µs of the 16 µs that a young process needs for 1 KB with 15 objects (Node 20); property descriptors cost 5 to
 * 8 µs.
 * @param seen objects met before; a repeated object would arrive as two objects
 * @returns undefined when JSON would lose something
 */
function exactCopy(value: object, seen: Set<object>, depth: number): object | undefined {
  if (seen.has(value) || depth > MAX_DEPTH) return undefined;
  seen.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) {
    const copy = { ...value } as Record<string, unknown>;
    for (const key in copy) {
      const field = copy[key];
      if (typeof field === 'string' || typeof field === 'boolean' || field === null) continue;
      if (typeof field === 'object') {
        if (!(copy[key] = exactCopy(field, seen, depth + 1))) return undefined;
      } else if (!isExactNumber(field)) return undefined;
    }
    return copy;
  }
  if (prototype !== Array.prototype || !Array.isArray(value)) return undefined;
  const copy: unknown[] = [];
  const { length } = value;
  // A loop instead of slice: a hole must end the copy at once, because an array of a few bytes may have millions of holes.
  for (let i = 0; i < length; i++) {
    let field: unknown = value[i];
    if (typeof field === 'object' && field !== null) {
      if (!(field = exactCopy(field, seen, depth + 1))) return undefined;
    } else if (typeof field !== 'string' && typeof field !== 'boolean' && field !== null && !isExactNumber(field))
      return undefined;
    copy.push(field);
  }
  return copy;
}

/** Whether a value is a number that JSON carries exactly: neither NaN nor infinite nor -0. */
function isExactNumber(value: unknown): boolean {
  return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
}

/** Whether all objects have fields, or values a `toJSON`, which some old libraries add and JSON.stringify would call. */
function isLanguageChanged(): boolean {
  for (const _inherited in Object.prototype) return true;
  return (
    'toJSON' in Object.prototype ||
    'toJSON' in Array.prototype ||
    'toJSON' in String.prototype ||
    'toJSON' in Number.prototype ||
    'toJSON' in Boolean.prototype
  );
}

/** Whether JSON that was parsed is nested deeper than so many levels. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((field) => isDeeper(field, levels - 1));
}
