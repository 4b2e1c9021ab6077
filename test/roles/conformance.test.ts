// Every role answers the same verbs in the same way: a single suite, run for single mode, the leader and a follower.

import { AsyncLocalStorage } from 'node:async_hooks';
import { runInThisContext } from 'node:vm';
import co from 'co';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import { markEnding } from '../../src/seat';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { createIn, readyIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

type Upstream = ReturnType<typeof upstreamClass>;

describe.each(ROLES)('%s', (role) => {
  let open: object[] = [];
  let Registry: Upstream;
  let port: number;

  beforeEach(async () => {
    Registry = upstreamClass();
    port = await freePort();
  });

  afterEach(async () => {
    await Promise.all(open.map((client) => cluster.close(client)));
    open = [];
  });

  function build(options: ClientOptions) {
    const client = cluster(Registry, { port, logger: recordingLogger(), ...options })
      .delegate('plain')
      .delegate('optional')
      .delegate('throwAtOnce')
      .delegate('withCallback')
      .delegate('failingCallback')
      .delegate('twice')
      .delegate('never')
      .delegate('unPublish', 'invokeOneway')
      .create();
    client.on('error', () => undefined); // printed otherwise
    open.push(client);
    return client;
  }

  const create = (options: ClientOptions = {}) => createIn(role, (own) => build({ ...options, ...own }));
  const ready = (options: ClientOptions = {}) => readyIn(role, (own) => build({ ...options, ...own }));

  describe('calls', () => {
    it('gives the result of a promise method', async () => {
      const client = await ready();
      await expect(client.echo({ a: [1, 'x', null], at: new Date(5) })).resolves.toEqual({ a: [1, 'x', null], at: new Date(5) });
    });

    it('runs before ready as soon as there is a role', async () => {
      const client = await create();
      await expect(client.echo('early')).resolves.toBe('early');
    });

    it.each([
      ['no argument', []],
      ['one', [1]],
      ['a trailing undefined', [1, undefined]],
      ['only undefined', [undefined]],
    ])('passes on exactly the arguments of the caller: %s', async (_, args) => {
      const client = await ready();
      await expect(client.countArguments(...args)).resolves.toBe(args.length);
      expect(Registry.last.received).toEqual([args]);
    });

    it('leaves an optional parameter alone', async () => {
      const client = await ready();
      await expect(client.optional(1)).resolves.toEqual([1, 'undefined']);
    });

    it('gives the value of a method that is not asynchronous', async () => {
      const client = await ready();
      await expect(client.plain('value')).resolves.toBe('value');
    });

    it('runs a generator method', async () => {
      const client = await ready();
      await expect(co(client.generate(1) as unknown as () => Iterator<unknown>)).resolves.toBe(3);
    });

    it('gives all results of a callback method to a callback', async () => {
      const client = await ready();
      const results = await new Promise((resolve) => {
        client.withCallback('first', (...args) => resolve(args));
      });
      expect(results).toEqual([null, 'first', 'second']);
    });

    it('gives the first result of a callback method to a promise', async () => {
      const client = await ready();
      await expect(client.withCallback('first')).resolves.toBe('first');
    });

    it('gives the result of a promise method to a callback', async () => {
      const client = await ready();
      const results = await new Promise((resolve) => {
        (client.echo as (value: unknown, callback: (...args: unknown[]) => void) => void)('x', (...args) => resolve(args));
      });
      expect(results).toEqual([null, 'x']);
    });

    it('gives the error of a callback method', async () => {
      const client = await ready();
      await expect(client.failingCallback()).rejects.toMatchObject({ message: 'callback failed', code: 'E_CB' });
      const error = await new Promise((resolve) => {
        client.failingCallback((failure) => resolve(failure));
      });
      expect(error).toMatchObject({ code: 'E_CB' });
    });

    it('finds the callback of a minified method, and refuses to guess where it cannot', async () => {
      const { Minified } = runInThisContext(
        `({Minified:class Minified{find(e,t){setImmediate(t,null,e)}pass(e,t){this.find(e,t)}close(){}}})`,
      ) as {
        Minified: new () => { find(key: unknown): unknown; pass(key: unknown, callback?: unknown): unknown };
      };
      const make = (options: ClientOptions) => {
        const made = cluster(Minified, { port, logger: recordingLogger(), ...options })
          .delegate('find')
          .delegate('pass')
          .create();
        open.unshift(made);
        return made;
      };
      const leader = make(role === 'single' ? { singleMode: true } : { isLeader: true });
      await leader.ready();
      const client = role === 'follower' ? make({ isLeader: false }) : leader;
      await expect(client.find('key')).resolves.toBe('key');
      await expect(client.pass('key')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALLBACK_UNCLEAR' });
      const results = await new Promise((resolve) => void client.pass('key', (...given: unknown[]) => resolve(given)));
      expect(results).toEqual([null, 'key']);
    });

    it('takes the first of two answers', async () => {
      const client = await ready();
      await expect(client.twice()).resolves.toBe(1);
    });

    it('keeps name, message, code, cause and own fields of an error, and the stacks of both sides', async () => {
      const client = await ready();
      const error = await client.fail().then(
        () => undefined,
        (failure: Error) => failure,
      );
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: 'TypeError', message: 'no such thing', code: 42, details: { a: [1] } });
      expect((error!.cause as Error).message).toBe('the root');
      expect(error!.stack).toContain('fake-upstream');
      expect(error!.stack).toContain('conformance.test');
    });

    it.each([['a string'], [0], [null], [undefined], [{ code: 'E_PLAIN' }]])('passes on a thrown %p as it is', async (thrown) => {
      const client = await ready();
      await expect(client.throwValue(thrown)).rejects.toEqual(thrown);
    });

    it('rejects on a synchronous throw', async () => {
      const client = await ready();
      await expect(client.throwAtOnce()).rejects.toMatchObject({ name: 'RangeError', message: 'at once' });
    });

    it('rejects at once when the upstream client lacks the method', async () => {
      const client = await ready();
      Object.defineProperty(Registry.last, 'plain', { value: undefined });
      await expect(client.plain(1)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_UNKNOWN_METHOD', method: 'plain' });
    });

    it('makes an error event of a callback that throws', async () => {
      const client = await ready();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      client.withCallback(1, () => {
        throw new Error('in the callback');
      });
      await eventually('an error event', () => errors.length > 0);
      expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_LISTENER_THREW', cause: { message: 'in the callback' } });
    });

    it('lets tests replace a method of the client and of the upstream client', async () => {
      const client = await ready();
      jest.spyOn(Registry.last, 'echo').mockResolvedValue('from the spy');
      await expect(client.echo(1)).resolves.toBe('from the spy');
      const spy = jest.spyOn(client, 'echo').mockResolvedValue('replaced');
      await expect(client.echo(2)).resolves.toBe('replaced');
      expect(spy).toHaveBeenCalledWith(2);
    });

    it('reports the failure of a one-way call where the upstream client is', async () => {
      const client = await ready();
      const errors: unknown[] = [];
      for (const each of open as (typeof client)[]) each.on('error', (error) => errors.push(error));
      jest.spyOn(Registry.last, 'unPublish').mockImplementation(() => {
        throw new Error('one-way failed');
      });
      client.unPublish({ service: 'x' });
      await eventually('an error event', () => errors.length > 0);
      expect(errors[0]).toMatchObject({ message: 'one-way failed' });
    });
  });

  describe('subscriptions', () => {
    it('delivers values in order, and never synchronously', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', 1);
      Registry.last.push('key', 2);
      Registry.last.push('key', 3);
      expect(seen).toEqual([]);
      await eventually('three values', () => seen.length === 3);
      expect(seen).toEqual([1, 2, 3]);
    });

    it('runs each listener in the AsyncLocalStorage context of its subscribe call', async () => {
      const client = await create();
      const requests = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const subscribe = (request: string, key: string): void =>
        requests.run(request, () => client.subscribe(key, (value) => seen.push([requests.getStore(), value])));
      subscribe('before ready', 'key');
      await client.ready();
      await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
      requests.run('a push', () => Registry.last.push('key', 1));
      await eventually('the pushed value', () => seen.length === 1);
      subscribe('late', 'key');
      await eventually('the replayed value', () => seen.length === 2);
      client.subscribe('key', (value) => seen.push([requests.getStore(), value]));
      await eventually('the value without a context', () => seen.length === 3);
      expect(seen).toEqual([
        ['before ready', 1],
        ['late', 1],
        [undefined, 1],
      ]);
    });

    it('replays the last value to a late subscriber, once', async () => {
      const client = await ready();
      const early: unknown[] = [];
      const late: unknown[] = [];
      client.subscribe('key', (value) => early.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', 'old');
      Registry.last.push('key', 'last');
      await eventually('the value', () => early.includes('last'));
      client.subscribe('key', (value) => late.push(value));
      expect(late).toEqual([]);
      await eventually('the replay', () => late.length > 0);
      Registry.last.push('key', 'next');
      await eventually('the next value', () => late.includes('next'));
      expect(late).toEqual(['last', 'next']);
      expect(Registry.last.subscribed).toEqual(['key']);
    });

    it('takes a subscription before ready', async () => {
      const client = await create();
      const seen: unknown[] = [];
      client.subscribe({ dataId: 'a' }, (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.instances[0]?.subscribed.length);
      Registry.last.push({ dataId: 'a' }, 'value');
      await eventually('the value', () => seen.length > 0);
      expect(seen).toEqual(['value']);
    });

    it('gives each listener a value of its own', async () => {
      const client = await ready();
      const seen: { list: number[] }[] = [];
      const listener = (value: unknown): void => {
        const own = value as { list: number[] };
        own.list.push(seen.length);
        seen.push(own);
      };
      client.subscribe('key', listener);
      client.subscribe('key', listener);
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      const original = { list: [] };
      Registry.last.push('key', original);
      await eventually('both values', () => seen.length === 2);
      expect(seen).toEqual([{ list: [0] }, { list: [1] }]);
      expect(original).toEqual({ list: [] });
    });

    it('delivers what was pushed, not what the upstream client made of it later', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      const value = { version: 1 };
      Registry.last.push('key', value);
      value.version = 2;
      await eventually('the value', () => seen.length > 0);
      expect(seen).toEqual([{ version: 1 }]);
    });

    it('runs a generator listener to its end, and makes an error event of what it throws', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      const errors: unknown[] = [];
      client.on('error', (error: Error) => errors.push(error));
      client.subscribe('key', function* (value): Generator<unknown, void, unknown> {
        seen.push(yield Promise.resolve(value));
        if (value === 'bad') throw new Error('cannot use it');
      });
      await eventually('the subscription', () => Registry.last.subscribed.length === 1);
      Registry.last.push('key', 'good');
      await eventually('the first value', () => seen.length === 1);
      Registry.last.push('key', 'bad');
      await eventually('the error', () => errors.length === 1);
      expect(seen).toEqual(['good', 'bad']);
      expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_LISTENER_THREW', cause: { message: 'cannot use it' } });
    });

    it('makes an error event of a listener that throws or rejects, and serves the others', async () => {
      const client = await ready();
      const errors: { cause: Error }[] = [];
      const seen: unknown[] = [];
      client.on('error', (error: Error & { cause: Error }) => errors.push(error));
      client.subscribe('key', () => {
        throw new Error('thrown');
      });
      client.subscribe('key', () => Promise.reject(new Error('rejected')));
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', 1);
      await eventually('two errors', () => errors.length === 2);
      expect(errors.map(({ cause }) => cause.message).sort()).toEqual(['rejected', 'thrown']);
      expect(seen).toEqual([1]);
    });

    it('stops one listener, or all of a key', async () => {
      const client = await ready();
      const a: unknown[] = [];
      const b: unknown[] = [];
      const listenerA = (value: unknown): void => void a.push(value);
      client.subscribe('key', listenerA);
      client.subscribe('key', (value) => b.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', 1);
      await eventually('both', () => a.length === 1 && b.length === 1);
      client.unSubscribe('key', listenerA);
      Registry.last.push('key', 2);
      await eventually('the second value', () => b.length === 2);
      expect(a).toEqual([1]);
      client.unSubscribe('key');
      const c: unknown[] = [];
      client.subscribe('other', (value) => c.push(value));
      await eventually('the other subscription', () => Registry.last.subscribed.includes('other'));
      Registry.last.push('key', 3);
      Registry.last.push('other', 'fence');
      await eventually('the fence', () => c.length === 1);
      expect(b).toEqual([1, 2]);
    });

    it('tells the upstream client after the last unsubscribe, and not when somebody comes back soon', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      const listener = (value: unknown): void => void seen.push(value);
      client.subscribe('key', listener);
      await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
      Registry.last.push('key', 1);
      await eventually('a value', () => seen.length === 1);
      client.unSubscribe('key', listener);
      client.subscribe('key', listener);
      await eventually('the replay', () => seen.length === 2);
      client.unSubscribe('key', listener);
      await eventually('the upstream unsubscribe', () => Registry.last.unsubscribed.length === 1);
      expect(Registry.last.subscribed).toEqual(['key']);
      client.subscribe('key', listener);
      await eventually('a new upstream subscription', () => Registry.last.subscribed.length === 2);
    });

    it('treats registrations with another property order as one', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      client.subscribe({ a: 1, b: { c: 2, d: 3 } }, (value) => seen.push(['first', value]));
      client.subscribe({ b: { d: 3, c: 2 }, a: 1 }, (value) => seen.push(['second', value]));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push(Registry.last.subscribed[0], 'value');
      await eventually('both', () => seen.length === 2);
      expect(Registry.last.subscribed).toHaveLength(1);
    });

    it('hands the registration on with its non-JSON parts', async () => {
      const client = await ready();
      const registration = { since: new Date(7), bytes: Buffer.from('x'), nothing: undefined };
      client.subscribe(registration, () => undefined);
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      expect(Registry.last.subscribed[0]).toEqual(registration);
    });

    it('never makes two registrations one', async () => {
      const client = await ready();
      const registrations = [{ of: new Map([['a', 1]]) }, { of: new Map([['b', 2]]) }];
      for (const registration of registrations) client.subscribe(registration, () => undefined);
      await eventually('both', () => Registry.last.subscribed.length === 2);
      expect(Registry.last.subscribed).toEqual(registrations);
    });

    it('keeps what structured clone keeps, in values, arguments and results', async () => {
      const client = await ready();
      const plain = {
        map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'two'])]]),
        big: 2n ** 70n,
        numbers: [-0, NaN, Infinity],
        bytes: Buffer.from([1, 255]),
        date: new Date(5),
        pattern: /x/giu,
        nothing: undefined,
      };
      const far = Object.assign(new RangeError('far'), { code: 'E_FAR', cause: new Error('near') });
      const value: Record<string, unknown> = { ...plain, error: far };
      value.self = value;
      const seen: unknown[] = [];
      client.subscribe('key', (each) => seen.push(each));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', value);
      await eventually('the value', () => seen.length > 0);
      for (const got of [seen[0], await client.echo(value)] as (typeof value)[]) {
        const { self, error, ...rest } = got;
        expect(rest).toEqual(plain);
        expect(self).toBe(got);
        expect(Object.is((got.numbers as number[])[0], -0)).toBe(true);
        expect(error).toMatchObject({ name: 'RangeError', message: 'far', code: 'E_FAR', cause: { message: 'near' } });
      }
    });

    it('unsubscribes although the registration object has changed since', async () => {
      const client = await ready();
      const registration = { id: 'a' };
      const seen: unknown[] = [];
      const listener = (value: unknown): void => void seen.push(value);
      client.subscribe(registration, listener);
      await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
      registration.id = 'b';
      client.unSubscribe({ id: 'a' }, listener);
      await client.echo('a fence');
      Registry.instances[0]!.upstreamListeners.forEach((push) => push('too late'));
      await client.echo('another fence');
      expect(seen).toEqual([]);
    });

    it('asks again when the upstream client throws in subscribe', async () => {
      const client = await ready();
      const errors: unknown[] = [];
      for (const each of open as (typeof client)[]) each.on('error', (error) => errors.push(error));
      const seen: unknown[] = [];
      jest.spyOn(Registry.last, 'subscribe').mockImplementationOnce(() => {
        throw new Error('not now');
      });
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the error', () => errors.length > 0);
      expect(errors[0]).toMatchObject({
        code: 'ERR_TRUNKLINE_UPSTREAM_REFUSED',
        key: '"key"',
        method: 'subscribe',
        cause: expect.objectContaining({ message: 'not now' }) as Error,
      });
      await eventually('the second try', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', 'at last');
      await eventually('the value', () => seen.length > 0);
    });

    it('lets the last wish win although unSubscribe is slow', async () => {
      const client = await ready();
      const server = new Map<unknown, (value: unknown) => void>();
      let finish: () => void = () => undefined;
      const slowly = new Promise<void>((resolve) => (finish = resolve));
      jest
        .spyOn(Registry.last, 'subscribe')
        .mockImplementation((registration, listener) => void server.set(registration, listener));
      const end = jest.spyOn(Registry.last, 'unSubscribe').mockImplementation(async (registration: unknown) => {
        await slowly;
        server.delete(registration);
      });
      const seen: unknown[] = [];
      client.subscribe('key', () => undefined);
      await eventually('the subscription', () => server.has('key'));
      client.unSubscribe('key');
      await eventually('the end of it', () => end.mock.calls.length === 1);
      client.subscribe('key', (value) => seen.push(value));
      await client.echo('it has arrived');
      const before = server.get('key');
      finish();
      await eventually('the new subscription', () => server.has('key') && server.get('key') !== before);
      server.get('key')!('a value');
      await eventually('the value', () => seen.length > 0);
    });

    it('tells a process that it refuses a key also when it has refused it before that process came', async () => {
      const client = await ready();
      const refuse = (): Promise<never> => Promise.reject(new Error('no such key'));
      jest.spyOn(Registry.last, 'subscribe').mockImplementation(refuse);
      const first = (open as (typeof client)[])[0]!;
      const [early, late]: [unknown[], unknown[]] = [[], []];
      first.once('error', (error: unknown) => early.push(error));
      first.subscribe('key', () => undefined);
      await eventually('the first error', () => early.length === 1);
      client.on('error', (error: unknown) => late.push(error));
      client.subscribe('key', () => undefined);
      await eventually('the second error', () => late.length > 0);
      expect(late[0]).toMatchObject({ code: 'ERR_TRUNKLINE_UPSTREAM_REFUSED', key: '"key"' });
    });

    it('reports a value that cannot be encoded and goes on', async () => {
      const client = await ready();
      const errors: unknown[] = [];
      for (const each of open as (typeof client)[]) each.on('error', (error) => errors.push(error));
      const seen: unknown[] = [];
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push('key', { list: [{ run: () => undefined }] });
      Registry.last.push('key', 'good');
      await eventually('the good value', () => seen.length > 0);
      expect(seen).toEqual(['good']);
      expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
    });

    it('says when a subscription has no first value in time, and keeps it', async () => {
      const client = await ready({ subscribeTimeout: 30 });
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const seen: unknown[] = [];
      client.subscribe('key', (value) => seen.push(value));
      await eventually('the error', () => errors.length > 0);
      expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_SUBSCRIBE_TIMEOUT' });
      Registry.last.push('key', 'late');
      await eventually('the value', () => seen.length > 0);
    });

    it('gives each value to one subscriber only with isBroadcast: false', async () => {
      const client = await ready({ isBroadcast: false });
      const seen: unknown[][] = [[], []];
      client.subscribe('key', (value) => seen[0]!.push(value));
      client.subscribe('key', (value) => seen[1]!.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      for (let i = 0; i < 64; i++) Registry.last.push('key', i);
      await eventually('all values', () => seen.flat().length >= 64);
      expect(seen.flat().sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 64 }, (_, i) => i));
      expect(seen[0]!.length).toBeGreaterThan(0);
      expect(seen[1]!.length).toBeGreaterThan(0);
    });

    it('uses a transcode and formatKey of the user', async () => {
      const transcode = {
        encode: (value: unknown) => `json:${JSON.stringify(value)}`,
        decode: (bytes: Buffer): unknown => JSON.parse(bytes.toString().slice('json:'.length)),
      };
      const client = await ready({ transcode, formatKey: (registration) => (registration as { id: string }).id });
      const seen: unknown[] = [];
      client.subscribe({ id: 'x', noise: 1 }, (value) => seen.push(value));
      client.subscribe({ id: 'x', noise: 2 }, (value) => seen.push(value));
      await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
      Registry.last.push(Registry.last.subscribed[0], { v: 1 });
      await eventually('both', () => seen.length === 2);
      expect(Registry.last.subscribed).toHaveLength(1);
      await expect(client.echo({ x: 1 })).resolves.toEqual({ x: 1 });
    });
  });

  describe('publications', () => {
    it('reach the upstream client each time', async () => {
      const client = await ready();
      client.publish({ service: 'a' });
      client.publish({ service: 'a' });
      await eventually('two publications', () => Registry.last.published.length === 2);
    });

    it('that fail are tried again, and the process that has published hears of it', async () => {
      const client = await ready();
      const errors: unknown[] = [];
      client.on('error', (error: unknown) => errors.push(error));
      const failure = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      const publish = jest.spyOn(Registry.last, 'publish');
      publish.mockImplementationOnce(() => Promise.reject(failure) as never);
      client.publish({ service: 'a' });
      await eventually('the error', () => errors.length > 0);
      expect(errors[0]).toMatchObject({
        code: 'ERR_TRUNKLINE_UPSTREAM_REFUSED',
        retryable: true,
        channel: expect.any(String) as string,
        key: '{"service":"a"}',
        method: 'publish',
        cause: expect.objectContaining({ message: 'socket hang up', code: 'ECONNRESET' }) as Error,
      });
      await eventually('the second try', () => publish.mock.calls.length === 2);
      expect(Registry.last.published).toEqual([{ service: 'a' }]);
    });

    it('that failed are asked of the next upstream client at once', async () => {
      const client = await ready();
      const first = Registry.last;
      const publish = jest.spyOn(first, 'publish').mockRejectedValue(new Error('not now') as never);
      client.publish({ service: 'a' });
      await eventually('the try', () => publish.mock.calls.length === 1);
      first.emit('close');
      await eventually('the next client', () => Registry.last !== first && Registry.last.published.length === 1);
    });

    it('come after an unPublish that is slow, and an unPublish after a publish that is slow', async () => {
      const client = await ready();
      const log: string[] = [];
      const slowly = (what: string) => async (): Promise<void> => {
        log.push(`${what} begins`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        log.push(`${what} ends`);
      };
      jest.spyOn(Registry.last, 'publish').mockImplementation(slowly('publish'));
      jest.spyOn(Registry.last, 'unPublish').mockImplementation(slowly('unPublish'));
      client.publish({ service: 'a' });
      client.unPublish({ service: 'a' });
      client.publish({ service: 'a' });
      await eventually('all three', () => log.length === 6);
      const both = (what: string): string[] => [`${what} begins`, `${what} ends`];
      expect(log).toEqual([...both('publish'), ...both('unPublish'), ...both('publish')]);
    });

    it('that are said again after an unPublish stand, also before ready', async () => {
      const log: string[] = [];
      Registry = class extends Registry {
        override publish({ service }: { service: string }): void {
          log.push(`publish ${service}`);
        }
        override unPublish({ service }: { service: string }): void {
          log.push(`unPublish ${service}`);
        }
      };
      const client = await create();
      client.publish({ service: 'a' });
      client.unPublish({ service: 'a' });
      client.unPublish({ service: 'a' });
      client.publish({ service: 'a' });
      client.publish({ service: 'b' });
      await client.ready();
      const ofA = (): string[] => log.filter((verb) => verb.endsWith('a'));
      await eventually('all', () => log.includes('publish b') && ofA().at(-1) === 'publish a');
      await client.echo('a fence');
      expect(ofA().slice(-3)).toEqual(['unPublish a', 'unPublish a', 'publish a']);
    });

    it('stand as long as somebody has them published', async () => {
      const client = await ready();
      const other = build(role === 'single' ? { singleMode: true } : { isLeader: false });
      await other.ready();
      client.publish({ service: 'a' });
      other.publish({ service: 'a' });
      await eventually('both', () => Registry.last.published.length === 2);
      client.unPublish({ service: 'a' });
      await eventually('the third', () => Registry.last.published.length === 3);
      expect(Registry.last.unpublished).toHaveLength(1);
      other.unPublish({ service: 'a' });
      await eventually('the second end', () => Registry.last.unpublished.length === 2);
      await client.echo('a fence');
      expect(Registry.last.published).toHaveLength(3);
    });

    it('are withdrawn some time after their client has closed', async () => {
      if (role !== 'follower') return; // in other roles the upstream client closes with the role
      const client = await ready();
      client.publish({ service: 'a' });
      await eventually('the publication', () => Registry.last.published.length === 1);
      await cluster.close(client);
      await eventually('the withdrawal', () => Registry.last.unpublished.length === 1);
      expect(Registry.last.unpublished).toEqual([{ service: 'a' }]);
    });
  });

  describe('the end', () => {
    it('after close, calls reject, and what returns nothing is an error event in a later tick', async () => {
      const client = await ready();
      const codes: unknown[] = [];
      client.on('error', ({ code }: Error & { code?: unknown }) => codes.push(code));
      await client.close();
      await client.close();
      client.subscribe('key', () => undefined);
      client.publish('key');
      client.unPublish('key');
      client.unSubscribe('key'); // asks for what is so already
      expect(codes).toEqual([]);
      await expect(client.echo(1)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
      await new Promise(setImmediate);
      expect(codes).toEqual(Array(3).fill('ERR_TRUNKLINE_CLOSED'));
      const [error] = await new Promise<unknown[]>((resolve) => {
        client.withCallback(1, (...results: unknown[]) => resolve(results));
      });
      expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
      await expect(co(client.generate(1) as unknown as () => Iterator<unknown>)).rejects.toMatchObject({
        code: 'ERR_TRUNKLINE_CLOSED',
      });
    });

    it('leaves a ready() pending while the supervisor ends the process, and rejects calls', async () => {
      Registry = class extends Registry {
        constructor() {
          super({ notReady: true });
        }
      };
      const client = build({ single: { singleMode: true }, leader: { isLeader: true }, follower: { isLeader: false } }[role]);
      const outcomes: unknown[] = [];
      client.ready((error) => outcomes.push(error));
      const call = client.echo(1);
      const refused = expect(call).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
      markEnding();
      try {
        await client.close();
      } finally {
        Reflect.deleteProperty(globalThis, Symbol.for('trunkline#ending'));
      }
      await refused;
      await new Promise(setImmediate);
      expect(outcomes).toEqual([]);
    });

    it('an error of the upstream client after close is a debug line, and no event', async () => {
      if (role === 'follower') return;
      const logger = recordingLogger();
      const client = await ready({ logger });
      const errors: unknown[] = [];
      client.on('error', (error: unknown) => errors.push(error));
      await client.close();
      Registry.last.emit('error', new Error('connection reset'));
      await new Promise(setImmediate);
      expect(errors).toEqual([]);
      expect(logger.lines).toContainEqual({
        level: 'debug',
        message: expect.stringMatching(/: .* after the end: connection reset/),
      });
      expect(logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });

    it('tells of its end with a close event, once, and not of that of the upstream client', async () => {
      const client = await ready();
      let closed = 0;
      client.on('close', () => closed++);
      client.on('error', () => undefined);
      Registry.last.emit('close');
      expect(closed).toBe(0);
      await client.close();
      await client.close();
      expect(closed).toBe(1);
    });

    it('closes the upstream client once', async () => {
      const client = await ready();
      await Promise.all([...open.map((each) => cluster.close(each)), cluster.close(client)]);
      expect(Registry.instances.map((instance) => instance.closeCount)).toEqual([1]);
    });

    it('settles ready() when it is closed before it could become ready', async () => {
      if (role === 'follower') return;
      Registry = class extends Registry {
        constructor() {
          super({ notReady: true });
        }
      };
      const client = build(role === 'single' ? { singleMode: true } : { isLeader: true });
      const ready = client.ready();
      await client.close();
      await expect(ready).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    });
  });

  describe('the upstream client', () => {
    it('may be ready late', async () => {
      if (role === 'follower') return;
      Registry = class extends Registry {
        constructor() {
          super({ notReady: true });
        }
      };
      const client = build(role === 'single' ? { singleMode: true } : { isLeader: true });
      let isReady = false;
      client.ready(() => {
        isReady = true;
      });
      await eventually('the upstream client', () => Registry.instances.length > 0);
      expect(isReady).toBe(false);
      Registry.last.ready(true);
      await client.ready();
    });

    it('that fails at first rejects ready(), is replaced, and the client becomes ready later', async () => {
      if (role === 'follower') return;
      let failures = 2;
      Registry = class extends Registry {
        constructor() {
          super({ notReady: true });
          setImmediate(() => this.ready(failures-- > 0 ? new Error('server down') : true));
        }
      };
      const client = build(role === 'single' ? { singleMode: true } : { isLeader: true });
      client.subscribe('key', () => undefined);
      await expect(client.ready()).rejects.toThrow('server down');
      const later = await eventually('readiness', async () =>
        client.ready().then(
          () => true,
          () => false,
        ),
      );
      expect(later).toBe(true);
      expect(Registry.instances.map((instance) => instance.closeCount)).toEqual([1, 1, 0]);
      expect(Registry.last.subscribed).toEqual(['key']);
    });

    it('that closes by itself is replaced and gets all subscriptions and publications again', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      client.on('error', () => undefined);
      client.subscribe('key', (value) => seen.push(value));
      client.publish({ service: 'a' });
      const first = Registry.last;
      await eventually('both upstream', () => first.subscribed.length === 1 && first.published.length === 1);
      first.emit('close');
      await eventually('a new one', () => Registry.instances.length === 2 && Registry.last.subscribed.length === 1);
      await eventually('the publication', () => Registry.last.published.length === 1);
      first.push('key', 'of the old one');
      Registry.last.push('key', 'of the new one');
      await eventually('a value', () => seen.length > 0);
      expect(seen).toEqual(['of the new one']);
      await expect(client.echo(1)).resolves.toBe(1);
      for (const each of open as (typeof client)[]) await each.ready();
    });

    it.each([
      ['in the same moment', () => Promise.resolve()],
      ['a little later', () => new Promise((resolve) => setTimeout(resolve, 20))],
    ])('that closes by itself and rejects a call with its own error %s is heard', async (_, pause) => {
      const client = await ready();
      jest.spyOn(Registry.last, 'echo').mockImplementation(async () => {
        Registry.instances[0]!.emit('close');
        await pause();
        throw Object.assign(new Error('connection reset by the registry'), { code: 'ECONNRESET' });
      });
      await expect(client.echo(1)).rejects.toMatchObject({ message: 'connection reset by the registry', code: 'ECONNRESET' });
    });

    it('that closes by itself and still answers a call is heard', async () => {
      const client = await ready();
      jest.spyOn(Registry.last, 'echo').mockImplementation(async () => {
        Registry.instances[0]!.emit('close');
        return Promise.resolve('the last answer');
      });
      await expect(client.echo(1)).resolves.toBe('the last answer');
    });

    it.each([
      [
        'an error event before it',
        (registry: InstanceType<Upstream>, error: Error) => {
          registry.emit('error', error);
          registry.emit('close');
        },
      ],
      [
        'an error event after it',
        (registry: InstanceType<Upstream>, error: Error) => {
          registry.emit('close');
          setImmediate(() => registry.emit('error', error));
        },
      ],
      [
        'the rejection of another call',
        (registry: InstanceType<Upstream>, error: Error) => {
          jest.spyOn(registry, 'echo').mockImplementation(async () => {
            registry.emit('close');
            await Promise.resolve();
            throw error;
          });
        },
      ],
    ])('that closes by itself ends the calls that would never end, and says why: %s', async (_, lose) => {
      const client = await ready();
      const pending = client.never();
      await eventually('the call', () => Registry.last.received.length === 1);
      lose(Registry.last, new Error('server is shutting down'));
      client.echo(1).catch(() => undefined);
      await expect(pending).rejects.toMatchObject({
        code: 'ERR_TRUNKLINE_UPSTREAM_LOST',
        cause: expect.objectContaining({ message: 'server is shutting down' }) as Error,
      });
    });

    it('has its events on the client that leads', async () => {
      await ready();
      const leading = (open as ReturnType<typeof build>[]).find((each) => each.isClusterClientLeader)!;
      const events: unknown[] = [];
      leading.on<'change'>('change', (...args: unknown[]) => events.push(args));
      leading.on('error', (error: Error) => events.push(error.message));
      Registry.last.emit('change', 1, 2);
      Registry.last.emit('error', new Error('upstream trouble'));
      expect(events).toEqual([[1, 2], 'upstream trouble']);
    });
  });
});
