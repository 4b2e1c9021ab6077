// What one consumer of a Single has asked for: a client of this process, or a connected follower. All of it ends with the session.

import type { CallStyle } from '../../../protocol/message';
import { served, tracing, type TraceOrigin } from '../../call-tracer';
import { TrunklineError } from '../../errors';
import type { CallTrace } from '../../telemetry';
import type { CallManner, PublishOptions, RoleHooks, StreamReader, Subscriber, Subscription, Verbs } from '../role';
import type { Single } from './single';
import { TracedStream } from './traced-stream';

/** What a consumer hears besides what every role tells. */
export interface SessionHooks extends RoleHooks {
  /**
   * The upstream client has refused a publication of this consumer. Absent: the consumer learns of the refusal through
   * `onError`.
   */
  onPublicationRefused?(key: string, error: Error): void;
}

/** What a consumer has asked of a Single. */
export class Session implements Verbs {
  readonly hooks: SessionHooks;
  readonly #single: Single;
  readonly #subscriptions = new Set<Subscription>();
  readonly #receivedBefore: number;
  #isSilent = false;
  #left = false;

  constructor(single: Single, hooks: SessionHooks) {
    this.#receivedBefore = single.hub.received;
    this.#single = single;
    this.hooks = hooks;
  }

  subscribe(registration: unknown, subscriber: Subscriber, key = this.#single.spec.formatKey(registration)): Subscription {
    if (this.#isSilent) return { subscriber };
    const subscription = this.#single.hub.subscribe(key, registration, subscriber);
    if (this.#left)
      this.#single.hub.unsubscribe(subscription); // while the upstream client was asked
    else this.#subscriptions.add(subscription);
    const setback = this.#single.hub.find(key)?.state?.setback;
    if (!setback) return subscription;
    // The key was refused before this consumer came, and waits for the next try.
    if (subscriber.refuse) subscriber.refuse(setback);
    else this.hooks.onError(setback);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    if (this.#subscriptions.delete(subscription)) this.#single.hub.unsubscribe(subscription);
  }

  latest(key: string): Buffer | undefined {
    return this.#single.hub.latest(key);
  }

  /** Values of all keys since this consumer came. */
  get valuesReceived(): number {
    return this.#single.hub.received - this.#receivedBefore;
  }

  /** Delivers nothing from this call on; calls and publications go on. Idempotent. */
  silence(): void {
    this.#isSilent = true;
    for (const subscription of this.#subscriptions) this.#single.hub.unsubscribe(subscription);
    this.#subscriptions.clear();
  }

  publish(registration: unknown, { replay }: PublishOptions): void {
    const { ledger, publications, spec } = this.#single;
    const key = spec.formatKey(registration);
    const isNews = ledger.add(key, registration, this);
    if (isNews || !replay) {
      if (this.#single.takesPublications) publications.publish(key, registration);
      return;
    }
    const setback = publications.setbackOf(key);
    if (!setback) return;
    if (this.hooks.onPublicationRefused) this.hooks.onPublicationRefused(key, setback);
    else this.hooks.onError(setback);
  }

  call(method: string, args: readonly unknown[], style: CallStyle | undefined, how?: CallManner): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const ran = this.run(method, args, style, resolve, reject, how?.trace);
      // Has no further effect, but links the method to this promise, and the stack of a failure shows the awaiting callers.
      void ran?.then(resolve as never, reject);
    });
  }

  /**
   * `call` without making a promise. Exactly one of the two functions is called, once, perhaps before this method returns.
   * @param caller where the trace of the call comes from, if the caller traces
   */
  run(
    method: string,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    reject: (error: unknown) => void,
    caller?: TraceOrigin,
  ): Promise<void> | undefined {
    const { tracer } = tracing;
    if (!tracer) return this.#run(method, args, style, resolve, reject);
    return served(tracer, { channel: this.#single.spec.name, method }, caller, resolve, reject, (succeed, fail) =>
      this.#run(method, args, style, succeed, fail),
    );
  }

  #run(
    method: string,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    reject: (error: unknown) => void,
  ): Promise<void> | undefined {
    const { ledger, publications, spec, upstream } = this.#single;
    if (!spec.callable.has(method)) {
      reject(spec.streams.has(method) ? this.#notForCalls(method) : this.#unknown(method));
      return undefined;
    }
    if (method !== spec.methods.unPublish) return upstream.run(method, args, style, resolve, reject);
    const run = (): Promise<void> | undefined => upstream.run(method, args, style, resolve, reject);
    const key = spec.formatKey(args[0]);
    const isWanted = ledger.remove(key, this);
    if (!upstream.isReady) return run(); // to be told so
    let ran: Promise<void> | undefined;
    publications.withdrawByCall(key, () => (ran = run()), isWanted);
    return ran; // undefined also when the call waits for a turn
  }

  /** @param caller where the trace of the stream comes from, if the caller traces */
  stream(method: string, args: readonly unknown[], caller?: TraceOrigin): StreamReader {
    const { spec, upstream } = this.#single;
    if (!spec.streams.has(method)) throw this.#unknown(method);
    const stream = upstream.stream(method, args);
    const { tracer } = tracing;
    return tracer ? new TracedStream(stream, tracer.serve({ channel: spec.name, method }, caller)) : stream;
  }

  /** An older process takes a stream for a method with a result. */
  #notForCalls(method: string): TrunklineError {
    const { name: channel } = this.#single.spec;
    const message = `${channel}: ${method} gives a stream, which the process that has called it cannot read; update that process`;
    return new TrunklineError('ERR_TRUNKLINE_NOT_SHARED', message, { channel, method });
  }

  #unknown(method: string): TrunklineError {
    const { name: channel } = this.#single.spec;
    const message = `${channel}: ${method} is not delegated by the leader; delegate it in every process`;
    return new TrunklineError('ERR_TRUNKLINE_UNKNOWN_METHOD', message, { channel, method });
  }

  notify(method: string, args: readonly unknown[], trace?: CallTrace): void {
    this.call(method, args, 'promise', { trace }).catch((error: unknown) => {
      this.hooks.onError(error);
    });
  }

  /** Withdraws all that this consumer has asked for. Idempotent. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.silence();
    this.#single.leave(this);
  }
}
