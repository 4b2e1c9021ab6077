// Runs a generator that yields what to wait for, with the rules of the package `co`: promises, thunks, generators, and arrays
// and plain objects of these. `co` throws outside of every promise when it meets a thenable whose `then` throws, or an async
// generator; here every outcome settles the returned promise.

import { isGeneratorFunction, type GeneratorMethod } from './generator-function';

type Iteration = Iterator<unknown, unknown>;
type Thunk = (callBack: (error?: unknown, ...results: unknown[]) => void) => unknown;

/** @param owner is `this` for generator functions and thunks that the generator yields */
export async function runGenerator(generator: Iteration, owner: unknown): Promise<unknown> {
  let step = generator.next();
  while (step.done !== true) step = await resume(generator, step.value, owner);
  return step.value;
}

/**
 * Calls a generator function and runs the generator. An error of the call, for example in the default value of a parameter,
 * rejects too.
 */
export async function callGenerator(method: GeneratorMethod, owner: unknown, args: readonly unknown[]): Promise<unknown> {
  return runGenerator(method.apply(owner, [...args]), owner);
}

async function resume(generator: Iteration, yielded: unknown, owner: unknown): Promise<IteratorResult<unknown, unknown>> {
  let value: unknown;
  try {
    value = await outcomeOf(yielded, owner);
  } catch (error) {
    if (!generator.throw) throw error;
    return generator.throw(error);
  }
  return generator.next(value);
}

async function outcomeOf(yielded: unknown, owner: unknown): Promise<unknown> {
  if (!isWaitable(yielded)) {
    throw new TypeError(
      `You may only yield a function, promise, generator, array, or object, but the following object was passed: "${textOf(yielded)}"`,
    );
  }
  return wait(yielded, owner);
}

function isWaitable(value: unknown): value is object {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  return isThenable(value) || isGenerator(value) || Array.isArray(value) || isPlainObject(value);
}

async function wait(value: object, owner: unknown): Promise<unknown> {
  if (isThenable(value)) return value;
  if (isGeneratorFunction(value)) return runGenerator(value.call(owner), owner);
  if (isGenerator(value)) return runGenerator(value, owner);
  if (typeof value === 'function') return runThunk(value as Thunk, owner);
  if (Array.isArray(value)) return Promise.all(value.map((each) => part(each, owner)));
  const entries = Object.entries(value).map(async ([name, each]) => [name, await part(each, owner)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** What stands in an array or object may also be a value that nobody has to wait for. */
function part(value: unknown, owner: unknown): unknown {
  return isWaitable(value) ? wait(value, owner) : value;
}

function runThunk(thunk: Thunk, owner: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    thunk.call(owner, (error, ...results) => {
      if (error) reject(error);
      else resolve(results.length > 1 ? results : results[0]);
    });
  });
}

function isThenable(value: object): boolean {
  return typeof (value as { then?: unknown }).then === 'function';
}

/** An async generator has the same methods, and gives promises where a generator gives results. */
function isGenerator(value: object): value is Iteration {
  const { next, throw: fail } = value as { next?: unknown; throw?: unknown };
  return typeof next === 'function' && typeof fail === 'function' && !(Symbol.asyncIterator in value);
}

function isPlainObject(value: object): boolean {
  return (value as { constructor?: unknown }).constructor === Object;
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}
