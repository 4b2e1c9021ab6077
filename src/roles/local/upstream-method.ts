// Runs a method of the upstream client. The method may give results in a promise, a callback, a generator, or a plain value.

import { types } from 'node:util';
import type { CallStyle } from '../../../protocol/message';
import { isAsyncFunction, isAsyncGeneratorFunction, isGeneratorFunction, type GeneratorMethod } from '../../generator-function';
import { runGenerator } from '../../run-generator';
import { callbackIndex } from '../callback-parameter';

export type Method = (...args: unknown[]) => unknown;

/**
 * Calls a method of the upstream client, then `resolve` or `reject`, once. Both are functions because each additional promise
 * makes calls measurably slower.
 * @param style how the caller awaits the result; undefined when a peer of cluster-client 3.x does not tell
 * @param resolve gets a single value, or all results of the callback; must not throw
 * @param reject must not throw
 * @returns settles after `resolve` or `reject` and is never rejected; undefined when the method threw at once
 */
export function runMethod(
  owner: object,
  method: Method,
  args: readonly unknown[],
  style: CallStyle | undefined,
  resolve: (values: unknown[]) => void,
  reject: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    const position = callbackPosition(method, args, style);
    if (position !== undefined) return runWithCallback(owner, method, args, position).then(resolve, reject);
    return nativePromise(runVerb(owner, method, args)).then((value) => {
      resolve([value]);
    }, reject);
  } catch (error) {
    reject(error);
    return undefined;
  }
}

/** Runs a method with exactly these arguments. @returns the return value of the method; a promise if the method is a generator */
export function runVerb(owner: object, method: Method, args: readonly unknown[]): unknown {
  const returned = method.apply(owner, args as unknown[]);
  return traitsOf(method).isGenerator ? runGenerator(returned as ReturnType<GeneratorMethod>, owner) : returned;
}

function runWithCallback(owner: object, method: Method, args: readonly unknown[], position: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const passed = [...args];
    passed[position] = (error?: unknown, ...results: unknown[]): void => {
      if (error) reject(error);
      else resolve(results);
    };
    // Some methods take a callback and return a promise all the same: the first answer counts.
    const returned = method.apply(owner, passed);
    if (types.isPromise(returned) || isThenable(returned)) nativePromise(returned).then((value) => resolve([value]), reject);
  });
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** A promise of Node.js with the outcome of the value. The value may be anything: thenables may throw, or call twice. */
export function nativePromise(value: unknown): Promise<unknown> {
  if (!types.isPromise(value)) return Promise.resolve(value);
  const isUnchanged =
    Object.getPrototypeOf(value) === Promise.prototype && !Object.hasOwn(value, 'then') && !Object.hasOwn(value, 'constructor');
  if (isUnchanged) return value;
  markHandled(value);
  return new Promise((resolve) => {
    resolve(value);
  });
}

/**
 * A promise without listeners, because the promise was thrown or `then` was replaced, must not end the process by a rejection.
 */
export function markHandled(value: unknown): void {
  if (!types.isPromise(value)) return;
  try {
    void Promise.prototype.then.call(value, undefined, () => undefined);
  } catch {
    // The class of this promise makes no promises, and nobody can listen to this promise.
  }
}

/** Where the upstream method gets a callback; undefined when no callback is passed and the arguments are exactly the caller's. */
function callbackPosition(method: Method, args: readonly unknown[], style: CallStyle | undefined): number | undefined {
  const { isAsync, isGenerator } = traitsOf(method);
  if (isAsync || isGenerator) return undefined;
  switch (style) {
    case 'callback':
      return args.length;
    case undefined:
      return args.length; // cluster-client 3.x always appends a callback, and callers may count on that
    case 'promise': {
      const index = callbackIndex(method);
      return index === undefined ? undefined : Math.max(index, args.length);
    }
  }
}

interface Traits {
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  readonly isAsyncGenerator: boolean;
}

const known = new WeakMap<Method, Traits>();

/** Asked for each call, and found out once for each method. */
export function traitsOf(method: Method): Traits {
  let traits = known.get(method);
  if (!traits) {
    traits = {
      isAsync: isAsyncFunction(method),
      isGenerator: isGeneratorFunction(method),
      isAsyncGenerator: isAsyncGeneratorFunction(method),
    };
    known.set(method, traits);
  }
  return traits;
}

/** Whether a result is a generator. A result that is a promise, such as a rejected one among those of a callback, must not end the process. */
export function holdsGenerator(values: readonly unknown[]): boolean {
  let isGenerator = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'object' || value === null) continue;
    markHandled(value);
    if (types.isGeneratorObject(value)) isGenerator = true;
  }
  return isGenerator;
}
