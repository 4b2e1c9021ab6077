// One place of the application that must always be taken: it starts its child, starts another when that one dies,
// replaces it by a new one on request, and ends with it when told to.

import { TrunklineError } from '../../errors';
import type { Logger } from '../../logger';
import { delay, systemClock } from '../../time';
import type { Address, AppMessage, Delivery, Health, Mail } from '../messages';
import { ChildHandle, type ChildEnd, type ChildSpec } from './child-handle';
import { evidence } from './evidence';
import type { Recipient } from './post-office';
import { RestartPolicy } from './restart-policy';

/** A SIGTERM to a whole group reaches the master within this time, ms, of its children. */
const TERMINATED_MS = 100;

export type SlotState = 'starting' | 'ready' | 'waiting' | 'crash-loop' | 'stopping' | 'stopped';

export interface SlotLimits {
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/** What a place tells the master. */
export interface SlotEvents {
  onStarted(slot: Slot, child: ChildHandle): void;
  onReady(slot: Slot): void;
  /** The child has the place no longer; unexpectedly, or because it was told to go. */
  onGone(slot: Slot, child: ChildHandle): void;
  /** It has ended. */
  onEnded(child: ChildHandle): void;
  onHealth(slot: Slot, health: Health): void;
  onMessage(slot: Slot, message: AppMessage): void;
  onMail(slot: Slot, mail: Mail, tell: (delivery: Delivery) => void): void;
  onHandled(child: ChildHandle, id: number, reason: string | undefined): void;
}

export interface SlotDescription {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  /** What to start; asked at each start. */
  readonly spec: (name: string) => ChildSpec;
  readonly limits: SlotLimits;
  readonly events: SlotEvents;
  readonly logger: Logger;
}

export interface SlotStatus {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: SlotState;
  /** How often a child was started because the one before had ended. */
  readonly restarts: number;
  readonly readyForMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly eventLoopDelayMs: number | undefined;
  /** How the child before has ended, if it was not asked to. */
  readonly lastEnd: string | undefined;
}

export class Slot implements Recipient {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  readonly #spec: () => ChildSpec;
  readonly #limits: SlotLimits;
  readonly #events: SlotEvents;
  readonly #logger: Logger;
  readonly #policy = new RestartPolicy();
  readonly #life = new AbortController();
  /** Who has the place; undefined while a start is awaited. */
  #child: ChildHandle | undefined;
  /** Every child that lives: who has the place, who is about to take it, who still finishes. */
  readonly #children = new Set<ChildHandle>();
  #running: Promise<void> | undefined;
  /** Called when the next child is ready or has ended, or there will be none. */
  #onNext: ((end: ChildEnd | void) => void) | undefined;
  #restarts = 0;
  #lastEnd: string | undefined;
  #onFirst!: { resolve: () => void; reject: (end: ChildEnd) => void };

  /** Fulfilled when the first child is ready, rejected with its end when it died before. */
  readonly firstReady: Promise<void>;

