// What the application uses: a typed API over the shared client, with a cache that answers at once. Types of all
// methods of `_client` follow from `typeof RegistryClient`.

import { APIClientBase, type APIClientOptions, type ClientOptions } from 'trunkline';
import { RegistryClient, type Offer } from './registry-client';

export interface ServiceRegistryOptions extends APIClientOptions {
  /** Goes to `cluster()`: port, singleMode and so on. */
  readonly clusterOptions?: ClientOptions;
}

/** Emits `changed` (serviceId, addresses) whenever the cache has changed. */
export class ServiceRegistry extends APIClientBase<typeof RegistryClient> {
  readonly #providers = new Map<string, readonly string[]>();

  constructor(options: ServiceRegistryOptions = {}) {
    super(options);
  }

  override get DataClient(): typeof RegistryClient {
    return RegistryClient;
  }

  override get clusterOptions(): ClientOptions {
    return { name: 'service-registry', ...(this.options as ServiceRegistryOptions).clusterOptions };
  }

  /** Who offers a service, as far as is known now; the first call subscribes. */
  getProviders(serviceId: string): readonly string[] {
    const known = this.#providers.get(serviceId);
    if (known) return known;
    this.#providers.set(serviceId, []);
    this._client.subscribe({ serviceId }, (addresses) => {
      this.#providers.set(serviceId, addresses);
      this.emit('changed', serviceId, addresses);
    });
    return [];
  }

  /** Offers a service for as long as this process lives. */
  offer(offer: Offer): void {
    this._client.publish(offer);
  }

  listServices(): Promise<string[]> {
    return this._client.listServices();
  }
}
