// A registration as a string. Two subscriptions are the same if their strings are equal.

import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { indicesBetweenHoles, isOpaque, kindOfView } from './snapshot';

/** Registrations that are nested deeper have no key, before a call stack could be exhausted. The wire has the same limit. */
const MAX_DEPTH = 1_000;
/** Longer keys are checked for excessive repetition. */
const FREE_CHARACTERS = 64 * 1024;
/**
 * A value that has the same object, or the same property name, in very many places may be carried by few bytes and have an
 * endless key. A long key may be so many times longer than a key in which each object and each name stood once.
 */
const MAX_REPETITION = 32;
/** Longer binary data is represented in the key by a hash. */
const MAX_PLAIN_BYTES = 64;
/** The character before a part that is known by identity. JSON never holds this character. */
const LOCAL = '\u001a';

/** Thrown when the key would belong to several registrations. The message names the place. */
class NoKeyError extends TypeError {
  override readonly name = 'NoKeyError';
}

/**
 * The default `formatKey`: two registrations have the same key exactly if they are equal. Plain JSON has the key that
 * JSON.stringify gives with sorted names, which is also the key that a leader of cluster-client 3.x makes. What JSON would lose
 * or confuse is written in ways that are no JSON: `Date(0)`, `0x1n`, `Map([["a",1]])`. Functions, unique symbols and opaque
 * objects are known by identity in this process.
 * @throws NoKeyError for what is nested too deeply, or repeats endlessly
 */
export function formatKey(registration: unknown): string {
  // Most registrations: 0.3 µs instead of 2.
  if (isPlain(registration)) return JSON.stringify(registration);
  return new KeyWriter().write(registration);
}

/**
 * Whether a value is a string, or a plain object of strings, booleans and finite numbers except -0, with sorted names:
 * `formatKey` writes such a value as plain JSON.
 */
export function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  const names = Object.keys(value);
  for (let i = 0; i < names.length; i++) {
    if (i > 0 && names[i - 1]! > names[i]!) return false;
    const field = (value as Record<string, unknown>)[names[i]!];
    if (typeof field !== 'string' && typeof field !== 'boolean' && (!Number.isFinite(field) || Object.is(field, -0)))
      return false;
  }
  return typeof (value as { toJSON?: unknown }).toJSON !== 'function' && Object.getOwnPropertySymbols(value).length === 0;
}

/** Whether a key of `formatKey` holds an identity, which says nothing in another process. */
export function isLocalKey(key: string): boolean {
  return key.includes(LOCAL);
}

/** What a registration with such a key holds, and where: `a function at filters[0]`. */
export function localPart(registration: unknown): string {
  const writer = new KeyWriter();
  writer.write(registration);
  return writer.localPart ?? 'nothing';
}

class KeyWriter {
  /** The first part that has only an identity. */
  localPart: string | undefined;
  /** The objects that the walk is inside of, with the depth of each. */
  readonly #ancestors = new Map<object, number>();
  readonly #path: (string | number)[] = [];
  #characters = 0;
  #allowed: number;
  /** In a key that is only measured: the objects and names that were written already. */
  readonly #written: Set<unknown> | undefined;
  #root: unknown;

  constructor(limit: 'bounded' | 'measured' = 'bounded') {
    this.#allowed = limit === 'bounded' ? FREE_CHARACTERS : Infinity;
    this.#written = limit === 'measured' ? new Set() : undefined;
  }

  /** @throws NoKeyError */
  write(root: unknown): string {
    this.#root = root;
    return this.#text(root);
  }

  /** How long the key would be if each object and each name stood in the key once. */
  static measure(root: unknown): number {
    const writer = new KeyWriter('measured');
    writer.write(root);
    return writer.#characters;
  }

