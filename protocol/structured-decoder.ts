// Bytes of the `structured` form as a value. The bytes may be anything: the outcome is always a value of plain kinds or a
// MalformedValueError. No count is believed before the counted bytes have been seen, no prototype is changed and no code is
// made. See README.md.

import {
  ERRORS,
  FORM,
  HIDDEN,
  MAX_COUNT,
  MAX_DEPTH,
  MAX_SHAPE_KEYS,
  MAX_SHAPES,
  MalformedValueError,
  TAG,
  VIEWS,
} from './structured-format';
import { define, newError, newException, newPattern, newView } from './structured-instances';

/**
 * Makes a new value, which shares no memory with the bytes.
 * @throws MalformedValueError
 */
export function decodeStructured(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = shortTextOf(bytes);
  if (text !== undefined) return text;
  // A setter that somebody has put on Object.prototype may decode a value during this call.
  const decoder = idle ?? new Decoder();
  idle = undefined;
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof MalformedValueError) throw error;
    // An error of a built-in constructor (RegExp, BigInt), or of a call stack that was nearly exhausted.
    throw new MalformedValueError(`not a value: ${(error as Error).message}`, { cause: error });
  } finally {
    decoder.reset();
    idle = decoder;
  }
}

/** The value if it is a text of 0 … 127 characters with a byte for each, read without a decoder; undefined: something else. */
function shortTextOf(bytes: Buffer): string | undefined {
  if (bytes[0] !== 0) return undefined;
  const characters = bytes[2]!;
  const tag = bytes[3]!;
  if (bytes[1] === 1) {
    const isText = tag >= TAG.shortString && tag < TAG.shortShape && tag === TAG.shortString + characters;
    return isText && bytes.length === 4 + characters ? bytes.toString('latin1', 4) : undefined;
  }
  const isText = bytes[1] === 2 && tag === TAG.string && characters < 0x80 && bytes[4] === characters;
  return isText && bytes.length === 5 + characters ? bytes.toString('latin1', 5) : undefined;
}

/**
 * Text is read in pieces of about this many characters, and strings are slices of a piece. A string keeps the whole piece alive;
 * the whole text of a large value would be too much.
 */
const PIECE_CHARACTERS = 8 * 1024;
/** The last place in an array. */
const MAX_INDEX = 2 ** 32 - 2;
const PROTO = '__proto__';

interface Shape {
  readonly keys: readonly string[];
  readonly hasProto: boolean;
}

class Decoder {
  #bytes: Buffer = NOTHING;
  #at = 0;
  #bodyEnd = 0;
  #isWide = false;
  /** Where the text begins, how many characters were read, and how many characters there are. */
  #textStart = 0;
  #characters = 0;
  #charactersEnd = 0;
  #piece = '';
  /** The character that the piece begins with. */
  #pieceStart = 0;
  #blobAt = 0;
  #shapes: Shape[] = [];
  /** Objects in the order in which each begins; undefined when nothing refers to objects. */
  #objects: unknown[] | undefined;
  #depth = 0;
  /** For how many elements of arrays with holes memory is taken in advance: eight bytes for each byte of the value. */
  #holesLeft = 0;

