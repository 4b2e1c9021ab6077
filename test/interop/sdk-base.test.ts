// What a client is besides the delegated methods: an object of sdk-base 4 in cluster-client 3.7.0, and an object with the same
// semantics in trunkline. Every row runs against both libraries.

import { EventEmitter } from 'node:events';
import legacy from 'cluster-client';
import cluster from '../../src';
import { eventually } from '../support/eventually';
import { recordingLogger } from '../support/recording-logger';

type Listener = (...args: never[]) => unknown;
type ListenerMethod = 'on' | 'addListener' | 'once' | 'prependListener' | 'prependOnceListener';

interface Subject extends Record<ListenerMethod | 'removeListener', (event: string, listener: Listener) => void> {
  ready(): Promise<void>;
  ready(flag: unknown): void;
  readyOrTimeout(ms: number): Promise<void>;
  readonly isReady: boolean;
  await(...args: unknown[]): Promise<unknown>;
  awaitFirst(...args: unknown[]): Promise<{ event: string; args: unknown[] }>;
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
  close(): Promise<void>;
}

type ApiClass = new (options?: object) => Subject & { readonly _client: Subject };

interface Library {
  (upstreamClass: unknown, options: object): { create(...args: unknown[]): Subject };
  close(client: unknown): Promise<void>;
  readonly APIClientBase: ApiClass;
}

class Upstream extends EventEmitter {
  protected readonly failure: Error | undefined = undefined;
  ready(callback: (error?: Error) => void): void {
    setImmediate(() => callback(this.failure));
  }
  close(): void {
    this.removeAllListeners();
  }
}

class FailingUpstream extends Upstream {
  protected override readonly failure = new Error('no server');
}

let serial = 0;
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

const options = (): object => ({ singleMode: true, name: `sdk-base-${++serial}`, logger: recordingLogger() });

function apiClassOf(library: Library, DataClient = Upstream): ApiClass {
  const clusterOptions = options();
  class Api extends library.APIClientBase {
    get DataClient(): unknown {
      return DataClient;
    }
    get clusterOptions(): object {
      return clusterOptions;
    }
  }
  return Api;
}

function created<T extends Subject>(library: Library, subject: T): T & { readonly errors: Error[] } {
  const errors: Error[] = [];
  subject.on('error', (error: Error) => errors.push(error));
  open.push(() => library.close((subject as { _client?: Subject })._client ?? subject));
  return Object.assign(subject, { errors });
}

const settled = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `gives ${JSON.stringify(value)}`,
    (error: Error) => `rejects ${error.name} ${error.message}`,
  );

/** Resolves after everything that is due in this tick and the next tick. */
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const libraries: [string, Library][] = [
  ['cluster-client 3.7.0', legacy as unknown as Library],
  ['trunkline', cluster as unknown as Library],
];

