// A stream of the upstream client: the async iterator that one of its methods gives, stepped for one reader. It ends with the reader, or
// with the upstream client, whichever is first.

import { messageOf } from '../../../protocol/error-value';
import { TrunklineError } from '../../errors';
import type { Logger } from '../../logger';
import type { StreamReader, StreamStep } from '../role';
import { isThenable, markHandled, nativePromise } from './upstream-method';

type UpstreamIterator = Pick<AsyncIterator<unknown, unknown>, 'next' | 'return' | 'throw'>;

export interface UpstreamStreamOptions {
  readonly channel: string;
  readonly method: string;
  readonly logger: Logger;
  /** Calls the method. */
  readonly open: () => unknown;
  /** Called once, when the stream is over. */
  readonly onOver: () => void;
}

export class UpstreamStream implements StreamReader {
  readonly #options: UpstreamStreamOptions;
  #iterator: UpstreamIterator | undefined;
  #state: 'new' | 'open' | 'over' = 'new';
  /** Why the stream has ended between two steps: the next step is rejected. */
  #untold: { readonly error: unknown } | undefined;
  /** Rejects the step that is under way. */
  #reject: ((error: unknown) => void) | undefined;

  constructor(options: UpstreamStreamOptions) {
    this.#options = options;
  }

  next(): Promise<StreamStep> {
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold) return Promise.reject(untold.error);
    if (this.#state === 'over') return Promise.resolve({ done: true, value: undefined });
    const iterator = this.#iterator;
    if (iterator) return this.#step(() => iterator.next());
    this.#state = 'open';
    return this.#step(async () => (await this.#begin()).next());
  }

  return(value: unknown): Promise<StreamStep> {
    const iterator = this.#iterator;
    if (typeof iterator?.return === 'function' && this.#state === 'open') return this.#step(() => iterator.return!(value));
    this.#untold = undefined;
    this.#finish();
    return Promise.resolve({ done: true, value });
  }

  throw(error: unknown): Promise<StreamStep> {
    const iterator = this.#iterator;
    if (typeof iterator?.throw === 'function' && this.#state === 'open') return this.#step(() => iterator.throw!(error));
    this.abandon();
    return Promise.reject(error);
  }

  abandon(): void {
    this.#end();
    this.#reject = undefined;
  }

  /** The upstream client is gone, or is being closed. */
  fail(error: unknown): void {
    if (this.#state === 'over') return;
    this.#end();
    const reject = this.#reject;
    this.#reject = undefined;
    if (reject) reject(error);
    else this.#untold = { error };
  }

  async #begin(): Promise<UpstreamIterator> {
    const { channel, method, open } = this.#options;
    let given = open();
    if (isThenable(given)) given = await nativePromise(given);
    const make: unknown = (given as { [Symbol.asyncIterator]?: unknown } | null | undefined)?.[Symbol.asyncIterator];
    if (typeof make !== 'function') {
      const message = `${channel}: ${method} has given no async iterable, so there is no stream to read`;
      throw new TrunklineError('ERR_TRUNKLINE_NOT_SHARED', message, { channel, method });
    }
    this.#iterator = make.call(given) as UpstreamIterator;
    if (this.#state === 'over') this.#close();
    return this.#iterator;
  }

  /** No iterator can cause an uncaught exception or an unhandled rejection, whatever it throws or gives. */
  #step(run: () => unknown): Promise<StreamStep> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const isOver = (): boolean => this.#reject !== reject;
      const fail = (error: unknown): void => {
        markHandled(error);
        if (isOver()) return;
        this.#reject = undefined;
        this.#finish();
        reject(error);
      };
      try {
        nativePromise(run())
          .then((step) => {
            if (typeof step !== 'object' || step === null)
              throw new TypeError(`the iterator of ${this.#options.method} gives steps that are no objects`);
            const { done, value } = step as StreamStep;
            markHandled(value);
            if (isOver()) return;
            this.#reject = undefined;
            if (done === true) this.#finish();
            resolve({ done: done === true, value });
          })
          .catch(fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Ends the iterator, and tells nobody. */
  #end(): void {
    if (this.#state === 'open') this.#close();
    this.#finish();
  }

  #close(): void {
    const failed = (error: unknown): void => {
      markHandled(error);
      const { channel, method, logger } = this.#options;
      logger.warn(`${channel}: ${method} failed after its reader had gone: ${messageOf(error)}`);
    };
    try {
      nativePromise(this.#iterator?.return?.(undefined)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#options.onOver();
  }
}
