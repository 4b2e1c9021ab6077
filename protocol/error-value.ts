// An error as a plain value, and back. Any transcode can carry the plain form; a peer of cluster-client 3.x reads message, name,
// code and stack and ignores the rest. Used for failed calls and refused registrations.

import { types } from 'node:util';

/** The plain form. Own fields of the error stand in `fields`, and cannot collide with the fields of this form. */
export interface ErrorValue {
  message: string;
  name: string;
  stack?: string | undefined;
  code?: string | number | undefined;
  cause?: Thrown | undefined;
  /** AggregateError.errors */
  errors?: Thrown[] | undefined;
  /** SuppressedError.error and .suppressed */
  error?: Thrown | undefined;
  suppressed?: Thrown | undefined;
  fields?: Record<string, unknown> | undefined;
  /** The very value that was thrown: present when the value was no Error, or when the bytes carry an Error whole. */
  thrown?: { value: unknown } | undefined;
}

/** A nested cause may be an error or any other value. */
type Thrown = { error: ErrorValue } | { value: unknown };

/** Causes and own fields deeper than this are cut off: an error is for people, not a data structure. */
const MAX_DEPTH = 5;
/** The largest depth between processes whose bytes keep every kind of value. */
const MAX_RICH_DEPTH = 20;
/** … and so is what comes after this many values: errors of HTTP clients hold sockets and whole responses. */
const MAX_VALUES = 1_000;
/** Larger buffers are named instead of copied. */
const MAX_BUFFER_BYTES = 4_096;

/** The state of a walk through a thrown value. */
interface Walk {
  /** The objects that the walk is inside of. */
  readonly seen: Set<object>;
  valuesLeft: number;
  readonly maxDepth: number;
  /** The bytes keep Map, Set, BigInt, patterns and binary data. */
  readonly isRich: boolean;
}

const newWalk = (isRich: boolean): Walk => ({
  seen: new Set(),
  valuesLeft: MAX_VALUES,
  maxDepth: isRich ? MAX_RICH_DEPTH : MAX_DEPTH,
  isRich,
});

/**
 * Never throws: getters that throw and values that cannot be read are named as such.
 * @param isRich whether the bytes that will carry the value keep more kinds of values than JSON
 */
export function toErrorValue(thrown: unknown, isRich = false): ErrorValue {
  try {
    return isError(thrown) ? describe(thrown, 0, newWalk(isRich)) : describeOther(thrown, newWalk(isRich));
  } catch (error) {
    return { message: unreadable(error), name: 'Error' };
  }
}

/**
 * Rebuilds the argument of `toErrorValue`. The value may be anything: the cost is bounded by the bytes that carried the value.
 */
export function fromErrorValue(value: unknown): unknown {
  return rebuiltOnce(value, new Map());
}

/** @param rebuilt every error-value that was met before: an error-value may stand in many places, and inside of itself */
function rebuiltOnce(value: unknown, rebuilt: Map<object, Error>): unknown {
  if (typeof value !== 'object' || value === null) return new Error(safeString(value));
  const { thrown } = value as ErrorValue;
  if (thrown) return thrown.value;
  return rebuilt.get(value) ?? rebuild(value as ErrorValue, rebuilt);
}

function describeOther(thrown: unknown, walk: Walk): ErrorValue {
  // A peer of cluster-client 3.x reads only these fields; such a peer takes an object with a message for an error.
  const { message, name, code } = standardFields(thrown);
  const result: ErrorValue = {
    message: typeof message === 'string' ? message : safeString(thrown),
    name: typeof name === 'string' ? name : 'Error',
    thrown: { value: plain(thrown, 0, walk) },
  };
  if (isCode(code)) result.code = code;
  return result;
}

function describe(error: Error, depth: number, walk: Walk): ErrorValue {
  walk.seen.add(error);
  const { message, name, stack, code, cause, errors } = standardFields(error);
  const result: ErrorValue = { message: safeString(message), name: safeString(name) };
  const described = new Set(['message', 'name', 'stack', 'cause']);
  if (typeof stack === 'string') result.stack = stack;
  if (cause !== undefined) result.cause = nested(cause, depth, walk);
  // Libraries put other things under these two names; such things stay ordinary fields.
  if (isCode(code)) {
    result.code = code;
    described.add('code');
  }
  if (Array.isArray(errors)) {
    result.errors = errors.map((each) => nested(each, depth, walk));
    described.add('errors');
  }
  for (const name of ['error', 'suppressed'] as const) {
    if (!Object.hasOwn(error, name) || !isSuppressed(error)) continue;
    result[name] = nested(field(error, name), depth, walk);
    described.add(name);
  }
  const fields = ownFields(error, depth, walk, described);
  if (fields) result.fields = fields;
  walk.seen.delete(error);
  return result;
}

/** A SuppressedError, also when made by TypeScript's helper. */
function isSuppressed(error: Error): boolean {
  return field(error, 'name') === 'SuppressedError';
}

function nested(thrown: unknown, depth: number, walk: Walk): Thrown {
  if (!isError(thrown)) return { value: plain(thrown, depth + 1, walk) };
  if (walk.seen.has(thrown) || depth >= walk.maxDepth) {
    const { name, message } = standardFields(thrown);
    return { value: `[${safeString(name)}: ${safeString(message)}]` };
  }
  return { error: describe(thrown, depth + 1, walk) };
}

/** A copy that any transcode can carry: no functions, symbols or cycles, and not too deep. */
function plain(value: unknown, depth: number, walk: Walk): unknown {
  walk.valuesLeft--;
  try {
    return copyOf(value, depth, walk);
  } catch (error) {
    return unreadable(error); // a getter or a proxy that throws
  }
}

