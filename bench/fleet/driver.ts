// The process with the members of one side: carries out the orders of main.ts. A value of a key is set as soon as all members have the value
// before, so that no engine may leave values out; up to 32 keys are under way at a time.

import { fleetStatus } from '../../src/fleet';
import { percentile } from '../statistics';
import type { Answers, Calls, Deliveries, OrderMessage, PartySetup } from './orders';
import { keysOf, openParty, Source, type Party } from './parties';

const LANES = 32;
/** Characters of a value: 850 bytes with the quotes of JSON. */
const VALUE_CHARACTERS = 848;
/** Longer than a takeover, even where the whole machine is slow, ms. */
const ARRIVAL_MS = 60_000;

interface Flight {
  readonly sentAt: number;
  /** How many members do not have the value yet. */
  missing: number;
  readonly onDone: () => void;
}

class Driver {
  readonly #setup: PartySetup;
  readonly #flights = new Map<number, Flight>();
  #party!: Party;
  #last = 0;
  #latencies: number[] = [];

  constructor(setup: PartySetup) {
    this.#setup = setup;
  }

  async open(): Promise<void> {
    this.#party = await openParty(this.#setup, (_key, text) => this.#arrived(Number.parseInt(text, 10)));
    const keys = keysOf(this.#setup);
    await this.#lanes(async (lane, lanes) => {
      for (let n = lane; n < keys.length; n += lanes) await this.#send(keys[n]!);
    });
  }

  async deliver(forMs: number): Promise<Deliveries> {
    const keys = keysOf(this.#setup);
    this.#latencies = [];
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await this.#lanes(async (lane, lanes) => {
      for (let n = lane; performance.now() - startedAt < forMs; n = n + lanes < keys.length ? n + lanes : lane)
        await this.#send(keys[n]!);
    });
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return {
      deliveries: this.#latencies.length,
      elapsedMs,
      p50Ms: percentile(this.#latencies, 0.5),
      p99Ms: percentile(this.#latencies, 0.99),
      clientCpuMs: (user + system) / 1_000,
      upstreamClients: Source.open.size,
      takeovers: Source.made - 1,
    };
  }

  async call(forMs: number): Promise<Calls> {
    const times: number[] = [];
    const startedAt = performance.now();
    for (let n = 0; this.#party.call && performance.now() - startedAt < forMs; n++) {
      const calledAt = performance.now();
      await this.#party.call(n);
      times.push(performance.now() - calledAt);
    }
    return {
      calls: times.length,
      elapsedMs: performance.now() - startedAt,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
    };
  }

  async #lanes(run: (lane: number, lanes: number) => Promise<void>): Promise<void> {
    const lanes = Math.min(LANES, this.#setup.keys);
    await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane, lanes)));
  }

  /** Resolves when all members have the value. @throws Error saying how the members stand, when one has no value in time */
  async #send(key: string): Promise<void> {
    const number = ++this.#last;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const flight = { sentAt: performance.now(), missing: this.#setup.members, onDone: resolve };
        this.#flights.set(number, flight);
        timer = setTimeout(() => reject(notArrived(key, flight.missing)), ARRIVAL_MS);
        this.#party.push(key, `${number} `.padEnd(VALUE_CHARACTERS, 'x'));
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #arrived(number: number): void {
    const flight = this.#flights.get(number);
    if (!flight) return;
    this.#latencies.push(performance.now() - flight.sentAt);
    if (--flight.missing > 0) return;
    this.#flights.delete(number);
    flight.onDone();
  }
}

function notArrived(key: string, missing: number): Error {
  const standing = new Map<string, number>();
  for (const { state, stale } of fleetStatus()) {
    const how = stale ? `${state} (stale: ${stale})` : state;
    standing.set(how, (standing.get(how) ?? 0) + 1);
  }
  const counts = [...standing].map(([how, count]) => `${count} ${how}`).join(', ');
  return new Error(`a value of ${key} has not reached ${missing} members within ${ARRIVAL_MS} ms; hosts: ${counts || 'none'}`);
}

let driver: Driver | undefined;

async function obey(message: OrderMessage): Promise<Answers[keyof Answers]> {
  switch (message.name) {
    case 'open':
      driver = new Driver(message.order);
      await driver.open();
      return {};
    case 'deliver':
      return driver!.deliver(message.order.forMs);
    case 'call':
      return driver!.call(message.order.forMs);
  }
}

process.on('message', (message: OrderMessage) => {
  obey(message).then(
    (answer) => process.send!({ id: message.id, answer }),
    (error: unknown) => process.send!({ id: message.id, error: (error as Error).stack }),
  );
});
process.once('disconnect', () => process.exit());
