// Makes those objects of a structured value that are instances of built-in classes, from parts that structured-decoder.ts has read:
// errors, patterns and binary data.

import { MalformedValueError, UnsupportedValueError } from './structured-format';

/** Sets what an assignment could not, or would give to a setter. */
export function define(object: object, name: string, value: unknown, enumerable = true): void {
  Object.defineProperty(object, name, { value, enumerable, writable: true, configurable: true });
}

/** The stack of the place of decoding would tell nothing, and costs more than the rest. */
export function newError(Class: ErrorConstructor): Error {
  return withoutTrace(() => (Class === (AggregateError as unknown as ErrorConstructor) ? new AggregateError([]) : new Class()));
}

export function newException(name: string, message: string): Error {
  return withoutTrace(() => new DOMException(message, name));
}

function withoutTrace(make: () => Error): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** @throws UnsupportedValueError when this engine does not know the pattern */
export function newPattern(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (cause) {
    throw new UnsupportedValueError(`the pattern /${source}/${flags}`, { source, flags, cause });
  }
}

/**
 * @param name one of VIEWS; undefined for a number that stands for none
 * @param bytes copied
 * @throws RangeError when the length is no multiple of the size of an element
 */
export function newView(name: string | undefined, bytes: Buffer): unknown {
  if (name === 'Float16Array' && !(name in globalThis)) throw new UnsupportedValueError(`a ${name}`);
  if (name === 'Buffer') return Buffer.from(bytes);
  if (name === undefined) throw new MalformedValueError('binary data of an unknown kind');
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  if (name === 'ArrayBuffer') return buffer;
  return new ((globalThis as never)[name] as new (buffer: ArrayBuffer) => unknown)(buffer);
}
