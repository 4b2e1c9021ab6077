// Single mode as a follower has it: arguments, results, errors and items of streams are turned into bytes and back. What would fail
// between two processes then fails in one too: a function among the arguments, a method of a class, a result that is changed later.

import type { CallStyle } from '../../../protocol/message';
import type { CallTrace } from '../../telemetry';
import { PeerValues } from '../peer-values';
import type { CallManner, ChannelSpec, PublishOptions, StreamReader, StreamStep, Subscriber, Subscription, Verbs } from '../role';
import { SpokenValues } from '../spoken-values';
import { placeSignal, takeSignals } from '../taken-signals';

export class CopiedVerbs implements Verbs {
  readonly #verbs: Verbs;
  readonly #spec: ChannelSpec;
  readonly #onError: (error: unknown) => void;
  readonly #spoken: SpokenValues;

  /** @param onError gets what nobody waits for */
  constructor(verbs: Verbs, spec: ChannelSpec, onError: (error: unknown) => void) {
    this.#verbs = verbs;
    this.#spec = spec;
    this.#onError = onError;
    this.#spoken = new SpokenValues(spec.name, PeerValues.ofOurs(spec), onError);
  }

  subscribe(registration: unknown, subscriber: Subscriber, key?: string): Subscription {
    try {
      const [copy] = this.#arguments(this.#spec.methods.subscribe ?? 'subscribe', [registration]);
      return this.#verbs.subscribe(copy, subscriber, key);
    } catch (error) {
      this.#onError(error);
      return { subscriber };
    }
  }

  unsubscribe(subscription: Subscription): void {
    this.#verbs.unsubscribe(subscription);
  }

  latest(key: string): Buffer | undefined {
    return this.#verbs.latest(key);
  }

  publish(registration: unknown, options: PublishOptions): void {
    const [copy] = this.#arguments(this.#spec.methods.publish ?? 'publish', [registration]);
    this.#verbs.publish(copy, options);
  }

  async call(method: string, args: readonly unknown[], style: CallStyle | undefined, how?: CallManner): Promise<unknown[]> {
    const copies = this.#arguments(method, args);
    let results: unknown[];
    try {
      results = await this.#verbs.call(method, copies, style, how);
    } catch (error) {
      throw this.#spoken.errorOf(this.#spoken.encodeError(error), `the error of ${method}`, method);
    }
    return this.#spoken
      .encodeResults(method, results)
      .map((bytes) => this.#spoken.decode(bytes, `the result of ${method}`, method));
  }

  notify(method: string, args: readonly unknown[], trace?: CallTrace): void {
    try {
      this.#verbs.notify(method, this.#arguments(method, args), trace);
    } catch (error) {
      if (trace) trace.error = error;
      this.#onError(error);
    }
  }

  stream(method: string, args: readonly unknown[], trace?: CallTrace): StreamReader {
    const stream = this.#verbs.stream(method, this.#arguments(method, args), trace);
    const step = async (run: () => Promise<StreamStep>): Promise<StreamStep> => {
      let given: StreamStep;
      try {
        given = await run();
      } catch (error) {
        throw this.#spoken.errorOf(this.#spoken.encodeError(error), `the error of ${method}`, method);
      }
      try {
        const [bytes] = this.#spoken.encodeResults(method, [given.value]);
        return { done: given.done === true, value: this.#spoken.decode(bytes!, `an item of ${method}`, method) };
      } catch (error) {
        stream.abandon();
        throw error;
      }
    };
    return {
      next: () => step(() => stream.next()),
      return: (value) => step(() => stream.return(this.#arguments('return()', [value])[0])),
      throw: (error) => step(() => stream.throw(error)),
      abandon: () => stream.abandon(),
    };
  }

  /** @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE */
  #arguments(method: string, given: readonly unknown[]): unknown[] {
    const taken = takeSignals(given);
    const encoded = this.#spoken.encodeArguments(method, taken?.args ?? given);
    const copies = encoded.map((bytes) => this.#spoken.decode(bytes, 'an argument', method));
    for (const place of taken?.places ?? []) placeSignal(copies, place, taken!.signals[place.signal]!);
    return copies;
  }
}