  #text(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return this.#counted(JSON.stringify(value));
      case 'bigint':
        return this.#counted(value < 0n ? `-0x${(-value).toString(16)}n` : `0x${value.toString(16)}n`);
      case 'number':
        return this.#counted(String(value === 0 ? 0 : value));
      case 'symbol': {
        const name = Symbol.keyFor(value);
        return name === undefined ? this.#identity(value, 'a symbol') : this.#counted(`Symbol.for(${JSON.stringify(name)})`);
      }
      case 'function':
        return this.#identity(value, 'a function');
      case 'object':
        return value === null ? this.#counted('null') : this.#object(value);
      default:
        return this.#counted(String(value)); // true, false, undefined
    }
  }

  #object(value: object): string {
    const depth = this.#ancestors.size;
    const known = this.#ancestors.get(value);
    if (known !== undefined) return this.#counted(`^${depth - known}`);
    if (depth >= MAX_DEPTH) throw this.#refusal(`what is nested deeper than ${MAX_DEPTH} levels`);
    if (this.#isWritten(value)) return '';
    this.#characters += 2;
    if (this.#characters > this.#allowed) this.#assertWorth();
    this.#ancestors.set(value, depth);
    const text = this.#content(value);
    this.#ancestors.delete(value);
    return text;
  }

  #content(value: object): string {
    if (Array.isArray(value)) return this.#array(value);
    if (types.isDate(value)) return this.#counted(`Date(${Date.prototype.getTime.call(value)})`);
    if (ArrayBuffer.isView(value) || types.isArrayBuffer(value)) return this.#bytes(value);
    if (types.isMap(value)) return `Map(${this.#sorted([...value])})`;
    if (types.isSet(value)) return `Set(${this.#sorted([...value])})`;
    if (types.isRegExp(value)) return this.#counted(`RegExp(${JSON.stringify([value.source, value.flags])})`);
    if (types.isNativeError(value) || value instanceof Error) return `Error(${this.#error(value)})`;
    if (types.isBoxedPrimitive(value)) return this.#text(value.valueOf());
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return this.#text(toJSON.call(value));
    if (value instanceof URLSearchParams) return this.#counted(`URLSearchParams(${JSON.stringify(String(value))})`);
    if (isOpaque(value)) return this.#identity(value, `an object whose state cannot be read (${classOf(value)})`);
    return this.#fields(value, Object.keys(value));
  }

  #array(value: readonly unknown[]): string {
    const indices = indicesBetweenHoles(value);
    if (!indices) return `[${value.map((each, index) => this.#at(index, each)).join(',')}]`;
    const parts: string[] = [];
    let next = 0;
    for (const index of [...indices, value.length]) {
      if (index > next) parts.push(this.#counted(`hole*${index - next}`));
      if (index < value.length) parts.push(this.#at(index, value[index]));
      next = index + 1;
    }
    return `[${parts.join(',')}]`;
  }

  /** Entries in an order that two processes share: maps and sets have none. */
  #sorted(values: readonly unknown[]): string {
    return `[${values
      .map((each, index) => this.#at(index, each))
      .sort()
      .join(',')}]`;
  }

  #error(error: Error): string {
    const own = ['name', 'message', 'cause', 'errors', 'error', 'suppressed'].filter((name) => name in error);
    return this.#fields(error, [...new Set([...own, ...Object.keys(error)])]);
  }

  #fields(value: object, names: string[]): string {
    // An object keeps numeric names first, as JSON does.
    const texts = Object.create(null) as Record<string, string>;
    for (const name of names.sort()) {
      const field = (value as Record<string, unknown>)[name];
      if (field !== undefined) texts[name] = this.#at(name, field);
    }
    const parts = Object.keys(texts).map(
      (name) => (this.#isWritten(name) ? '' : this.#counted(`${JSON.stringify(name)}:`)) + texts[name]!,
    );
    const symbols = Object.getOwnPropertySymbols(value)
      .filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))
      .map((symbol) => `${this.#text(symbol)}:${this.#at(String(symbol), (value as Record<symbol, unknown>)[symbol])}`);
    return `{${[...parts, ...symbols.sort()].join(',')}}`;
  }

  #bytes(value: ArrayBufferView | ArrayBuffer): string {
    const isView = ArrayBuffer.isView(value);
    if (isView && types.isSharedArrayBuffer(value.buffer)) return this.#identity(value, 'a view of shared memory');
    const bytes = isView ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
    const kind = !isView ? 'ArrayBuffer' : Buffer.isBuffer(value) ? 'Buffer' : kindOfView(value);
    const isShort = bytes.length <= MAX_PLAIN_BYTES;
    const content = isShort ? bytes.toString('hex') : `sha256 ${createHash('sha256').update(bytes).digest('hex')}`;
    return this.#counted(`${kind}(${content})`);
  }

  #at(step: string | number, value: unknown): string {
    this.#path.push(step);
    const text = this.#text(value);
    this.#path.pop();
    return text;
  }

  #identity(value: object | symbol, what: string): string {
    this.localPart ??= `${what}${this.#place()}`;
    let number = identities.get(value);
    if (number === undefined) identities.set(value, (number = ++lastIdentity));
    return this.#counted(`${LOCAL}${number}`);
  }

  #counted(text: string): string {
    this.#characters += text.length + 1;
    return text;
  }

  #isWritten(objectOrName: unknown): boolean {
    if (!this.#written) return false;
    if (this.#written.has(objectOrName)) return true;
    this.#written.add(objectOrName);
    return false;
  }

  #assertWorth(): void {
    this.#allowed = FREE_CHARACTERS + MAX_REPETITION * KeyWriter.measure(this.#root);
    if (this.#characters > this.#allowed) throw this.#refusal('one object or name in so many places');
  }

  #refusal(what: string): NoKeyError {
    return new NoKeyError(`${what}${this.#place()} cannot be part of it`);
  }

  #place(): string {
    if (this.#path.length === 0) return '';
    const steps = this.#path.slice(0, 10).map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
    if (this.#path.length > steps.length) steps.push('…');
    return ` at ${steps.join('').replace(/^\./, '')}`;
  }
}

const identities = new WeakMap<object | symbol, number>();
let lastIdentity = 0;

function classOf(value: object): string {
  const { constructor } = value;
  return typeof constructor === 'function' && constructor.name
    ? constructor.name
    : Object.prototype.toString.call(value).slice(8, -1);
}
