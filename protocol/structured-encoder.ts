// A value of the user as bytes of the `structured` form: everything that structured clone keeps, and errors whole.
// What cannot be carried is refused with a TypeError that names the place in the value. See README.md.

import { types } from 'node:util';
import { isError } from './error-value';
import { isWide } from './latin1';
import { ERRORS, HIDDEN, MAX_DEPTH, TAG, VIEWS } from './structured-format';
import { ShapeTable, type Shape } from './structured-shapes';
import { ValueWriter } from './structured-writer';

/**
 * @param room bytes before the value that are free for the caller, filled with 0; `undefined` gives no bytes at all
 * @throws TypeError for a value that cannot be carried; the message names the place
 */
export function encodeStructured(value: unknown, room = 0): Buffer {
  if (value === undefined) return NOTHING;
  if (typeof value === 'string' && (Buffer.byteLength(value) === value.length || !isWide(value))) return encodeText(value, room);
  // A getter or a toJSON of the user may encode a value during this call.
  const encoder = idle ?? new Encoder();
  idle = undefined;
  try {
    return encoder.encode(value, room);
  } finally {
    encoder.reset();
    idle = encoder;
  }
}

/** A text with a byte for each character, written without an encoder: many arguments and results are texts. */
function encodeText(text: string, room: number): Buffer {
  const { length } = text;
  const tag = TAG.shortString + length;
  const isShort = tag < TAG.shortShape;
  const lengthBytes = countBytes(length);
  const bodyBytes = isShort ? 1 : 1 + lengthBytes;
  const out = Buffer.allocUnsafe(room + 2 + lengthBytes + bodyBytes + length);
  for (let i = 0; i < room; i++) out[i] = 0;
  out[room] = 0; // the form
  out[room + 1] = bodyBytes;
  let offset = writeCount(out, length, room + 2);
  out[offset++] = isShort ? tag : TAG.string;
  if (!isShort) offset = writeCount(out, length, offset);
  out.write(text, offset, 'latin1');
  return room > 0 ? out.subarray(room) : out;
}

function countBytes(value: number): number {
  let bytes = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}

function writeCount(out: Buffer, value: number, at: number): number {
  let offset = at;
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) out[offset++] = (rest & 0x7f) | 0x80;
  out[offset] = rest;
  return offset + 1;
}

const PLAIN = Object.prototype;
/** Reads the class of a typed array from a place that no user code can have changed. */
const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

class Encoder {
  readonly #out = new ValueWriter();
  readonly #shapes = new ShapeTable();
  /** The numbers of the objects that have begun. */
  #seen = new Map<object, number>();
  #objects = 0;
  #hasReferences = false;
  /** How deep the walk is, and which keys lead to the present position. */
  #depth = 0;
  readonly #path: unknown[] = [];

  encode(value: unknown, room: number): Buffer {
    this.#write(value);
    return this.#out.finish(this.#hasReferences, room);
  }

  reset(): void {
    this.#out.reset();
    this.#shapes.reset();
    if (this.#seen.size > 0) this.#seen = new Map(); // clear() would keep the capacity of the largest value
    this.#depth = this.#objects = 0;
    if (this.#path.length > 0) this.#path.length = 0;
    this.#hasReferences = false;
  }

  #write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#out.string(value);
        return;
      case 'number':
        this.#out.number(value);
        return;
      case 'object':
        if (value === null) this.#out.byte(TAG.null);
        else this.#object(value);
        return;
      case 'boolean':
        this.#out.byte(value ? TAG.true : TAG.false);
        return;
      case 'undefined':
        this.#out.byte(TAG.undefined);
        return;
      case 'bigint':
        this.#bigint(value);
        return;
      default:
        throw this.#refusal(`a ${typeof value}`);
    }
  }

