// An upstream client, from creation to end: the reported state (ready, closed, in error), and the calls that are under way in
// this client. Upstream (upstream.ts) decides what follows from the state.

import { types } from 'node:util';
import type { Clock } from '../../time';
import { UnderWay } from './under-way';
import { isThenable, nativePromise, type Method } from './upstream-method';

/** An error counts as the reason of a loss if the error came at most this long before, ms. */
const RELATED_MS = 10_000;

export class UpstreamInstance {
  readonly client: Record<string, unknown>;
  isReady = false;
  /** The calls that are under way: what rejects each. */
  readonly calls = new UnderWay<(reason: unknown) => void>();
  /** Ends what was attached to the client, except the listening to errors. */
  detach: () => void = () => undefined;
  forgetErrors: () => void = () => undefined;
  readonly #clock: Clock;
  #lastError: { readonly error: unknown; readonly at: number } | undefined;

  constructor(client: object, clock: Clock) {
    this.client = client as Record<string, unknown>;
    this.#clock = clock;
  }

  /** @param detach undoes what others have attached to the client */
  attach(detach: () => void, onClosed: () => void): void {
    const unwatch = this.#listen('close', onClosed);
    this.detach = () => {
      detach();
      unwatch();
    };
    this.forgetErrors = this.#listen('error', (error) => {
      this.note(error);
    });
  }

  /** The last events of a lost client tell why the client was lost. */
  note(error: unknown): void {
    this.#lastError = { error, at: this.#clock.now() };
  }

  /** The newest error that was noted, or `error` event; undefined when the error is too old to be the cause of present events. */
  get recentError(): unknown {
    return this.#lastError && this.#clock.now() - this.#lastError.at <= RELATED_MS ? this.#lastError.error : undefined;
  }

  /** Rejects what is still under way, and listens to errors no longer. */
  giveUpCalls(reason: Error): void {
    this.forgetErrors();
    for (const reject of this.calls.endAll()) reject(reason);
  }

  /** Calls back once, when the client reports readiness, or why not. A client without `ready()` is ready at once. */
  whenReady(callBack: (error?: unknown) => void): void {
    let isSettled = false;
    const settle = (error?: unknown): void => {
      if (isSettled) return;
      isSettled = true;
      callBack(error);
    };
    const { ready } = this.client;
    if (typeof ready !== 'function') {
      settle();
      return;
    }
    const returned = (ready as Method).call(this.client, settle);
    if (!types.isPromise(returned) && !isThenable(returned)) return;
    // A method that takes a callback answers through the callback; the promise only says that the method has run.
    const takesCallback = ready.length > 0;
    nativePromise(returned).then(
      () => {
        if (!takesCallback) settle();
      },
      (error: unknown) => settle(error ?? new Error('ready() was rejected without a reason')),
    );
  }

  /** Whether a client of the sdk-base kind has become ready after all. */
  get isReadyNow(): boolean {
    const { isReady, readyError } = this.client;
    return isReady === true && (readyError === undefined || readyError === null);
  }

  /** Listens to an event of the client; without effect if the client is no emitter. @returns ends the listening */
  #listen(event: string, listener: (argument: unknown) => void): () => void {
    const { client } = this;
    if (typeof client.on !== 'function' || typeof client.removeListener !== 'function') return () => undefined;
    (client.on as Method)(event, listener);
    return () => {
      (client.removeListener as Method)(event, listener);
    };
  }
}
