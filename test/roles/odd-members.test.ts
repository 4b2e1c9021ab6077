// Members of the upstream client that a remote call can reach: every outcome belongs to the caller, and nothing becomes an
// uncaught exception or an unhandled rejection in the leader.

import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import cluster from '../../src';
import { runGenerator } from '../../src/run-generator';
import { createIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const escaped: unknown[] = [];
const onEscaped = (error: unknown): void => void escaped.push(error);
beforeAll(() => {
  process.on('unhandledRejection', onEscaped);
  process.on('uncaughtException', onEscaped);
});
afterAll(() => {
  process.off('unhandledRejection', onEscaped);
  process.off('uncaughtException', onEscaped);
});

type CallBack = (error?: unknown, ...results: unknown[]) => void;
const unreadable = (): object =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('unreadable');
      },
    },
  );
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable(() => undefined, {});
  revoke();
  return proxy;
};
const thenable = (then: (resolve: CallBack, reject: CallBack) => unknown) => ({ then });

class SelfWilled extends Promise<unknown> {
  override then(): never {
    throw null; // eslint-disable-line @typescript-eslint/only-throw-error -- that is the point
  }
}

/* eslint-disable @typescript-eslint/only-throw-error,
   require-yield -- odd on purpose */
class Odd {
  // Throws, or rejects with, what is no error.
  throwsNull(): never {
    throw null;
  }
  throwsUndefined(): never {
    throw undefined;
  }
  throwsUnreadable(): never {
    throw unreadable();
  }
  throwsRevoked(): never {
    throw revoked();
  }
  throwsThenable(): never {
    throw thenable((resolve) => resolve('x'));
  }
  throwsRejected(): never {
    throw Promise.reject('thrown promise');
  }
  throwsErrorWithGetters(): never {
    throw Object.defineProperties(new Error('x'), {
      message: { get: () => unreadable() },
      stack: {
        get() {
          throw null;
        },
      },
      code: {
        enumerable: true,
        get() {
          throw null;
        },
      },
    });
  }
  async rejectsNull(): Promise<never> {
    throw null;
  }
  async rejectsUnreadable(): Promise<never> {
    throw unreadable();
  }
  *generatorThrowsNull(): Generator<unknown> {
    throw null;
  }

  // Thenables.
  thenThrows() {
    return thenable(() => {
      throw null;
    });
  }
  thenCallsTwice() {
    return thenable((resolve, reject) => {
      resolve(1);
      reject(new Error('second'));
      throw new Error('third');
    });
  }
  thenIsAGetter() {
    return Object.defineProperty({}, 'then', {
      get: () => {
        throw null;
      },
    });
  }
  promiseWithOwnThen() {
    const promise = Promise.reject(new Error('original'));
    promise.then = () => {
      throw null;
    };
    return promise;
  }
  promiseOfAClassThatThrows() {
    return new SelfWilled((_, reject) => {
      reject(new Error('original'));
    });
  }

  // Callbacks.
  calledWithRejected(callback: CallBack): void {
    callback(Promise.reject('as an error'));
  }
  calledWithRejectedResult(callback: CallBack): void {
    callback(null, Promise.reject('as a result'));
  }
  calledThenThrows(callback: CallBack): never {
    callback(null, 1);
    throw null;
  }
  calledAndRejects(callback: CallBack): Promise<never> {
    callback(null, 1);
    return Promise.reject(null);
  }
  callbackAndOddThenable(_callback: CallBack) {
    return this.thenThrows();
  }
  callbackAndOwnThen(_callback: CallBack) {
    return this.promiseWithOwnThen();
  }

  // Generators that yield odd things.
  *yieldsAThenableThatThrows(): Generator<unknown> {
    yield Promise.resolve();
    return yield this.thenThrows();
  }
  *yieldsThenablesInAnObject(): Generator<unknown> {
    yield Promise.resolve();
    return yield { a: this.thenThrows(), b: [this.thenIsAGetter()] };
  }
  *yieldsAThenableThatCallsTwice(): Generator<unknown> {
    return yield this.thenCallsTwice();
  }
  *yieldsAnAsyncGenerator(): Generator<unknown> {
    yield Promise.resolve();
    return yield stream();
  }
  *yieldsAThunkThatThrows(): Generator<unknown> {
    yield Promise.resolve();
    return yield () => {
      throw null;
    };
  }
  *yieldsUnreadable(): Generator<unknown> {
    yield Promise.resolve();
    return yield unreadable();
  }

  // Streams and values that cannot be carried.
  givesAStream() {
    return stream();
  }
  async givesAGenerator() {
    return this.generatorThrowsNull();
  }
  givesWhatCannotBeRead() {
    return unreadable();
  }
  givesAStreamToACallback(callback: CallBack): void {
    callback(null, stream());
  }

