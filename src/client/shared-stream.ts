// A stream as its reader in any process has it: an async generator over the steps of a role. Steps are taken one after the other, as of
// every async generator, and a time limit, a signal or the end of the client may end the stream in between.

import { onAbort } from '../abort-listeners';
import type { StreamReader, StreamStep } from '../roles/role';
import { patientTimeout, type Clock } from '../time';
import type { CallOptions } from './call-limit';

type Failure = { readonly error: unknown } | undefined;

export interface SharedStreamOptions {
  readonly clock: Clock;
  /** The time limit is for each step. */
  readonly limits: Pick<CallOptions, 'timeoutMs' | 'signal'>;
  /** Makes the error of a step that takes too long. */
  readonly expired: (timeoutMs: number) => Error;
  /** Waits for a role, and opens the stream there. */
  readonly open: () => Promise<StreamReader>;
  /** Gets each error that the stream itself has ended with. */
  readonly onError: (error: unknown) => void;
  readonly onBegin: (stream: SharedStream) => void;
  /** @param failure undefined: the stream has ended as its generator or its reader wanted */
  readonly onOver: (stream: SharedStream, failure: Failure) => void;
}

export class SharedStream implements AsyncGenerator<unknown, unknown, undefined> {
  readonly #options: SharedStreamOptions;
  #state: 'new' | 'open' | 'over' = 'new';
  #reader: StreamReader | undefined;
  /** Why the stream has ended between two steps: the next step is rejected. */
  #untold: { readonly error: unknown } | undefined;
  /** Rejects the step that is under way. */
  #reject: ((error: unknown) => void) | undefined;
  #ignoreSignal: (() => void) | undefined;
  /** Settles when all steps have ended that were asked for. */
  #last: Promise<unknown> = DONE;
  #waitingSteps = 0;

  constructor(options: SharedStreamOptions) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item. A value that is given to `next` goes nowhere: the generator may be ahead of its reader. */
  next(): Promise<StreamStep> {
    return this.#inTurn(() => this.#next());
  }

  return(value?: unknown): Promise<StreamStep> {
    return this.#inTurn(() => this.#return(value));
  }

  throw(error?: unknown): Promise<StreamStep> {
    return this.#inTurn(() => this.#throw(error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Ends the stream at once: the step that is under way is rejected, or else the next one. */
  end(error: unknown): void {
    if (this.#state === 'over') return;
    const reject = this.#reject;
    this.#reject = undefined;
    this.#reader?.abandon();
    this.#finish({ error });
    if (reject) reject(error);
    else this.#untold = { error };
  }

  #inTurn(step: () => Promise<StreamStep>): Promise<StreamStep> {
    this.#waitingSteps++;
    const result = this.#waitingSteps === 1 ? step() : this.#last.then(step);
    const ended = (): void => void this.#waitingSteps--;
    this.#last = result.then(ended, ended);
    return result;
  }

  /** Awaits, instead of chaining promises: the stack of a failed step shows the awaiting readers. */
  async #next(): Promise<StreamStep> {
    if (this.#state === 'new') this.#begin();
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) throw untold.error;
    if (this.#state === 'over') return { done: true, value: undefined };
    return await this.#step(async () => (this.#reader ?? (await this.#open())).next());
  }

  async #return(value: unknown): Promise<StreamStep> {
    this.#untold = undefined;
    const reader = this.#reader;
    if (reader && this.#state === 'open') return await this.#step(() => reader.return(value));
    this.#finish();
    return { done: true, value };
  }

  async #throw(error: unknown): Promise<StreamStep> {
    this.#untold = undefined;
    const reader = this.#reader;
    if (reader && this.#state === 'open') return await this.#step(() => reader.throw(error));
    this.#finish();
    throw error;
  }

  #begin(): void {
    this.#state = 'open';
    this.#options.onBegin(this);
    const { signal } = this.#options.limits;
    if (signal?.aborted) this.end(signal.reason);
    else if (signal) this.#ignoreSignal = onAbort(signal, () => this.end(signal.reason));
  }

  async #open(): Promise<StreamReader> {
    const reader = await this.#options.open();
    this.#reader = reader;
    if (this.#state === 'over') reader.abandon();
    return reader;
  }

  async #step(run: () => Promise<StreamStep>): Promise<StreamStep> {
    const { clock, limits, expired, onError } = this.#options;
    const { timeoutMs } = limits;
    const patience = timeoutMs === undefined ? undefined : patientTimeout(clock, timeoutMs, () => this.end(expired(timeoutMs)));
    try {
      const step = await new Promise<StreamStep>((resolve, reject) => {
        this.#reject = reject;
        run().then(resolve, reject);
      });
      if (step.done) this.#finish();
      return step;
    } catch (error) {
      if (this.#state === 'open') onError(error);
      this.#finish({ error });
      throw error;
    } finally {
      this.#reject = undefined;
      patience?.cancel();
    }
  }

  #finish(failure?: Failure): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#ignoreSignal?.();
    this.#options.onOver(this, failure);
  }
}

const DONE = Promise.resolve();
