// Makes a class that looks like an upstream class to cluster(): the same name, the same methods of the same kinds. No code of the
// original runs. What the methods do is said by the mock (mock-upstream.ts).

import { EventEmitter } from 'node:events';
import { isAsyncFunction, isAsyncGeneratorFunction, isGeneratorFunction } from '../generator-function';
import cluster from '../index';
import { standsFor } from '../source-text';
import type { UpstreamClass } from './mock-types';

type Method = (...args: unknown[]) => unknown;

/** An instance of a mock, as the mock sees the instance. */
export type MockInstance = EventEmitter & Record<string, unknown>;

export interface MockedMethods {
  /** An instance is made. */
  onCreate(instance: MockInstance, args: unknown[]): void;
  /** A method of the class is called. @returns the result or a promise of the result; may throw */
  onCall(instance: MockInstance, method: string, args: unknown[]): unknown;
  /** As `ready(callback)` of sdk-base. */
  onReady(instance: MockInstance, callback: (error?: unknown) => void): void;
}

/** What a class is, as far as a mock has to be the same. */
export interface Shape {
  readonly name: string;
  /** The methods of the class and of all ancestors, without the methods that every emitter or client has. */
  readonly methods: ReadonlyMap<string, Method>;
  readonly isEmitter: boolean;
  /** Whether instances report readiness. */
  readonly hasReady: boolean;
}

/** Own members of every client. A method of the class may replace some. */
const OWN = cluster.APIClientBase.prototype as object;
const REPLACEABLE: ReadonlySet<string> = new Set(['close', 'status', 'values', 'latest', 'ref', 'unref', 'subscribe', 'publish']);

export function shapeOf(upstreamClass: UpstreamClass): Shape {
  const methods = new Map<string, Method>();
  const prototype = upstreamClass.prototype as Record<string, unknown>;
  for (let at: object | null = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name === 'constructor' || methods.has(name) || (name in OWN && !REPLACEABLE.has(name))) continue;
      const value: unknown = Reflect.getOwnPropertyDescriptor(at, name)?.value;
      if (typeof value === 'function') methods.set(name, value as Method);
    }
  }
  return {
    name: upstreamClass.name,
    methods,
    isEmitter: typeof prototype.on === 'function' && typeof prototype.emit === 'function',
    hasReady: typeof prototype.ready === 'function',
  };
}

/** @returns a class with the type of the original */
export function mockClass<C extends UpstreamClass>(original: C, shape: Shape, mocked: MockedMethods): C {
  const prototype = Object.create((shape.isEmitter ? EventEmitter : Object).prototype as object) as Record<string, unknown>;
  function Mock(this: unknown, ...args: unknown[]): object {
    const instance = Reflect.construct(shape.isEmitter ? EventEmitter : Object, [], new.target ?? Mock) as MockInstance;
    mocked.onCreate(instance, args);
    return instance;
  }
  Mock.prototype = prototype;
  // Static members, and fields that hold functions, which are found in the source of the class.
  Object.setPrototypeOf(Mock, original);
  Object.defineProperty(Mock, 'name', { value: shape.name, configurable: true });
  define(prototype, 'constructor', Mock);
  for (const [name, method] of shape.methods) define(prototype, name, standsFor(standIn(name, method, mocked), method));
  if (shape.hasReady) {
    define(prototype, 'ready', function (this: MockInstance, callback?: (error?: unknown) => void): unknown {
      if (callback) return mocked.onReady(this, callback);
      return new Promise<void>((resolve, reject) => mocked.onReady(this, (error) => (error ? reject(error) : resolve())));
    });
  }
  return Mock as unknown as C;
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}

/** A method of the same kind, because the kind says how the method is shared. */
function standIn(name: string, original: Method, mocked: MockedMethods): Method {
  const onCall = (instance: MockInstance, method: string, args: unknown[]): unknown => mocked.onCall(instance, method, args);
  if (isAsyncGeneratorFunction(original)) {
    return async function* (this: MockInstance, ...args: unknown[]) {
      yield* (await onCall(this, name, args)) as AsyncIterable<unknown>;
    };
  }
  if (isGeneratorFunction(original)) {
    return function* (this: MockInstance, ...args: unknown[]): Generator<unknown, unknown> {
      return (yield Promise.resolve(onCall(this, name, args))) as unknown;
    };
  }
  if (isAsyncFunction(original)) {
    return async function (this: MockInstance, ...args: unknown[]) {
      return await onCall(this, name, args);
    };
  }
  return function (this: MockInstance, ...args: unknown[]) {
    return onCall(this, name, args);
  };
}
