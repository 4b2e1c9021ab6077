// `config` and `registry` alone, over a store in memory, in every role: what users hold, and what they may do wrong.

import cluster from '../../src';
import { connectStore, storeOf, type Store } from '../../src/adapters/front';
import { ConfigEntry } from '../../src/adapters/config-entry';
import type { Service } from '../../src/adapters/services';
import { defaultLogger } from '../../src/logger';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { ROLES, readyIn } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';
import { FakeStore, storeClass } from './support/fake-store';

let store: FakeStore;
let Client: ReturnType<typeof storeClass>;
let port: number;
const open: Store[] = [];
const errors: Error[] = [];

beforeEach(async () => {
  store = new FakeStore();
  Client = storeClass(store);
  port = await freePort();
  errors.length = 0;
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(open.splice(0).map((each) => each.close()));
});

function connect(own: ClientOptions = {}): Store {
  const connected = connectStore(Client, 'fake', { server: 'memory' }, { port, logger: recordingLogger(), ...own });
  (connected.client as unknown as NodeJS.EventEmitter).on('error', (error: Error) => errors.push(error));
  open.push(connected);
  return connected;
}

const coded = (code: string, facts: object = {}): unknown => expect.objectContaining({ code: `ERR_TRUNKLINE_${code}`, ...facts });
const service: Service = { name: 'shop', id: 'one', address: '10.0.0.1', port: 80 };

