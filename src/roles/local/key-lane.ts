// The wish for a key at the upstream client, and the verb that is under way for the key. A server sees two verbs of a key in the
// order of arrival, not in the order of the calls: a verb therefore waits for the verb before, and the last wish wins. A refused
// verb is tried again while the wish stands. Subscriptions and publications are separate lanes.

import { Backoff, patientTimeout, type Clock, type Patience, type Timer } from '../../time';

/**
 * A refused verb is tried again after this time, growing, ms. Many keys are often refused together, and the delays spread from
 * the first try on.
 */
const RETRY_MIN_MS = 500;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** How long a verb may hold up the next verb of the same key, ms: some promises never settle. */
export const VERB_MS = 10_000;
/** How often to try to end what nobody wants any more. Bounded, because such keys come and go without end. */
const MAX_ENDS = 5;

/** The verbs that concern a single key. */
export type KeyVerb = 'subscribe' | 'unSubscribe' | 'publish' | 'unPublish';

/** What happens when a verb of a key is refused or does not end in time. */
export interface KeyHooks {
  readonly clock: Clock;
  /**
   * A verb was refused.
   * @param retryMs time until the verb is tried again, ms; undefined: never
   * @returns the error that reports the refusal
   */
  refused(verb: KeyVerb, key: string, error: unknown, retryMs: number | undefined): Error;
  /** A verb has held up the next verb of the key for too long. */
  overtaken(verb: KeyVerb, key: string): void;
}

export type LaneVerb = 'begin' | 'end';

/** @typeParam W a wish: what is to stand at the upstream client */
export interface LaneSource<W extends object> {
  readonly clock: Clock;
  /** Whether what stands must be ended before another wish is begun. */
  readonly endsFirst: boolean;
  /** @returns settles when the verb is done; undefined: the verb is done already. Never throws */
  ask(verb: LaneVerb, wish: W, lane: KeyLane<W>): Promise<unknown> | undefined;
  /**
   * A verb was refused while the wish still stands.
   * @param retryMs when the verb is tried again; undefined: never
   * @returns the error for consumers that ask for the key before the next try
   */
  refused(verb: LaneVerb, key: string, error: unknown, retryMs: number | undefined): Error;
  /** A verb has held up the next verb for VERB_MS, and nothing waits for the verb any longer. */
  overtaken(verb: LaneVerb | 'call', key: string): void;
  /** Nothing is wanted, and nothing is under way. */
  idle(lane: KeyLane<W>): void;
  /** Nothing is under way. */
  rested?(): void;
}

/** A call of the user that waits for a turn among the verbs. */
interface QueuedCall<W> {
  /** What was wanted when the call was made. */
  readonly before: W | undefined;
  readonly run: () => Promise<unknown> | undefined;
}

interface RunningVerb {
  readonly verb: LaneVerb | 'call';
  readonly since: number;
  patience: Patience | undefined;
}

export class KeyLane<W extends object> {
  readonly key: string;
  readonly #source: LaneSource<W>;
  #wanted: W | undefined;
  /** What the upstream client was asked for last, successfully or not, and was not asked to end since. */
  #standing: W | undefined;
  #underWay: RunningVerb | undefined;
  #calls: readonly QueuedCall<W>[] = NO_CALLS;
  #retry: Timer | undefined;
  #isRetrying = true;
  #backoff: Backoff | undefined;
  #ends = 0;
  #setback: Error | undefined;

  constructor(key: string, source: LaneSource<W>) {
    this.key = key;
    this.#source = source;
  }

  /** Why the wish is not fulfilled; undefined as long as no error is known. */
  get setback(): Error | undefined {
    return this.#setback;
  }

  /** Whether a verb has been called that has not ended. */
  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  /** Whether the upstream client was asked for exactly this wish last, and the wish still stands. */
  isInForce(wish: W): boolean {
    return this.#wanted === wish && this.#standing === wish;
  }

  /** @param wish undefined: nothing is to stand any more */
  want(wish: W | undefined): void {
    this.#wanted = wish;
    this.#calm();
    this.#advance();
  }

  /**
   * Runs a call of the user that ends what stands: after all verbs that were wanted before.
   * @param run settles when the call has ended; never throws
   * @param isWanted whether another consumer still wants the present wish, which is then begun again
   */
  call(run: () => Promise<unknown> | undefined, isWanted: boolean): void {
    this.#calls = [...this.#calls, { before: this.#wanted, run }];
    if (!isWanted) this.#wanted = undefined;
    this.#calm();
    this.#advance();
  }

