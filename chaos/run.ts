// A run: storms of faults, and calms in which everything must come right again. Ends at the first violation.

import { setTimeout as wait } from 'node:timers/promises';
import type { Arguments } from './arguments';
import { keysOf, type ChannelPlan } from './channels';
import { checkSoFar, inOrder } from './checks/check';
import { line } from './checks/excerpt';
import { Present } from './checks/present';
import type { Violation } from './checks/violation';
import { now, type Happening, type History, type HistoryEntry } from './history';
import { Random } from './random';
import type { OpenScene, Scene } from './scene';

export interface Outcome {
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly startedAt: number;
  /** By how much the driver was late at worst, ms. Faults, the server and the proxy were as late. */
  readonly latestMs: number;
}

/** A storm is no longer than this, ms. */
const STORM_MS = 15_000;
/** Within which everything must be well after the last fault, ms. */
export const RECOVERY_MS = 20_000;
/** Between two changes of values, ms. */
const CHANGE_MS = [5, 60] as const;
const CHECK_MS = 3_000;
const POLL_MS = 100;
const PROBE_MS = 1_000;

export class Run {
  readonly #given: Arguments;
  readonly #openScene: OpenScene;
  readonly #random: Random;
  readonly #history: HistoryEntry[] = [];
  readonly #present = new Present();
  readonly #startedAt = now();
  readonly #signal: AbortSignal;
  #latestMs = 0;
  #hasCrashed = false;

  constructor(given: Arguments, openScene: OpenScene, signal: AbortSignal) {
    this.#given = given;
    this.#openScene = openScene;
    this.#random = new Random(given.seed);
    this.#signal = signal;
  }

  async run(): Promise<Outcome> {
    const scene = await this.#openScene({
      processes: this.#given.processes,
      random: this.#random,
      record: this.#record,
      onEntries: (entries) => {
        for (const entry of entries) this.#add(entry);
      },
    });
    const lateness = this.#measureLateness();
    try {
      const violations = await this.#weather(scene);
      return { history: inOrder(this.#history), violations, startedAt: this.#startedAt, latestMs: this.#latestMs };
    } finally {
      clearInterval(lateness);
      await scene.close();
    }
  }

  /** Storms and calms by turns. */
  async #weather(scene: Scene): Promise<readonly Violation[]> {
    let violations = await this.#calm(scene);
    // From here on: a busy machine may need seconds until everybody is there.
    const endAt = now() + this.#given.seconds * 1_000;
    while (violations.length === 0 && now() < endAt && !this.#signal.aborted) {
      violations = await this.#storm(scene, Math.min(now() + STORM_MS, endAt));
      if (violations.length === 0) violations = await this.#calm(scene);
    }
    return violations;
  }

  async #storm(scene: Scene, until: number): Promise<readonly Violation[]> {
    const { crew } = scene;
    // Each storm and each fault has separate random numbers: a faster or slower run with the same seed has the same faults.
    const random = new Random(this.#random.seed());
    this.#record({ kind: 'storm', detail: '' });
    crew.order({ order: 'calm', isCalm: false });
    const changing = this.#keepChanging(scene, new Random(random.seed()));
    let checkAt = now() + CHECK_MS;
    try {
      while (now() < until && !this.#signal.aborted) {
        await this.#wait(Math.min(random.size(...scene.faultMs), until - now()));
        if (now() < until) scene.makeFault(new Random(random.seed()));
        if (now() < checkAt && !this.#hasCrashed) continue;
        const violations = checkSoFar(inOrder(this.#history));
        if (violations.length > 0) return violations;
        checkAt = now() + CHECK_MS;
      }
      return [];
    } finally {
      changing.abort();
    }
  }

  /** All faults end, nothing changes any more, and everything must be well in time. */
  async #calm(scene: Scene): Promise<readonly Violation[]> {
    const { crew, server } = scene;
    scene.endFaults();
    this.#record({ kind: 'calm', detail: '' });
    let from = now();
    let probedAt: number | undefined;
    let lastProbe = 0;
    while (!this.#signal.aborted) {
      await this.#wait(POLL_MS);
      if (this.#hasCrashed) return checkSoFar(inOrder(this.#history)); // places would stay empty
      // The upstream server may still be down, and places empty: the time starts when all are there.
      if (!crew.isComplete || !scene.isUp) {
        crew.heal();
        from = now();
        continue;
      }
      crew.order({ order: 'calm', isCalm: true });
      const missing = this.#present.shortcomings(server.versions(), server.publications(), from, now(), probedAt);
      const isThere = this.#present.size >= this.#clients(scene.channels);
      if (missing.length === 0 && isThere && probedAt !== undefined) break;
      if (now() > from + RECOVERY_MS) {
        const found = scene.check(inOrder(this.#history));
        return found.length > 0 || missing.length > 0
          ? [...found, ...missing]
          : [tooFew(from, this.#present.size, this.#clients(scene.channels))];
      }
      // First everything must be the same without a call that could wake somebody.
      const isQuiet = missing.length === 0 || (probedAt !== undefined && lastProbe + PROBE_MS < now());
      if (isThere && isQuiet) {
        probedAt ??= now();
        lastProbe = now();
        crew.order({ order: 'probe' });
      }
    }
    this.#record({ kind: 'recovered', detail: `${Math.round(now() - from)}` });
    return scene.check(inOrder(this.#history));
  }

  /** How many there are when every process is there. */
  #clients(channels: readonly ChannelPlan[]): number {
    const slots = Array.from({ length: this.#given.processes }, (_, slot) => slot);
    return slots.reduce((sum, slot) => sum + channels.filter(({ isFor }) => isFor(slot)).length, 0);
  }

  #keepChanging({ server, channels, valueBytes }: Scene, random: Random): AbortController {
    const end = new AbortController();
    const change = (): void => {
      if (end.signal.aborted) return;
      const plan = random.pick(channels);
      // Several faults together, now and then.
      for (let count = random.chance(0.1) ? 10 : 1; count > 0; count--) {
        server.change(plan.name, random.pick(keysOf(plan)), random.size(...valueBytes));
      }
      setTimeout(change, random.whole(...CHANGE_MS)).unref();
    };
    change();
    return end;
  }

  #measureLateness(): NodeJS.Timeout {
    const everyMs = 20;
    let last = now();
    return setInterval(() => {
      this.#latestMs = Math.max(this.#latestMs, now() - last - everyMs);
      last = now();
    }, everyMs);
  }

  async #wait(ms: number): Promise<void> {
    await wait(Math.max(0, ms), undefined, { signal: this.#signal }).catch(() => undefined); // aborted: the loops look
  }

  readonly #record = (happening: Happening): void => {
    this.#add({ at: now(), ...happening });
  };

  #add(entry: HistoryEntry): void {
    this.#history.push(entry);
    this.#present.apply(entry);
    if (entry.kind === 'exited' && !entry.wasWanted) this.#hasCrashed = true;
    if (
      this.#given.verbose &&
      !['delivered', 'called', 'settled', 'journal', 'memory', 'stream-rows', 'generator'].includes(entry.kind)
    ) {
      console.error(line(entry, this.#startedAt));
    }
  }
}

function tooFew(from: number, there: number, expected: number): Violation {
  const what = `${there} clients are there; ${expected} were expected`;
  return { promise: 'eventually the same', what, from, to: now(), about: { pids: [] } };
}