describe.each(ROLES)('%s', (role) => {
  const ready = () => readyIn(role, (own) => connect(own));

  describe('a watch', () => {
    it('gives each state to a loop and to a listener, and get() gives the newest', async () => {
      store.put('a', 'one');
      const { config } = await ready();
      const heard: (string | undefined)[] = [];
      const watch = config.watch('a', (entry) => void heard.push(entry?.text));
      const read: (string | undefined)[] = [];
      for await (const entry of watch) {
        read.push(entry?.text);
        if (entry === undefined) break;
        if (entry.text === 'one') store.put('a', 'two');
        else store.delete('a');
      }
      expect(read).toEqual(['one', 'two', undefined]);
      expect(heard).toEqual(read);
      expect(watch.isOver).toBe(true);
      expect(() => config.get('a')).toThrow(coded('NOT_WATCHED', { key: 'a' }) as Error);
    });

    it('of a prefix keeps the entries that have not changed', async () => {
      store.put('p/a', '{"n":1}');
      store.put('p/b', '{"n":1}');
      const { config } = await ready();
      const watch = config.watch({ prefix: 'p/' });
      const before = await watch.ready;
      const parsed = before.get('p/a')!.json();
      store.put('p/b', '{"n":2}');
      await eventually('the change', () => watch.current!.get('p/b')!.json<{ n: number }>().n === 2);
      expect(watch.current!.get('p/a')!.json()).toBe(parsed);
      expect(config.get('p/b')!.text).toBe('{"n":2}');
      expect(config.get('p/none')).toBeUndefined();
    });

    it('that is dropped in a loop leaves nothing behind', async () => {
      const { config } = await ready();
      await expect(async () => {
        for await (const entry of config.watch('a')) throw new Error(`dropped at ${entry?.text}`);
      }).rejects.toThrow('dropped at undefined');
      expect(() => config.get('a')).toThrow(coded('NOT_WATCHED') as Error);
      await eventually('the end of the watch in the store', () => store.watches.size === 0);
    });

    it('ends its loops when it is closed, or its client is', async () => {
      const { config, close } = await ready();
      const ended: string[] = [];
      const loop = async (name: string): Promise<void> => {
        for await (const entry of watches[name as 'a']) void entry;
        ended.push(name);
      };
      const watches = { a: config.watch('a'), b: config.watch('b') };
      const loops = ['a', 'a', 'b'].map(loop);
      await Promise.all([watches.a.ready, watches.b.ready]);
      watches.a.close();
      await eventually('the end of two loops', () => ended.length === 2);
      for await (const entry of watches.a) ended.push(`a loop over a closed watch: ${entry?.text}`);
      await close();
      await Promise.all(loops);
      expect(ended).toEqual(['a', 'a', 'b']);
      expect(watches.b.isOver).toBe(true);
    });

    it('of a key that another watch has, too, ends alone', async () => {
      store.put('a', 'one');
      const { config } = await ready();
      const heard: string[] = [];
      const [first, second] = ['first', 'second'].map((name) =>
        config.watch('a', (entry) => void heard.push(`${name} ${entry?.text}`)),
      );
      await Promise.all([first!.ready, second!.ready]);
      first!.close();
      store.put('a', 'two');
      await eventually('the change', () => second!.current!.text === 'two');
      expect(heard.sort()).toEqual(['first one', 'second one', 'second two']);
      expect(first!.current!.text).toBe('one');
      expect(config.get('a')!.text).toBe('two');
      second!.close();
      second!.close();
      await eventually('the end of the watch in the store', () => store.watches.size === 0);
      expect(store.verbs).toEqual(['subscribe {"key":"a"}', 'unSubscribe {"key":"a"}']);
    });

    it('whose listener throws or is rejected says so, and goes on', async () => {
      store.put('a', 'one');
      const { config } = await ready();
      let calls = 0;
      const watch = config.watch('a', async (entry) => {
        calls++;
        await Promise.resolve();
        throw new Error(`no ${entry?.text}`);
      });
      await eventually('the error', () => errors.length === 1);
      expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_LISTENER_THREW', cause: { message: 'no one' } });
      store.put('a', 'two');
      await eventually('the next call', () => calls === 2);
      expect(watch.current!.text).toBe('two');
    });
  });

  describe('a signal', () => {
    const reason = new Error('enough');

    it('that is aborted before the watch begins asks the store for nothing', async () => {
      const { config } = await ready();
      const watch = config.watch('a', { signal: AbortSignal.abort(reason) });
      await expect(watch.ready).rejects.toBe(reason);
      await expect(watch[Symbol.asyncIterator]().next()).rejects.toBe(reason);
      expect(await watch[Symbol.asyncIterator]().return()).toEqual({ done: true, value: undefined });
      expect(watch).toMatchObject({ isOver: true, isKnown: false, current: undefined, isStale: true });
      expect(store.verbs).toEqual([]);
    });

    it('that is aborted before the first value rejects ready and the loop', async () => {
      const { config } = await ready();
      const controller = new AbortController();
      const watch = config.watch('a', { signal: controller.signal });
      const step = watch[Symbol.asyncIterator]().next();
      const { ready: first } = watch;
      controller.abort(reason);
      await expect(first).rejects.toBe(reason);
      await expect(step).rejects.toBe(reason);
    });

    it('that is aborted later ends the watch, whose last state stays', async () => {
      store.put('a', 'one');
      const { config } = await ready();
      const controller = new AbortController();
      const watch = config.watch('a', { signal: controller.signal });
      const states = watch[Symbol.asyncIterator]();
      await states.next();
      const step = states.next();
      controller.abort(reason);
      await expect(step).rejects.toBe(reason);
      expect(await states.next()).toEqual({ done: true, value: undefined });
      expect((await watch.ready)?.text).toBe('one');
      expect(watch.current!.text).toBe('one');
      await eventually('the end of the watch in the store', () => store.watches.size === 0);
      controller.abort();
      watch.close();
    });

    it('of 300 watches and loops has one listener, and ends them all', async () => {
      const warned: Error[] = [];
      const onWarning = (warning: Error): void => void warned.push(warning);
      process.on('warning', onWarning);
      const { config } = await ready();
      const controller = new AbortController();
      const watches = Array.from({ length: 300 }, (_, n) => config.watch(`key ${n}`, { signal: controller.signal }));
      const loops = watches.map((watch) => watch[Symbol.asyncIterator]());
      await Promise.all(loops.map((loop) => loop.next()));
      const steps = loops.map((loop) => loop.next().catch((error: unknown) => error));
      controller.abort(reason);
      expect(new Set(await Promise.all(steps))).toEqual(new Set([reason]));
      await eventually('the end of the watches in the store', () => store.watches.size === 0);
      process.off('warning', onWarning);
      expect(warned).toEqual([]);
    });
  });

  describe('a registration', () => {
    it('changes and ends', async () => {
      const { registry } = await ready();
      const watch = registry.watch('shop');
      expect(await watch.ready).toEqual([]);
      const registration = registry.register(service);
      await eventually('the instance', () => watch.current!.length === 1);
      await registration.update({ port: 81, name: 'other', id: 'two' } as Partial<Service>);
      await eventually('the change', () => watch.current![0]?.port === 81);
      expect(watch.current).toEqual([{ ...service, port: 81 }]);
      expect(registration.instance).toEqual({ ...service, port: 81 });
      await registration.deregister();
      await registration.deregister();
      await expect(registration.update({ port: 82 })).rejects.toEqual(coded('CLOSED'));
      await eventually('the end', () => watch.current!.length === 0);
    });

    it('gets an id, has any name, and ends with its scope', async () => {
      const { registry } = await ready();
      {
        await using registration = registry.register({ name: 'a/b c', address: 'host', port: 1, metadata: { zone: 'x' } });
        expect(registration.key).toBe(`services/a%2Fb%20c/${registration.instance.id}`);
        await eventually('the instance', async () => (await registry.instances('a/b c')).length === 1);
      }
      expect(await registry.instances('a/b c')).toEqual([]);
    });

    it('that is broken is left out, and complained of once', async () => {
      const warn = jest.spyOn(defaultLogger, 'warn').mockReturnValue();
      for (const [id, text] of Object.entries({ a: '{', b: 'null', c: '{"name":"shop","id":"c","address":"h"}' })) {
        store.put(`services/shop/${id}`, text);
      }
      const { registry } = await ready();
      const watch = registry.watch('shop');
      expect(await watch.ready).toEqual([]);
      for (let n = 1; n <= 3; n++) {
        registry.register({ ...service, id: String(n) });
        await eventually('the next state', () => watch.current!.length === n);
      }
      expect(warn).toHaveBeenCalledTimes(3);
    });
  });

  it('a store in a scope is closed at its end', async () => {
    const { config } = await ready();
    {
      await using own = connect(role === 'single' ? { singleMode: true } : { isLeader: false });
      await own.ready();
      own.config.watch('a');
      expect(own.status().state).toBe('ready');
      config.watch('a').close();
    }
    await eventually('the end of the watch in the store', () => store.watches.size === 0);
  });

  it('writes pass what was given, and nothing else', async () => {
    const { config } = await ready();
    const bytes = new Uint8Array([0, 255, 128]);
    const version = await config.put('bytes', bytes, { ifVersion: 0, other: 1 } as { ifVersion: number });
    expect(Buffer.compare((await config.read('bytes'))!.bytes, bytes)).toBe(0);
    expect(await config.putJson('json', { a: [1] })).toBeGreaterThan(version);
    expect((await config.list('')).get('json')!.json()).toEqual({ a: [1] });
    expect(await config.delete('json')).toBe(true);
    expect(store.calls.map(([, key, options]) => [key, (options as { ifVersion?: number } | undefined)?.ifVersion])).toEqual([
      ['bytes', 0],
      ['json', undefined],
      ['json', undefined],
    ]);
  });
});

