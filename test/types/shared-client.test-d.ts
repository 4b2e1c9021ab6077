// Checked by the compiler only: what `create()` knows of the upstream class.

import cluster, { type SubscriptionHandle } from '../../src';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Base } from 'sdk-base';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const check = <T extends true>(..._: T[]): void => undefined;

interface Registration {
  dataId: string;
}

class RegistryClient extends Base {
  constructor(readonly settings: { server: string }) {
    super();
  }
  subscribe(_registration: Registration, _listener: (value: string[]) => void): void {
    return undefined;
  }
  unSubscribe(_registration: Registration, _listener: (value: string[]) => void): void {
    return undefined;
  }
  publish(_registration: Registration): void {
    return undefined;
  }
  async get<T extends string>(key: T): Promise<`${T}!`> {
    return Promise.resolve(`${key}!` as const);
  }
  async overloaded(key: string): Promise<string>;
  async overloaded(key: number): Promise<number>;
  async overloaded(key: string | number): Promise<string | number> {
    return Promise.resolve(key);
  }
  *steps(_count: number): Generator<unknown, string> {
    yield 1;
    return 'done';
  }
  size(): number {
    return 1;
  }
  find(_key: string, _callback: (error: Error | null, value?: Date) => void): void {
    return undefined;
  }
  read(_key: string, _callback?: (error: Error | null, value: number) => void): void {
    return undefined;
  }
  watch(_key: string, _listener: (value: number) => void): void {
    return undefined;
  }
  async _private(): Promise<void> {
    return Promise.resolve();
  }
}

