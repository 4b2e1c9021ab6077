// A copy of a user's value as the value is now. A registration, a publication or an argument that waits, is repeated, or is
// given to the upstream client again must not show later changes of the object by the user or the upstream client. Every value
// that trunkline keeps for later passes through here; keys (format-key.ts) use the same view of what can be read.

import { types } from 'node:util';
import { codeOf } from './source-text';

/** Parts that are nested deeper are not copied. Values of other processes never are: the wire has the same limit. */
const MAX_DEPTH = 1_000;
/** The last place in an array. */
const MAX_INDEX = 2 ** 32 - 2;

/**
 * A deep copy of plain objects, arrays, Map, Set, Date, RegExp, URL, binary data, errors, and instances whose whole state is in
 * visible fields. Everything else (functions, symbols, opaque objects) is shared by the copy. Cycles, and objects that are in
 * several places, keep the form, so the cost is bounded by the value.
 */
export function snapshot<T>(value: T): T {
  return isObject(value) ? ((flatCopyOf(value) ?? copyOf(value, new Map(), 0)) as T) : value;
}

/** The copy of a plain object that holds no other object, as most registrations are: a quarter of the cost. */
function flatCopyOf(value: object): object | undefined {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const copy: Record<string, unknown> = { ...value };
  for (const name in copy) if (isObject(copy[name])) return undefined;
  return Object.getOwnPropertySymbols(copy).length === 0 ? copy : undefined;
}

/** @param copies every object that was met before, with the copy */
function copyOf(value: object, copies: Map<object, object>, depth: number): object {
  const known = copies.get(value);
  if (known) return known;
  if (depth > MAX_DEPTH) return value;
  const copy = emptyCopy(value);
  copies.set(value, copy);
  if (copy !== value) fill(value, copy, (part) => (isObject(part) ? copyOf(part, copies, depth + 1) : part));
  return copy;
}

/** The copy before nested objects are copied; the value when nothing is to be copied. */
function emptyCopy(value: object): object {
  const prototype = Object.getPrototypeOf(value) as object | null;
  const withFields = (): object => ({ __proto__: prototype, ...value });
  if (prototype === Object.prototype || prototype === null) return withFields();
  const copy = emptyBuiltIn(value);
  if (copy === undefined) return isOpaque(value) ? value : withFields();
  if (copy === value || Object.getPrototypeOf(copy) === prototype) return copy;
  return stateOf(prototype) === 'private' ? value : (Object.setPrototypeOf(copy, prototype) as object); // a subclass
}

/** @returns undefined when the value is no object that the language or the platform gives a copy of */
function emptyBuiltIn(value: object): object | undefined {
  if (Array.isArray(value)) return [];
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isMap(value)) return new Map();
  if (types.isSet(value)) return new Set();
  if (types.isRegExp(value)) return new RegExp(value.source, value.flags);
  if (types.isArrayBuffer(value)) return value.slice(0);
  if (ArrayBuffer.isView(value)) return copyOfView(value);
  if (types.isNativeError(value)) return new Error();
  if (value instanceof URLSearchParams) return new URLSearchParams(value);
  return value instanceof URL ? new URL(value.href) : undefined;
}

function copyOfView(view: ArrayBufferView): object {
  if (types.isSharedArrayBuffer(view.buffer)) return view; // shared memory exists to be changed by both sides
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  if (Buffer.isBuffer(view)) return Buffer.from(bytes);
  const View = globalThis[kindOfView(view) as 'Uint8Array'] as new (buffer: ArrayBuffer) => object;
  return new View(bytes);
}

/** Reads the class of a typed array from a place that no user code can have changed. */
const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

/** The name of the class of the language that a view belongs to. */
export function kindOfView(view: ArrayBufferView): string {
  return types.isDataView(view) ? 'DataView' : (Reflect.get(typedArrayPrototype, Symbol.toStringTag, view) as string);
}

