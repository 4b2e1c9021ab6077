// The upstream client that every peer shares in the workloads, with the values of a service registry. All peers use this file
// and therefore carry the same registrations and values.

import { EventEmitter } from 'node:events';

export interface Registration {
  readonly dataId: string;
  readonly group: string;
}

export interface Provider {
  readonly url: string;
  readonly weight: number;
  readonly zone: string;
  readonly enabled: boolean;
}

export interface RegistryValue {
  /** 0 is the value that a subscription begins with. */
  readonly revision: number;
  /** Process id of the leader whose upstream client gave the value. */
  readonly owner: number;
  readonly providers: readonly Provider[];
}

export type ValueListener = (value: RegistryValue) => void;

export function registration(index: number): Registration {
  return { dataId: `com.example.trade.Service${index}`, group: 'bench' };
}

/** A list of about 100 bytes an entry as JSON; each revision changes an entry, as a registry does. */
export function registryValue(revision: number, entries: number, owner: number): RegistryValue {
  const providers = baseList(entries).slice();
  const changed = revision % entries;
  providers[changed] = { ...providers[changed]!, weight: revision };
  return { revision, owner, providers };
}

/**
 * An upstream client without a network: first values come unasked, later values when the workload pushes. The class needs no
 * package: what a peer loads is what the peer costs.
 */
export class RegistryUpstream extends EventEmitter {
  /** The instance of this process, if this process leads. */
  static current: RegistryUpstream | undefined;

  readonly #entries: number;
  readonly #listeners = new Map<string, ValueListener>();

  constructor(entries: number) {
    super();
    this.#entries = entries;
    RegistryUpstream.current = this;
  }

  subscribe({ dataId }: Registration, listener: ValueListener): void {
    this.#listeners.set(dataId, listener);
    setImmediate(() => {
      listener(registryValue(0, this.#entries, process.pid));
    });
  }

  unSubscribe({ dataId }: Registration): void {
    this.#listeners.delete(dataId);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what is asynchronous by its syntax is shared
  async echo(text: string): Promise<string> {
    return text;
  }

  /** A new value of a key. */
  push({ dataId }: Registration, revision: number): void {
    this.#listeners.get(dataId)?.(registryValue(revision, this.#entries, process.pid));
  }
}

const lists = new Map<number, Provider[]>();

function baseList(entries: number): Provider[] {
  let list = lists.get(entries);
  if (!list) {
    list = Array.from({ length: entries }, (_, index) => ({
      url: `tri://10.12.${index >> 8}.${index & 255}:20880/com.example.trade.v1`,
      weight: 100,
      zone: `eu-zone-${index % 3}`,
      enabled: true,
    }));
    lists.set(entries, list);
  }
  return list;
}
