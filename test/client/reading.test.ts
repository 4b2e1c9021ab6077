// What a subscription gives besides calls of a listener: a handle, an iterator, the next value, the newest value. The same in every role.

import { getEventListeners } from 'node:events';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { readyIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const coded = (code: string) => expect.objectContaining({ code }) as Error;

let Registry: ReturnType<typeof upstreamClass>;
let port: number;
const open: object[] = [];

beforeEach(async () => {
  Registry = upstreamClass();
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => cluster.close(client)));
});

function build(options: ClientOptions) {
  const client = cluster(Registry, { port, logger: recordingLogger(), ...options })
    .delegate('never')
    .delegate('withCallback')
    .create();
  client.on('error', () => undefined); // printed otherwise
  open.push(client);
  return client;
}

describe.each(ROLES)('%s', (role) => {
  const ready = (options: ClientOptions = {}) => readyIn(role, (own) => build({ ...options, ...own }));

  const subscribed = (key: string) =>
    eventually(`the upstream subscription of ${key}`, () => Registry.last.upstreamListeners.has(JSON.stringify(key)));

  /** Pushes and waits until a listener of this client has the value. */
  async function push(client: Awaited<ReturnType<typeof ready>>, key: string, value: unknown): Promise<void> {
    const seen: unknown[] = [];
    const handle = client.subscribe(key, (each) => seen.push(each));
    await subscribed(key);
    Registry.last.push(key, value);
    await eventually('the value', () => seen.includes(value));
    handle.unsubscribe();
  }

  describe('the handle of a subscription', () => {
    it('is ready when the listener has got the first value', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      const handle = client.subscribe('key', (value) => seen.push(value));
      await subscribed('key');
      Registry.last.push('key', 1);
      await handle.ready;
      expect(seen).toEqual([1]);
      await handle.ready;
    });

    it('ends this subscription and no other of the same listener', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      const listener = (value: unknown): void => void seen.push(value);
      const first = client.subscribe('key', listener);
      client.subscribe('key', listener);
      await push(client, 'key', 1);
      expect(seen).toEqual([1, 1]);
      first.unsubscribe();
      first.unsubscribe();
      await push(client, 'key', 2);
      expect(seen).toEqual([1, 1, 2]);
    });

    it('is disposed of by using', async () => {
      const client = await ready();
      const seen: unknown[] = [];
      {
        using handle = client.subscribe('key', (value) => seen.push(value));
        await subscribed('key');
        Registry.last.push('key', 1);
        await handle.ready;
      }
      await push(client, 'key', 2);
      expect(seen).toEqual([1]);
    });

    it('may be awaited at once, as what the class returns', async () => {
      const client = await ready();
      await expect(client.subscribe('key', () => undefined)).resolves.toBeUndefined();
      await expect(client.subscribe('key', () => undefined).finally()).resolves.toBeUndefined();
    });

    it('says that no value will come when the subscription or the client ends before', async () => {
      const client = await ready();
      const handle = client.subscribe('key', () => undefined);
      const other = client.subscribe('other', () => undefined);
      const waiting = expect(handle.ready).rejects.toEqual(coded('ERR_TRUNKLINE_CLOSED'));
      handle.unsubscribe();
      await waiting;
      const closing = expect(other.ready).rejects.toEqual(coded('ERR_TRUNKLINE_CLOSED'));
      await client.close();
      await closing;
      await expect(client.subscribe('late', () => undefined).ready).rejects.toEqual(coded('ERR_TRUNKLINE_CLOSED'));
    });

    it('has a promise that nobody has to await', async () => {
      const client = await ready();
      void client.subscribe('key', () => undefined).ready;
      await client.close(); // the runner reports a rejection that is not handled
    });
  });

  describe('values()', () => {
    it('gives values in order to a reader that keeps up', async () => {
      const client = await ready();
      const values = client.values('key');
      for (const value of [1, 2, 3]) {
        const next = values.next();
        await subscribed('key');
        Registry.last.push('key', value);
        await expect(next).resolves.toEqual({ done: false, value });
      }
      await values.return?.();
    });

    it('gives a slow reader the newest value, and none twice', async () => {
      const client = await ready();
      const values = client.values('key');
      const first = values.next();
      await subscribed('key');
      Registry.last.push('key', 1);
      await first;
      for (const value of [2, 3, 4]) await push(client, 'key', value);
      await expect(values.next()).resolves.toEqual({ done: false, value: 4 });
      const next = values.next();
      Registry.last.push('key', 5);
      await expect(next).resolves.toEqual({ done: false, value: 5 });
    });

    it('unsubscribes when the loop is left, and subscribes at the first step only', async () => {
      const client = await ready();
      client.values('unread');
      let seen: unknown;
      const reading = (async () => {
        for await (const value of client.values('key')) {
          seen = value;
          break;
        }
      })();
      await subscribed('key');
      Registry.last.push('key', 'x');
      await reading;
      expect(seen).toBe('x');
      await eventually('the end of the upstream subscription', () => Registry.last.unsubscribed.includes('key'));
      expect(Registry.last.subscribed).toEqual(['key']);
    });

    it('is rejected with the reason of the signal, and over then', async () => {
      const client = await ready();
      const life = new AbortController();
      const values = client.values('key', { signal: life.signal });
      const next = values.next();
      const after = values.next();
      await subscribed('key');
      life.abort(new Error('enough'));
      await expect(next).rejects.toThrow('enough');
      await expect(after).resolves.toEqual({ done: true, value: undefined });
      await expect(values.next()).resolves.toEqual({ done: true, value: undefined });
      await expect(client.values('key', { signal: life.signal }).next()).rejects.toThrow('enough');
    });

    it('tells an abort between two steps at the next step, once', async () => {
      const client = await ready();
      const life = new AbortController();
      const values = client.values('key', { signal: life.signal });
      const first = values.next();
      await subscribed('key');
      Registry.last.push('key', 1);
      await first;
      life.abort(new Error('enough'));
      await expect(values.next()).rejects.toThrow('enough');
      await expect(values.next()).resolves.toEqual({ done: true, value: undefined });
    });

    it('is over when the registration cannot be subscribed, and leaves the signal', async () => {
      const formatKey = (registration: unknown): string => {
        if (registration === 'bad') throw new TypeError('no such key');
        return JSON.stringify(registration);
      };
      const client = await ready({ formatKey });
      const { signal } = new AbortController();
      const values = client.values('bad', { signal });
      await expect(values.next()).rejects.toThrow('no such key');
      await expect(values.next()).resolves.toEqual({ done: true, value: undefined });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    it('ends when the client is closed, or all listeners of the registration are taken back', async () => {
      const client = await ready();
      const first = client.values('first').next();
      const second = client.values('second').next();
      client.unSubscribe('first');
      await expect(first).resolves.toEqual({ done: true, value: undefined });
      await client.close();
      await expect(second).resolves.toEqual({ done: true, value: undefined });
    });

    it('gives each reader a value of its own', async () => {
      const client = await ready();
      const all = [client.values('key').next(), client.values('key').next()];
      await subscribed('key');
      Registry.last.push('key', { a: 1 });
      const [one, other] = await Promise.all(all);
      expect(one).toEqual({ done: false, value: { a: 1 } });
      expect(one!.value).not.toBe(other!.value);
    });
  });

  describe('once()', () => {
    it('gives the next value of a registration and unsubscribes', async () => {
      const client = await ready();
      const value = client.once({ id: 'key' });
      await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
      Registry.last.push({ id: 'key' }, 7);
      await expect(value).resolves.toBe(7);
      await eventually('the end of it', () => Registry.last.unsubscribed.length === 1);
    });

    it('still waits for an event when a listener is given', async () => {
      const client = await ready();
      const heard = new Promise((resolve) => client.once<'something'>('something', resolve));
      client.emit('something', 'said');
      await expect(heard).resolves.toBe('said');
    });

    it('is rejected when the signal is aborted, and when the client is closed', async () => {
      const client = await ready();
      const life = new AbortController();
      const aborted = expect(client.once('key', { signal: life.signal })).rejects.toThrow('enough');
      const closed = expect(client.once('key')).rejects.toEqual(coded('ERR_TRUNKLINE_CLOSED'));
      life.abort(new Error('enough'));
      await aborted;
      await client.close();
      await closed;
    });
  });

  describe('latest()', () => {
    it('gives the newest value of what is subscribed, each time a copy', async () => {
      const client = await ready();
      expect(client.latest('key')).toBeUndefined();
      const handle = client.subscribe('key', () => undefined);
      expect(client.latest('key')).toBeUndefined();
      await push(client, 'key', 1);
      expect(client.latest('key')).toBe(1);
      Registry.last.push('key', { a: 2 });
      await eventually('the value', () => typeof client.latest('key') === 'object');
      expect(client.latest('key')).toEqual({ a: 2 });
      expect(client.latest('key')).not.toBe(client.latest('key'));
      handle.unsubscribe();
      expect(client.latest('key')).toBeUndefined();
    });
  });

  describe('with()', () => {
    it('limits the time of a call', async () => {
      const client = await ready();
      await expect(client.with({ timeoutMs: 20 }).never()).rejects.toMatchObject({
        code: 'ERR_TRUNKLINE_CALL_TIMEOUT',
        name: 'ResponseTimeoutError',
        method: 'never',
        responseTimeoutMs: 20,
      });
    });

    it('gives a call more time than responseTimeout', async () => {
      const client = await ready({ responseTimeout: 30 });
      let result: unknown;
      const call = client.with({ timeoutMs: 600_000 }).never();
      call.then(
        (value: unknown) => (result = value),
        (error: unknown) => (result = error),
      );
      if (role === 'follower') await expect(client.never()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT' });
      else await client.echo(1);
      expect(result).toBeUndefined();
    });

    it('localResponseTimeout limits calls next to the upstream client, and no others', async () => {
      const client = await ready({ localResponseTimeout: 20 });
      const call = client.never();
      if (role === 'follower') {
        call.catch(() => undefined);
        await client.echo('a call that is answered');
        return;
      }
      await expect(call).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT', responseTimeoutMs: 20 });
      await expect(client.echo('x')).resolves.toBe('x');
    });

    it('ends the wait when the signal is aborted', async () => {
      const client = await ready();
      const life = new AbortController();
      const call = client.with({ signal: life.signal }).never();
      await client.echo('the call has been made');
      life.abort(new Error('enough'));
      await expect(call).rejects.toThrow('enough');
    });

    it('makes no call when the signal is aborted already', async () => {
      const client = await ready();
      const gone = client.with({ signal: AbortSignal.abort(new Error('enough')) });
      await expect(gone.countArguments(1)).rejects.toThrow('enough');
      await client.echo('whatever was sent has arrived');
      expect(Registry.last.received).toEqual([]);
    });

    it('calls as the client does: results, callbacks, errors', async () => {
      const client = await ready();
      const limited = client.with({ timeoutMs: 60_000, signal: new AbortController().signal });
      await expect(limited.echo('x')).resolves.toBe('x');
      const results = await new Promise((resolve) => limited.withCallback('first', (...args) => resolve(args)));
      expect(results).toEqual([null, 'first', 'second']);
      await expect(limited.fail()).rejects.toMatchObject({ code: 42 });
    });

    it.each([
      [{ timeoutMs: 0 }],
      [{ timeoutMs: 2 ** 31 }],
      [{ timeoutMs: '5' }],
      [{ signal: {} }],
      [{ idempotent: 1 }],
      [undefined],
      [5],
    ])('refuses options that cannot work: %p', async (options) => {
      const client = await ready();
      expect(() => client.with(options as never)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID'));
    });
  });

  it('is closed by await using', async () => {
    let closed: Awaited<ReturnType<typeof ready>>;
    {
      await using client = await ready();
      closed = client;
    }
    await expect(closed.echo(1)).rejects.toEqual(coded('ERR_TRUNKLINE_CLOSED'));
  });
});

describe('through a failover', () => {
  async function pair() {
    const leader = build({});
    await leader.ready();
    const follower = build({});
    await follower.ready();
    return { leader, follower };
  }

  it('the newest value stays readable while a leader is sought, and the next leader replaces it', async () => {
    const { leader, follower } = await pair();
    follower.subscribe('key', () => undefined);
    await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
    Registry.last.push('key', 'old');
    await eventually('the value', () => follower.latest('key') === 'old');
    await leader.close();
    await eventually('the next leader', () => follower.isClusterClientLeader);
    expect(follower.latest('key')).toBe('old');
    await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
    Registry.last.push('key', 'new');
    await eventually('the new value', () => follower.latest('key') === 'new');
  });

  it('the newest value stays readable when one of several listeners is taken back while a leader is sought', async () => {
    const { leader, follower } = await pair();
    const first = follower.subscribe('key', () => undefined);
    follower.subscribe('key', () => undefined);
    await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
    Registry.last.push('key', 'old');
    await eventually('the value', () => follower.latest('key') === 'old');
    await leader.close();
    first.unsubscribe();
    expect(follower.latest('key')).toBe('old');
    await eventually('the next leader', () => follower.isClusterClientLeader);
    expect(follower.latest('key')).toBe('old');
  });

  it('an iterator goes on with the next leader', async () => {
    const { leader, follower } = await pair();
    const values = follower.values('key');
    const first = values.next();
    await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
    Registry.last.push('key', 1);
    await expect(first).resolves.toEqual({ done: false, value: 1 });
    const second = values.next();
    await leader.close();
    await eventually('the upstream subscription', () => Registry.instances.length === 2 && Registry.last.subscribed.length === 1);
    Registry.last.push('key', 2);
    await expect(second).resolves.toEqual({ done: false, value: 2 });
  });

  it('a call that is idempotent for this time is sent to the next leader', async () => {
    const { leader, follower } = await pair();
    const call = follower.with({ idempotent: true }).countArguments('x');
    await leader.close();
    await expect(call).resolves.toBe(1);
  });
});