  constructor({ name, kind, spec, limits, events, logger }: SlotDescription) {
    this.name = name;
    this.kind = kind;
    this.#spec = () => spec(name);
    this.#limits = limits;
    this.#events = events;
    this.#logger = logger;
    this.firstReady = new Promise((resolve, reject) => {
      this.#onFirst = { resolve, reject: reject as (end: ChildEnd) => void };
    });
    this.firstReady.catch(() => undefined); // whoever starts it asks
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get readyForMs(): number | undefined {
    return this.#child?.readyForMs;
  }

  get address(): Address | undefined {
    return this.#child?.address;
  }

  get state(): SlotState {
    if (this.#life.signal.aborted) return this.#children.size > 0 ? 'stopping' : 'stopped';
    if (this.#child?.isReady) return 'ready';
    if (this.#policy.isCrashLoop) return 'crash-loop';
    return this.#child ? 'starting' : 'waiting';
  }

  get status(): SlotStatus {
    const { name, pid, state } = this;
    return {
      name,
      pid,
      state,
      restarts: this.#restarts,
      readyForMs: this.readyForMs,
      memoryBytes: this.#child?.health?.memoryBytes,
      eventLoopDelayMs: this.#child?.health?.eventLoopDelayMs,
      lastEnd: this.#lastEnd,
    };
  }

  get readyChild(): ChildHandle | undefined {
    return this.#child?.isReady && !this.#child.wasTold ? this.#child : undefined;
  }

  get living(): ChildHandle[] {
    return [...this.#children].filter(({ wasTold }) => !wasTold);
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
    if (this.#life.signal.aborted) throw reloadFailed(this.name, 'the application is stopping');
    const successor = this.#begin();
    const end = await Promise.race([successor.ready, successor.ended]);
    if (end) throw reloadFailed(this.name, 'the new process did not become ready, the old one goes on', end);
    if (this.#life.signal.aborted) throw reloadFailed(this.name, 'the application is stopping');
    const predecessor = this.#child;
    this.#child = successor;
    this.#events.onReady(this);
    if (!predecessor) return;
    void this.#letGo(predecessor, withinMs, true);
    this.#events.onGone(this, predecessor);
  }

  /** Resolves when every child that was let go has ended. */
  async drained(): Promise<void> {
    await Promise.all([...this.#children].filter((child) => child !== this.#child).map(({ ended }) => ended));
  }

  /**
   * Lets the present child go, and starts a new one when it has ended. Resolves when that one is ready.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when it has ended instead; it is started again, as after any death
   */
  async restart(): Promise<void> {
    const predecessor = this.#child;
    if (!predecessor) return; // it is about to be started anyway
    await this.#letGo(predecessor, this.#limits.stopTimeoutMs, false);
    if (this.#life.signal.aborted) throw reloadFailed(this.name, 'the application is stopping');
    const end = await new Promise<ChildEnd | void>((resolve) => (this.#onNext = resolve));
    if (end) throw reloadFailed(this.name, 'the new process did not become ready; it is started again', end);
  }

  /** Ends the present child at once; a new one is started. @param reason why */
  replaceNow(reason: string): void {
    this.#child?.kill(reason);
  }

  /**
   * Ends every child of the place, and starts no more.
   * @returns whether force was needed
   */
  async stop(withinMs: number, gently = false): Promise<boolean> {
    this.#life.abort();
    this.#onNext?.();
    const forced = await Promise.all([...this.#children].map((child) => this.#letGo(child, withinMs, gently)));
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
      const end = await Promise.race([child.ended, child.left]);
      if (child !== this.#child) continue; // a successor has taken the place
      this.#child = undefined;
      if (end) this.#onFirst.reject(end);
      else void this.#letGo(child, this.#limits.stopTimeoutMs, true);
      this.#events.onGone(this, child);
      if (signal.aborted) return;
      await delay(systemClock, child.wasTold && end ? 0 : this.#pauseAfter(child, end), signal);
      if (signal.aborted) return;
      this.#restarts++;
      this.#child = this.#begin();
    }
  }

  #pauseAfter(child: ChildHandle, end: ChildEnd | void): number {
    const pauseMs = Math.round(this.#policy.onEnd(end ? end.readyForMs : child.readyForMs));
    this.#lastEnd = end ? end.description : 'has disconnected from its master';
    this.#logger.warn(`${this.name}: ${this.#lastEnd}; pid=${child.pid} next start in ${pauseMs} ms`);
    return pauseMs;
  }

  #begin(): ChildHandle {
    const child: ChildHandle = new ChildHandle(this.#spec(), {
      onReady: () => {
        this.#onFirst.resolve();
        if (child === this.#child) this.#events.onReady(this);
      },
      onTerminated: () => this.#onTerminated(child),
      onHealth: (health) => this.#events.onHealth(this, health),
      onBlocked: () => void this.#onBlocked(child),
      onMessage: (message) => this.#events.onMessage(this, message),
      onMail: (mail, tell) => this.#events.onMail(this, mail, tell),
      onHandled: (id, reason) => this.#events.onHandled(child, id, reason),
    });
    this.#children.add(child);
    this.#events.onStarted(this, child);
    void child.ended.then(() => {
      this.#children.delete(child);
      this.#events.onEnded(child);
    });
    const limit = systemClock.setTimeout(() => {
      child.kill(`not ready after ${this.#limits.startTimeoutMs} ms (startTimeout)`);
    }, this.#limits.startTimeoutMs);
    void Promise.race([child.ready, child.ended]).then((end) => {
      systemClock.clearTimeout(limit);
      this.#onNext?.(end);
    });
    return child;
  }

  async #onBlocked(child: ChildHandle): Promise<void> {
    this.#logger.warn(`${this.name}: its event loop is blocked, it will be replaced; pid=${child.pid}`);
    const kept = await evidence(child.profileFile, this.#life.signal);
    if (kept === undefined || !this.#children.has(child)) return;
    child.kill(`its event loop was blocked for more than ${child.blockedTimeoutMs} ms (blockedTimeout); ${kept}`);
  }

  /** Somebody has sent SIGTERM to the child. If the whole application is meant, the master hears of it in a moment too. */
  #onTerminated(child: ChildHandle): void {
    void delay(systemClock, TERMINATED_MS, this.#life.signal).then(() => {
      if (!this.#life.signal.aborted && !child.wasTold) void this.#letGo(child, this.#limits.stopTimeoutMs, false);
    });
  }

  /** @returns whether force was needed */
  async #letGo(child: ChildHandle, withinMs: number, gently: boolean): Promise<boolean> {
    child.stop(withinMs, gently);
    const timer = systemClock.setTimeout(() => child.kill(), withinMs);
    const { neededForce } = await child.ended;
    systemClock.clearTimeout(timer);
    return neededForce;
  }
}

function reloadFailed(name: string, what: string, end?: ChildEnd): TrunklineError {
  const because = end ? `: ${end.reason ?? end.description}` : '';
  return new TrunklineError('ERR_TRUNKLINE_RELOAD_FAILED', `${name}: ${what}${because}`, { process: name });
}