  decode(bytes: Buffer): unknown {
    this.#begin(bytes);
    const value = this.#read();
    if (this.#at !== this.#bodyEnd || this.#characters !== this.#charactersEnd || this.#blobAt !== this.#bytes.length)
      throw new MalformedValueError('bytes after the end of a value');
    return value;
  }

  /** Keeps nothing of the value. */
  reset(): void {
    this.#bytes = NOTHING;
    this.#at = this.#characters = this.#pieceStart = this.#depth = 0;
    this.#piece = '';
    this.#objects = undefined;
    if (this.#shapes.length > 0) this.#shapes = [];
  }

  #begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#bodyEnd = this.#holesLeft = bytes.length;
    const form = this.#byte();
    if (form > FORM.all) throw new MalformedValueError(`form ${form}`);
    this.#isWide = (form & FORM.wide) !== 0;
    if ((form & FORM.references) !== 0) this.#objects = [];
    const bodyBytes = this.#count();
    this.#charactersEnd = this.#count();
    this.#bodyEnd = this.#textStart = this.#at + bodyBytes;
    this.#blobAt = this.#textStart + (this.#isWide ? this.#charactersEnd * 2 : this.#charactersEnd);
    if (this.#blobAt > bytes.length) throw new MalformedValueError('the body or the text ends early');
  }

  #read(): unknown {
    const tag = this.#byte();
    if (tag < TAG.shortString) return tag;
    if (tag < TAG.shortShape) return this.#text(tag - TAG.shortString);
    if (tag < TAG.null) return this.#object(this.#shape(tag - TAG.shortShape));
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.undefined:
        return undefined;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.int32:
        return this.#bytes.readInt32BE(this.#fixed(4));
      case TAG.float64:
        return this.#bytes.readDoubleBE(this.#fixed(8));
      case TAG.string:
        return this.#text(this.#count());
      case TAG.newShape:
        return this.#object(this.#newShape());
      case TAG.shape:
        return this.#object(this.#shape(this.#count()));
      case TAG.dictionary:
        return this.#fill(this.#begun({}));
      case TAG.bareDictionary:
        return this.#fill(this.#begun(Object.create(null) as object));
      case TAG.array:
        return this.#array();
      case TAG.sparseArray:
        return this.#sparseArray();
      case TAG.reference:
        return this.#reference();
      case TAG.bigint:
        return this.#bigint();
      case TAG.date:
        return this.#begun(new Date(this.#bytes.readDoubleBE(this.#fixed(8))));
      case TAG.regexp:
        return this.#begun(this.#pattern());
      case TAG.map:
        return this.#map();
      case TAG.set:
        return this.#set();
      case TAG.bytes:
        return this.#begun(this.#view());
      case TAG.error:
        return this.#error();
      default:
        throw new MalformedValueError(`tag ${tag}`);
    }
  }

