// Async generator methods as streams, the same in every role: a single suite for single mode, the leader and a follower.

import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { createIn, readyIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

/** A class whose streams a test decides. */
function feedClass() {
  return class Feed {
    static readonly log: string[] = [];
    static readonly received: unknown[][] = [];
    /** Lets `gated` go on. */
    static open: () => void = () => undefined;

    async *count(to: number): AsyncGenerator<number, string> {
      Feed.log.push('begun');
      try {
        for (let i = 1; i <= to; i++) yield await Promise.resolve(i);
        return 'all';
      } finally {
        Feed.log.push('ended');
      }
    }
    async *values(...args: unknown[]): AsyncGenerator<unknown, void> {
      Feed.received.push(args);
      for (const value of args) yield await Promise.resolve(value);
    }
    async *failing(): AsyncGenerator<number, void> {
      yield await Promise.resolve(1);
      throw Object.assign(new RangeError('no more'), { code: 'E_MORE' });
    }
    async *catching(): AsyncGenerator<unknown, string> {
      for (;;) {
        try {
          yield await Promise.resolve('item');
        } catch (error) {
          if ((error as Error).message === 'enough') return 'caught enough';
          yield `caught ${(error as Error).message}`;
        }
      }
    }
    async *gated(signal?: AbortSignal): AsyncGenerator<string, void> {
      try {
        yield 'before';
        await new Promise<void>((resolve, reject) => {
          Feed.open = resolve;
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
        yield 'after';
      } finally {
        Feed.log.push(signal?.aborted ? `ended, aborted: ${String(signal.reason)}` : 'ended');
      }
    }
    async *cleaning(): AsyncGenerator<number, string> {
      try {
        for (let i = 0; i < 1e9; i++) yield await Promise.resolve(i);
        return 'never';
      } finally {
        await Promise.reject(new Error('not clean'));
      }
    }
    async *withFunction(): AsyncGenerator<unknown, void> {
      try {
        yield await Promise.resolve(1);
        yield () => undefined;
        yield 3;
      } finally {
        Feed.log.push('ended');
      }
    }
    rows(to: number): Readable {
      return Readable.from(this.count(to));
    }
    async laterRows(to: number): Promise<AsyncIterable<number>> {
      await Promise.resolve();
      return this.count(to);
    }
    async noRows(): Promise<AsyncIterable<number>> {
      return Promise.resolve(1 as never);
    }
    async oddIterator(): Promise<AsyncIterable<unknown>> {
      await Promise.resolve();
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(null as never) }) };
    }
    async minimal(): Promise<AsyncIterable<number>> {
      await Promise.resolve();
      let i = 0;
      return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: ++i }) }) };
    }
    close(): void {
      return undefined;
    }
  };
}

let Feed: ReturnType<typeof feedClass>;
let port: number;
let open: object[] = [];

beforeEach(async () => {
  Feed = feedClass();
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.map((client) => cluster.close(client)));
  open = [];
});

