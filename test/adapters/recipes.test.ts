// The recipes of docs/recipes.md at stand-ins for their servers: no real Nacos, Consul, Eureka, Apollo or Disconf was there.

import type { RegistryUpstream, Store, StoreOptions } from 'trunkline/file';
import { ApolloStore } from '../../examples/recipes/apollo';
import { ConsulStore } from '../../examples/recipes/consul';
import { DisconfStore } from '../../examples/recipes/disconf';
import { EurekaStore } from '../../examples/recipes/eureka';
import { NacosStore } from '../../examples/recipes/nacos';
import * as recipes from '../fixtures/recipe-stores';
import { ApolloStandIn } from '../support/apollo-stand-in';
import { ConsulStandIn } from '../support/consul-stand-in';
import { DisconfStandIn } from '../support/disconf-stand-in';
import { EurekaStandIn } from '../support/eureka-stand-in';
import { eventually } from '../support/eventually';
import { NacosStandIn } from '../support/nacos-stand-in';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';
import { StoreMember } from './support/store-member-process';

/** A recipe at a running stand-in. */
interface Place {
  /** @param more options that only one test gives */
  connect(port: number, more?: object): Store;
  make(more?: object): RegistryUpstream;
  /** The same in another process. */
  fork(port: number): StoreMember;
  stop(): Promise<unknown>;
  restart(): Promise<unknown>;
}

interface ConfigPlace extends Place {
  readonly key: string;
  readonly absent: string;
  set(value: string | undefined): void;
}

interface RegistryPlace extends Place {
  /** Ids or addresses of the instances of the service `stall` that the server has. */
  instances(): readonly string[];
  forget(): void;
}

const QUICK = { pollMs: 30, beatMs: 50, timeoutMs: 5_000 };

function placeOf<O extends object>(
  upstream: new (options: O) => RegistryUpstream,
  connect: keyof typeof recipes,
  options: O,
): Pick<Place, 'connect' | 'make' | 'fork'> {
  return {
    connect: (port, more) => {
      const shared = { port, logger: recordingLogger() };
      const store = (recipes[connect] as (options: O, shared: StoreOptions) => Store)({ ...options, ...more }, shared);
      stores.push(store);
      return store;
    },
    make: (more) => {
      const made = new upstream({ ...options, ...more });
      upstreams.push(made);
      return made;
    },
    fork: (port) => {
      const member = new StoreMember({ module: '../../test/fixtures/recipe-stores', connect, options, shared: { port } });
      members.push(member);
      return member;
    },
  };
}

async function nacos(): Promise<ConfigPlace & RegistryPlace & { readonly server: () => NacosStandIn }> {
  const options = { lifetimeMs: 1_000, beatMs: 50 };
  let server = await NacosStandIn.start(options);
  const port = Number(server.address.split(':')[1]);
  const url = `http://${server.address}`;
  let present: string | undefined;
  const set = (value: string | undefined): void => {
    present = value;
    server.change('menu', value);
  };
  return {
    ...placeOf(NacosStore, 'connectNacos', { ...QUICK, url, waitMs: 10_000 }),
    key: 'menu',
    absent: 'absent',
    set,
    server: () => server,
    instances: () => server.instances('DEFAULT_GROUP@@stall'),
    forget: () => server.forget(),
    stop: () => server.stop(),
    restart: async () => {
      server = await NacosStandIn.start({ ...options, port });
      set(present);
    },
  };
}

async function consul(): Promise<ConfigPlace & RegistryPlace & { readonly server: ConsulStandIn }> {
  const server = await new ConsulStandIn().start();
  return {
    ...placeOf(ConsulStore, 'connectConsul', { ...QUICK, url: server.url, waitMs: 10_000, ttlMs: 1_000 }),
    key: 'shop/menu',
    absent: 'shop/absent',
    set: (value) => (value === undefined ? server.remove('shop/menu') : server.set('shop/menu', value)),
    server,
    instances: () => [...server.services.keys()],
    forget: () => server.forgetServices(),
    stop: () => server.stop(),
    restart: () => server.start(),
  };
}

