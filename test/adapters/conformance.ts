// What every adapter must do, run against each on its real server. An adapter describes its place (what to connect to, and how somebody
// else changes the store) and the cases that its store has no meaning for; the table in docs/adapters.md is made of the same lists.

import { setTimeout as delay } from 'node:timers/promises';
import type { SharedStoreClient, Store, StoreOptions, WriteOptions } from '../../src/adapters/face';
import { eventually } from '../support/eventually';
import { ROLES, readyIn } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';
import type { StoreMemberSetup } from '../fixtures/store-member';
import { AloneProcess, StoreMember } from './support/store-member-process';

/** A store for a single test, with separate keys, at a server that runs. */
export interface Place {
  /** The adapter under test. The suite closes all stores. */
  connect(options: StoreOptions): Store;
  /** How another process does the same as `connect`. */
  readonly inProcess: Omit<StoreMemberSetup, 'shared'>;
  /** Writes and deletes as another program would, without the adapter. */
  write(key: string, value: string | Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** The keys that exist below a prefix, as another program sees them. */
  keys(prefix: string): Promise<string[]>;
  /** The server dies with `kill -9`, and comes back with the same data, at the same address. */
  readonly server?: { kill(): Promise<void>; start(): Promise<void> };
  /** Faults of the line between `connect` and the server. */
  readonly line?: { cut(): void; silence(): void; heal(): void };
  /** Lets the lease or session of the present client end, as the server would when nothing came from the client for its time to live. */
  expire?(store: Store): Promise<void>;
  close(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  /** Starts whatever all tests share. */
  start(): Promise<{ place(): Promise<Place>; stop(): Promise<void> }>;
  /** Cases that the store has no meaning for, and why: shown in the documents. */
  readonly lacks: Partial<Record<CaseName, string>>;
  /** The largest value that the store surely takes, bytes. */
  readonly largestBytes: number;
  /** The registrations of a dead owner are gone within this time, ms: the adapter's default. */
  readonly timeToLiveMs?: number;
}

/** Every case, by the name that the documents show. */
export const CASES = {
  'present value': 'a watch of a key gives its present value, then each change',
  'missing key': 'a watch of a key that does not exist says so, and again after its deletion',
  prefix: 'a watch of a prefix gives all entries, and no others',
  '1,000 keys': 'a prefix with 1,000 keys that change',
  'large value': 'a value of the largest size arrives whole',
  'slow consumer': 'a reader that is slow gets the newest value',
  'never backwards': 'no reader sees an older value after a newer one, while the line is cut again and again',
  'leader killed': 'after kill -9 of the leading process another process goes on, and nothing is missed',
  write: 'put and delete, with versions',
  'conditional write': 'a write that requires a version is refused after a change',
  'too large': 'a value over the limit of the server is refused before it is sent',
  'bad key': 'a key that cannot be one is a coded error',
  'server restarted': 'kill -9 of the server: values stay and are stale, then the newest arrive without help',
  'line cut': 'after a cut the newest values arrive',
  'line silent': 'a line that drops everything is noticed, and the newest values arrive afterwards',
  'no server at start': 'without a server ready() is rejected with a code, and the client becomes ready later',
  registration: 'a registration is visible to another client, changes, and is gone after deregister()',
  'owner killed': 'a registration is gone within its time to live after kill -9 of its host',
  expired: 'a registration comes back after its lease or session has ended',
} as const;

export type CaseName = keyof typeof CASES;

const json = (value: unknown): string => JSON.stringify(value);

export function describeAdapter(adapter: Adapter): void {
  const { name, lacks } = adapter;
  let shared: Awaited<ReturnType<Adapter['start']>>;
  let place: Place;
  let port: number;
  const open: Store[] = [];
  const members: StoreMember[] = [];

  beforeAll(async () => {
    shared = await adapter.start();
  });
  afterAll(() => shared?.stop());
  beforeEach(async () => {
    place = await shared.place();
    port = await freePort();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((store) => store.close()));
    await Promise.all(members.splice(0).map((member) => member.stop()));
    await place.close();
  });

  function connect(options: StoreOptions = {}): Store {
    const store = place.connect({ port, logger: recordingLogger(), ...options });
    (store.client as SharedStoreClient & NodeJS.EventEmitter).on('error', () => undefined); // printed otherwise
    open.push(store);
    return store;
  }

  async function member(own: StoreOptions = {}): Promise<StoreMember> {
    const started = new StoreMember({ ...place.inProcess, shared: { port, ...own } });
    members.push(started);
    await started.ready();
    return started;
  }

  /** The test of a case, unless the store lacks what the case is about. */
  function check(caseName: CaseName, test: () => Promise<void>): void {
    if (lacks[caseName] === undefined) it(CASES[caseName], test);
  }

  /** Whether the server gives what another program has written, which may take a moment. */
  const holds = (store: Store, key: string, text: string | undefined) => () => store.config.get(key)?.text === text;

  describe.each(ROLES)(`${name}, %s`, (role) => {
    const ready = () => readyIn(role, (own) => connect(own));

    check('present value', async () => {
      await place.write('a/key', 'one');
      const { config } = await ready();
      const watch = config.watch('a/key');
      expect((await watch.ready)?.text).toBe('one');
      const [first] = [config.get('a/key')!.version];
      await place.write('a/key', 'two');
      await eventually('the change', () => config.get('a/key')?.text === 'two');
      expect(config.get('a/key')!.version).toBeGreaterThan(first);
      expect(watch.isStale).toBe(false);
      expect((await config.read('a/key'))?.text).toBe('two');
    });

    check('missing key', async () => {
      const { config } = await ready();
      const watch = config.watch('a/key');
      expect(await watch.ready).toBeUndefined();
      expect(config.get('a/key')).toBeUndefined();
      await place.write('a/key', json({ on: true }));
      await eventually('the value', () => config.get('a/key'));
      expect(config.get('a/key')!.json()).toEqual({ on: true });
      await place.remove('a/key');
      await eventually('the deletion', () => config.get('a/key') === undefined);
      expect(await config.read('a/key')).toBeUndefined();
      await place.write('a/key', json('again'));
      await eventually('the value again', () => config.get('a/key')?.json() === 'again');
    });

    check('prefix', async () => {
      for (const key of ['a/one', 'a/two', 'b/one']) await place.write(key, json(key));
      const { config } = await ready();
      const watch = config.watch({ prefix: 'a/' });
      expect([...(await watch.ready).keys()]).toEqual(['a/one', 'a/two']);
      await place.write('a/three', json(3));
      await place.remove('a/one');
      await eventually('both changes', () => [...watch.current!.keys()].join() === 'a/three,a/two');
      expect(watch.current!.get('a/three')!.json()).toBe(3);
      expect([...(await config.list('b/')).keys()]).toEqual(['b/one']);
    });

    check('write', async () => {
      const { config } = await ready();
      const first = await config.put('a/key', 'one');
      const second = await config.putJson('a/key', [2]);
      expect(second).toBeGreaterThan(first);
      expect(await config.read('a/key')).toMatchObject({ version: second, text: '[2]' });
      expect(await config.delete('a/key')).toBe(true);
      expect(await config.delete('a/key')).toBe(false);
      expect(await place.keys('a/')).toEqual([]);
    });

    check('conditional write', async () => {
      const { config } = await ready();
      const only = (ifVersion: number): WriteOptions => ({ ifVersion });
      const version = await config.put('a/key', 'one', only(0));
      const conflict = { code: 'ERR_TRUNKLINE_VERSION_CONFLICT', key: 'a/key' };
      await expect(config.put('a/key', 'two', only(0))).rejects.toMatchObject({ ...conflict, ifVersion: 0 });
      const next = await config.put('a/key', 'two', only(version));
      await expect(config.put('a/key', 'three', only(version))).rejects.toMatchObject(conflict);
      await expect(config.delete('a/key', only(version))).rejects.toMatchObject(conflict);
      expect(await config.delete('a/key', only(next))).toBe(true);
    });

    check('registration', async () => {
      const { registry } = await ready();
      const other = connect({ singleMode: true });
      await other.ready();
      const seen = other.registry.watch('shop');
      expect(await seen.ready).toEqual([]);
      const registration = registry.register({ name: 'shop', id: 'one', address: '10.0.0.1', port: 80 });
      await eventually('the instance', () => seen.current!.length === 1);
      await registration.update({ port: 81, metadata: { zone: 'a' } });
      const changed = [{ name: 'shop', id: 'one', address: '10.0.0.1', port: 81, metadata: { zone: 'a' } }];
      await eventually('the change', () => json(seen.current) !== json([]) && seen.current![0]!.port === 81);
      expect(seen.current).toEqual(changed);
      expect(await other.registry.instances('shop')).toEqual(changed);
      await registration.deregister();
      await eventually('the end', () => seen.current!.length === 0);
    });

    check('bad key', async () => {
      const { config } = await ready();
      await expect(config.read('')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID' });
      expect(() => config.watch('')).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_KEY_INVALID' }) as Error);
    });
  });

  describe(name, () => {
    it('in single mode the client keeps its process alive, and close() lets it end', async () => {
      const program = new AloneProcess({ ...place.inProcess, shared: {}, isUnref: false });
      expect(await program.end()).toEqual(['ready', 'alive', 'closed']);
    });

    it('in single mode unref() lets the process end, also while a key is watched', async () => {
      const program = new AloneProcess({ ...place.inProcess, shared: {}, isUnref: true });
      expect(await program.end()).toEqual(['ready']);
    });

    check('1,000 keys', async () => {
      const keys = Array.from({ length: 1_000 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
      for (const key of keys) await place.write(key, json(1));
      const { config } = await readyIn('follower', (own) => connect(own));
      const watch = config.watch({ prefix: 'many/' });
      expect((await watch.ready).size).toBe(1_000);
      for (const key of keys) await place.write(key, json(2));
      await eventually('every change', () => [...watch.current!.values()].every((entry) => entry.json() === 2));
      expect([...watch.current!.keys()]).toEqual(keys);
    });

    check('large value', async () => {
      const value = Buffer.alloc(adapter.largestBytes, 'x');
      await place.write('a/large', value);
      const { config } = await readyIn('follower', (own) => connect(own));
      const entry = await config.watch('a/large').ready;
      expect(Buffer.compare(entry!.bytes, value)).toBe(0);
    });

    check('too large', async () => {
      const { config } = await readyIn('follower', (own) => connect(own));
      const put = config.put('a/large', Buffer.alloc(adapter.largestBytes * 4));
      await expect(put).rejects.toMatchObject({
        ...{ code: 'ERR_TRUNKLINE_VALUE_TOO_LARGE', key: 'a/large' },
        ...{ bytes: expect.any(Number) as number, limitBytes: expect.any(Number) as number },
      });
    });

    check('slow consumer', async () => {
      await place.write('a/key', json(0));
      const { config } = await readyIn('follower', (own) => connect(own));
      const seen: number[] = [];
      const watch = config.watch('a/key');
      for await (const entry of watch) {
        seen.push(entry!.json());
        if (seen.length > 1) break;
        for (let n = 1; n <= 50; n++) await place.write('a/key', json(n));
        await eventually('the newest value', () => watch.current!.json() === 50);
      }
      expect(seen).toEqual([0, 50]);
    });

    check('never backwards', async () => {
      await place.write('a/key', json(0));
      const { config } = await readyIn('follower', (own) => connect(own));
      const seen: number[] = [];
      const watch = config.watch('a/key', (entry) => seen.push(entry!.json()));
      await watch.ready;
      for (let n = 1; n <= 200; n++) {
        await place.write('a/key', json(n));
        if (n % 20 === 0) place.line?.cut();
      }
      await eventually('the newest value', () => watch.current!.json() === 200);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
    });

    check('leader killed', async () => {
      await place.write('a/key', json(0));
      const leader = await member({ isLeader: true });
      const { config, registry, ready, status } = connect();
      await ready();
      expect(status().role).toBe('follower');
      const watch = config.watch('a/key');
      await watch.ready;
      if (lacks.registration === undefined) registry.register({ name: 'shop', id: 'mine', address: '10.0.0.2', port: 80 });
      const { version } = watch.current!;
      leader.kill('SIGKILL');
      await place.write('a/key', json(1));
      await eventually('the change', holds({ config } as Store, 'a/key', json(1)));
      // The next leader has counted nothing so far: versions must come from the store.
      expect(watch.current!.version).toBeGreaterThan(version);
      expect((await config.read('a/key'))!.version).toBe(watch.current!.version);
      if (lacks.registration === undefined) {
        await eventually('the registration', async () => (await registry.instances('shop')).length === 1);
        // The lease of the dead process ends meanwhile, and must not take along what the next leader has registered.
        await delay((adapter.timeToLiveMs ?? 0) + 1_000);
        expect(await registry.instances('shop')).toHaveLength(1);
      }
    });

    check('server restarted', async () => {
      await place.write('a/key', json(0));
      const store = await readyIn('follower', (own) => connect(own));
      const watch = store.config.watch('a/key');
      await watch.ready;
      await place.server!.kill();
      await eventually('that values are stale', () => watch.isStale);
      expect(store.status().upstream).toMatchObject({ state: 'degraded' });
      expect(watch.current!.json()).toBe(0);
      await place.server!.start();
      await place.write('a/key', json(1));
      await eventually('the change', () => watch.current!.json() === 1);
      await eventually('that values are fresh', () => !watch.isStale);
    });

    check('line cut', async () => {
      await place.write('a/key', json(0));
      const { config } = await readyIn('follower', (own) => connect(own));
      const watch = config.watch('a/key');
      await watch.ready;
      place.line!.cut();
      await place.write('a/key', json(1));
      await eventually('the change', () => watch.current!.json() === 1);
    });

    check('line silent', async () => {
      await place.write('a/key', json(0));
      const { config } = await readyIn('follower', (own) => connect(own));
      const watch = config.watch('a/key');
      await watch.ready;
      place.line!.silence();
      await place.write('a/key', json(1));
      await eventually('that values are stale', () => watch.isStale);
      expect(watch.current!.json()).toBe(0);
      place.line!.heal();
      await eventually('the change', () => watch.current!.json() === 1);
      await eventually('that values are fresh', () => !watch.isStale);
    });

    check('no server at start', async () => {
      await place.server!.kill();
      const store = connect({ isLeader: true, maxWaitTime: 2_000 });
      await expect(store.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
      await place.server!.start();
      await eventually('that the client is ready', () => store.status().state === 'ready');
    });

    check('owner killed', async () => {
      const other = connect({ singleMode: true });
      await other.ready();
      const seen = other.registry.watch('shop');
      const owner = await member({ isLeader: true });
      owner.register({ name: 'shop', id: 'theirs', address: '10.0.0.3', port: 80 });
      await eventually('the instance', () => seen.current?.length === 1);
      owner.kill('SIGKILL');
      await eventually('the end of the instance', () => seen.current!.length === 0);
    });

    check('expired', async () => {
      const store = await readyIn('leader', (own) => connect(own));
      store.registry.register({ name: 'shop', id: 'mine', address: '10.0.0.4', port: 80 });
      const isThere = async (): Promise<boolean> => (await place.keys('services/shop/')).length === 1;
      await eventually('the registration', isThere);
      await place.expire!(store);
      await eventually('the registration again', isThere);
    });
  });
}

/** The table of the documents: adapters × cases, in Markdown. A cell says `yes`, or why the store has no such case. */
export function conformanceTable(adapters: readonly Pick<Adapter, 'name' | 'lacks'>[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const names = Object.keys(CASES) as CaseName[];
  return [
    row(['case', ...adapters.map(({ name }) => name)]),
    row(['---', ...adapters.map(() => '---')]),
    ...names.map((each) => row([CASES[each], ...adapters.map(({ lacks }) => lacks[each] ?? 'yes')])),
  ].join('\n');
}