function build(options: ClientOptions) {
  const client = cluster(Feed, { name: 'feed', port, logger: recordingLogger(), ...options })
    .delegate('rows', 'stream')
    .delegate('laterRows', 'stream')
    .delegate('noRows', 'stream')
    .delegate('oddIterator', 'stream')
    .delegate('minimal', 'stream')
    .create();
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe.each(ROLES)('%s', (role) => {
  const create = () => createIn(role, build);
  const ready = () => readyIn(role, build);

  it('gives all items in order, and then what the generator returns', async () => {
    const client = await ready();
    await expect(all(client.count(1000))).resolves.toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    const stream = client.count(1);
    await expect(stream.next()).resolves.toEqual({ done: false, value: 1 });
    await expect(stream.next()).resolves.toEqual({ done: true, value: 'all' });
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    expect(client.status().streams).toBe(0);
  });

  it('begins with the first step, before there is a role too', async () => {
    const client = await create();
    const stream = client.count(2);
    expect(client.status().streams).toBe(0);
    const first = stream.next();
    expect(client.status().streams).toBe(1);
    await expect(first).resolves.toEqual({ done: false, value: 1 });
    expect(client.status().streams).toBe(1);
    await stream.return('x');
    expect(client.status().streams).toBe(0);
  });

  it('calls nothing when it ends before the first step', async () => {
    const client = await ready();
    await expect(client.count(2).return('given')).resolves.toEqual({ done: true, value: 'given' });
    await expect(client.count(2).throw(new Error('given'))).rejects.toThrow('given');
    expect(Feed.log).toEqual([]);
  });

  it('keeps values as calls do, large ones and undefined', async () => {
    const client = await ready();
    const large = { text: 'x'.repeat(600_000), bytes: Buffer.alloc(300_000, 7) };
    const values = [undefined, null, 0, -0, { at: new Date(5) }, large, new Map([[1, large]]), 'last'];
    expect(isDeepStrictEqual(await all(client.values(...values)), values)).toBe(true);
  });

  it('has the arguments as they were at the call', async () => {
    const client = await ready();
    const argument = { n: 1 };
    const stream = client.values(argument, undefined);
    argument.n = 2;
    await expect(all(stream)).resolves.toEqual([{ n: 1 }, undefined]);
    expect(Feed.received).toEqual([[{ n: 1 }, undefined]]);
  });

  it('gives the error of the generator behind its items, once', async () => {
    const client = await ready();
    const stream = client.failing();
    await expect(stream.next()).resolves.toEqual({ done: false, value: 1 });
    await expect(stream.next()).rejects.toMatchObject({ name: 'RangeError', message: 'no more', code: 'E_MORE' });
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    expect(client.status().streams).toBe(0);
  });

  it('ends the generator when the loop is left, and waits for its finally', async () => {
    const client = await ready();
    for await (const n of client.count(1e9)) if (n === 3) break;
    expect(Feed.log).toEqual(['begun', 'ended']);
    expect(client.status().streams).toBe(0);
  });

  it('gives what is given to return, and the error of finally', async () => {
    const client = await ready();
    const stream = client.count(10);
    await stream.next();
    await expect(stream.return('given')).resolves.toEqual({ done: true, value: 'given' });
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    const unclean = client.cleaning();
    await unclean.next();
    await expect(unclean.return('x')).rejects.toThrow('not clean');
    await expect(unclean.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('throws into the generator, which may go on or end', async () => {
    const client = await ready();
    const stream = client.catching();
    await stream.next();
    await stream.next();
    await expect(stream.throw(new TypeError('it'))).resolves.toEqual({ done: false, value: 'caught it' });
    await expect(stream.next()).resolves.toEqual({ done: false, value: 'item' });
    await expect(stream.throw(new Error('enough'))).resolves.toEqual({ done: true, value: 'caught enough' });
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    const other = client.count(10);
    await other.next();
    await expect(other.throw(Object.assign(new Error('not caught'), { code: 'E_X' }))).rejects.toMatchObject({ code: 'E_X' });
    expect(Feed.log).toEqual(['begun', 'ended']);
  });

  it('answers steps that are asked for together one after the other', async () => {
    const client = await ready();
    const stream = client.count(2);
    const steps = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.return('late')]);
    expect(steps).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: 'all' },
      { done: true, value: undefined },
      { done: true, value: 'late' },
    ]);
  });

  it('many at once do not mix', async () => {
    const client = await ready();
    const streams = await Promise.all(Array.from({ length: 50 }, (_, i) => all(client.values(i, i + 1, i + 2))));
    expect(streams).toEqual(Array.from({ length: 50 }, (_, i) => [i, i + 1, i + 2]));
  });

  it('a signal of with() ends a step at once, and the generator', async () => {
    const client = await ready();
    const life = new AbortController();
    const stream = client.with({ signal: life.signal }).gated();
    await stream.next();
    const step = stream.next();
    life.abort(new Error('no longer'));
    await expect(step).rejects.toThrow('no longer');
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    expect(client.status().streams).toBe(0);
    Feed.open();
    await eventually('the end of the generator', () => Feed.log.includes('ended'));
  });

  it('a signal that is aborted between two steps is told at the next one', async () => {
    const client = await ready();
    const life = new AbortController();
    const stream = client.with({ signal: life.signal }).count(1e9);
    await stream.next();
    life.abort(new Error('no longer'));
    await eventually('the end of the generator', () => Feed.log.includes('ended'));
    await expect(stream.next()).rejects.toThrow('no longer');
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    const late = client.with({ signal: life.signal }).count(1);
    await expect(late.next()).rejects.toThrow('no longer');
  });

  it('a time limit is for each step', async () => {
    const client = await ready();
    await expect(all(client.with({ timeoutMs: 60_000 }).count(3))).resolves.toEqual([1, 2, 3]);
    const stream = client.with({ timeoutMs: 1 }).gated();
    await expect(all(stream)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT', method: 'gated' });
    Feed.open();
    await eventually('the end of the generator', () => Feed.log.includes('ended'));
  });

  it('a signal among the arguments reaches the generator', async () => {
    const client = await ready();
    const life = new AbortController();
    const stream = client.gated(life.signal);
    await stream.next();
    const step = stream.next();
    life.abort('by its reader');
    await expect(step).rejects.toBe('by its reader');
    expect(Feed.log).toEqual(['ended, aborted: by its reader']);
  });

  it('one signal for both ends both', async () => {
    const client = await ready();
    const life = new AbortController();
    const stream = client.with({ signal: life.signal }).gated(life.signal);
    await stream.next();
    const step = stream.next();
    await eventually('the wait in the generator', () => Feed.open.name === 'resolve' || Feed.open.length === 1);
    life.abort('all');
    await expect(step).rejects.toBe('all');
    await eventually('the end of the generator', () => Feed.log.length === 1);
    expect(Feed.log).toEqual(['ended, aborted: all']);
  });

  it('ends with the client: the step under way, or the next one, says so', async () => {
    const client = await ready();
    const stream = client.gated();
    await stream.next();
    const step = stream.next();
    const idle = client.count(1e9);
    await idle.next();
    const outcome = expect(step).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    await client.close();
    await outcome;
    await expect(idle.next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    await expect(idle.next()).resolves.toEqual({ done: true, value: undefined });
    await expect(client.count(1).next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    await eventually('the end of the generator', () => Feed.log.includes('ended'));
    expect(client.status().streams).toBe(0);
  });

  it('any method that gives an async iterable can be delegated as a stream', async () => {
    const client = await ready();
    await expect(all(client.rows(3))).resolves.toEqual([1, 2, 3]);
    await expect(all(client.laterRows(3))).resolves.toEqual([1, 2, 3]);
    await expect(client.noRows().next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_SHARED', method: 'noRows' });
    await expect(client.oddIterator().next()).rejects.toThrow('steps that are no objects');
    const stream: AsyncGenerator<number, void, undefined> = client.minimal();
    await expect(stream.next()).resolves.toEqual({ done: false, value: 1 });
    await expect(stream.return()).resolves.toEqual({ done: true, value: undefined });
  });

  it('is disposable', async () => {
    const client = await ready();
    const stream = client.count(1e9) as unknown as AsyncGenerator<number> & AsyncDisposable;
    await stream.next();
    await stream[Symbol.asyncDispose]();
    expect(Feed.log).toEqual(['begun', 'ended']);
  });

  it('with autoGenerate: false it is shared when delegated, and otherwise says how', async () => {
    const client = cluster(Feed, { singleMode: true, name: 'explicit', autoGenerate: false, logger: recordingLogger() })
      .delegate('count')
      .create();
    open.push(client);
    await expect(all(client.count(2))).resolves.toEqual([1, 2]);
    expect(() => (client as unknown as InstanceType<typeof Feed>).failing()).toThrow(
      "autoGenerate is false; share it with .delegate('failing', 'stream')",
    );
  });

  if (role === 'follower') {
    it('an item that cannot be encoded ends the stream and the generator', async () => {
      const client = await ready();
      const stream = client.withFunction();
      await stream.next();
      await expect(stream.next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE', method: 'withFunction' });
      await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
      expect(Feed.log).toEqual(['ended']);
    });

    it('arguments that cannot be encoded reject the first step', async () => {
      const client = await ready();
      await expect(client.values(() => undefined).next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
      expect(client.status().streams).toBe(0);
    });

    it('the error of the generator has the stacks of both processes', async () => {
      const client = await ready();
      const error = await all(client.failing()).catch((thrown: unknown) => thrown as Error);
      expect((error as Error).stack).toMatch(/failing[\s\S]*--- called by process/);
    });

    it('a value that cannot be given to return still ends the generator', async () => {
      const client = await ready();
      const stream = client.count(1e9);
      await stream.next();
      await expect(stream.return((() => undefined) as never)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
      await eventually('the end of the generator', () => Feed.log.includes('ended'));
    });
  }
});