async function eureka(): Promise<RegistryPlace & { readonly server: EurekaStandIn }> {
  const server = await new EurekaStandIn().start();
  return {
    ...placeOf(EurekaStore, 'connectEureka', { ...QUICK, url: server.url, leaseSeconds: 1 }),
    server,
    instances: () => [...server.instances.keys()],
    forget: () => server.instances.clear(),
    stop: () => server.stop(),
    restart: () => server.start(),
  };
}

async function apollo(): Promise<ConfigPlace & { readonly server: ApolloStandIn }> {
  const server = await new ApolloStandIn().start();
  server.release('application', {});
  return {
    ...placeOf(ApolloStore, 'connectApollo', { ...QUICK, url: server.url, appId: 'shop' }),
    key: 'application/menu',
    absent: 'application/absent',
    set: (value) => server.release('application', value === undefined ? {} : { menu: value }),
    server,
    stop: () => server.stop(),
    restart: () => server.start(),
  };
}

async function disconf(): Promise<ConfigPlace & { readonly server: DisconfStandIn }> {
  const server = await new DisconfStandIn().start();
  return {
    ...placeOf(DisconfStore, 'connectDisconf', { ...QUICK, url: server.url, app: 'shop', version: '1', env: 'rd' }),
    key: 'item/menu',
    absent: 'file/absent',
    set: (value) => (value === undefined ? server.items.delete('menu') : server.items.set('menu', value)),
    server,
    stop: () => server.stop(),
    restart: () => server.start(),
  };
}

let stores: Store[];
let upstreams: RegistryUpstream[];
let members: StoreMember[];
let place: Place | undefined;
let port: number;

beforeEach(async () => {
  stores = [];
  upstreams = [];
  members = [];
  port = await freePort();
});

afterEach(async () => {
  await Promise.all([...stores, ...upstreams].map((each) => each.close()));
  await Promise.all(members.map((member) => member.stop()));
  await place?.stop();
});

async function at<P extends Place>(start: () => Promise<P>): Promise<P> {
  const started = await start();
  place = started;
  return started;
}