export async function types(): Promise<void> {
  const client = cluster(RegistryClient).create({ server: 'x' });

  // Constructor arguments of the class.
  // @ts-expect-error -- no arguments
  cluster(RegistryClient).create();
  // @ts-expect-error -- another type
  cluster(RegistryClient).create({ server: 1 });

  // Asynchronous methods stay unchanged, with generics and overloads.
  const got = await client.get('a');
  check<Equal<typeof got, 'a!'>>(true);
  const byNumber = await client.overloaded(1);
  check<Equal<typeof byNumber, number>>(true);
  check<Equal<ReturnType<typeof client.steps>, Generator<unknown, string>>>(true);

  const sized = cluster(RegistryClient).delegate('size').create({ server: 'x' });

  // Verbs.
  client.subscribe({ dataId: 'a' }, (value) => {
    check<Equal<typeof value, string[]>>(true);
  });
  using handle = client.subscribe({ dataId: 'a' }, () => undefined);
  await handle.ready;
  handle.unsubscribe();
  const asBefore = (): void => client.subscribe({ dataId: 'a' }, () => undefined);
  asBefore();

  // What is read without a listener.
  for await (const value of client.values({ dataId: 'a' }, { signal: AbortSignal.timeout(1) })) {
    check<Equal<typeof value, string[]>>(true);
  }
  const next = await client.once({ dataId: 'a' });
  check<Equal<typeof next, string[]>>(true);
  client.once('error', (error: Error) => error.message);
  check<Equal<ReturnType<typeof client.latest>, string[] | undefined>>(true);
  // @ts-expect-error -- another registration
  client.latest({ id: 'a' });

  class Optional {
    subscribe(_key: string, _listener?: (value: number) => void): void {}
  }
  const optional = cluster(Optional).create();
  optional.subscribe('a').unsubscribe();
  check<Equal<ReturnType<ReturnType<typeof optional.values>['next']>, Promise<IteratorResult<number, undefined>>>>(true);
  class TwoKinds {
    subscribe(kind: 'n', listener: (value: number) => void): void;
    subscribe(kind: 's', listener: (value: string) => void): void;
    subscribe(_kind: string, _listener: (value: never) => void): void {}
  }
  const twoKinds = cluster(TwoKinds).create();
  check<Equal<ReturnType<typeof twoKinds.latest>, number | string | undefined>>(true);

  // Options of a single call.
  const limited = client.with({ timeoutMs: 100, signal: AbortSignal.timeout(100), idempotent: true });
  const gotLimited = await limited.get('a');
  check<Equal<typeof gotLimited, 'a!'>>(true);
  // @ts-expect-error -- no call
  void limited.subscribe;
  // @ts-expect-error -- not shared
  void limited.size;
  check<Equal<ReturnType<ReturnType<typeof sized.with>['size']>, Promise<number>>>(true);
  // @ts-expect-error -- no such option
  client.with({ timeout: 100 });

  client.unSubscribe({ dataId: 'a' });
  client.publish({ dataId: 'a' });
  // @ts-expect-error -- another registration
  client.subscribe({ id: 'a' }, () => undefined);

  // What cannot be shared is absent.
  // @ts-expect-error -- not asynchronous, not delegated
  void client.size;
  // @ts-expect-error -- not asynchronous, not delegated
  void client.find;
  // @ts-expect-error -- private by its name
  void client._private;
  // @ts-expect-error -- a field
  void client.settings;

  // What every shared client has.
  await client.ready();
  client.on('error', (error: unknown) => error);
  check<Equal<typeof client.isClusterClientLeader, boolean>>(true);
  await client.close();
  await cluster.close(client);

  // Delegated methods.
  const delegated = cluster(RegistryClient)
    .delegate('size')
    .delegate('find')
    .delegate('read')
    .delegate('watch', 'subscribe')
    .override('flavour', 'vanilla' as const)
    .create({ server: 'x' });
  const size = await delegated.size();
  check<Equal<typeof size, number>>(true);
  const found = await delegated.find('a');
  check<Equal<typeof found, Date>>(true);
  const read = await delegated.read('a');
  check<Equal<typeof read, number>>(true);
  delegated.find('a', (error, value) => [error, value]);
  delegated.watch('a', (value) => value.toFixed());
  check<Equal<typeof delegated.flavour, 'vanilla'>>(true);
  delegated.subscribe({ dataId: 'a' }, () => undefined);

  const oneWay = cluster(RegistryClient).delegate('get', 'invokeOneway').create({ server: 'x' });
  check<Equal<ReturnType<typeof oneWay.get>, void>>(true);

  // @ts-expect-error -- no such method
  cluster(RegistryClient).delegate('nowhere');
  // @ts-expect-error -- no such target
  cluster(RegistryClient).delegate('get', 'call');
  // @ts-expect-error -- no such option
  cluster(RegistryClient, { prot: 1 });

  // Nothing is shared automatically.
  const manual = cluster(RegistryClient, { autoGenerate: false }).delegate('size').create({ server: 'x' });
  await manual.size();
  // @ts-expect-error -- not delegated
  void manual.get;

  // A class without verbs has none.
  class Plain {
    async run(): Promise<number> {
      return Promise.resolve(1);
    }
  }
  const plain = cluster(Plain).create();
  await plain.run();
  // @ts-expect-error -- the class has no subscribe
  void plain.subscribe;

  // The API base class.
  class Api extends cluster.APIClientBase<typeof RegistryClient> {
    override get DataClient() {
      return RegistryClient;
    }
    async both(): Promise<string> {
      // @ts-expect-error -- not shared
      void this._client.size;
      return this._client.get('a');
    }
  }
  await new Api().both();
  // The members that `delegates` gives are in the type when declared.
  class Delegating extends cluster.APIClientBase<typeof RegistryClient, { size: 'invoke' }> {
    override get DataClient() {
      return RegistryClient;
    }
    override get delegates() {
      return { size: 'invoke' } as const;
    }
    async count(): Promise<number> {
      return this._client.size();
    }
  }
  await new Delegating().count();
}

interface Config {
  timeout: number;
  name: string;
}

class Generic {
  subscribe<K extends keyof Config>(_key: K, _listener: (value: Config[K]) => void): void {
    return undefined;
  }
  unSubscribe<K extends keyof Config>(_key: K, _listener: (value: Config[K]) => void): void {
    return undefined;
  }
  publish<K extends keyof Config>(_entry: { key: K; value: Config[K] }): void {
    return undefined;
  }
  async watch<K extends keyof Config>(_key: K, _listener: (value: Config[K]) => void): Promise<void> {
    return Promise.resolve();
  }
  find<K extends keyof Config>(_key: K, _callback: (error: Error | null, value?: Config[K]) => void): void {
    return undefined;
  }
  set<K extends keyof Config>(_key: K, _value: Config[K]): boolean {
    return true;
  }
}