describe('bad input', () => {
  let connected: Store;
  beforeEach(async () => {
    connected = connect({ singleMode: true });
    await connected.ready();
  });

  const wrong = <T>(value: unknown): T => value as T;
  const keys = [undefined, null, '', 5, {}, [], 'half \ud800'];

  it.each(keys)('the key %j', async (given) => {
    const { config } = connected;
    const key = wrong<string>(given);
    const invalid = coded('KEY_INVALID');
    expect(() => config.get(key)).toThrow(invalid as Error);
    expect(() => config.watch(key)).toThrow(invalid as Error);
    for (const call of [config.read(key), config.put(key, 'x'), config.putJson(key, 1), config.delete(key)]) {
      await expect(call).rejects.toEqual(invalid);
    }
  });

  it.each([undefined, null, 5, {}, 'half \udfff'])('the prefix %j', async (given) => {
    const { config } = connected;
    expect(() => config.watch({ prefix: wrong<string>(given) })).toThrow(coded('KEY_INVALID') as Error);
    await expect(config.list(wrong<string>(given))).rejects.toEqual(coded('KEY_INVALID'));
  });

  it.each([
    ['listener', ['not a function']],
    ['listener', [5, {}]],
    ['signal', [{ signal: 'stop' }]],
    ['signal', [() => undefined, { signal: {} }]],
    ['signal', [{ signal: null }]],
    ['options', [() => undefined, 'options']],
  ])('a wrong %s of a watch: %j', (option, args) => {
    const { config, registry } = connected;
    const invalid = coded('OPTION_INVALID', { option }) as Error;
    expect(() => config.watch('a', ...wrong<[]>(args))).toThrow(invalid);
    expect(() => config.watch({ prefix: 'a' }, ...wrong<[]>(args))).toThrow(invalid);
    expect(() => registry.watch('a', ...wrong<[]>(args))).toThrow(invalid);
    expect(store.verbs).toEqual([]);
  });

  it.each([undefined, null, 5, {}, [1], new ArrayBuffer(1), new Uint16Array(1)])('the value %p', async (value) => {
    await expect(connected.config.put('a', wrong<string>(value))).rejects.toEqual(coded('VALUE_INVALID', { key: 'a' }));
  });

  it('values that JSON cannot express', async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const value of [undefined, () => 1, Symbol('s'), 1n, circle]) {
      await expect(connected.config.putJson('a', value)).rejects.toEqual(coded('VALUE_INVALID', { key: 'a' }));
    }
  });

  it.each([-1, 1.5, NaN, '1', null, 2 ** 60])('ifVersion %p', async (ifVersion) => {
    const options = wrong<{ ifVersion: number }>({ ifVersion });
    const invalid = coded('OPTION_INVALID', { option: 'ifVersion' });
    await expect(connected.config.put('a', 'x', options)).rejects.toEqual(invalid);
    await expect(connected.config.putJson('a', 'x', options)).rejects.toEqual(invalid);
    await expect(connected.config.delete('a', options)).rejects.toEqual(invalid);
    await expect(connected.config.put('a', 'x', wrong('1'))).rejects.toEqual(invalid);
    expect(store.calls).toEqual([]);
  });

  it.each([
    ['service', null],
    ['service', 'shop'],
    ['name', { ...service, name: '' }],
    ['name', { ...service, name: undefined }],
    ['id', { ...service, id: '' }],
    ['id', { ...service, id: 5 }],
    ['address', { ...service, address: undefined }],
    ['port', { ...service, port: 0 }],
    ['port', { ...service, port: '80' }],
    ['port', { ...service, port: 65_536 }],
    ['metadata', { ...service, metadata: 'zone' }],
    ['metadata', { ...service, metadata: ['zone'] }],
    ['metadata', { ...service, metadata: { weight: 5 } }],
  ])('a wrong %s of a service: %j', (option, given) => {
    expect(() => connected.registry.register(wrong<Service>(given))).toThrow(coded('OPTION_INVALID', { option }) as Error);
    expect(store.entries.size).toBe(0);
  });

  it('names of services, and changes of an instance', async () => {
    const { registry } = connected;
    for (const name of [undefined, null, '', 5].map((each) => wrong<string>(each))) {
      expect(() => registry.watch(name)).toThrow(coded('OPTION_INVALID') as Error);
      await expect(registry.instances(name)).rejects.toEqual(coded('OPTION_INVALID'));
    }
    const registration = registry.register(service);
    await expect(registration.update({ port: 0 })).rejects.toEqual(coded('OPTION_INVALID', { option: 'port' }));
    await registration.update(wrong(undefined));
    expect(registration.instance).toEqual(service);
  });

  it('storeOf', () => {
    for (const client of [undefined, null, {}, connected]) {
      expect(() => storeOf(wrong<Store['client']>(client))).toThrow(coded('OPTION_INVALID', { option: 'client' }) as Error);
    }
    expect(() => storeOf(connected.client, wrong({ servicesPrefix: 5 }))).toThrow(coded('OPTION_INVALID') as Error);
  });
});