  #object({ keys, hasProto }: Shape): object {
    const object = this.#begun<Record<string, unknown>>({});
    this.#enter();
    for (let i = 0; i < keys.length; i++) {
      const value = this.#read();
      if (hasProto) define(object, keys[i]!, value);
      else object[keys[i]!] = value;
    }
    this.#depth--;
    return object;
  }

  #newShape(): Shape {
    const length = this.#count();
    if (length > MAX_SHAPE_KEYS || this.#shapes.length >= MAX_SHAPES) throw new MalformedValueError('too many shapes or keys');
    const keys: string[] = [];
    for (let i = 0; i < length; i++) keys.push(this.#text(this.#count()));
    const shape = { keys, hasProto: keys.includes(PROTO) };
    this.#shapes.push(shape);
    return shape;
  }

  #shape(number: number): Shape {
    const shape = this.#shapes[number];
    if (!shape) throw new MalformedValueError(`shape ${number}`);
    return shape;
  }

  #fill<T extends object>(object: T): T {
    const length = this.#count();
    this.#enter();
    for (let i = 0; i < length; i++) {
      const key = this.#text(this.#count());
      const value = this.#read();
      if (key === PROTO) define(object, key, value);
      else (object as Record<string, unknown>)[key] = value;
    }
    this.#depth--;
    return object;
  }

  #array(): unknown[] {
    const length = this.#count();
    const array = this.#begun<unknown[]>([]);
    this.#enter();
    for (let i = 0; i < length; i++) array.push(this.#read());
    this.#depth--;
    return array;
  }

  #sparseArray(): unknown[] {
    const length = this.#count();
    const entries = this.#count();
    const array = this.#begun<unknown[]>([]);
    if (length > this.#holesLeft) {
      // V8 would take memory for all elements; after an element far away V8 keeps a dictionary instead.
      array[MAX_INDEX] = undefined;
    } else this.#holesLeft -= length;
    array.length = length;
    this.#enter();
    for (let i = 0; i < entries; i++) {
      const index = this.#count();
      if (index >= length) throw new MalformedValueError('an index beyond the length');
      array[index] = this.#read();
    }
    this.#depth--;
    return array;
  }

  #map(): Map<unknown, unknown> {
    const size = this.#count();
    const map = this.#begun(new Map<unknown, unknown>());
    this.#enter();
    for (let i = 0; i < size; i++) {
      const key = this.#read();
      map.set(key, this.#read());
    }
    this.#depth--;
    return map;
  }

  #set(): Set<unknown> {
    const size = this.#count();
    const set = this.#begun(new Set<unknown>());
    this.#enter();
    for (let i = 0; i < size; i++) set.add(this.#read());
    this.#depth--;
    return set;
  }

  #error(): Error {
    const kind = ERRORS[this.#byte()];
    const present = this.#byte(); // every bit has a meaning
    if (!kind) throw new MalformedValueError('an error of an unknown kind');
    this.#enter();
    const isException = kind.name === 'DOMException';
    const error = isException ? this.#exception(present) : this.#begun(newError(kind.Class ?? Error));
    if (!kind.Class) define(error, 'name', kind.name, false);
    HIDDEN.forEach((name, bit) => {
      if (isException && (name === 'name' || name === 'message')) return;
      if ((present & (1 << bit)) !== 0) define(error, name, this.#read(), false);
    });
    if (this.#byte() !== TAG.dictionary) throw new MalformedValueError('an error without fields');
    const length = this.#count();
    for (let i = 0; i < length; i++) {
      const key = this.#text(this.#count());
      define(error, key, this.#read());
    }
    this.#depth--;
    return error;
  }

  /** A DOMException gets name and message at construction, and both are read before. */
  #exception(present: number): Error {
    const number = (this.#objects?.push(undefined) ?? 0) - 1;
    const name = (present & 1) !== 0 ? String(this.#read()) : 'DOMException';
    const message = (present & 2) !== 0 ? String(this.#read()) : '';
    const error = newException(name, message);
    if (this.#objects) this.#objects[number] = error;
    return error;
  }

  #pattern(): RegExp {
    const source = this.#text(this.#count());
    return newPattern(source, this.#text(this.#count()));
  }

  #view(): unknown {
    const name = VIEWS[this.#byte()];
    const length = this.#count();
    const start = this.#blobAt;
    const end = start + length;
    if (end > this.#bytes.length) throw new MalformedValueError('binary data ends early');
    this.#blobAt = end;
    return newView(name, this.#bytes.subarray(start, end));
  }

  #bigint(): bigint {
    const sign = this.#byte();
    const length = this.#count();
    const start = this.#fixed(length);
    if (sign > 1 || length === 0) throw new MalformedValueError('a bigint without a sign or bytes');
    const magnitude = BigInt(`0x${this.#bytes.toString('hex', start, start + length)}`);
    return sign === 1 ? -magnitude : magnitude;
  }

  #reference(): unknown {
    const number = this.#count();
    if (!this.#objects || number >= this.#objects.length) throw new MalformedValueError(`reference ${number}`);
    return this.#objects[number];
  }

  /** The object may be referred to from here on, also by its own content. */
  #begun<T>(object: T): T {
    this.#objects?.push(object);
    return object;
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new MalformedValueError(`nested deeper than ${MAX_DEPTH} levels`);
  }

  #text(length: number): string {
    const start = this.#characters;
    const end = start + length;
    if (end > this.#charactersEnd) throw new MalformedValueError('the text ends early');
    this.#characters = end;
    if (end > this.#pieceStart + this.#piece.length) {
      this.#piece = this.#slice(start, Math.max(end, Math.min(start + PIECE_CHARACTERS, this.#charactersEnd)));
      this.#pieceStart = start;
    }
    return this.#piece.slice(start - this.#pieceStart, end - this.#pieceStart);
  }

  #slice(start: number, end: number): string {
    return this.#isWide
      ? this.#bytes.toString('utf16le', this.#textStart + start * 2, this.#textStart + end * 2)
      : this.#bytes.toString('latin1', this.#textStart + start, this.#textStart + end);
  }

  #byte(): number {
    if (this.#at >= this.#bodyEnd) throw new MalformedValueError('a value ends early');
    return this.#bytes[this.#at++]!;
  }

  #count(): number {
    const only = this.#byte();
    if (only < 0x80) return only;
    let count = only & 0x7f;
    for (let factor = 128; ; factor *= 128) {
      const byte = this.#byte();
      count += (byte & 0x7f) * factor;
      if (count > MAX_COUNT) throw new MalformedValueError('a count is too large');
      if (byte < 0x80) return count;
      if (factor > 2 ** 27) throw new MalformedValueError('a count is too long');
    }
  }

  /** Where so many bytes of the body begin. */
  #fixed(length: number): number {
    const start = this.#at;
    if (start + length > this.#bodyEnd) throw new MalformedValueError('a value ends early');
    this.#at += length;
    return start;
  }
}

const NOTHING = Buffer.alloc(0);
let idle: Decoder | undefined;