describe.each(Object.entries({ nacos, consul, apollo, disconf }))('configurations of %s', (_, start) => {
  test('a watch in each process sees the value, its change and its removal', async () => {
    const { connect, key, absent, set } = await at<ConfigPlace>(start);
    set('tea');
    const watches = [connect(port), connect(port)].map(({ config }) => config.watch(key));
    const seen = (text: string | undefined) =>
      eventually(`${text} in each process`, () => watches.every((watch) => watch.isKnown && watch.current?.text === text));
    await seen('tea');
    const { version } = watches[1]!.current!;
    set('Kaffee, süß');
    await seen('Kaffee, süß');
    expect(watches[1]!.current!.version).toBeGreaterThan(version);
    expect((await stores[1]!.config.read(key))?.text).toBe('Kaffee, süß');
    set(undefined);
    await seen(undefined);
    set('tea');
    await seen('tea');
    expect(await stores[1]!.config.read(absent)).toBeUndefined();
  });

  test('values stay when the server is gone and count as stale, and the newest arrive when it is back', async () => {
    const { connect, key, set, stop, restart } = await at<ConfigPlace>(start);
    set('tea');
    const [one, other] = [connect(port), connect(port)];
    const watch = other.config.watch(key);
    await one.ready();
    await watch.ready;
    await stop();
    await eventually('it is stale', () => watch.isStale);
    expect(watch.current?.text).toBe('tea');
    await expect(other.config.read(key)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
    await restart();
    set('coffee');
    await eventually('the newest value', () => watch.current?.text === 'coffee' && !watch.isStale);
  });

  test('when the process that leads is killed, the next one goes on with the newest value', async () => {
    const { connect, fork, key, set } = await at<ConfigPlace>(start);
    set('tea');
    const leader = fork(port);
    await leader.ready();
    const store = connect(port);
    const watch = store.config.watch(key);
    await watch.ready;
    expect(store.status().role).toBe('follower');
    await leader.stop();
    set('coffee');
    await eventually('the newest value', () => watch.current?.text === 'coffee');
    expect(store.status().role).toBe('leader');
  });

  test('ready() is rejected while there is no server', async () => {
    const { make, stop } = await at<ConfigPlace>(start);
    await stop();
    await expect(make().ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
  });
});

describe.each(Object.entries({ nacos, consul, eureka }))('services of %s', (_, start) => {
  const service = { name: 'stall', id: 'first', address: '127.0.0.1', port: 8001, metadata: { zone: 'a' } };

  test('an instance is seen in each process, changes, and is gone when the last one is withdrawn', async () => {
    const { connect, instances } = await at<RegistryPlace>(start);
    const [one, other] = [connect(port), connect(port)];
    const watches = [one, other].map(({ registry }) => registry.watch('stall'));
    const seen = (...ports: number[]) =>
      eventually(`instances ${ports.join()}`, () =>
        watches.every((watch) => watch.isKnown && watch.current!.map((each) => each.port).join() === ports.join()),
      );
    await seen();
    const first = other.registry.register(service);
    await seen(8001);
    expect(watches[0]!.current).toEqual([service]);
    await first.update({ port: 8003 });
    await seen(8003);
    await first.update({ port: 8001 });
    await seen(8001);
    const second = one.registry.register({ ...service, id: 'second', port: 8002 });
    await seen(8001, 8002);
    expect((await other.registry.instances('stall')).map(({ id }) => id)).toEqual(['first', 'second']);
    await first.deregister();
    await seen(8002);
    await second.deregister();
    await seen();
    expect(instances()).toEqual([]);
  });

  test('an instance outlives its lease by heartbeats, is registered again where it was lost, and goes without them', async () => {
    const { make, instances, forget } = await at<RegistryPlace>(start);
    const upstream = make();
    await upstream.ready();
    const entry = { key: 'services/stall/first', text: JSON.stringify(service) };
    await upstream.publish(entry);
    expect(instances()).toHaveLength(1);
    forget();
    expect(instances()).toEqual([]);
    const other = make();
    await eventually('it is registered again', async () => (await other.list('services/stall/')).length === 1);
    await upstream.close(); // as when the process dies: nothing is withdrawn
    await eventually('the lease is over', async () => (await other.list('services/stall/')).length === 0);
  });

  test('when the process that leads is killed, the instances of others stay and its own go', async () => {
    const { connect, fork } = await at<RegistryPlace>(start);
    const leader = fork(port);
    await leader.ready();
    const { registry, status } = connect(port);
    const watch = registry.watch('stall');
    registry.register(service);
    leader.register({ ...service, id: 'second', port: 8002 });
    const ids = () => watch.isKnown && watch.current!.map(({ id }) => id).join();
    await eventually('both', () => ids() === 'first,second');
    await leader.stop();
    await eventually('that of the killed process is gone', () => ids() === 'first');
    expect(status().role).toBe('leader');
  });

  test('refuses what it cannot do', async () => {
    const { make } = await at<RegistryPlace>(start);
    const upstream = make();
    await expect(upstream.list('services/')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
    await expect(upstream.publish({ key: 'lock', text: '1' })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
  });
});

describe('nacos', () => {
  test('a key that is watched later is part of a poll at once', async () => {
    const { connect, server } = await at(nacos);
    server().change('first', '1');
    server().change('second', '1');
    const { config } = connect(port);
    await config.watch('first').ready;
    await eventually('the first poll', () => server().polls('') === 1);
    const second = config.watch('second');
    await second.ready;
    server().change('second', '2');
    await eventually('the change', () => second.current?.text === '2');
  });

  test('two namespaces are two stores, and both are written', async () => {
    const { connect, server } = await at(nacos);
    const [shop, works] = ['shop', 'works'].map((namespace) => connect(port, { namespace }));
    await shop!.config.put('menu', 'tea');
    await works!.config.put('menu', 'nails');
    expect((await shop!.config.read('menu'))?.text).toBe('tea');
    expect(server().content('menu', { namespace: 'works' })).toBe('nails');
    expect(await shop!.config.delete('menu')).toBe(true);
    expect(await shop!.config.delete('menu')).toBe(false);
    expect((await works!.config.read('menu'))?.text).toBe('nails');
    await expect(shop!.config.put('menu', 'tea', { ifVersion: 1 })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
  });

  test('weight 0 is weight 0, and the metadata are kept by heartbeats', async () => {
    const { connect, server, forget } = await at(nacos);
    const { registry } = connect(port);
    registry.register({ name: 'stall', id: 'first', address: '127.0.0.1', port: 8001, metadata: { weight: '0' } });
    const weights = () =>
      server()
        .list('DEFAULT_GROUP@@stall')
        .map(({ weight }) => weight);
    await eventually('it is registered', () => weights().join() === '0');
    forget();
    await eventually('it is registered again', () => weights().join() === '0');
    expect(await registry.instances('stall')).toMatchObject([{ id: 'first', metadata: { weight: '0' } }]);
  });
});

describe('consul', () => {
  test('writes with versions, refuses what is too large, and watches a prefix', async () => {
    const { connect, server } = await at(consul);
    const { config } = connect(port);
    const watch = config.watch({ prefix: 'shop/' });
    await watch.ready;
    const version = await config.put('shop/menu', 'tea', { ifVersion: 0 });
    await expect(config.put('shop/menu', 'tea', { ifVersion: 0 })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_VERSION_CONFLICT',
    });
    server.set('other', 'no part of it');
    await config.put('shop/hours', '8–18');
    await eventually('both', () => [...watch.current!.keys()].join() === 'shop/hours,shop/menu');
    expect(watch.current!.get('shop/menu')!.version).toBe(version);
    await expect(config.delete('shop/menu', { ifVersion: version + 1 })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_VERSION_CONFLICT',
    });
    expect(await config.delete('shop/menu', { ifVersion: version })).toBe(true);
    // The removal of the last key is a change like any other.
    expect(await config.delete('shop/hours')).toBe(true);
    await eventually('none', () => watch.current!.size === 0);
    const large = Buffer.alloc(513 * 1024);
    await expect(config.put('large', large)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_VALUE_TOO_LARGE' });
  });

  test('an index that goes back makes no circle of requests, and no change is missed', async () => {
    const { connect, server } = await at(consul);
    for (let i = 0; i < 20; i++) server.set('shop/menu', String(i));
    const watch = connect(port).config.watch('shop/menu');
    await watch.ready;
    server.goBack();
    await eventually('it waits again', () => server.held === 1);
    const before = server.requests.length;
    server.set('shop/menu', 'tea');
    await eventually('the change', () => watch.current?.text === 'tea');
    expect(server.requests.length - before).toBeLessThan(5);
  });

  test('a wrong token is told', async () => {
    const { make, server } = await at(consul);
    server.token = 'right';
    await expect(make({ token: 'wrong' }).ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
    await make({ token: 'right' }).ready();
  });
});

describe('eureka', () => {
  test('an instance that is not up yet is in no list', async () => {
    const { connect, instances } = await at(eureka);
    const { registry } = connect(port);
    const watch = registry.watch('stall');
    const service = { name: 'stall', id: 'first', address: '127.0.0.1', port: 8001 };
    const handle = registry.register({ ...service, metadata: { status: 'STARTING' } });
    await eventually('the server has it', () => instances().length === 1);
    expect(await registry.instances('stall')).toEqual([]);
    await handle.update({ metadata: {} });
    await eventually('it is up', () => watch.current?.length === 1);
  });
});

describe('apollo', () => {
  test('a namespace is a prefix; requests are signed; writes are refused', async () => {
    const { connect, make, server } = await at(apollo);
    server.secret = 'secret';
    server.release('db', { host: 'a', port: '1' });
    await expect(make({ secret: 'other' }).ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
    const { config } = connect(port, { secret: 'secret' });
    const watch = config.watch({ prefix: 'db/' });
    const texts = () => [...(watch.current?.values() ?? [])].map(({ key, text }) => `${key}=${text}`).join();
    await eventually('all properties', () => texts() === 'db/host=a,db/port=1');
    const { version } = watch.current!.get('db/port')!;
    server.release('db', { host: 'b', port: '1' });
    await eventually('the change', () => texts() === 'db/host=b,db/port=1');
    expect(watch.current!.get('db/port')!.version).toBe(version);
    await expect(config.put('db/host', 'c')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
  });
});

test('disconf: a file is a key as well', async () => {
  const { connect, server } = await at(disconf);
  server.files.set('redis.properties', 'redis.host=a\n');
  const watch = connect(port).config.watch('file/redis.properties');
  await eventually('the file', () => watch.current?.text === 'redis.host=a\n');
  await expect(stores[0]!.config.read('redis.properties')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
});