class Overloaded {
  subscribe(key: 'timeout', listener: (value: number) => void): void;
  subscribe(key: 'name', listener: (value: string) => void): void;
  subscribe(_key: string, _listener: (value: never) => void): void {
    return undefined;
  }
  unSubscribe(key: 'timeout', listener: (value: number) => void): void;
  unSubscribe(key: 'name', listener: (value: string) => void): void;
  unSubscribe(_key: string, _listener: (value: never) => void): void {
    return undefined;
  }
  set(key: 'timeout', value: number): boolean;
  set(key: 'name', value: string): boolean;
  set(_key: string, _value: unknown): boolean {
    return true;
  }
  on(_event: string): void {
    return undefined;
  }
  async *pages(_count: number): AsyncGenerator<number> {
    yield Promise.resolve(1);
  }
  get = async (_key: string): Promise<number> => Promise.resolve(1);
  async then(): Promise<void> {
    return Promise.resolve();
  }
}

class Chained {
  subscribe(_key: string, _listener: (value: number) => void): this {
    return this;
  }
}

export async function genericAndOverloaded(): Promise<void> {
  const generic = cluster(Generic).delegate('watch', 'subscribe').delegate('find').delegate('set', 'invokeOneway').create();
  generic.subscribe('timeout', (value) => value.toFixed());
  generic.subscribe('name', (value) => value.trim());
  // @ts-expect-error -- the value of another key
  generic.subscribe('name', (value) => value.toFixed());
  generic.unSubscribe('timeout', (value) => value.toFixed());
  generic.unSubscribe('timeout');
  // @ts-expect-error -- no such key
  generic.unSubscribe('size');
  generic.publish({ key: 'name', value: 'x' });
  await generic.watch('timeout', (value) => value.toFixed());
  generic.find('timeout', (_error, value) => value?.toFixed());
  check<Equal<ReturnType<typeof generic.set>, void>>(true);
  generic.set('name', 'x');

  const overloaded = cluster(Overloaded).delegate('set', 'invokeOneway').create();
  overloaded.subscribe('timeout', (value) => value.toFixed());
  overloaded.subscribe('name', (value) => value.trim());
  overloaded.unSubscribe('timeout', (value) => value.toFixed());
  overloaded.unSubscribe('name', (value) => value.trim());
  overloaded.unSubscribe('timeout');
  overloaded.unSubscribe('name');
  overloaded.set('timeout', 1);
  overloaded.set('name', 'x');
  // @ts-expect-error -- the value of another key
  overloaded.set('name', 1);
  // For the compiler a field is a member like a method; a call says at run time how to share the field.
  check<Equal<ReturnType<typeof overloaded.get>, Promise<number>>>(true);

  // Streams stay as they are.
  check<Equal<typeof overloaded.pages, Overloaded['pages']>>(true);
  cluster(Overloaded).delegate('pages');
  // Members that every client is made of cannot be shared either.
  // @ts-expect-error -- a member of every client
  cluster(Overloaded).delegate('on');
  // @ts-expect-error -- a client that has it would be taken for a promise
  cluster(Overloaded).delegate('then');
  // @ts-expect-error -- a client that has it would be taken for a promise
  void overloaded.then;
  // @ts-expect-error -- a member of every client
  cluster(RegistryClient).delegate('ready');
  // @ts-expect-error -- a member of every client
  cluster(RegistryClient).delegate('emit');

  // A client returns nothing of the class.
  const chained = cluster(Chained).create();
  check<Equal<ReturnType<typeof chained.subscribe>, SubscriptionHandle & void>>(true);
  chained.subscribe('a', (value) => value.toFixed());
}

/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging -- the idiom of typed emitters */
/** Events of the class by overloads of `on`. */
interface Overloading {
  on(event: 'changed', listener: (key: string, size: number) => void): this;
  on(event: 'left', listener: () => void): this;
}
class Overloading extends Base {
  async get(): Promise<number> {
    return Promise.resolve(1);
  }
}
/* eslint-enable @typescript-eslint/no-unsafe-declaration-merging */
/** Events of the class by a declaration. */
class Declaring extends Base {
  declare readonly emits: { changed: [key: string]; health: [{ ok: boolean }] };
  async get(): Promise<number> {
    return Promise.resolve(1);
  }
}
class Plain {
  async get(): Promise<number> {
    return Promise.resolve(1);
  }
}