  #object(value: object): void {
    const known = this.#seen.get(value);
    if (known !== undefined) {
      this.#hasReferences = true;
      this.#out.tagged(TAG.reference, known);
      return;
    }
    this.#seen.set(value, this.#objects++);
    if (++this.#depth > MAX_DEPTH) throw this.#refusal(`what is nested deeper than ${MAX_DEPTH} levels`, 1);
    if (Array.isArray(value)) this.#array(value);
    else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === PLAIN) this.#plain(value as Record<string, unknown>);
      else this.#special(value, prototype);
    }
    this.#depth--;
  }

  #plain(value: Record<string, unknown>): void {
    const keys = Object.keys(value);
    if (keys.includes('toJSON') && typeof value.toJSON === 'function') {
      this.#instance(value, PLAIN);
      return;
    }
    const shape = this.#shapeOf(keys);
    if (!shape) {
      this.#dictionary(TAG.dictionary, value, keys);
      return;
    }
    const depth = this.#depth;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      this.#path[depth] = key;
      this.#write(value[key]);
    }
  }

  /** Says which shape follows; undefined when none may. */
  #shapeOf(keys: readonly string[]): Shape | undefined {
    const shape = this.#shapes.find(keys);
    if (!shape) return undefined;
    if (this.#shapes.isKnown(shape)) {
      if (shape.number < 32) this.#out.byte(TAG.shortShape + shape.number);
      else this.#out.tagged(TAG.shape, shape.number);
      return shape;
    }
    if (!this.#shapes.number(shape)) return undefined;
    this.#out.tagged(TAG.newShape, keys.length);
    for (let i = 0; i < keys.length; i++) this.#out.name(keys[i]!);
    return shape;
  }

  #dictionary(tag: number, value: object, keys: readonly string[]): void {
    this.#out.tagged(tag, keys.length);
    const depth = this.#depth;
    for (const key of keys) {
      this.#path[depth] = key;
      this.#out.name(key);
      this.#write((value as Record<string, unknown>)[key]);
    }
  }

  #array(value: readonly unknown[]): void {
    const { length } = value;
    for (let i = 0; i < length; i++) {
      if (value[i] === undefined && !(i in value)) {
        this.#sparse(value);
        return;
      }
    }
    this.#out.tagged(TAG.array, length);
    const depth = this.#depth;
    for (let i = 0; i < length; i++) {
      this.#path[depth] = i;
      this.#write(value[i]);
    }
  }

  #sparse(value: readonly unknown[]): void {
    const indices = Object.keys(value)
      .filter((name) => String(Number(name) >>> 0) === name) // no other properties
      .map(Number);
    this.#out.tagged(TAG.sparseArray, value.length);
    this.#out.count(indices.length);
    const depth = this.#depth;
    for (const index of indices) {
      this.#path[depth] = index;
      this.#out.count(index);
      this.#write(value[index]);
    }
  }

  /** Objects of other classes than Object and Array, and of other realms. */
  #special(value: object, prototype: unknown): void {
    if (types.isDate(value)) {
      this.#out.float(TAG.date, Date.prototype.getTime.call(value));
    } else if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      this.#bytes(value);
    } else if (types.isMap(value)) {
      this.#map(value);
    } else if (types.isSet(value)) {
      this.#set(value);
    } else if (types.isRegExp(value)) {
      this.#out.byte(TAG.regexp);
      this.#out.name(value.source);
      this.#out.name(value.flags);
    } else if (types.isNativeError(value) || isError(value)) {
      this.#error(value);
    } else if (types.isBoxedPrimitive(value)) {
      this.#replace(value, value.valueOf());
    } else {
      this.#instance(value, prototype);
    }
  }

  /** An instance of a user's class is encoded as the result of `toJSON`, if there is one, or as own enumerable fields. */
  #instance(value: object, prototype: unknown): void {
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') {
      const replacement: unknown = toJSON.call(value);
      if (replacement !== value) {
        this.#replace(value, replacement);
        return;
      }
    }
    const keys = Object.keys(value);
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    // An object without visible state would silently arrive as an empty object.
    if (types.isPromise(value) || (kind !== 'Object' && keys.length === 0)) throw this.#refusal(`a ${kind}`, 1);
    this.#dictionary(prototype === null ? TAG.bareDictionary : TAG.dictionary, value, keys);
  }

  /** Writes something else in the place of an object that has just begun. */
  #replace(value: object, replacement: unknown): void {
    this.#objects--;
    // Where the object is met again, the replacement is meant, if a reference to the replacement is possible.
    if (typeof replacement === 'object' && replacement !== null && !this.#seen.has(replacement)) {
      this.#seen.set(value, this.#objects);
    } else this.#seen.delete(value);
    this.#write(replacement);
  }

  #map(value: ReadonlyMap<unknown, unknown>): void {
    this.#out.tagged(TAG.map, value.size);
    const depth = this.#depth;
    let entry = 0;
    for (const [key, each] of [...value]) {
      this.#path[depth] = -++entry;
      this.#write(key);
      this.#write(each);
    }
  }

  #set(value: ReadonlySet<unknown>): void {
    this.#out.tagged(TAG.set, value.size);
    const depth = this.#depth;
    let entry = 0;
    for (const each of [...value]) {
      this.#path[depth] = -++entry;
      this.#write(each);
    }
  }

  #error(error: Error): void {
    const fields = Object.keys(error);
    const kind = kindOfError(error);
    let present = 0;
    const hidden: unknown[] = [];
    HIDDEN.forEach((name, bit) => {
      if (fields.includes(name)) return;
      const value = hiddenField(error, kind, name);
      if (value === undefined) return;
      present |= 1 << bit;
      hidden.push(value);
    });
    this.#out.byte(TAG.error);
    this.#out.byte(kind);
    this.#out.byte(present);
    const depth = this.#depth;
    HIDDEN.filter((_name, bit) => present & (1 << bit)).forEach((name, i) => {
      this.#path[depth] = name;
      this.#write(hidden[i]);
    });
    this.#dictionary(TAG.dictionary, error, fields);
  }

  #bytes(value: ArrayBufferView | ArrayBufferLike): void {
    let view: Uint8Array;
    let name: string;
    if (ArrayBuffer.isView(value)) {
      view = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (Buffer.isBuffer(value)) name = 'Buffer';
      else name = types.isDataView(value) ? 'DataView' : (Reflect.get(typedArrayPrototype, Symbol.toStringTag, value) as string);
    } else {
      view = new Uint8Array(value);
      name = 'ArrayBuffer';
    }
    const kind = (VIEWS as readonly string[]).indexOf(name);
    if (kind < 0) throw this.#refusal(`a ${name}`, 1);
    this.#out.byte(TAG.bytes);
    this.#out.byte(kind);
    this.#out.count(view.length);
    this.#out.binary(view);
  }

  #bigint(value: bigint): void {
    const isNegative = value < 0n;
    const hex = (isNegative ? -value : value).toString(16);
    const bytes = (hex.length + 1) >> 1;
    this.#out.byte(TAG.bigint);
    this.#out.byte(isNegative ? 1 : 0);
    this.#out.count(bytes);
    this.#out.hex(hex.padStart(bytes * 2, '0'));
  }

  /** @param levels how many of the places that the walk is at are inside of what is refused */
  #refusal(what: string, levels = 0): TypeError {
    const path = this.#path.slice(1, this.#depth - levels + 1).map(placeName);
    const place = path.length > 0 ? ` at ${path.join('').replace(/^\./, '')}` : '';
    return new TypeError(`${what}${place} cannot be encoded`);
  }
}

function kindOfError(error: Error): number {
  const kind = ERRORS.findLastIndex(({ Class }) => Class && error instanceof Class);
  // An error of another realm is recognised by name.
  return kind >= 0 ? kind : Math.max(0, ERRORS.findIndex(({ name }) => name === error.name)); // prettier-ignore
}

/** @returns undefined when the field is what every error of this kind has */
function hiddenField(error: Error, kind: number, name: (typeof HIDDEN)[number]): unknown {
  const value = (error as unknown as Record<string, unknown>)[name];
  switch (name) {
    case 'name':
      return value === ERRORS[kind]!.name ? undefined : value;
    case 'message':
      return value === '' ? undefined : value;
    case 'code': // of a getter of the class; a DOMException derives the code from the name
      return ERRORS[kind]!.name !== 'DOMException' && (typeof value === 'string' || typeof value === 'number')
        ? value
        : undefined;
    case 'error':
    case 'suppressed':
      return Object.hasOwn(error, name) ? value : undefined;
    default:
      return value;
  }
}

const NOTHING = Buffer.alloc(0);
let idle: Encoder | undefined;

function placeName(step: unknown): string {
  if (typeof step === 'number') return step < 0 ? `<entry ${-step}>` : `[${step}]`;
  const name = String(step);
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
