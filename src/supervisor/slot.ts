// One place of the application that must always be taken: it starts its child, starts another when that one dies, and
// ends with it when told to.

import type { Logger } from '../logger';
import { delay, systemClock } from '../time';
import { ChildHandle, type ChildEnd, type ChildSpec } from './child-handle';
import { RestartPolicy } from './restart-policy';

export type SlotState = 'starting' | 'ready' | 'waiting' | 'crash-loop' | 'stopping' | 'stopped';

export class Slot {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #startTimeoutMs: number;
  readonly #logger: Logger;
  readonly #policy = new RestartPolicy();
  readonly #life = new AbortController();
  #child: ChildHandle | undefined;
  #running: Promise<void> | undefined;
  #wasForced = false;
  #onFirst!: { resolve: () => void; reject: (end: ChildEnd) => void };

  /** Fulfilled when the first child is ready, rejected with its end when it died before. */
  readonly firstReady: Promise<void>;

  constructor(name: string, spec: ChildSpec, startTimeoutMs: number, logger: Logger) {
    this.name = name;
    this.#spec = spec;
    this.#startTimeoutMs = startTimeoutMs;
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
    if (this.#life.signal.aborted) return this.#child ? 'stopping' : 'stopped';
    if (this.#child?.isReady) return 'ready';
    if (this.#policy.isCrashLoop) return 'crash-loop';
    return this.#child ? 'starting' : 'waiting';
  }

  start(): void {
    this.#running ??= this.#run(this.#life.signal);
  }

  /**
   * Ends the child, and replaces it no more.
   * @returns whether force was needed
   */
  async stop(withinMs: number): Promise<boolean> {
    this.#life.abort();
    const child = this.#child;
    if (child) {
      child.stop(withinMs);
      const timer = systemClock.setTimeout(() => {
        this.#wasForced = true;
        child.kill();
      }, withinMs);
      await child.ended;
      systemClock.clearTimeout(timer);
    }
    await this.#running;
    return this.#wasForced;
  }

  /** Ends the child at once. */
  kill(): void {
    this.#life.abort();
    this.#wasForced ||= this.#child !== undefined;
    this.#child?.kill();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const end = await this.#oneLife();
      if (signal.aborted) break;
      this.#onFirst.reject(end);
      const pauseMs = Math.round(this.#policy.onEnd(end.readyForMs));
      this.#logger.warn(
        `${this.name}: ended unexpectedly, pid=${end.pid} code=${end.code} signal=${end.signal} ` +
          `ready=${end.readyForMs !== undefined} next start in ${pauseMs} ms${end.reason === undefined ? '' : `: ${end.reason}`}`,
      );
      await delay(systemClock, pauseMs, signal);
    }
  }

  async #oneLife(): Promise<ChildEnd & { pid: number | undefined }> {
    const child = new ChildHandle(this.#spec);
    this.#child = child;
    const limit = systemClock.setTimeout(() => {
      this.#logger.error(`${this.name}: not ready after ${this.#startTimeoutMs} ms, pid=${child.pid}; it is killed`);
      child.kill();
    }, this.#startTimeoutMs);
    void child.ready.then(() => {
      systemClock.clearTimeout(limit);
      this.#onFirst.resolve();
    });
    const end = await child.ended;
    systemClock.clearTimeout(limit);
    this.#child = undefined;
    return { ...end, pid: child.pid };
  }
}
