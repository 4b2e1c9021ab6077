// The typed front of every adapter: `config` and `registry` over a shared client, and the ways to get one.

import cluster, { type ClientOptions, type ClientStatus, type UpstreamClass } from '../index';
import { TrunklineError } from '../errors';
import { Config } from './config';
import type { RegistryUpstream } from './registry';
import { ServiceRegistry, type ServiceRegistryOptions } from './services';
import type { SharedStoreClient } from './watch';

/** A store of keys, shared by all processes of the host. */
export interface Store<C extends SharedStoreClient = SharedStoreClient> {
  readonly config: Config;
  readonly registry: ServiceRegistry;
  /** The shared client: events, `status()`, and everything else. */
  readonly client: C;
  /** Resolves when the store is connected in the process that leads. @throws (rejects) why it cannot be, see docs/errors.md */
  ready(): Promise<void>;
  status(): ClientStatus;
  /** Leaves the channel, and withdraws what this process has registered. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a shared client has only if its class is that of an adapter. */
const VERBS = ['subscribe', 'values', 'publish', 'unPublish', 'get', 'list', 'put', 'delete'] as const;

/**
 * `config` and `registry` over a shared client that exists, such as `app.cluster(EtcdClient).create(options)`.
 * @param client what `cluster(AnAdaptersClass).create()` gave
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID for anything that is no such client
 */
export function storeOf<C extends SharedStoreClient>(client: C, options?: ServiceRegistryOptions): Store<C> {
  const missing = VERBS.find((verb) => typeof (client as Partial<SharedStoreClient> | undefined)?.[verb] !== 'function');
  if (missing !== undefined) {
    const sentence = `storeOf(client): client must be a shared client over the class of an adapter, and has no ${missing}()`;
    throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option: 'client' });
  }
  return {
    config: new Config(client),
    registry: new ServiceRegistry(client, options),
    client,
    ready: async () => {
      await client.ready();
    },
    status: () => client.status(),
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Options of a shared client, and of the front over the client. */
export interface StoreOptions extends ClientOptions, ServiceRegistryOptions {}

/**
 * Shares an adapter's class and gives the front.
 * @param channel names the store among others of the host, if the options give no name: processes that connect to the same server must
 * give the same name
 */
export function connectStore<Options>(
  adapter: UpstreamClass & (new (options: Options) => RegistryUpstream),
  channel: string,
  options: Options,
  { servicesPrefix, ...clientOptions }: StoreOptions = {},
): Store {
  const client = cluster(adapter, { ...clientOptions, name: clientOptions.name ?? channel })
    .delegate('get', 'invoke', { idempotent: true })
    .delegate('list', 'invoke', { idempotent: true })
    // Named, because only methods that are asynchronous by their syntax are shared unasked.
    .delegate('put', 'invoke')
    .delegate('delete', 'invoke')
    .delegate('unPublish', 'invoke')
    .create(options);
  return storeOf(client as unknown as SharedStoreClient, { servicesPrefix });
}