export async function events(): Promise<void> {
  const plain = cluster(Plain).create();
  plain.on('ready', () => undefined).on('error', (error) => error.message);
  plain.on('error', (error: unknown) => error);
  plain.on('state', ({ state, reason }) => [state, reason?.message]);
  plain.once('role', ({ role, term }) => [role, term.toFixed()]);
  plain.on('newListener', (event) => event);
  // @ts-expect-error -- misspelt
  plain.on('reayd', () => undefined);
  // @ts-expect-error -- misspelt
  plain.once('redy', () => undefined);
  // @ts-expect-error -- misspelt
  plain.addListener('erorr', () => undefined);
  // @ts-expect-error -- misspelt
  plain.prependListener('clos', () => undefined);
  // @ts-expect-error -- an event has no such value
  plain.on('role', (change: string) => change);
  // The type argument says that the class has the event all the same.
  plain.on<'changed'>('changed', (key: string) => key);
  plain.on<string>('chan'.concat('ged'), (key: string) => key);
  plain.on<symbol>(Symbol.for('x'), () => undefined);
  // @ts-expect-error -- another name than the one that is said
  plain.on<'changed'>('chagned', () => undefined);
  // The client stays what it is.
  check<Equal<ReturnType<typeof plain.get>, Promise<number>>>(true);
  const chained = await plain.on('close', () => undefined).get();
  check<Equal<typeof chained, number>>(true);
  const emitter: NodeJS.EventEmitter = plain;
  await once(plain, 'ready');
  void emitter;

  const overloading = cluster(Overloading).create();
  overloading.on('changed', (key, size) => [key.trim(), size.toFixed()]);
  overloading.on('left', () => undefined).on('ready', () => undefined);
  // @ts-expect-error -- misspelt
  overloading.on('chagned', () => undefined);

  const declaring = cluster(Declaring).create();
  declaring.on('changed', (key) => key.trim());
  declaring.on('health', ({ ok }) => !ok);
  // @ts-expect-error -- misspelt
  declaring.on('chagned', () => undefined);
  // @ts-expect-error -- a key is a string
  declaring.on('changed', (key: number) => key);

  const overridden = cluster(Plain).override('on', 1).create();
  check<Equal<typeof overridden.on, number>>(true);
  overridden.once('ready', () => undefined);
}

/** Streams of every kind of declaration. */
class Rows {
  async *scan<T extends string>(of: T): AsyncGenerator<T, number> {
    yield Promise.resolve(of);
    return 1;
  }
  async *iterable(): AsyncIterable<string> {
    yield Promise.resolve('a');
  }
  cursor(): AsyncIterable<string> & { limit(count: number): void } {
    throw new Error('not called');
  }
  readable(_path: string): Readable {
    throw new Error('not called');
  }
  async later(_count: number): Promise<AsyncIterable<Date>> {
    return Promise.reject(new Error('not called'));
  }
}

export async function streams(): Promise<void> {
  const client = cluster(Rows).create();
  for await (const row of client.scan('a')) check<Equal<typeof row, 'a'>>(true);
  for await (const row of client.with({ timeoutMs: 1 }).scan('a')) check<Equal<typeof row, 'a'>>(true);
  for await (const row of client.iterable()) check<Equal<typeof row, string>>(true);
  // @ts-expect-error -- not asynchronous by its type alone
  void client.cursor;
  // @ts-expect-error -- not asynchronous by its type alone
  void client.readable;
  const named = cluster(Rows).delegate('readable', 'stream').delegate('later', 'stream').delegate('cursor', 'stream').create();
  check<Equal<Parameters<typeof named.readable>, [_path: string]>>(true);
  for await (const row of named.later(1)) check<Equal<typeof row, Date>>(true);
  for await (const row of named.cursor()) check<Equal<typeof row, string>>(true);
  await named.with({}).later(1).return();
}
