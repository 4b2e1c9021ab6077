// The subscriptions of a client: with a listener, as an iterator, for one value, or the newest value at once.

import { messageOf } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import { isGeneratorFunction, type GeneratorMethod } from '../generator-function';
import { notDecodable } from '../roles/not-decodable';
import type { ChannelSpec, Verbs } from '../roles/role';
import { runGenerator } from '../run-generator';
import { patientTimeout } from '../time';
import { asSaid } from './as-said';
import { LatestValues, type LatestValuesOptions, type ValueSource } from './latest-values';
import { ListenerEntry, type ValueListener, type Registrations } from './registrations';
import { SubscriptionHandle } from './subscription-handle';

/** The part of the client that subscriptions need. */
export interface SubscribingClient {
  /** Undefined while there is no role. */
  readonly verbs: Verbs | undefined;
  readonly isOpen: boolean;
  /** Whether values may be older than those of the server. */
  readonly isStale: boolean;
  /** Whether something can be subscribed; if not, the misuse becomes an `error` event. */
  isOpenFor(method: string): boolean;
  closedError(method: string): TrunklineError;
  emitError(error: unknown): void;
}

const NOBODY: ValueListener = () => undefined;
const LISTENER = 'a listener';

export class Subscriptions {
  readonly #spec: ChannelSpec;
  readonly #registrations: Registrations;
  readonly #client: SubscribingClient;
  readonly #timeoutMs: number | undefined;

  /** @param timeoutMs a subscription without a value for this long is an `error` event; undefined: never */
  constructor(spec: ChannelSpec, registrations: Registrations, client: SubscribingClient, timeoutMs: number | undefined) {
    this.#spec = spec;
    this.#registrations = registrations;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID when the listener is no function */
  subscribe(registration: unknown, listener: ValueListener): SubscriptionHandle {
    const { name: channel } = this.#spec;
    if (typeof listener !== 'function') {
      throw new TrunklineError(
        'ERR_TRUNKLINE_OPTION_INVALID',
        `${channel}: subscribe(registration, listener): listener should be a function`,
        { channel },
      );
    }
    return this.#add(registration, listener, this.#deliver);
  }

  /** @param listener undefined: all listeners of the registration in this process */
  unsubscribe(registration: unknown, listener: ValueListener | undefined): void {
    if (this.#client.isOpen) this.#registrations.unsubscribe(this.#spec.formatKey(registration), listener, this.#client.verbs);
  }

  values(registration: unknown, options?: LatestValuesOptions): LatestValues<Buffer, unknown> {
    const open: ValueSource<Buffer>['open'] = (onValue, onEnd) => {
      const handle = this.#add(registration, NOBODY, (_, payload) => onValue(payload), onEnd);
      return () => handle.unsubscribe();
    };
    return new LatestValues({ open }, (payload) => this.#decode(payload), options);
  }

  async nextValue(registration: unknown, options: LatestValuesOptions | undefined): Promise<unknown> {
    const values = this.values(registration, options);
    try {
      const { done, value } = await values.next();
      if (done) throw this.#client.closedError('once');
      return value;
    } finally {
      await values.return();
    }
  }

  /** The newest value of what is subscribed; undefined when there is none yet. */
  latest(registration: unknown): unknown {
    const payload = this.#registrations.latest(this.#spec.formatKey(registration), this.#client.verbs);
    return payload && this.#decode(payload);
  }

  /** Runs code of the user that must not stop anybody else. @param what the code, for the error */
  run(what: string, code: (...args: never[]) => unknown, args: unknown[]): void {
    try {
      const given = code(...(args as never[]));
      if (typeof given === 'object' && given !== null) this.#await(what, code, given);
    } catch (error) {
      this.#failed(what, error);
    }
  }

  /** What the code is matters only when it gives an object, which listeners rarely do. */
  #await(what: string, code: (...args: never[]) => unknown, given: object): void {
    const returned = isGeneratorFunction(code) ? runGenerator(given as ReturnType<GeneratorMethod>, undefined) : given;
    if (returned instanceof Promise) returned.catch((error: unknown) => this.#failed(what, error));
  }

  #failed(what: string, cause: unknown): void {
    const { name: channel } = this.#spec;
    const message = `${channel}: ${what} threw: ${messageOf(cause)}`;
    this.#client.emitError(new TrunklineError('ERR_TRUNKLINE_LISTENER_THREW', message, { channel, cause }));
  }

  /** @param onOver called once, when the subscription is over */
  #add(
    registration: unknown,
    listener: ValueListener,
    deliver: (listener: ValueListener, payload: Buffer) => void,
    onOver?: () => void,
  ): SubscriptionHandle {
    const { name: channel } = this.#spec;
    const isOpen = this.#client.isOpenFor('subscribe');
    const said = isOpen ? asSaid(channel, 'a registration', registration) : undefined;
    const key = isOpen ? this.#spec.formatKey(said) : '';
    const entry = new ListenerEntry(said, listener, deliver);
    entry.onOver = onOver;
    if (isOpen) {
      if (this.#timeoutMs) entry.patience = this.#patience(key, this.#timeoutMs);
      this.#registrations.subscribe(key, entry, this.#client.verbs);
    } else entry.end();
    return new SubscriptionHandle(
      entry,
      () => this.#registrations.remove(key, entry, this.#client.verbs),
      () => this.#client.isStale,
    );
  }

  #patience(key: string, subscribeTimeout: number): ReturnType<typeof patientTimeout> {
    return patientTimeout(this.#spec.clock, subscribeTimeout, () => {
      const { name: channel } = this.#spec;
      const message = `${channel}: subscribe timeout for ${key}, no value in ${subscribeTimeout} ms; the subscription stays in place`;
      this.#client.emitError(new TrunklineError('ERR_TRUNKLINE_SUBSCRIBE_TIMEOUT', message, { channel, key, subscribeTimeout }));
    });
  }

  /** Runs for each value. Calls few functions, because the first thousands of values pass before the engine has compiled this. */
  readonly #deliver = (listener: ValueListener, payload: Buffer): void => {
    if (!this.#client.isOpen) return;
    let value: unknown;
    try {
      value = this.#spec.values.decode(payload);
    } catch (cause) {
      this.#client.emitError(notDecodable(this.#spec.name, 'a value', cause));
      return;
    }
    try {
      const given = listener(value);
      if (typeof given === 'object' && given !== null) this.#await(LISTENER, listener, given);
    } catch (error) {
      this.#failed(LISTENER, error);
    }
  };

  /** Decodes for each listener: two listeners never share a mutable value. @throws TrunklineError ERR_TRUNKLINE_NOT_DECODABLE */
  #decode(payload: Buffer): unknown {
    try {
      return this.#spec.values.decode(payload);
    } catch (cause) {
      throw notDecodable(this.#spec.name, 'a value', cause);
    }
  }
}
