// The numbers of the `structured` form of a value, which the encoder and the decoder share. README.md ("Structured values")
// explains each number. Append-only.

/** What a part of the body is. Bytes below 0xe0 directly hold a value, a length or a shape. */
export const TAG = {
  /** 0x00 … 0x7f: that number. */
  shortString: 0x80, // … 0xbf: of 0 … 63 characters
  shortShape: 0xc0, // … 0xdf: an object of shape 0 … 31
  null: 0xe0,
  undefined: 0xe1,
  false: 0xe2,
  true: 0xe3,
  int32: 0xe4,
  float64: 0xe5,
  string: 0xe6,
  newShape: 0xe7,
  shape: 0xe8,
  dictionary: 0xe9,
  bareDictionary: 0xea,
  array: 0xeb,
  sparseArray: 0xec,
  reference: 0xed,
  bigint: 0xee,
  date: 0xef,
  regexp: 0xf0,
  map: 0xf1,
  set: 0xf2,
  bytes: 0xf3,
  error: 0xf4,
} as const;

/** Bits of the first byte. */
export const FORM = {
  /** Two bytes for each character, UTF-16LE, instead of a single byte. */
  wide: 1,
  /** Something in the body refers to an earlier object. */
  references: 2,
  all: 3,
} as const;

/** Kinds of binary data. The place in the list is the number on the wire. */
export const VIEWS = [
  'Buffer',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'Float16Array', // from Node.js 24 on
] as const;

interface ErrorClass {
  readonly name: string;
  /**
   * The class of the error; undefined in an engine without this class, where such an error arrives as an Error with the name of
   * the class.
   */
  readonly Class: ErrorConstructor | undefined;
}

/** Classes of errors. The place in the list is the number on the wire. */
export const ERRORS: readonly ErrorClass[] = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
  'AggregateError',
  'SuppressedError', // from Node.js 24 on
  'DOMException',
].map((name) => ({ name, Class: (globalThis as Record<string, unknown>)[name] as ErrorConstructor | undefined }));

/** Fields of an error that are not own and enumerable. The index in the list is the bit that says that the field is present. */
export const HIDDEN = ['name', 'message', 'stack', 'cause', 'errors', 'error', 'suppressed', 'code'] as const;

/** Deeper nesting is refused on both sides, before a call stack could be exhausted. */
export const MAX_DEPTH = 1_000;
/** Objects with more properties count as dictionaries, whose names differ from object to object. */
export const MAX_SHAPE_KEYS = 32;
/** Later shapes are written as dictionaries. */
export const MAX_SHAPES = 1_024;
/** The largest count or length; counts are written in seven bits a byte, the low bits first. */
export const MAX_COUNT = 0xffff_ffff;

/** The bytes are no structured value. The only error that bytes can cause. */
export class MalformedValueError extends TypeError {
  override readonly name: string = 'MalformedValueError';
}

/** The bytes are right, but this engine is too old for the value. The message names the missing feature. */
export class UnsupportedValueError extends MalformedValueError {
  override readonly name = 'UnsupportedValueError';
  /** The source of the regular expression that this engine does not know; undefined for any other value. */
  readonly source: string | undefined;
  readonly flags: string | undefined;

  constructor(what: string, options?: { source?: string; flags?: string; cause?: unknown }) {
    const reason = options?.cause instanceof Error ? `: ${options.cause.message}` : '';
    super(`Node.js ${process.version} does not know ${what}, which another version may have sent${reason}`, {
      cause: options?.cause,
    });
    this.source = options?.source;
    this.flags = options?.flags;
  }
}

/** Why bytes of another process could not be read, and what to do. */
export function whyNotDecodable(cause: unknown): string {
  return cause instanceof UnsupportedValueError ? cause.message : 'use the same transcode in every process';
}