describe('ConfigEntry', () => {
  const entry = (text: string): ConfigEntry => new ConfigEntry({ key: 'k', version: 7, bytes: Buffer.from(text) });

  it('reads its bytes once as text, and once as JSON', () => {
    const one = entry('{"a":1}');
    const parsed = one.json<{ a: number }>();
    expect(parsed.a).toBe(1);
    expect(one.json()).toBe(parsed);
    expect(one.text).toBe(one.text);
    expect(JSON.stringify(one)).toBe('{"key":"k","version":7,"text":"{\\"a\\":1}"}');
  });

  it('reads the part of a larger buffer that it has', () => {
    const all = new TextEncoder().encode('before{}after');
    expect(new ConfigEntry({ key: 'k', version: 1, bytes: all.subarray(6, 8) }).json()).toEqual({});
  });

  it('names key and reason of a value that is no JSON, each time', () => {
    const bad = entry('{');
    for (let n = 0; n < 2; n++) expect(() => bad.json()).toThrow(coded('VALUE_INVALID', { key: 'k', version: 7 }) as Error);
    expect(() => bad.json()).toThrow(/the value of k is no JSON/);
    expect(bad.text).toBe('{');
  });
});

it('a client that a framework has created is typed as such in storeOf', async () => {
  const client = cluster(Client, { singleMode: true, name: 'typed' }).create({ server: 'memory' });
  await using typed = storeOf(client, { servicesPrefix: 'apps/' });
  await typed.ready();
  const same: typeof client = typed.client;
  expect(same).toBe(client);
  const entry: ConfigEntry | undefined = await typed.config.watch('a').ready;
  expect(entry).toBeUndefined();
  expect(typed.registry.register(service).key).toBe('apps/shop/one');
  // @ts-expect-error -- a class without a store's methods
  const refused = (): unknown => storeOf(cluster(class {}, { singleMode: true }).create());
  void refused;
});
