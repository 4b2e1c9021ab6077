// Redis pub/sub as a peer: the process that owns the upstream client publishes every value, and each other process has a
// separate connection to the server. The cluster port of the crew is the port of the server. Carries values only.

import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { RegistryUpstream, type Registration, type RegistryValue, type ValueListener } from '../registry';
import type { Member, Peer } from './peer';

interface Wanted {
  readonly registration: Registration;
  /** The channel for the value that is there already. */
  readonly answerTo: string;
}

/** The channel on which followers say which values are wanted. */
const WANTED = 'wanted';

export const redis: Peer = {
  join: ({ role, port, entries }) => {
    if (role === 'competitor') throw new Error('Redis pub/sub has no election');
    return role === 'leader' ? publish(port, entries) : subscribe(port);
  },
};

async function publish(port: number, entries: number): Promise<Member> {
  const upstream = new RegistryUpstream(entries);
  const [sender, receiver] = [connect(port), connect(port)];
  const last = new Map<string, string>();
  receiver.on('message', (_channel, text) => {
    const { registration, answerTo } = JSON.parse(text) as Wanted;
    const { dataId } = registration;
    const known = last.get(dataId);
    if (known !== undefined) {
      if (known !== '') void sender.publish(answerTo, known);
      return;
    }
    last.set(dataId, '');
    upstream.subscribe(registration, (value) => {
      const json = JSON.stringify(value);
      last.set(dataId, json);
      void sender.publish(dataId, json);
    });
  });
  await receiver.subscribe(WANTED);
  return upstream;
}

async function subscribe(port: number): Promise<Member> {
  const [sender, receiver] = [connect(port), connect(port)];
  const listeners = new Map<string, ValueListener>();
  receiver.on('message', (channel, text) => listeners.get(channel)?.(JSON.parse(text) as RegistryValue));
  await sender.ping();
  return {
    subscribe: (registration, listener) => {
      const { dataId } = registration;
      const answerTo = `${process.pid} ${dataId}`;
      // A value that has arrived already makes the answer superfluous.
      listeners.set(dataId, (value) => {
        listeners.delete(answerTo);
        listener(value);
      });
      listeners.set(answerTo, listener);
      void receiver
        .subscribe(dataId, answerTo)
        .then(() => sender.publish(WANTED, JSON.stringify({ registration, answerTo } satisfies Wanted)));
    },
    echo: () => Promise.reject(new Error('Redis pub/sub has no calls')),
  };
}

function connect(port: number): Redis {
  const { Redis: Client } = createRequire(__filename)('ioredis') as { readonly Redis: typeof Redis };
  return new Client({ host: '127.0.0.1', port });
}
