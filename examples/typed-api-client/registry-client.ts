// The upstream client: registers addresses of services and tells who offers a service. To keep the example short the registry is
// a table in memory instead of a server; only the leader has an instance, and there is a single table per host.

import { Base } from 'sdk-base';

export interface Offer {
  readonly serviceId: string;
  readonly address: string;
}

export type ProvidersListener = (addresses: readonly string[]) => void;

export class RegistryClient extends Base {
  readonly #offers = new Map<string, Set<string>>();
  readonly #listeners = new Map<string, Set<ProvidersListener>>();

  constructor() {
    super();
    this.ready(true);
  }

  subscribe({ serviceId }: { serviceId: string }, listener: ProvidersListener): void {
    entry(this.#listeners, serviceId).add(listener);
    listener(this.#addresses(serviceId));
  }

  unSubscribe({ serviceId }: { serviceId: string }, listener?: ProvidersListener): void {
    if (listener) this.#listeners.get(serviceId)?.delete(listener);
    else this.#listeners.delete(serviceId);
  }

  publish({ serviceId, address }: Offer): void {
    entry(this.#offers, serviceId).add(address);
    this.#push(serviceId);
  }

  /** Called for each offer of a process that has gone. */
  unPublish({ serviceId, address }: Offer): void {
    this.#offers.get(serviceId)?.delete(address);
    this.#push(serviceId);
  }

  async listServices(): Promise<string[]> {
    return Promise.resolve([...this.#offers.keys()]);
  }

  #push(serviceId: string): void {
    for (const listener of this.#listeners.get(serviceId) ?? []) listener(this.#addresses(serviceId));
  }

  #addresses(serviceId: string): string[] {
    return [...(this.#offers.get(serviceId) ?? [])].sort();
  }
}

function entry<T>(sets: Map<string, Set<T>>, key: string): Set<T> {
  const set = sets.get(key) ?? new Set<T>();
  sets.set(key, set);
  return set;
}
