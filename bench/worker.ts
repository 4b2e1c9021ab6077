// A process of a workload: joins the host through the peer that the command line names and carries out the orders of the driver.
// Every process is forked by crew.ts, and runs the same code for every peer.

import { isDeepStrictEqual } from 'node:util';
import { clock, type Called, type Delivered, type Order, type OrderName, type Orders } from './orders';
import { loadPeer, type Member, type Peer, type PeerName } from './peers/peer';
import { registration, RegistryUpstream, registryValue, type RegistryValue } from './registry';
import { percentile } from './statistics';

const ECHOED = 'an argument of about one hundred bytes, as the key and the version of a configuration item would be';

/** When nothing has come for this long, nothing more will, ms. */
const SILENCE_MS = 10_000;

interface Tally {
  readonly last: number;
  readonly entries: number;
  readonly cpuAtStart: NodeJS.CpuUsage;
  count: number;
  disordered: number;
  finished: Delivered | undefined;
  onFinish: () => void;
}

class Worker implements Orders {
  readonly #peer: Peer;
  readonly #errors: string[] = [];
  /** The newest revision of each key. */
  readonly #revisions: number[] = [];
  #member: Member | undefined;
  #withoutValue = 0;
  #onAllWatched: () => void = () => undefined;
  #tally: Tally | undefined;
  #owner: { readonly owner: number; readonly atMs: number } | undefined;
  #onOwner: () => void = () => undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  async join({ role, port, entries }: Order<'join'>): Promise<{ readyAtMs: number }> {
    const onError = (error: unknown): void => {
      this.#errors.push(String(error));
    };
    this.#member = await this.#peer.join({ role, port, entries, onError });
    return { readyAtMs: clock() };
  }

  async watch({ first, keys }: Order<'watch'>): Promise<{ startedAtMs: number; endedAtMs: number; cpuUs: number }> {
    const allWatched = new Promise<void>((resolve) => {
      this.#onAllWatched = resolve;
    });
    this.#withoutValue = keys;
    const cpuAtStart = process.cpuUsage();
    const startedAtMs = clock();
    for (let key = first; key < first + keys; key++) {
      this.#joined.subscribe(registration(key), (value) => {
        this.#onValue(key, value);
      });
    }
    await allWatched;
    return { startedAtMs, endedAtMs: clock(), cpuUs: cpuSince(cpuAtStart) };
  }

  expect({ last, entries }: Order<'expect'>): Promise<void> {
    const cpuAtStart = process.cpuUsage();
    this.#tally = { last, entries, cpuAtStart, count: 0, disordered: 0, finished: undefined, onFinish: () => undefined };
    return Promise.resolve();
  }

  async delivered(): Promise<Delivered> {
    const tally = this.#tally;
    if (!tally) throw new Error('nothing is expected');
    const finish = new Promise<void>((resolve) => {
      tally.onFinish = resolve;
    });
    for (let before = -1; !tally.finished && before !== tally.count;) {
      before = tally.count;
      const silence = new AbortController();
      await Promise.race([finish, delay(SILENCE_MS, silence.signal)]);
      silence.abort();
    }
    return tally.finished ?? finished(tally, undefined);
  }

  async push({ first, count, keys, perTick }: Order<'push'>): Promise<{ startedAtMs: number }> {
    const upstream = RegistryUpstream.current;
    if (!upstream) throw new Error('this process does not lead');
    const startedAtMs = clock();
    for (let sent = 0; sent < count; sent++) {
      if (sent > 0 && sent % perTick === 0) await new Promise(setImmediate);
      const revision = first + sent;
      upstream.push(registration(revision % keys), revision);
    }
    return { startedAtMs };
  }

  async call({ count, inFlight }: Order<'call'>): Promise<Called> {
    const member = this.#joined;
    const latenciesUs = new Float64Array(count);
    let wrong = 0;
    let begun = 0;
    const callInTurn = async (): Promise<void> => {
      while (begun < count) {
        const index = begun++;
        const calledAt = performance.now();
        const answer = await member.echo(ECHOED);
        latenciesUs[index] = (performance.now() - calledAt) * 1_000;
        if (answer !== ECHOED) wrong++;
      }
    };
    const cpuAtStart = process.cpuUsage();
    const startedAtMs = clock();
    await Promise.all(Array.from({ length: inFlight }, callInTurn));
    const elapsedMs = clock() - startedAtMs;
    const cpuUs = cpuSince(cpuAtStart);
    return { elapsedMs, cpuUs, p50Us: percentile(latenciesUs, 0.5), p99Us: percentile(latenciesUs, 0.99), wrong };
  }

  async succession({ owner }: Order<'succession'>): Promise<{ owner: number; atMs: number }> {
    while (!this.#owner || this.#owner.owner === owner) {
      await new Promise<void>((resolve) => {
        this.#onOwner = resolve;
      });
    }
    return this.#owner;
  }

  cpu(): Promise<{ cpuUs: number }> {
    return Promise.resolve({ cpuUs: cpuSince() });
  }

  async memory(): Promise<{ usedBytes: number }> {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await new Promise(setImmediate);
    }
    const { heapUsed, external } = process.memoryUsage();
    return { usedBytes: heapUsed + external };
  }

  resident(): Promise<{ mb: number }> {
    return Promise.resolve({ mb: process.memoryUsage.rss() / 2 ** 20 });
  }

  errors(): Promise<string[]> {
    return Promise.resolve(this.#errors);
  }

  get #joined(): Member {
    if (!this.#member) throw new Error('this process has not joined');
    return this.#member;
  }

  #onValue(key: number, value: RegistryValue): void {
    const { revision, owner } = value;
    const known = this.#revisions[key];
    if (known === undefined && --this.#withoutValue === 0) this.#onAllWatched();
    this.#revisions[key] = revision;
    if (this.#owner?.owner !== owner) {
      this.#owner = { owner, atMs: clock() };
      this.#onOwner();
    }
    const tally = this.#tally;
    if (!tally) return;
    tally.count++;
    if (known !== undefined && revision <= known) tally.disordered++;
    if (revision !== tally.last) return;
    tally.finished = finished(tally, value);
    tally.onFinish();
  }
}

function finished({ last, entries, cpuAtStart, count, disordered }: Tally, value: RegistryValue | undefined): Delivered {
  const atMs = clock();
  const cpuUs = cpuSince(cpuAtStart);
  const lastIsRight = value !== undefined && isDeepStrictEqual(value, registryValue(last, entries, value.owner));
  return { count, atMs, cpuUs, disordered, lastIsRight };
}

/** Resolves after the time, or when the signal aborts. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function cpuSince(start?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

async function main(): Promise<void> {
  const worker = new Worker(await loadPeer(process.argv[2] as PeerName));
  process.on('message', ({ id, name, order }: { id: number; name: OrderName; order: never }) => {
    Promise.resolve()
      .then(() => worker[name](order) as Promise<unknown>)
      .then(
        (answer) => process.send?.({ id, answer }),
        (error: Error) => process.send?.({ id, error: error.stack ?? String(error) }),
      );
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ id: 0 });
}

void main();
