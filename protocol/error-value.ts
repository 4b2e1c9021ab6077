// An error as a plain value, and back. Any transcode can carry the plain form; a peer of cluster-client 3.x
// reads message, name, code and stack from it and ignores the rest. Used for failed calls and refused registrations.

/** The plain form. Own fields of the error stand in `fields`, so that they cannot collide with ours. */
export interface ErrorValue {
  message: string;
  name: string;
  stack?: string | undefined;
  code?: string | number | undefined;
  cause?: Thrown | undefined;
  /** AggregateError.errors */
  errors?: Thrown[] | undefined;
  fields?: Record<string, unknown> | undefined;
  /** Present when something else than an Error was thrown: that very value. */
  thrown?: { value: unknown } | undefined;
}

/** A nested cause may be an error or any other value. */
type Thrown = { error: ErrorValue } | { value: unknown };

/** Causes and own fields deeper than this are cut off: an error is for people, not a data structure. */
const MAX_DEPTH = 5;
/** … and so is what comes after this many values: errors of HTTP clients hold sockets and whole responses. */
const MAX_VALUES = 1_000;
/** Larger buffers are named instead of copied. */
const MAX_BUFFER_BYTES = 4_096;

/** One way through a thrown value. */
interface Walk {
  /** The objects that the walk is inside of. */
  readonly seen: Set<object>;
  valuesLeft: number;
}

const newWalk = (): Walk => ({ seen: new Set(), valuesLeft: MAX_VALUES });

/** Never throws, whatever was thrown: getters that throw and values that cannot be read are named as such. */
export function toErrorValue(thrown: unknown): ErrorValue {
  try {
    return isError(thrown) ? describe(thrown, 0, newWalk()) : describeOther(thrown);
  } catch (error) {
    return { message: unreadable(error), name: 'Error' };
  }
}

/** Rebuilds what `toErrorValue` was given. */
export function fromErrorValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return new Error(safeString(value));
  const { thrown } = value as ErrorValue;
  if (thrown) return thrown.value;
  return rebuild(value as ErrorValue);
}

function describeOther(thrown: unknown): ErrorValue {
  // A peer of cluster-client 3.x reads only these; for it an object with a message is an error.
  const { message, name, code } = standardFields(thrown);
  const result: ErrorValue = {
    message: typeof message === 'string' ? message : safeString(thrown),
    name: typeof name === 'string' ? name : 'Error',
    thrown: { value: plain(thrown, 0, newWalk()) },
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
  // Libraries put other things under these two names; those stay ordinary fields.
  if (isCode(code)) {
    result.code = code;
    described.add('code');
  }
  if (Array.isArray(errors)) {
    result.errors = errors.map((each) => nested(each, depth, walk));
    described.add('errors');
  }
  const fields = ownFields(error, depth, walk, described);
  if (fields) result.fields = fields;
  walk.seen.delete(error);
  return result;
}

function nested(thrown: unknown, depth: number, walk: Walk): Thrown {
  if (!isError(thrown)) return { value: plain(thrown, depth + 1, walk) };
  if (walk.seen.has(thrown) || depth >= MAX_DEPTH) {
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
  if (ArrayBuffer.isView(value)) {
    const isSmall = Buffer.isBuffer(value) && value.length <= MAX_BUFFER_BYTES;
    return isSmall ? value : `[${value.constructor.name} of ${value.byteLength} bytes]`;
  }
  if (walk.seen.has(value)) return '[Circular]';
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? '[Array]' : '[Object]';
  if (isError(value)) return describe(value, depth, walk);
  walk.seen.add(value);
  const copy = Array.isArray(value)
    ? value.slice(0, Math.max(0, walk.valuesLeft)).map((each) => plain(each, depth + 1, walk))
    : (ownFields(value, depth, walk, NONE) ?? {});
  walk.seen.delete(value);
  return copy;
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

function rebuild(value: ErrorValue): Error {
  const { message, name, stack, code, cause, errors, fields, ...rest } = value;
  const error = Array.isArray(errors)
    ? new AggregateError(errors.map(rebuildNested), safeString(message))
    : new (NATIVE.get(name) ?? Error)(safeString(message));
  hidden(error, 'name', safeString(name ?? 'Error'));
  if (typeof stack === 'string') hidden(error, 'stack', stack);
  if (cause !== undefined) hidden(error, 'cause', rebuildNested(cause));
  // A leader of cluster-client 3.x puts what it knows beside the message.
  assign(error, rest);
  if (fields) assign(error, fields);
  if (code !== undefined) (error as { code?: unknown }).code = code;
  return error;
}

function rebuildNested(thrown: Thrown): unknown {
  if (typeof thrown !== 'object' || thrown === null) return thrown; // not written by toErrorValue
  return 'error' in thrown ? fromErrorValue(thrown.error) : thrown.value;
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
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false; // a revoked proxy
  }
}

/** The message of an error, or the text of anything else that was thrown. Never throws. */
export function messageOf(thrown: unknown): string {
  return isError(thrown) ? safeString(field(thrown, 'message')) : safeString(thrown);
}

/** A value as text, whatever it is. */
export function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `[${typeof value}]`; // no prototype, or a toString that throws
  }
}

const NONE: ReadonlySet<string> = new Set();