  // Members that are no methods.
  get getterThrows(): () => unknown {
    throw null;
  }
  get getterGivesAStream() {
    return stream;
  }
  get getterGivesAClass() {
    return class {};
  }
  get getterGivesAProxy(): () => unknown {
    return new Proxy(() => 1, {
      apply: () => {
        throw null;
      },
    });
  }
  get getterGivesRevoked(): () => unknown {
    return revoked() as () => unknown;
  }
  get getterGivesNothing(): () => unknown {
    return undefined as never;
  }

  close(): void {
    return undefined;
  }
}

/** Promises in places where a value is expected, or nothing: a class that forgot an `await` gives them. */
class Forgetful extends EventEmitter {
  get health() {
    return Promise.reject(new Error('health'));
  }
  ref(): Promise<never> {
    return Promise.reject(new Error('ref'));
  }
  unref(): Promise<never> {
    return Promise.reject(new Error('unref'));
  }
  subscribe(_registration: unknown, listener: (value: unknown) => void): void {
    listener(Promise.reject(new Error('value')));
  }
  tell(): void {
    this.emit('health', Promise.reject(new Error('event')));
    this.emit('health', { ok: false, error: Promise.reject(new Error('reason')) });
  }
  items() {
    const step = () => ({ done: false, value: Promise.reject(new Error('item')) });
    return { [Symbol.asyncIterator]: () => ({ next: step, return: () => Promise.reject(new Error('return')) }) };
  }
  close(): void {
    return undefined;
  }
}

async function* stream(): AsyncGenerator<number> {
  yield 1;
  throw null;
}
/* eslint-enable */

const members = Object.getOwnPropertyNames(Odd.prototype).filter((name) => name !== 'constructor' && name !== 'close');
const fulfilled: Record<string, unknown> = {
  thenCallsTwice: 1,
  calledThenThrows: 1,
  calledAndRejects: 1,
  yieldsAThenableThatCallsTwice: 1,
};

describe.each(ROLES)('%s', (role) => {
  let open: object[] = [];
  afterEach(async () => {
    await Promise.all(open.map((client) => cluster.close(client)));
    open = [];
  });

  async function create(to: 'invoke' | 'invokeOneway') {
    const port = await freePort();
    const build = (options: object) => {
      const builder = cluster(Odd, { port, logger: recordingLogger(), autoGenerate: false, ...options });
      for (const name of members) builder.delegate(name as never, to);
      const client = builder.create() as unknown as Record<string, (...args: unknown[]) => Promise<unknown>> & {
        on(event: string, listener: (error: unknown) => void): void;
        ready(): Promise<void>;
      };
      open.unshift(client);
      return client;
    };
    return createIn(role, build);
  }

  it.each(members)('%s: the caller hears how it ended, and nobody else', async (name) => {
    const client = await create('invoke');
    const called: unknown = client[name]!();
    const [outcome] = await Promise.allSettled([types.isGeneratorObject(called) ? runGenerator(called, undefined) : called]);
    // Unhandled rejections are reported after the microtasks of the same turn.
    await new Promise(setImmediate);
    expect(escaped.splice(0)).toEqual([]);
    if (name in fulfilled) expect(outcome).toEqual({ status: 'fulfilled', value: fulfilled[name] });
    else if (name !== 'givesWhatCannotBeRead' || role === 'follower') expect(outcome.status).toBe('rejected');
    if (/^(gives|getterGives)A(Stream|Generator)/.test(name)) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_TRUNKLINE_NOT_SHARED' } });
    }
  });

  it('one-way calls of all of them end nothing, though nobody listens to errors', async () => {
    const client = await create('invokeOneway');
    for (const name of members) void client[name]!();
    await client.ready();
    await new Promise(setImmediate);
    expect(escaped.splice(0)).toEqual([]);
  });

  it('a caller with a callback hears the same', async () => {
    const client = await create('invoke');
    const answering = members.filter((name) => /^(throws|rejects|then|promise|called|callback)/.test(name));
    for (const name of answering) await new Promise<void>((resolve) => void client[name]!(() => resolve()));
    await new Promise(setImmediate);
    expect(escaped.splice(0)).toEqual([]);
  });

  it('a promise that rejects where the class should give a value, or nothing, ends nothing', async () => {
    const port = await freePort();
    const build = (options: object) => {
      const builder = cluster(Forgetful, { port, logger: recordingLogger(), ...options });
      const client = builder.delegate('tell').delegate('items', 'stream').create();
      client.on('error', () => undefined);
      open.unshift(client);
      return client;
    };
    const holder = build(role === 'single' ? { singleMode: true } : { isLeader: true });
    await holder.ready();
    const client = role === 'follower' ? build({ isLeader: false }) : holder;
    void holder.unref();
    void holder.ref();
    client.subscribe({}, () => undefined);
    await client.tell();
    await client
      .items()
      .next()
      .catch(() => undefined);
    await client.ready();
    await new Promise(setImmediate);
    expect(escaped.splice(0)).toEqual([]);
  });
});
