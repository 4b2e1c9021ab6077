// One place of the application that must always be taken: it starts its child, starts another when that one dies,
// replaces it by a new one on request, and ends with it when told to.

import { TrunklineError } from '../../errors';
import type { Logger } from '../../logger';
import { delay, systemClock } from '../../time';
import { ChildHandle, type ChildEnd, type ChildSpec } from './child-handle';
import { RestartPolicy } from './restart-policy';

/** A SIGTERM to a whole group reaches the master within this time, ms, of its children. */
const TERMINATED_MS = 100;

export type SlotState = 'starting' | 'ready' | 'waiting' | 'crash-loop' | 'stopping' | 'stopped';

export class Slot {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #startTimeoutMs: number;
  readonly #stopTimeoutMs: number;
  readonly #logger: Logger;
  readonly #policy = new RestartPolicy();
  readonly #life = new AbortController();
  /** Who has the place; undefined while a start is awaited. */
  #child: ChildHandle | undefined;
  /** Every child that lives: who has the place, who is about to take it, who still finishes. */
  readonly #children = new Set<ChildHandle>();
  #running: Promise<void> | undefined;
  #onFirst!: { resolve: () => void; reject: (end: ChildEnd) => void };

  /** Fulfilled when the first child is ready, rejected with its end when it died before. */
  readonly firstReady: Promise<void>;

  constructor(name: string, spec: ChildSpec, limits: { startTimeoutMs: number; stopTimeoutMs: number }, logger: Logger) {
    this.name = name;
    this.#spec = spec;
    this.#startTimeoutMs = limits.startTimeoutMs;
    this.#stopTimeoutMs = limits.stopTimeoutMs;
    this.#logger = logger;
    this.firstReady = new Promise((resolve, reject) => {
      this.#onFirst = { resolve, reject: reject as (end: ChildEnd) => void };
    });
    this.firstReady.catch(() => undefined); // whoever starts it asks
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get state(): SlotState {
    if (this.#life.signal.aborted) return this.#children.size > 0 ? 'stopping' : 'stopped';
    if (this.#child?.isReady) return 'ready';
    if (this.#policy.isCrashLoop) return 'crash-loop';
    return this.#child ? 'starting' : 'waiting';
  }

  start(): void {
    this.#running ??= this.#run(this.#life.signal);
  }

  /**
   * Starts a new child beside the present one, and lets that one go when the new one is ready. Resolves then; see `drained`.
   * @param withinMs how long the old one may take to finish its requests
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when the new one does not become ready; the old one stays
   */
  async reload(withinMs: number): Promise<void> {
    const successor = this.#begin();
    const end = await Promise.race([successor.ready, successor.ended]);
    if (end || this.#life.signal.aborted) {
      throw new TrunklineError(
        'ERR_TRUNKLINE_RELOAD_FAILED',
        `${this.name}: the new process did not become ready, the old one goes on${end?.reason === undefined ? '' : `: ${end.reason}`}`,
        { process: this.name },
      );
    }
    const predecessor = this.#child;
    this.#child = successor;
    if (predecessor) void this.#letGo(predecessor, withinMs, true);
  }

  /** Resolves when every child that was let go has ended. */
  async drained(): Promise<void> {
    await Promise.all([...this.#children].filter((child) => child !== this.#child).map(({ ended }) => ended));
  }

  /** Lets the present child go; a new one is started when it has ended. */
  async restart(): Promise<void> {
    if (this.#child) await this.#letGo(this.#child, this.#stopTimeoutMs, false);
  }

  /**
   * Ends every child of the place, and starts no more.
   * @returns whether force was needed
   */
  async stop(withinMs: number): Promise<boolean> {
    this.#life.abort();
    const forced = await Promise.all([...this.#children].map((child) => this.#letGo(child, withinMs, false)));
    await this.#running;
    return forced.includes(true);
  }

  /** Ends every child of the place at once. */
  kill(): void {
    this.#life.abort();
    for (const child of this.#children) child.kill();
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#child = this.#begin();
    while (this.#child) {
      const child: ChildHandle = this.#child;
      const end = await child.ended;
      if (child !== this.#child) continue; // a successor has taken the place
      this.#child = undefined;
      this.#onFirst.reject(end);
      if (signal.aborted) return;
      await delay(systemClock, child.wasTold ? 0 : this.#pauseAfter(child, end), signal);
      if (!signal.aborted) this.#child = this.#begin();
    }
  }

  #pauseAfter(child: ChildHandle, end: ChildEnd): number {
    const pauseMs = Math.round(this.#policy.onEnd(end.readyForMs));
    this.#logger.warn(
      `${this.name}: ended unexpectedly, pid=${child.pid} code=${end.code} signal=${end.signal} ` +
        `ready=${end.readyForMs !== undefined} next start in ${pauseMs} ms${end.reason === undefined ? '' : `: ${end.reason}`}`,
    );
    return pauseMs;
  }

  #begin(): ChildHandle {
    const child: ChildHandle = new ChildHandle(this.#spec, () => this.#onTerminated(child));
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    const limit = systemClock.setTimeout(() => {
      child.kill(`not ready after ${this.#startTimeoutMs} ms (startTimeout)`);
    }, this.#startTimeoutMs);
    void Promise.race([child.ready, child.ended]).then((end) => {
      systemClock.clearTimeout(limit);
      if (!end) this.#onFirst.resolve();
    });
    return child;
  }

  /** Somebody has sent SIGTERM to the child. If the whole application is meant, the master hears of it in a moment too. */
  #onTerminated(child: ChildHandle): void {
    void delay(systemClock, TERMINATED_MS, this.#life.signal).then(() => {
      if (!this.#life.signal.aborted && !child.wasTold) void this.#letGo(child, this.#stopTimeoutMs, false);
    });
  }

  /** @returns whether force was needed */
  async #letGo(child: ChildHandle, withinMs: number, gently: boolean): Promise<boolean> {
    child.stop(withinMs, gently);
    const timer = systemClock.setTimeout(() => child.kill(), withinMs);
    const { signal } = await child.ended;
    systemClock.clearTimeout(timer);
    return signal === 'SIGKILL';
  }
}
