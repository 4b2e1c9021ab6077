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

const STANDARD_FIELDS = new Set(['message', 'name', 'stack', 'code', 'cause', 'errors']);

export function toErrorValue(thrown: unknown): ErrorValue {
  if (isError(thrown)) return describe(thrown, 0, new Set());
  return { message: safeString(thrown), name: 'Error', thrown: { value: plain(thrown, 0, new Set()) } };
}

/** Rebuilds what `toErrorValue` was given. */
export function fromErrorValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return new Error(safeString(value));
  const { thrown } = value as ErrorValue;
  if (thrown) return thrown.value;
  return rebuild(value as ErrorValue);
}

function describe(error: Error, depth: number, seen: Set<object>): ErrorValue {
  seen.add(error);
  const { message, name, stack, cause } = error;
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  const result: ErrorValue = { message: String(message), name: String(name) };
  if (typeof stack === 'string') result.stack = stack;
  if (typeof code === 'string' || typeof code === 'number') result.code = code;
  if (cause !== undefined) result.cause = nested(cause, depth, seen);
  if (Array.isArray(errors)) result.errors = errors.map((each) => nested(each, depth, seen));
  const fields = ownFields(error, depth, seen, STANDARD_FIELDS);
  if (fields) result.fields = fields;
  seen.delete(error);
  return result;
}

function nested(thrown: unknown, depth: number, seen: Set<object>): Thrown {
  if (!isError(thrown)) return { value: plain(thrown, depth + 1, seen) };
  if (seen.has(thrown) || depth >= MAX_DEPTH) return { value: `[${thrown.name}: ${thrown.message}]` };
  return { error: describe(thrown, depth + 1, seen) };
}

/** A copy that any transcode can carry: no functions, symbols or cycles, and not too deep. */
function plain(value: unknown, depth: number, seen: Set<object>): unknown {
  switch (typeof value) {
    case 'bigint':
    case 'symbol':
      return String(value);
    case 'function':
      return `[Function: ${value.name}]`;
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null || value instanceof Date || Buffer.isBuffer(value)) return value;
  if (seen.has(value)) return '[Circular]';
  if (depth >= MAX_DEPTH) return Array.isArray(value) ? '[Array]' : '[Object]';
  if (isError(value)) return describe(value, depth, seen);
  seen.add(value);
  const copy = Array.isArray(value)
    ? value.map((each) => plain(each, depth + 1, seen))
    : (ownFields(value, depth, seen, NONE) ?? {});
  seen.delete(value);
  return copy;
}

function ownFields(
  from: object,
  depth: number,
  seen: Set<object>,
  except: ReadonlySet<string>,
): Record<string, unknown> | undefined {
  let fields: Record<string, unknown> | undefined;
  for (const name of Object.keys(from)) {
    if (except.has(name) && !(name === 'code' && typeof (from as { code: unknown }).code === 'object')) continue;
    fields ??= {};
    try {
      fields[name] = plain((from as Record<string, unknown>)[name], depth + 1, seen);
    } catch (error) {
      fields[name] = `[unreadable: ${safeString(error)}]`; // a getter that throws
    }
  }
  return fields;
}

function rebuild(value: ErrorValue): Error {
  const { message, name, stack, code, cause, errors, fields, ...rest } = value;
  const error = errors ? new AggregateError(errors.map(rebuildNested), String(message)) : new Error(String(message));
  hidden(error, 'name', String(name ?? 'Error'));
  if (typeof stack === 'string') hidden(error, 'stack', stack);
  if (cause !== undefined) hidden(error, 'cause', rebuildNested(cause));
  // A leader of cluster-client 3.x puts what it knows beside the message.
  assign(error, rest);
  if (fields) assign(error, fields);
  if (code !== undefined) (error as { code?: unknown }).code = code;
  return error;
}

function rebuildNested(thrown: Thrown): unknown {
  return 'error' in thrown ? rebuild(thrown.error) : thrown.value;
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
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

const NONE: ReadonlySet<string> = new Set();
