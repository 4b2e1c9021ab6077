// What the compiler knows of a client of a fleet: the same as of a client of the class. Nothing runs; `tsc` reads this file.

import cluster from '../../src';
import { fleet, memoryEngine, type FleetStatus } from '../../src/fleet';

class Registry {
  declare readonly emits: { changed: [key: string] };
  constructor(readonly options: { readonly server: string }) {}
  subscribe(_registration: { readonly key: string }, _listener: (value: number) => void): void {
    // without a server
  }
  async get(key: string): Promise<string> {
    return Promise.resolve(key);
  }
  plain(): number {
    return 1;
  }
}

export async function typed(): Promise<void> {
  const client = cluster(fleet(Registry, { engine: memoryEngine(), group: 'shop', idempotent: ['get'] }))
    .delegate('plain')
    .create({ server: 'x' });
  client.subscribe({ key: 'k' }, (value) => value.toFixed());
  client.on('changed', (key) => key.trim());
  const text: string = await client.get('k');
  const one: number = await client.plain();
  const value: number = await client.once({ key: 'k' });
  const status: FleetStatus = await client.fleetStatus();
  void [text, one, value, status];

  // @ts-expect-error -- another argument than the constructor of the class takes
  cluster(fleet(Registry, { engine: memoryEngine(), group: 'shop' })).create({ server: 1 });
  // @ts-expect-error -- a method that the class does not have
  cluster(fleet(Registry, { engine: memoryEngine(), group: 'shop' })).delegate('absent');
  // @ts-expect-error -- an argument of another type
  await client.get(1);
}
