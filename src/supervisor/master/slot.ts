// A slot of the application (`agent`, `worker 1` …), which must always be occupied: starts a child, starts another when that child is
// gone, replaces the child on request, and ends with the child when told to.

import { TrunklineError } from '../../errors';
import type { Logger } from '../../logger';
import { delay, type Timer } from '../../time';
import type { Address, AppMessage, Delivery, Health, Mail } from '../messaging/messages';
import { ChildHandle, type ChildEnd, type ChildSpec } from './child-handle';
import type { EndKind } from './end-report';
import { evidence } from './evidence';
import { realMeans, type Means } from './launch';
import type { ReceivingSlot } from '../messaging/post-office';
import { RestartPolicy } from './restart-policy';
import type { Rollout } from './rollout';
import { StartWatch } from './start-watch';

/** A signal to a whole group reaches master and children within this time, ms. */
const GROUP_SIGNAL_MS = 100;

/**
 * `starting`, `ready`, `draining` (told to go): the state of the child that occupies the slot. `waiting`: the next child is started after a
 * pause. `crash-loop`: waiting or starting after repeated failures.
 */
export type SlotState = 'starting' | 'ready' | 'draining' | 'waiting' | 'crash-loop' | 'stopping' | 'stopped';

export interface SlotLimits {
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/** What a slot tells the master. */
export interface SlotEvents {
  onStarted(slot: Slot, child: ChildHandle): void;
  /** The child that occupies the slot is ready. */
  onReady(slot: Slot): void;
  /** The child no longer occupies the slot: unexpectedly, or because the child was told to go. */
  onGone(slot: Slot, child: ChildHandle): void;
  /** The child has ended. */
  onEnded(slot: Slot, child: ChildHandle): void;
  onHealth(slot: Slot, child: ChildHandle, health: Health): void;
  onMessage(slot: Slot, message: AppMessage): void;
  onMail(slot: Slot, mail: Mail, tell: (delivery: Delivery) => void): void;
  onHandled(child: ChildHandle, id: number, reason: string | undefined): void;
  /** The channel of a child takes messages again. */
  onDrained(slot: Slot): void;
}

export interface SlotDescription {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  /** What to start; asked at each start. @param isSucceeding starts next to a child that still occupies the slot */
  readonly spec: (name: string, isSucceeding: boolean) => ChildSpec;
  readonly limits: SlotLimits;
  readonly events: SlotEvents;
  readonly logger: Logger;
  readonly means?: Means;
}

export interface SlotStatus {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: SlotState;
  /** How often a child was started because the previous child had ended. */
  readonly restarts: number;
  readonly readyForMs: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly eventLoopDelayMs: number | undefined;
  /** How the previous child has ended, if nobody asked for the end. */
  readonly lastEnd: string | undefined;
}

interface Launch {
  readonly child: ChildHandle;
  readonly watch: StartWatch;
}

export class Slot implements ReceivingSlot {
  /** What ended the last child that ended without being asked to. */
  lastEndKind: EndKind | undefined;
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  readonly #description: SlotDescription;
  readonly #means: Means;
  readonly #policy = new RestartPolicy();
  readonly #life = new AbortController();
  /** The child that occupies the slot; undefined between an end and the next start. */
  #child: ChildHandle | undefined;
  /** Every living child: the child that occupies the slot, a child about to do so, and children that still finish. */
  readonly #children = new Set<ChildHandle>();
  /** A process that waits for the start; see `prepare`. */
  #spare: Launch | undefined;
  /** Children that the master has told to go: the end of such a child is no failure. */
  readonly #dismissed = new WeakSet<ChildHandle>();
  #pause: Timer | undefined;
  #restarts = 0;
  /** Whether a child of this slot has ever been ready. */
  #hasBegun = false;
  #lastEnd: string | undefined;
  #onFirst!: { resolve: (child: ChildHandle) => void; reject: (end: ChildEnd) => void };

  /** Fulfilled with the first child that is ready, rejected with the end when that child died before. */
  readonly firstReady: Promise<ChildHandle>;