  /** What is refused from now on, or was refused before, is not tried again. */
  stopRetrying(): void {
    this.#isRetrying = false;
    this.#cancelRetry();
  }

  /** The upstream client is gone with everything that stood there. Waiting calls run and report the loss. */
  forget(): void {
    this.#calm();
    this.#underWay?.patience?.cancel();
    this.#underWay = undefined;
    this.#wanted = undefined;
    this.#standing = undefined;
    const calls = this.#calls;
    this.#calls = NO_CALLS;
    for (const { run } of calls) void run();
  }

  #cancelRetry(): void {
    this.#source.clock.clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** A new wish starts without the retries of the old wish. */
  #calm(): void {
    this.#cancelRetry();
    this.#backoff = undefined;
    this.#setback = undefined;
    this.#ends = 0;
  }

  /** Does what comes next, as long as nothing is under way. */
  #advance(): void {
    while (!this.#underWay && this.#step());
    if (this.#underWay) this.#limit(this.#underWay);
    else {
      if (!this.#wanted && !this.#retry) this.#source.idle(this);
      this.#source.rested?.();
    }
  }

  /** @returns false when there is nothing to do */
  #step(): boolean {
    const [call] = this.#calls;
    const goal = call ? call.before : this.#wanted;
    const standing = this.#standing;
    if (standing && standing !== goal && (!goal || this.#source.endsFirst)) this.#ask('end', standing);
    else if (goal && goal !== standing) this.#ask('begin', goal);
    else if (call) this.#run(call);
    else return false;
    return true;
  }

  #ask(verb: LaneVerb, wish: W): void {
    this.#standing = verb === 'begin' ? wish : undefined;
    this.#start(
      verb,
      () => this.#source.ask(verb, wish, this),
      (error) => this.#onRefused(verb, wish, error),
    );
  }

  #run({ run }: QueuedCall<W>): void {
    this.#calls = this.#calls.slice(1);
    this.#standing = undefined;
    this.#start('call', run, () => undefined); // the caller gets the outcome
  }

  #start(verb: RunningVerb['verb'], action: () => Promise<unknown> | undefined, onRefused: (error: unknown) => void): void {
    // Before the action: requests that the user makes during the action must wait.
    const underWay: RunningVerb = { verb, since: this.#source.clock.now(), patience: undefined };
    this.#underWay = underWay;
    const outcome = action();
    if (!outcome) {
      if (this.#end(underWay)) this.#calm();
      return;
    }
    outcome.then(
      () => {
        if (!this.#end(underWay)) return;
        this.#calm();
        this.#advance();
      },
      (error: unknown) => {
        if (!this.#end(underWay)) return;
        onRefused(error);
        this.#advance();
      },
    );
  }

  /** @returns false when the verb was overtaken, or the upstream client is gone: the outcome means nothing any more */
  #end(underWay: RunningVerb): boolean {
    underWay.patience?.cancel();
    if (this.#underWay !== underWay) return false;
    this.#underWay = undefined;
    return true;
  }

  #onRefused(verb: LaneVerb, wish: W, error: unknown): void {
    const isMoot = verb === 'begin' && this.#wanted !== wish; // another wish is in place
    if (isMoot) return;
    const isAgain =
      this.#isRetrying && this.#calls.length === 0 && (verb === 'begin' || (!this.#wanted && ++this.#ends < MAX_ENDS));
    this.#backoff ??= new Backoff(RETRY_MIN_MS, RETRY_MAX_MS, RETRY_FIRST_MS);
    const retryMs = isAgain ? this.#backoff.nextMs() : undefined;
    if (retryMs !== undefined) {
      this.#retry = this.#source.clock.setTimeout(() => {
        this.#retry = undefined;
        this.#ask(verb, wish);
        this.#advance();
      }, retryMs);
      this.#retry.unref();
    }
    this.#setback = this.#source.refused(verb, this.key, error, retryMs);
  }

  /** Limits a verb to VERB_MS only when something waits for the end of the verb: many keys then cost no timers. */
  #limit(underWay: RunningVerb): void {
    const isAwaited = this.#calls.length > 0 || this.#wanted !== this.#standing;
    if (underWay.patience || !isAwaited) return;
    const { clock } = this.#source;
    const leftMs = Math.max(0, underWay.since + VERB_MS - clock.now());
    underWay.patience = patientTimeout(clock, leftMs, () => {
      if (!this.#end(underWay)) return;
      this.#source.overtaken(underWay.verb, this.key);
      this.#advance();
    });
  }
}

const NO_CALLS: readonly never[] = [];
