// Checked by the compiler only: what `create()` knows of the upstream class.

import cluster from '../../src';
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

  // Asynchronous methods as they are, generics and overloads too.
  const got = await client.get('a');
  check<Equal<typeof got, 'a!'>>(true);
  const byNumber = await client.overloaded(1);
  check<Equal<typeof byNumber, number>>(true);
  check<Equal<ReturnType<typeof client.steps>, Generator<unknown, string>>>(true);

  // Verbs.
  client.subscribe({ dataId: 'a' }, (value) => {
    check<Equal<typeof value, string[]>>(true);
  });
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

  // Nothing by itself.
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
  // What `delegates` gives is in the type when it is said.
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