function copyOf(value: unknown, depth: number, walk: Walk): unknown {
  switch (typeof value) {
    case 'bigint':
      return walk.isRich ? value : String(value);
    case 'symbol':
      return String(value);
    case 'function':
      return `[Function: ${safeString(value.name)}]`;
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null || value instanceof Date) return value;
  if (types.isRegExp(value)) return walk.isRich ? value : String(value);
  if (ArrayBuffer.isView(value)) {
    const isSmall = (walk.isRich || Buffer.isBuffer(value)) && value.byteLength <= MAX_BUFFER_BYTES;
    return isSmall ? value : `[${value.constructor.name} of ${value.byteLength} bytes]`;
  }
  if (walk.seen.has(value)) return '[Circular]';
  if (depth >= walk.maxDepth) return Array.isArray(value) ? '[Array]' : '[Object]';
  if (isError(value)) return describe(value, depth, walk);
  walk.seen.add(value);
  const copy = copyOfObject(value, walk, (part) => plain(part, depth + 1, walk), depth);
  walk.seen.delete(value);
  return copy;
}

function copyOfObject(value: object, walk: Walk, inside: (part: unknown) => unknown, depth: number): unknown {
  const first = <T>(parts: readonly T[]): T[] => parts.slice(0, Math.max(0, walk.valuesLeft));
  if (Array.isArray(value)) return first(value).map(inside);
  if (walk.isRich && types.isMap(value)) return new Map(first([...value]).map(([key, each]) => [inside(key), inside(each)]));
  if (walk.isRich && types.isSet(value)) return new Set(first([...value]).map(inside));
  return ownFields(value, depth, walk, NONE) ?? {};
}

function ownFields(from: object, depth: number, walk: Walk, except: ReadonlySet<string>): Record<string, unknown> | undefined {
  let fields: Record<string, unknown> | undefined;
  for (const name of Object.keys(from)) {
    if (except.has(name) || name === '__proto__') continue;
    if (walk.valuesLeft <= 0) break;
    fields ??= {};
    fields[name] = plain(field(from, name), depth + 1, walk);
  }
  return fields;
}

/** The fields that an ErrorValue has a place for. Errors of users may have getters anywhere. */
function standardFields(from: unknown): Record<'message' | 'name' | 'stack' | 'code' | 'cause' | 'errors', unknown> {
  return {
    message: field(from, 'message'),
    name: field(from, 'name'),
    stack: field(from, 'stack'),
    code: field(from, 'code'),
    cause: field(from, 'cause'),
    errors: field(from, 'errors'),
  };
}

function field(from: unknown, name: string): unknown {
  if (typeof from !== 'object' || from === null) return undefined;
  try {
    return (from as Record<string, unknown>)[name];
  } catch (error) {
    return unreadable(error);
  }
}

function isCode(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function unreadable(error: unknown): string {
  return `[unreadable: ${safeString(error)}]`;
}

/** Errors of these names are of these classes again. */
const NATIVE: ReadonlyMap<unknown, ErrorConstructor> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((native) => [native.name, native]),
);

function rebuild(value: ErrorValue, rebuilt: Map<object, Error>): Error {
  const { message, name, stack, code, cause, errors, error: inner, suppressed, fields, ...rest } = value;
  const rebuiltPart = (part: Thrown): unknown => {
    if (typeof part !== 'object' || part === null) return part; // not written by toErrorValue
    return 'error' in part ? rebuiltOnce(part.error, rebuilt) : part.value;
  };
  const error = newError(name, safeString(message), Array.isArray(errors));
  rebuilt.set(value, error);
  if (Array.isArray(errors)) hidden(error, 'errors', errors.map(rebuiltPart));
  hidden(error, 'name', safeString(name ?? 'Error'));
  if (typeof stack === 'string') hidden(error, 'stack', stack);
  if (cause !== undefined) hidden(error, 'cause', rebuiltPart(cause));
  if (inner !== undefined) hidden(error, 'error', rebuiltPart(inner));
  if (suppressed !== undefined) hidden(error, 'suppressed', rebuiltPart(suppressed));
  // A leader of cluster-client 3.x puts additional facts next to the message.
  assign(error, rest);
  if (fields) assign(error, fields);
  if (code !== undefined) (error as { code?: unknown }).code = code;
  return error;
}

function newError(name: string, message: string, isAggregate: boolean): Error {
  if (isAggregate) return new AggregateError([], message);
  const { SuppressedError } = globalThis as {
    SuppressedError?: new (error: unknown, suppressed: unknown, message: string) => Error;
  };
  if (name === 'SuppressedError' && SuppressedError) return new SuppressedError(undefined, undefined, message); // from Node.js 24 on
  return new (NATIVE.get(name) ?? Error)(message);
}

function assign(error: Error, fields: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name === '__proto__') continue;
    if (value !== undefined) Object.defineProperty(error, name, { value, enumerable: true, writable: true, configurable: true });
  }
}

function hidden(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false, writable: true, configurable: true });
}

/** Also true for errors of another realm (vm contexts, test runners). */
export function isError(value: unknown): value is Error {
  try {
    if (value instanceof Error || value instanceof DOMException) return true;
    return Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false; // a revoked proxy
  }
}

/** The message of an error, or the text of anything else that was thrown. Never throws. */
export function messageOf(thrown: unknown): string {
  return isError(thrown) ? safeString(field(thrown, 'message')) : safeString(thrown);
}

/** Any value as text. */
export function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `[${typeof value}]`; // no prototype, or a toString that throws
  }
}

const NONE: ReadonlySet<string> = new Set();