describe.each(libraries)('%s', (_name, library) => {
  describe.each([
    ['the shared client', () => library(Upstream, options()).create()],
    ['an API client', () => new (apiClassOf(library))()],
  ] as [string, () => Subject][])('%s', (_what, create) => {
    let subject: Subject & { readonly errors: Error[] };
    beforeEach(async () => {
      subject = created(library, create());
      await subject.ready();
    });

    it.each(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)(
      '%s() takes a generator function and runs it to its end',
      async (method) => {
        const seen: unknown[] = [];
        subject[method]('change', function* (value: unknown, other: unknown): Generator<unknown, void, unknown> {
          seen.push(value, yield Promise.resolve(other));
        });
        subject.emit('change', 1, 2);
        subject.emit('change', 3, 4);
        const expected = method.toLowerCase().includes('once') ? [1, 2] : [1, 2, 3, 4];
        await eventually('the end of the listeners', () => seen.length === expected.length);
        await later();
        expect(seen).toEqual(expected);
      },
    );

    it.each(['on', 'once', 'prependListener', 'prependOnceListener'] as const)(
      'removeListener() finds the generator function that %s() took',
      async (method) => {
        const seen: unknown[] = [];
        const listener = function* (): Generator<unknown> {
          seen.push(yield Promise.resolve(1));
        };
        subject[method]('change', listener);
        expect(subject.listenerCount('change')).toBe(1);
        subject.removeListener('change', listener);
        expect(subject.listenerCount('change')).toBe(0);
        subject.emit('change');
        await later();
        expect(seen).toEqual([]);
      },
    );

    it('what a generator listener throws is an error event of that name', async () => {
      subject.on('change', function* () {
        yield Promise.resolve();
        throw new TypeError('in the listener');
      });
      subject.emit('change');
      await eventually('the error', () => subject.errors.length === 1);
      expect(subject.errors[0]).toMatchObject({ name: 'EventListenerProcessError', message: 'in the listener' });
    });

    it('a generator listener of the event error is refused', () => {
      expect(() => subject.on('error', function* () {})).toThrow('event should not have a generator listener');
    });

    it('await(event) gives the first argument, whatever errors pass meanwhile', async () => {
      const awaited = subject.await('change');
      subject.emit('error', new Error('passes'));
      subject.emit('change', 'value', 'other');
      await expect(awaited).resolves.toBe('value');
    });

    it("await('error') rejects", async () => {
      const awaited = subject.await('error');
      subject.emit('error', new Error('awaited'));
      await expect(awaited).rejects.toThrow('awaited');
    });

    it('await(emitter, event) waits for another emitter', async () => {
      const other = new EventEmitter();
      const awaited = subject.await(other, 'change');
      subject.emit('change', 'own');
      other.emit('change', 'of the other');
      await expect(awaited).resolves.toBe('of the other');
    });

    it('awaitFirst(events) gives the first event with all arguments, and leaves no listener', async () => {
      const awaited = subject.awaitFirst(['change', 'error', 'end']);
      subject.emit('end', 1, 2);
      subject.emit('change', 3);
      await expect(awaited).resolves.toEqual({ event: 'end', args: [1, 2] });
      for (const event of ['change', 'end']) expect(subject.listenerCount(event)).toBe(0);
    });

    it('awaitFirst(events) is rejected by an error only if it is among them', async () => {
      const withError = settled(subject.awaitFirst(['change', 'error']));
      const without = settled(subject.awaitFirst(['change']));
      subject.emit('error', new Error('down'));
      subject.emit('change');
      await expect(withError).resolves.toBe('rejects Error down');
      await expect(without).resolves.toBe('gives {"event":"change","args":[]}');
    });

    it('awaitFirst(emitter, events) waits for another emitter; without an event it rejects', async () => {
      const other = new EventEmitter();
      const awaited = subject.awaitFirst(other, 'change');
      other.emit('change', 7);
      await expect(awaited).resolves.toEqual({ event: 'change', args: [7] });
      await expect(subject.awaitFirst([])).rejects.toThrow();
    });

    it('ready(error) makes it not ready, until it says ready(true)', async () => {
      subject.ready(new Error('lost'));
      expect(subject.isReady).toBe(false);
      await expect(subject.ready()).rejects.toThrow('lost');
      subject.ready(true);
      expect(subject.isReady).toBe(true);
      await subject.ready();
    });

    it('ready(error) is an error event when nobody waits, and only then', async () => {
      subject.ready(false);
      const awaited = settled(subject.ready());
      subject.ready(new Error('awaited'));
      await expect(awaited).resolves.toBe('rejects Error awaited');
      expect(subject.errors).toEqual([]);
      subject.ready(new Error('unheard'));
      expect(subject.errors.map(({ message }) => message)).toEqual(['unheard']);
    });

    it('ready(callback) calls back once, in a later tick: with null, or with the error', async () => {
      const calls: unknown[] = [];
      subject.ready((error: unknown) => calls.push(error));
      expect(calls).toEqual([]);
      await later();
      const failure = new Error('failed');
      subject.ready(failure);
      subject.ready((error: unknown) => calls.push(error));
      await later();
      expect(calls).toEqual([null, failure]);
      subject.ready(true);
    });

    it('ready(0) and ready(null) are like ready(false), and other values like ready(true)', () => {
      for (const flag of [0, null, '']) {
        subject.ready(flag);
        expect(Boolean(subject.isReady)).toBe(false);
      }
      subject.ready('yes');
      expect(Boolean(subject.isReady)).toBe(true);
    });

    it('readyOrTimeout() gives up with a TimeoutError, and then waits no longer', async () => {
      subject.ready(false);
      const awaited = subject.readyOrTimeout(60_000);
      subject.ready(true);
      await awaited;
      await subject.readyOrTimeout(60_000);
      subject.ready(false);
      await expect(subject.readyOrTimeout(1)).rejects.toMatchObject({
        name: 'TimeoutError',
        message: expect.stringContaining('Promise timed out after 1 milliseconds'),
      });
      subject.ready(new Error('nobody waits'));
      expect(subject.errors.map(({ message }) => message)).toEqual(['nobody waits']);
      await expect(subject.readyOrTimeout(60_000)).rejects.toThrow('nobody waits');
    });
  });

  it.each([
    ['the shared client', () => library(FailingUpstream, options()).create()],
    ['an API client', () => new (apiClassOf(library, FailingUpstream))()],
  ] as [string, () => Subject][])('%s is not ready after a failed start', async (_what, create) => {
    const subject = created(library, create());
    await expect(subject.ready()).rejects.toThrow('no server');
    expect(subject.isReady).toBe(false);
  });

  describe('initMethod', () => {
    it.each([
      [
        'a generator method',
        function* (this: Subject): Generator<unknown, unknown, unknown> {
          return yield Promise.resolve('done');
        },
      ],
      ['an asynchronous method', async () => Promise.resolve('done')],
      ['a method that gives a promise', () => Promise.resolve('done')],
    ])('may be %s, which can be called again', async (_what, init: unknown) => {
      const Api = apiClassOf(library);
      Object.defineProperty(Api.prototype, '_init', { value: init, writable: true, configurable: true });
      const api = created(library, new Api({ initMethod: '_init' }));
      expect(api.isReady).toBe(false);
      await api.ready();
      expect(api.isReady).toBe(true);
      await expect((api as unknown as { _init(): Promise<unknown> })._init()).resolves.toBe('done');
    });

    it('may wait for an event while an error passes', async () => {
      class Api extends apiClassOf(library) {
        async _init(): Promise<void> {
          setImmediate(() => {
            this.emit('error', new Error('passes'));
            this.emit('connected', 1);
          });
          await this.await('connected');
        }
      }
      const api = created(library, new Api({ initMethod: '_init' }));
      await api.ready();
      expect(api.errors).toHaveLength(1);
    });

    it('that fails rejects ready(), or is an error event when nobody waits', async () => {
      class Api extends apiClassOf(library) {
        *_init(): Generator<unknown> {
          yield Promise.resolve();
          throw new Error('cannot start');
        }
      }
      const awaited = created(library, new Api({ initMethod: '_init' }));
      await expect(awaited.ready()).rejects.toThrow('cannot start');
      expect(awaited.isReady).toBe(false);
      expect(awaited.errors).toEqual([]);
      const unheard = created(library, new Api({ initMethod: '_init' }));
      await eventually('the error', () => unheard.errors.length === 1);
    });

    it('that does not exist is refused at once', () => {
      const Api = apiClassOf(library);
      expect(() => new Api({ initMethod: 'nowhere' })).toThrow(/nowhere should be a function/);
    });
  });
});
