import type { Base } from 'sdk-base';
import cluster, { APIClientBase, close } from '../../src';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { upstreamClass, type FakeUpstream } from '../support/fake-upstream';
import { recordingLogger } from '../support/recording-logger';

type Class = ReturnType<typeof upstreamClass>;
let serial = 0;
const options = (): ClientOptions => ({ singleMode: true, name: `api-${++serial}`, logger: recordingLogger() });

function clientClass(DataClient: Class, clusterOptions = options()) {
  return class RegistryApi extends APIClientBase<Class> {
    override get DataClient() {
      return DataClient;
    }
    override get clusterOptions() {
      return clusterOptions;
    }
    override get delegates() {
      return { plain: 'invoke', unPublish: 'invokeOneway' } as const;
    }
    async twice(value: string): Promise<string> {
      return `${String(await this._client.echo(value))} ${value}`;
    }
    subscribe(registration: unknown, listener: (value: unknown) => void): void {
      this._client.subscribe(registration, listener);
    }
  };
}

it('wraps a shared client and passes its options to the upstream class', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))({ server: 'x' });
  await api.ready();
  expect(api.isClusterClientLeader).toBe(true);
  expect(Registry.last.settings).toEqual({ server: 'x' });
  await expect(api.twice('a')).resolves.toBe('a a');
  await expect((api._client as unknown as { plain(value: number): Promise<number> }).plain(1)).resolves.toBe(1);
  await api.close();
  expect(Registry.last.closeCount).toBe(1);
});

it('has the events of the upstream client', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))();
  await api.ready();
  const events: unknown[] = [];
  api.on('change', (value) => events.push(value));
  api.on('error', (error: Error) => events.push(error.message));
  Registry.last.emit('change', 7);
  Registry.last.emit('error', new Error('trouble'));
  expect(events).toEqual([7, 'trouble']);
  await api.close();
});

it('is ready when its client is, also after a failed start', async () => {
  let failures = 1;
  const Registry = upstreamClass();
  const Flaky = class extends Registry {
    constructor() {
      super({ notReady: true });
      setImmediate(() => this.ready(failures-- > 0 ? new Error('server down') : true));
    }
  } as Class;
  const api = new (clientClass(Flaky))();
  await expect(api.ready()).rejects.toThrow('server down');
  await eventually('readiness', async () =>
    api.ready().then(
      () => true,
      () => false,
    ),
  );
  await api.close();
});

it('runs initMethod of a subclass instead, when there is one', async () => {
  const Registry = upstreamClass();
  const Parent = clientClass(Registry);
  class WithInit extends Parent {
    cache: unknown;
    constructor() {
      super({ initMethod: 'init' });
    }
    async init(): Promise<void> {
      await this._client.ready();
      this.cache = await this._client.echo('cached');
    }
  }
  const api = new WithInit();
  await api.ready();
  expect(api.cache).toBe('cached');
  await api.close();
});

it('works with class fields: own ones, a redeclared _client, and members given as fields', async () => {
  const Registry = upstreamClass();
  const clusterOptions = options();
  // As in a JavaScript class: TypeScript refuses fields where the base class has accessors.
  interface Untyped extends Base {
    readonly isClusterClientLeader: boolean;
  }
  class WithFields extends (APIClientBase as unknown as new (options?: object) => Untyped) {
    readonly cache = new Map<string, number>();
    _client: unknown = undefined;
    DataClient = Registry;
    clusterOptions = clusterOptions;
    delegates = { plain: 'invoke' };
  }
  const api = new WithFields();
  await api.ready();
  expect(api.cache.size).toBe(0);
  await expect((api._client as { plain(value: number): Promise<number> }).plain(3)).resolves.toBe(3);
  await api.close();
  expect(Registry.last.closeCount).toBe(1);
});

it('uses the cluster function of a framework', async () => {
  const Registry = upstreamClass();
  const names: unknown[] = [];
  const frameworkCluster = ((upstream: Class, clusterOptions: ClientOptions) => {
    names.push(clusterOptions.name);
    return cluster(upstream, clusterOptions);
  }) as never;
  const api = new (clientClass(Registry))({ cluster: frameworkCluster });
  await api.ready();
  expect(names).toHaveLength(1);
  await close(api);
  expect(Registry.last.closeCount).toBe(1);
});

it('rejects ready() when DataClient is missing, and says how to give it', async () => {
  class Nothing extends APIClientBase {}
  const api = new Nothing();
  await expect(api.ready()).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_OPTION_INVALID',
    message: expect.stringContaining('get DataClient()'),
  });
  await api.close();
});

it('can be closed before it was used', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))();
  const ready = api.ready();
  await api.close();
  await expect(ready).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
  expect(Registry.instances).toHaveLength(0);
});

it('does not come to life again after close', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))();
  await api.close();
  expect(() => api._client).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_CLOSED' }));
  expect(Registry.instances).toHaveLength(0);
});

it('lets tests put another client in place of its own', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))();
  const own = api._client;
  api._client = { echo: () => Promise.resolve('fake') } as never;
  await expect(api.twice('a')).resolves.toBe('fake a');
  api._client = own;
  await api.close();
});

it('lets tests replace methods of its client', async () => {
  const Registry = upstreamClass();
  const api = new (clientClass(Registry))();
  jest.spyOn(api._client as unknown as FakeUpstream, 'echo').mockResolvedValue('mocked');
  await expect(api.twice('a')).resolves.toBe('mocked a');
  await api.close();
});