  constructor(description: SlotDescription) {
    this.name = description.name;
    this.kind = description.kind;
    this.#description = description;
    this.#means = description.means ?? realMeans;
    this.firstReady = new Promise((resolve, reject) => {
      this.#onFirst = { resolve, reject: reject as (end: ChildEnd) => void };
    });
    this.firstReady.catch(() => undefined); // the caller that starts the slot handles the rejection
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get address(): Address | undefined {
    return this.#child?.address;
  }

  get state(): SlotState {
    if (this.#isRetired && this.#children.size === 0) return 'stopped';
    if (this.#isRetired && this.#child?.state !== 'ready') return 'stopping';
    switch (this.#child?.state) {
      case 'ready':
        return 'ready';
      case 'leaving':
        return 'draining';
      default:
        if (this.#policy.isCrashLoop) return 'crash-loop';
        return this.#child ? 'starting' : 'waiting';
    }
  }

  get status(): SlotStatus {
    const { name, pid, state } = this;
    return {
      name,
      pid,
      state,
      restarts: this.#restarts,
      readyForMs: this.#child?.readyForMs,
      memoryBytes: this.#child?.health?.memoryBytes,
      eventLoopDelayMs: this.#child?.health?.eventLoopDelayMs,
      lastEnd: this.#lastEnd,
    };
  }

  /** The child that occupies the slot. */
  get child(): ChildHandle | undefined {
    return this.#child;
  }

  get readyChild(): ChildHandle | undefined {
    return this.#child?.state === 'ready' ? this.#child : undefined;
  }

  get living(): ChildHandle[] {
    return [...this.#children].filter(({ state }) => state !== 'gone');
  }

  /**
   * Starts the process of the first child, which waits for `start()` before anything of the user's program is loaded. If that process
   * ends before, `start()` starts another.
   */
  prepare(): void {
    if (!this.#child && !this.#isRetired) this.#spare ??= this.#launch(false);
  }

  /** Starts the first child. */
  start(): void {
    if (!this.#child && !this.#isRetired) this.#occupy(this.#begin());
  }

  /**
   * Starts a new child next to the present child, and lets the present child go when the new child is ready and goes on living.
   * Resolves then; see `drained`.
   * @param withinMs how long the old child may take to finish requests
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when the new child, or another of the rollout, fails; the old child stays
   */
  async reload(withinMs: number, rollout: Rollout): Promise<void> {
    this.#assertNotRetired();
    const successor = this.#begin(this.#child !== undefined);
    try {
      await this.#becomesReady(successor, rollout, this.#child ? 'the old one goes on' : 'it is started again');
      await rollout.settle();
      this.#assertNotRetired();
    } catch (error) {
      if (successor.state !== 'leaving' && successor.state !== 'gone')
        void this.#dismiss(successor, this.#description.limits.stopTimeoutMs, false);
      throw error;
    }
    const predecessor = this.#child;
    this.#occupy(successor);
    successor.tell({ trunkline: 'installed' });
    this.#lastEnd = undefined;
    this.#description.events.onReady(this);
    if (!predecessor) return;
    void this.#dismiss(predecessor, withinMs, true);
    this.#description.events.onGone(this, predecessor);
  }

  /** Resolves when every child that was let go has ended. */
  async drained(): Promise<void> {
    await Promise.all([...this.#children].filter((child) => child !== this.#child).map(({ ended }) => ended));
  }

  /**
   * Lets the present child go, and starts a new child after the end. Resolves when the new child is ready.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when the new child has ended instead; another start follows, as after any
   * death
   */
  async restart(rollout: Rollout): Promise<void> {
    this.#assertNotRetired();
    if (this.#child) await this.#dismiss(this.#child, this.#description.limits.stopTimeoutMs, false);
    this.#assertNotRetired();
    if (!this.#child) this.#next(); // the slot was in a pause
    await this.#becomesReady(this.#child!, rollout, 'it is started again');
  }

  /** @param meanwhile what happens to the slot when the child fails */
  async #becomesReady(child: ChildHandle, rollout: Rollout, meanwhile: string): Promise<void> {
    const end = await Promise.race([child.ready, child.gone, rollout.broken]);
    this.#assertNotRetired();
    rollout.assertIntact();
    if (child.state !== 'ready')
      throw reloadFailed(this.name, `the new process did not become ready, ${meanwhile}`, end ?? undefined);
    rollout.include(this.name, child);
  }

  /** From now on no child is started; the present child goes on until `stop`. */
  retire(): void {
    this.#life.abort();
    this.#means.clock.clearTimeout(this.#pause);
  }

  /**
   * Ends every child of the slot, and starts no more.
   * @returns whether force was needed
   */
  async stop(withinMs: number, gently = false): Promise<boolean> {
    this.retire();
    const forced = await Promise.all([...this.#children].map((child) => this.#dismiss(child, withinMs, gently)));
    return forced.includes(true);
  }

  /** Ends all children at once. */
  kill(): void {
    this.retire();
    for (const child of this.#children) child.kill();
  }

  get #isRetired(): boolean {
    return this.#life.signal.aborted;
  }

  #assertNotRetired(): void {
    if (this.#isRetired) throw reloadFailed(this.name, 'the application is stopping');
  }

  #occupy(child: ChildHandle): void {
    this.#means.clock.clearTimeout(this.#pause);
    this.#child = child;
  }

  #next(): void {
    this.#restarts++;
    this.#occupy(this.#begin());
  }

  /** A child is gone. If the child occupied the slot, another child is started. */
  #onGone(child: ChildHandle, end: ChildEnd | undefined): void {
    if (!end) void this.#dismiss(child, this.#description.limits.stopTimeoutMs, true); // the child lives, but cannot be spoken to
    if (child !== this.#child) return;
    this.#child = undefined;
    const wasDismissed = end !== undefined && this.#dismissed.has(child);
    this.#description.events.onGone(this, child);
    if (this.#isRetired) {
      if (end) this.#onFirst.reject(end);
      return;
    }
    if (end && !this.#hasBegun) {
      void this.#failFirst(end);
      return;
    }
    if (wasDismissed) {
      this.#lastEnd = undefined;
      this.#occupy(this.#begin());
      return;
    }
    const pauseMs = Math.round(this.#policy.onEnd(child.readyForMs));
    this.#lastEnd = end?.description ?? 'has disconnected from its master';
    this.lastEndKind = end?.kind ?? 'disconnected';
    this.#description.logger.warn(`${this.name}: ${this.#lastEnd}; pid=${child.pid} next start in ${pauseMs} ms`);
    this.#pause = this.#means.clock.setTimeout(() => this.#next(), pauseMs);
  }

  /**
   * The caller that has started the slot gives up, and says why. A signal was perhaps for the whole application: then the
   * application stops.
   */
  async #failFirst(end: ChildEnd): Promise<void> {
    if (end.signal !== null) await delay(this.#means.clock, GROUP_SIGNAL_MS, this.#life.signal);
    this.#onFirst.reject(end);
  }

  #begin(isSucceeding = false): ChildHandle {
    const { events } = this.#description;
    const { child, watch } = this.#takeSpare() ?? this.#launch(isSucceeding);
    child.begin();
    if (isSucceeding && this.kind === 'worker') void this.#child?.bequeath(child);
    events.onStarted(this, child);
    if (child.inspectPort === undefined) watch.begin(child); // a debugger may suspend the child for any time
    return child;
  }

  #takeSpare(): Launch | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    return spare?.child.state === 'starting' ? spare : undefined;
  }

  #launch(isSucceeding: boolean): Launch {
    const { spec, events, limits } = this.#description;
    const watch = new StartWatch(
      limits.startTimeoutMs,
      (hint) => this.#description.logger.warn(`${this.name}: ${hint}`),
      this.#means,
    );
    const child: ChildHandle = new ChildHandle(
      spec(this.name, isSucceeding),
      {
        onListeningElsewhere: () => watch.hintLater(),
        onReady: () => {
          this.#hasBegun = true;
          this.#onFirst.resolve(child);
          if (child === this.#child) events.onReady(this);
        },
        onSigterm: () => void this.#onSigterm(child),
        onHealth: (health) => events.onHealth(this, child, health),
        onBlocked: () => void this.#onBlocked(child),
        onMessage: (message) => events.onMessage(this, message),
        onMail: (mail, tell) => events.onMail(this, mail, tell),
        onHandled: (id, reason) => events.onHandled(child, id, reason),
        onDrained: () => events.onDrained(this),
      },
      this.#means,
    );
    this.#children.add(child);
    void child.gone.then((end) => this.#onGone(child, end));
    void child.ended.then(() => {
      this.#children.delete(child);
      events.onEnded(this, child);
    });
    return { child, watch };
  }

  /** The watchdog thread is keeping stack and profile just now. The child may recover meanwhile. */
  async #onBlocked(child: ChildHandle): Promise<void> {
    const { logger } = this.#description;
    logger.warn(`${this.name}: its event loop is blocked; pid=${child.pid}`);
    const kept = await evidence(child.profileFile, this.#life.signal);
    if (kept === undefined || child.state === 'gone') return;
    if (child.isBlocked)
      child.kill(`its event loop was blocked for more than ${child.blockedTimeoutMs} ms (blockedTimeout); ${kept}`);
    else logger.warn(`${this.name}: its event loop runs again; pid=${child.pid}; ${kept}`);
  }

  /**
   * Somebody has sent SIGTERM to the child. If the whole application is meant, the master receives the signal in a moment too.
   */
  async #onSigterm(child: ChildHandle): Promise<void> {
    await delay(this.#means.clock, GROUP_SIGNAL_MS, this.#life.signal);
    if (this.#isRetired || child.state === 'leaving' || child.state === 'gone') return;
    this.#description.logger.warn(`${this.name}: has got SIGTERM and will be replaced; pid=${child.pid}`);
    void this.#letGo(child, this.#description.limits.stopTimeoutMs, false);
  }

  /** @returns whether force was needed */
  #dismiss(child: ChildHandle, withinMs: number, gently: boolean): Promise<boolean> {
    this.#dismissed.add(child);
    return this.#letGo(child, withinMs, gently);
  }

  async #letGo(child: ChildHandle, withinMs: number, gently: boolean): Promise<boolean> {
    child.stop(withinMs, gently);
    const timer = this.#means.clock.setTimeout(() => child.kill(), withinMs);
    const { neededForce } = await child.ended;
    this.#means.clock.clearTimeout(timer);
    return neededForce;
  }
}

function reloadFailed(name: string, what: string, end?: ChildEnd): TrunklineError {
  const because = end ? `: ${end.reason ?? end.description}` : '';
  return new TrunklineError('ERR_TRUNKLINE_RELOAD_FAILED', `${name}: ${what}${because}`, { process: name });
}