function fill(value: object, copy: object, inside: (part: unknown) => unknown): void {
  if (Array.isArray(value)) {
    fillArray(value, copy as unknown[], inside);
    return;
  }
  if (types.isNativeError(value)) {
    fillError(value, copy, inside);
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  if (types.isMap(value)) for (const [key, each] of value) (copy as Map<unknown, unknown>).set(inside(key), inside(each));
  if (types.isSet(value)) for (const each of value) (copy as Set<unknown>).add(inside(each));
  const fields = copy as Record<PropertyKey, unknown>;
  for (const name of Object.keys(value)) fields[name] = inside(Object.hasOwn(copy, name) ? fields[name] : value[name as never]);
  for (const symbol of Object.getOwnPropertySymbols(copy)) fields[symbol] = inside(fields[symbol]);
}

function fillArray(value: readonly unknown[], copy: unknown[], inside: (part: unknown) => unknown): void {
  const indices = indicesBetweenHoles(value);
  if (!indices) {
    for (let i = 0; i < value.length; i++) copy.push(inside(value[i]));
    return;
  }
  copy[MAX_INDEX] = undefined; // makes V8 take no memory for the holes
  copy.length = value.length;
  for (const index of indices) copy[index] = inside(value[index]);
}

/** Fields of errors are mostly not enumerable. */
function fillError(error: Error, copy: object, inside: (part: unknown) => unknown): void {
  for (const name of Object.getOwnPropertyNames(error)) {
    const enumerable = Object.prototype.propertyIsEnumerable.call(error, name);
    const value = inside((error as unknown as Record<string, unknown>)[name]);
    Object.defineProperty(copy, name, { value, enumerable, writable: true, configurable: true });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/**
 * The places of the elements of an array with holes; undefined when an array has none.
 * Holes cost nothing: an array of 2^32 − 1 may have two elements.
 */
export function indicesBetweenHoles(array: readonly unknown[]): number[] | undefined {
  for (let i = 0; i < array.length; i++) {
    if (array[i] !== undefined || i in array) continue;
    const names = Object.keys(array);
    const end = names.findIndex((name) => String(Number(name) >>> 0) !== name || Number(name) > MAX_INDEX);
    return names.slice(0, end < 0 ? names.length : end).map(Number); // properties beside the elements come last
  }
  return undefined;
}

/**
 * Whether an object of no built-in kind holds what cannot be read from outside, and therefore can neither be copied nor be
 * compared by content: private fields, properties that are not enumerable or are named by symbols, or a state that only the
 * platform knows (a promise, a WeakMap, an AbortSignal).
 */
export function isOpaque(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (isRootPrototype(prototype)) return false;
  const { length } = Object.keys(value);
  if (Reflect.ownKeys(value).length !== length || stateOf(prototype) !== 'visible') return true;
  return length === 0 && Object.prototype.toString.call(value) !== '[object Object]'; // a generator, an iterator …
}

/** Whether a prototype is null, or the Object.prototype of any context. */
export function isRootPrototype(prototype: object | null): prototype is null {
  if (prototype === null) return true;
  return !types.isProxy(prototype) && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'hasOwnProperty');
}

type State = 'visible' | 'private' | 'native';

/** What TypeScript, esbuild, Babel and SWC make of private fields and methods. */
const LOWERED_PRIVATE = /class_?private_?(?:field|method)|__private(?:Add|Get|Set|Method)/i;
const STATIC_NAME = /\bstatic\s+(?:async\b|get\b|set\b)?[\s*]*#([\p{ID_Continue}$]+)/gu;
const PRIVATE_NAME = /#([\p{ID_Continue}$]+)/gu;

/**
 * Whether instances have a private field or method; static private members belong to the class. Texts and comments are already
 * blank in the code.
 */
function hasPrivateName(code: string): boolean {
  if (!code.endsWith('}')) return true; // a quote in a pattern was taken for the beginning of a text
  const statics = new Set([...code.matchAll(STATIC_NAME)].map(([, name]) => name));
  return [...code.matchAll(PRIVATE_NAME)].some(([, name]) => !statics.has(name));
}

const states = new WeakMap<object, State>();

/** Where instances with this prototype keep state. Only the source text of a class shows private fields. */
function stateOf(prototype: object | null): State {
  if (isRootPrototype(prototype)) return 'visible';
  const object = prototype;
  let state = states.get(object);
  if (!state) {
    const constructor: unknown = Reflect.getOwnPropertyDescriptor(object, 'constructor')?.value;
    const text = typeof constructor === 'function' ? Function.prototype.toString.call(constructor) : '';
    if (text.includes('#') && hasPrivateName(codeOf(constructor as () => unknown))) state = 'private';
    else if (LOWERED_PRIVATE.test(text)) state = 'private';
    else state = text.includes('[native code]') ? 'native' : stateOf(Object.getPrototypeOf(object) as object | null);
    states.set(object, state);
  }
  return state;
}
