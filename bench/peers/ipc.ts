// Messages over Node.js IPC as a peer: the process that owns the upstream client sends every value to the parent process, which
// relays the value to all other children (crew.ts). Carries values only.

import { RegistryUpstream, type Registration, type RegistryValue, type ValueListener } from '../registry';
import type { Peer } from './peer';

/** What the children say to each other through the parent process. */
export type Relayed =
  | { readonly relay: 'wanted'; readonly registration: Registration; readonly by: number }
  | { readonly relay: 'value'; readonly dataId: string; readonly value: RegistryValue; readonly only?: number };

export function isRelayed(message: unknown): message is Relayed {
  return typeof message === 'object' && message !== null && 'relay' in message;
}

export const ipc: Peer = {
  join: ({ role, entries }) => {
    if (role === 'competitor') throw new Error('IPC messages have no election');
    return Promise.resolve(role === 'leader' ? lead(entries) : follow());
  },
};

function lead(entries: number): RegistryUpstream {
  const upstream = new RegistryUpstream(entries);
  const last = new Map<string, RegistryValue | undefined>();
  process.on('message', (message) => {
    if (!isRelayed(message) || message.relay !== 'wanted') return;
    const { registration, by } = message;
    const { dataId } = registration;
    const give = (value: RegistryValue): void => {
      last.set(dataId, value);
      say({ relay: 'value', dataId, value });
    };
    const known = last.get(dataId);
    if (known) say({ relay: 'value', dataId, value: known, only: by });
    if (last.has(dataId)) return;
    last.set(dataId, undefined);
    upstream.subscribe(registration, give);
  });
  return upstream;
}

function follow() {
  const listeners = new Map<string, ValueListener>();
  const known = new Set<string>();
  process.on('message', (message) => {
    if (!isRelayed(message) || message.relay !== 'value') return;
    const { dataId, value, only } = message;
    const listener = listeners.get(dataId);
    if (!listener) return; // the answer to the subscription brings a value that came too early
    // A value that has arrived already makes the answer superfluous.
    if (only === undefined) known.add(dataId);
    else if (only !== process.pid || known.has(dataId)) return;
    listener(value);
  });
  return {
    subscribe: (registration: Registration, listener: ValueListener) => {
      listeners.set(registration.dataId, listener);
      say({ relay: 'wanted', registration, by: process.pid });
    },
    echo: () => Promise.reject(new Error('IPC messages are no calls')),
  };
}

function say(message: Relayed): void {
  process.send?.(message);
}
