// Runs a method of the upstream client, in whichever way it gives its results: promise, callback, generator, or a
// plain value. Awaits instead of chaining promises, so that the stack of a failure shows who called.

import co from 'co';
import { isGeneratorFunction } from 'is-type-of';
import type { CallStyle } from '../../protocol/message';
import { callbackIndex } from './callback-parameter';

export type Method = (...args: unknown[]) => unknown;

/**
 * @param style how the caller awaits the result; undefined when it does not tell (a peer of cluster-client 3.x)
 * @returns one value, or all results of the callback
 */
export async function runMethod(
  owner: object,
  method: Method,
  args: readonly unknown[],
  style: CallStyle | undefined,
): Promise<unknown[]> {
  if (isGeneratorFunction(method)) return [await runGenerator(owner, method, args)];
  const position = callbackPosition(method, args, style);
  if (position === undefined) return [await method.apply(owner, [...args])];
  return new Promise((resolve, reject) => {
    const passed = [...args];
    passed[position] = (error?: unknown, ...results: unknown[]): void => {
      if (error) reject(error);
      else resolve(results);
    };
    // Some methods take a callback and return a promise all the same: the first answer counts.
    const returned = method.apply(owner, passed);
    if (isThenable(returned)) returned.then((value) => resolve([value]), reject);
  });
}

/** Runs a method whose results nobody collects: it gets exactly these arguments. Waits for its promise or generator. */
export async function runVerb(owner: object, method: Method, args: readonly unknown[]): Promise<void> {
  await (isGeneratorFunction(method) ? runGenerator(owner, method, args) : method.apply(owner, [...args]));
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function runGenerator(owner: object, method: Method, args: readonly unknown[]): Promise<unknown> {
  return co.wrap(method as never).apply(owner, args as never);
}

/** Where the upstream method gets a callback; undefined when it gets none and the arguments are exactly the caller's. */
function callbackPosition(method: Method, args: readonly unknown[], style: CallStyle | undefined): number | undefined {
  if (isAsync(method)) return undefined;
  switch (style) {
    case 'callback':
      return args.length;
    case undefined:
      return args.length; // cluster-client 3.x always appends one, and its callers may count on it
    case 'promise': {
      const index = callbackIndex(method);
      return index === undefined ? undefined : Math.max(index, args.length);
    }
  }
}

function isAsync(method: Method): boolean {
  return Object.prototype.toString.call(method) === '[object AsyncFunction]';
}
