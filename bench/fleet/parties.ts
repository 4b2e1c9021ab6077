// The two sides of the fleet benchmark within one process: N members of a fleet with one upstream client, and N connections to the engine's
// server without a fleet. Both give each value to each member.

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import { EtcdGrpc } from '../../src/etcd/grpc/etcd-grpc';
import { fleet } from '../../src/fleet';
import type { Engine } from '../../src/fleet/engine';
import type { PartySetup } from './orders';

export interface Party {
  /** Sets a value at the source. */
  push(key: string, text: string): void;
  /** A call from a member to the source. Undefined: this side has no calls. */
  readonly call: ((member: number) => Promise<unknown>) | undefined;
}

type OnValue = (key: string, text: string) => void;

/** Members that are opened at the same time. */
const OPENED_AT_ONCE = 50;
const MAX_WAIT_MS = 120_000;

export function keysOf({ keys }: PartySetup): string[] {
  return Array.from({ length: keys }, (_, n) => `service-${n}`);
}

/** @param onValue called once for each value and member */
export function openParty(setup: PartySetup, onValue: OnValue): Promise<Party> {
  if (setup.side === 'fleet') return openFleet(setup, onValue);
  return setup.engine === 'redis' ? openSubscribers(setup, onValue) : openWatchers(setup, onValue);
}

/** The upstream server and the user's class in one: the server costs nothing. */
export class Source {
  /** How many instances were ever made. */
  static made = 0;
  /** The upstream connections of now. */
  static readonly open = new Set<Source>();
  static readonly values = new Map<string, string>();
  readonly #listeners = new Map<string, (text: string) => void>();

  constructor() {
    Source.made++;
    Source.open.add(this);
  }

  static set(key: string, text: string): void {
    Source.values.set(key, text);
    for (const source of Source.open) source.#listeners.get(key)?.(text);
  }

  subscribe({ key }: { readonly key: string }, listener: (text: string) => void): void {
    this.#listeners.set(key, listener);
    const known = Source.values.get(key);
    if (known !== undefined) listener(known);
  }

  unSubscribe({ key }: { readonly key: string }): void {
    this.#listeners.delete(key);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- shared because it is asynchronous by its syntax
  async echo(text: string): Promise<string> {
    return text;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- as the interface of an upstream class says
  async close(): Promise<void> {
    this.#listeners.clear();
    Source.open.delete(this);
  }
}

type Member = Source & { ready(): Promise<void> };

async function openFleet(setup: PartySetup, onValue: OnValue): Promise<Party> {
  const { module, make, options } = setup.setup;
  const loaded = require(`../../src/fleet/${module}`) as Record<string, (options: object) => Engine>;
  const engine = loaded[make]!(options);
  const group = `bench-${randomUUID()}`;
  const join = async (host: string): Promise<Member> => {
    const Fleet = fleet(Source, { engine, group, host, maxWaitMs: MAX_WAIT_MS });
    const member = new Fleet() as unknown as Member;
    await member.ready();
    return member;
  };
  await join('winner');
  const members = await inBatches(setup.members, (n) => join(`member-${n}`));
  const keys = keysOf(setup);
  for (const member of members) for (const key of keys) member.subscribe({ key }, (text) => onValue(key, text));
  return { push: (key, text) => Source.set(key, text), call: (n) => members[n % members.length]!.echo('x'.repeat(100)) };
}

/** Pub/sub with a connection for each member, and values as JSON, as in a fleet. */
async function openSubscribers(setup: PartySetup, onValue: OnValue): Promise<Party> {
  const keys = keysOf(setup);
  await inBatches(setup.members, async () => {
    const connection = new Redis(setup.url);
    connection.on('message', (key: string, message: string) => onValue(key, JSON.parse(message) as string));
    await connection.subscribe(...keys);
  });
  const publisher = new Redis(setup.url);
  return { push: (key, text) => void publisher.publish(key, JSON.stringify(text)), call: undefined };
}

/** A watch on all keys with a connection for each member. */
async function openWatchers(setup: PartySetup, onValue: OnValue): Promise<Party> {
  const PREFIX = 'bench/';
  const client = (): EtcdGrpc | EtcdGateway => {
    const options = { endpoints: setup.url, requestTimeoutMs: MAX_WAIT_MS };
    return setup.engine === 'etcd-grpc' ? new EtcdGrpc(options) : new EtcdGateway(options);
  };
  const writer = client();
  const { revision } = await writer.range({ prefix: PREFIX, limit: 1 });
  await inBatches(
    setup.members,
    () =>
      new Promise<void>((resolve, reject) => {
        client().watch(
          { prefix: PREFIX, fromRevision: revision + 1n },
          {
            onOpen: () => resolve(),
            onEvents: (events) => {
              for (const { entry } of events)
                onValue(entry.key.toString().slice(PREFIX.length), JSON.parse(entry.value.toString()) as string);
            },
            onLost: reject,
            onEnd: () => reject(new Error('the watch has ended')),
          },
        );
      }),
  );
  return {
    push: (key, text) => void writer.txn({ then: [{ put: { key: `${PREFIX}${key}`, value: JSON.stringify(text) } }] }),
    call: undefined,
  };
}

async function inBatches<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const size = Math.min(OPENED_AT_ONCE, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: size }, (_, n) => make(made.length + n)))));
  }
  return made;
}
