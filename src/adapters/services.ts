// `registry`: services and their instances, the same for every store. An instance is a key below `services/`, with JSON as its value,
// that the store drops when its owner dies.

import { randomUUID } from 'node:crypto';
import { TrunklineError } from '../errors';
import { defaultLogger } from '../logger';
import type { OwnedEntry, StoredEntry, WatchedState } from './registry';
import { Watch, watchArguments, type SharedStoreClient, type WatchOptions } from './watch';

const DEFAULT_PREFIX = 'services/';

export interface Service {
  readonly name: string;
  /** Tells the instances of a service apart. Default: a random UUID. */
  readonly id?: string | undefined;
  /** Host name or IP address. */
  readonly address: string;
  readonly port: number;
  /** Whatever clients of the service want to know, e.g. zone, version, weight. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface ServiceInstance extends Service {
  readonly id: string;
}

export interface ServiceRegistryOptions {
  /** What the keys of all services begin with. Default: `services/`. */
  readonly servicesPrefix?: string | undefined;
}

export class ServiceRegistry {
  readonly #client: SharedStoreClient;
  readonly #prefix: string;

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
  constructor(client: SharedStoreClient, { servicesPrefix = DEFAULT_PREFIX }: ServiceRegistryOptions = {}) {
    if (typeof (servicesPrefix as unknown) !== 'string') throw invalid('servicesPrefix', 'servicesPrefix must be a text');
    this.#client = client;
    this.#prefix = servicesPrefix;
  }

  /**
   * Registers an instance until `deregister()` is called, the client is closed, or this process dies; through every failover, and again
   * when the store has lost it.
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID for a service that is none
   */
  register(service: Service): Registration {
    if (typeof (service as unknown) !== 'object' || (service as unknown) === null) {
      throw invalid('service', 'registry.register: a service must be an object with name, address and port');
    }
    return new Registration(this.#client, this.#prefix, { ...service, id: service.id ?? randomUUID() });
  }

  /** Asks the store for the instances of a service. @throws (rejects) as `config.read` */
  async instances(name: string): Promise<readonly ServiceInstance[]> {
    return new InstanceReader().read(await this.#client.list(prefixOf(this.#prefix, name)));
  }

  /**
   * Watches the instances of a service, in the order of their keys; a service without instances is an empty list. Changes within 20 ms
   * come in one state.
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
   */
  watch(name: string, options?: WatchOptions): Watch<readonly ServiceInstance[]>;
  watch(
    name: string,
    listener: (instances: readonly ServiceInstance[]) => void,
    options?: WatchOptions,
  ): Watch<readonly ServiceInstance[]>;
  watch(name: string, second?: unknown, third?: unknown): Watch<readonly ServiceInstance[]> {
    const prefix = prefixOf(this.#prefix, name);
    const { listener, options } = watchArguments<readonly ServiceInstance[]>('registry.watch', second, third);
    const reader = new InstanceReader();
    const read = (state: WatchedState): readonly ServiceInstance[] => reader.read(state as readonly StoredEntry[]);
    return new Watch(this.#client, { prefix }, read, listener, options, () => undefined);
  }
}

/** An instance of a service that this process has registered. */
export class Registration {
  readonly #client: SharedStoreClient;
  #entry: OwnedEntry;
  #instance: ServiceInstance;
  #isOver = false;

  constructor(client: SharedStoreClient, prefix: string, instance: ServiceInstance) {
    assertService(instance);
    this.#client = client;
    this.#instance = instance;
    this.#entry = { key: `${prefixOf(prefix, instance.name)}${encodeURIComponent(instance.id)}`, text: JSON.stringify(instance) };
    client.publish(this.#entry);
  }

  get instance(): ServiceInstance {
    return this.#instance;
  }

  /** The key of the instance in the store. */
  get key(): string {
    return this.#entry.key;
  }

  /**
   * Changes address, port or metadata: at no moment is the instance missing.
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_CLOSED after `deregister()`, ERR_TRUNKLINE_OPTION_INVALID
   */
  async update(changes: Partial<Omit<Service, 'name' | 'id'>>): Promise<void> {
    if (this.#isOver) throw new TrunklineError('ERR_TRUNKLINE_CLOSED', `${this.key} is deregistered; register it anew`);
    const { name, id } = this.#instance;
    const instance = { ...this.#instance, ...changes, name, id };
    assertService(instance);
    const before = this.#entry;
    const text = JSON.stringify(instance);
    if (text === before.text) return;
    this.#instance = instance;
    this.#entry = { key: before.key, text };
    this.#client.publish(this.#entry);
    await this.#client.unPublish(before); // leaves alone what was published since
  }

  /** Resolves when the store has dropped the instance. Idempotent. */
  async deregister(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#client.unPublish(this.#entry);
  }

  /** For `await using registration = registry.register(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.deregister();
  }
}

function prefixOf(prefix: string, name: unknown): string {
  if (typeof name !== 'string' || name === '') {
    throw invalid('name', 'the name of a service must be a text with at least one character');
  }
  return `${prefix}${encodeURIComponent(name)}/`;
}

function assertService({ name, id, address, port, metadata }: ServiceInstance): void {
  for (const [field, value] of Object.entries({ id, address })) {
    if (typeof value === 'string' && value !== '') continue;
    throw invalid(field, `registry.register: ${field} of the service ${name} must be a text with at least one character`);
  }
  if (!Number.isInteger(port) || port <= 0 || port > 65_535) {
    throw invalid('port', `registry.register: port of the service ${name} must be a number from 1 to 65535`);
  }
  if (metadata === undefined) return;
  const isRecord = typeof (metadata as unknown) === 'object' && (metadata as unknown) !== null && !Array.isArray(metadata);
  if (isRecord && Object.values(metadata).every((value: unknown) => typeof value === 'string')) return;
  throw invalid('metadata', `registry.register: metadata of the service ${name} must be an object whose values are texts`);
}

function invalid(option: string, sentence: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option });
}

/** Reads the states of one watch: an entry that has not changed is not parsed again, and not complained of again. */
class InstanceReader {
  #known = new Map<string, { readonly entry: StoredEntry; readonly instance: ServiceInstance | undefined }>();

  read(entries: readonly StoredEntry[]): readonly ServiceInstance[] {
    const before = this.#known;
    this.#known = new Map();
    return entries.flatMap((entry) => {
      const known = before.get(entry.key);
      const isSame = known?.entry.version === entry.version && Buffer.compare(known.entry.bytes, entry.bytes) === 0;
      const instance = isSame ? known.instance : instanceOf(entry);
      this.#known.set(entry.key, { entry, instance });
      return instance ? [instance] : [];
    });
  }
}

/** What others have written and is no instance is left out, with a warning: one broken record must not take a service away. */
function instanceOf({ key, bytes }: StoredEntry): ServiceInstance | undefined {
  try {
    const instance = JSON.parse(Buffer.from(bytes).toString('utf8')) as ServiceInstance;
    assertService(instance);
    return instance;
  } catch (error) {
    defaultLogger.warn(`${key} is no service instance and is left out: ${(error as Error).message}`);
    return undefined;
  }
}
