// `mockUpstream(Class)`: a class for cluster() that behaves like an upstream class whose server the test plays, and the control of
// both. No timers: everything happens when the test says so.

import { TrunklineError } from '../errors';
import { formatKey } from '../format-key';
import { snapshot } from '../snapshot';
import { mockClass, shapeOf, type MockInstance, type Shape } from './mock-class';
import { HeldCall, MockScript } from './mock-script';
import type {
  Answer,
  ArgumentsOf,
  MethodNames,
  MethodOf,
  MockVerbs,
  PublicationOf,
  RegistrationOf,
  ResultOf,
  UpstreamClass,
  ValueOf,
} from './mock-types';

export interface MockUpstreamOptions<C extends UpstreamClass> extends MockVerbs<C> {
  /** Whether instances are ready at once. False: when the test says `becomeReady()`. Default true. */
  readonly ready?: boolean | undefined;
}

/** Something that was asked of the mock. `instance` counts the instances of the mock from 1. */
export type MockEvent =
  | { readonly what: 'create'; readonly instance: number; readonly args: readonly unknown[] }
  | { readonly what: 'call'; readonly instance: number; readonly method: string; readonly args: readonly unknown[] }
  | {
      readonly what: 'subscribe' | 'unSubscribe' | 'publish' | 'unPublish';
      readonly instance: number;
      readonly registration: unknown;
    }
  | { readonly what: 'close'; readonly instance: number };

type Listener = (value: unknown) => void;
type Verb = 'subscribe' | 'unSubscribe' | 'publish' | 'unPublish';

/** An instance, and what the server knows of the session of the instance. */
interface Session {
  readonly instance: MockInstance;
  readonly number: number;
  readonly listeners: Map<string, { readonly registration: unknown; readonly listener: Listener }>;
  readonly published: Map<string, unknown>;
  readonly waitingForReady: ((error?: unknown) => void)[];
  /** Whether the instance has a connection. */
  isLive: boolean;
}

export class MockUpstream<C extends UpstreamClass, O extends MockUpstreamOptions<C> = Record<never, never>> {
  /** The class to hand to `cluster()` in place of the original, with the type of the original. */
  readonly Class: C;
  /** Everything that was asked of the mock, oldest first. Arguments are copies. */
  readonly log: MockEvent[] = [];
  readonly #shape: Shape;
  readonly #verbs = new Map<string, Verb>();
  readonly #script: MockScript;
  readonly #sessions: Session[] = [];
  /** What the server has, by key. */
  readonly #values = new Map<string, unknown>();
  #isReady: boolean;
  #readyError: unknown;

  /** @internal */
  constructor(upstreamClass: C, options: O | undefined) {
    this.#shape = shapeOf(upstreamClass);
    this.#script = new MockScript(this.#shape.name);
    for (const verb of ['subscribe', 'unSubscribe', 'publish', 'unPublish'] as const)
      this.#verbs.set(options?.[verb] ?? verb, verb);
    for (const name of Object.values({ ...options, ready: undefined })) if (typeof name === 'string') this.#assertMethod(name);
    this.#isReady = options?.ready ?? true;
    if (!this.#isReady) this.#assertReady();
    this.Class = mockClass(upstreamClass, this.#shape, {
      onCreate: (instance, args) => this.#onCreate(instance, args),
      onCall: (instance, method, args) => this.#onCall(this.#sessionOf(instance), method, args),
      onReady: (instance, callback) => this.#onReady(this.#sessionOf(instance), callback),
    });
  }

  // What the server of the mock has

  /** Sets the value of a registration: present subscribers hear the value, and later subscribers do when subscribing. */
  set(registration: RegistrationOf<C, O>, value: ValueOf<C, O>): void {
    this.#assertVerb('subscribe');
    this.#values.set(formatKey(registration), value);
    this.push(registration, value);
  }

  /** Pushes a value to the present subscribers of a registration, and keeps nothing. @returns how many instances have subscribed the registration */
  push(registration: RegistrationOf<C, O>, value: ValueOf<C, O>): number {
    this.#assertVerb('subscribe');
    const key = formatKey(registration);
    const listeners = this.#live.flatMap((session) => session.listeners.get(key)?.listener ?? []);
    for (const listener of listeners) listener(value);
    return listeners.length;
  }

  // What methods give

  /** Says what a method gives from now on: a value, or a function of the arguments of each call, which may throw. */
  answer<K extends MethodNames<InstanceType<C>>>(method: K, answer: Answer<MethodOf<C, K>>): this {
    this.#assertMethod(method);
    this.#script.answer(method, answer);
    return this;
  }

  /** The next call of a method that nothing was said of yet gives this value. Also for verbs, such as `publish`. */
  answerNext<K extends MethodNames<InstanceType<C>>>(method: K, value: ResultOf<MethodOf<C, K>>): this {
    this.#assertMethod(method);
    this.#script.next(method, { value });
    return this;
  }

  /** The next call of a method fails with this error. Also for verbs, such as `subscribe`, which trunkline tries again. */
  failNext(method: MethodNames<InstanceType<C>>, error: unknown = new Error(`${method} failed`)): this {
    this.#assertMethod(method);
    this.#script.next(method, { error });
    return this;
  }

  /** The next call of a method waits until the test releases the call. */
  delayNext<K extends MethodNames<InstanceType<C>>>(method: K): HeldCall<ArgumentsOf<MethodOf<C, K>>> {
    this.#assertMethod(method);
    const held = new HeldCall();
    this.#script.next(method, { held });
    return held as unknown as HeldCall<ArgumentsOf<MethodOf<C, K>>>;
  }

  // What happens to the connection

  /**
   * The connection of every instance is lost: the instances emit `close`, and trunkline makes a new instance. The server still has what
   * was published, until `expire()`.
   * @param error emitted as `error` before that
   */
  disconnect(error?: unknown): void {
    this.#assertEmitter('disconnect()');
    for (const session of this.#live) {
      session.isLive = false;
      session.listeners.clear();
      if (error !== undefined && session.instance.listenerCount('error') > 0) session.instance.emit('error', error);
      session.instance.emit('close');
    }
  }

  /** The server forgets every session: what was published and subscribed is gone, and instances that are connected emit `close`. */
  expire(): void {
    for (const session of this.#sessions) session.published.clear();
    this.disconnect();
  }

  /** New instances do not become ready until `becomeReady()`. */
  holdReady(): void {
    this.#assertReady();
    this.#isReady = false;
    this.#readyError = undefined;
  }

  /** Instances that wait are ready now, and later instances at once. */
  becomeReady(): void {
    this.#isReady = true;
    this.#readyError = undefined;
    for (const session of this.#live) this.#settle(session);
  }

  /** Present and later instances fail to start with this error, until `becomeReady()` or `holdReady()`. */
  failReady(error: unknown = new Error('the server is down')): void {
    this.#assertReady();
    this.#isReady = false;
    this.#readyError = error;
    for (const session of this.#live) this.#settle(session);
  }

  /** Every connected instance emits an event, such as `error` or `health`. */
  emit(event: string, ...args: unknown[]): void {
    this.#assertEmitter(`emit('${event}')`);
    for (const { instance } of this.#live) instance.emit(event, ...args);
  }

  // What was asked

  /** How many instances were made. */
  get instances(): number {
    return this.#sessions.length;
  }

  /** How many instances are connected now: 1 while all goes well, 0 after a loss, 2 for a moment of a hand-off. */
  get connected(): number {
    return this.#live.length;
  }

  /** The calls, oldest first. Verbs are no calls: see `subscriptions` and `publications`. */
  get calls(): readonly Extract<MockEvent, { what: 'call' }>[] {
    return this.log.filter((event) => event.what === 'call');
  }

  /** The arguments of each call of a method, oldest first. */
  callsOf<K extends MethodNames<InstanceType<C>>>(method: K): readonly ArgumentsOf<MethodOf<C, K>>[] {
    this.#assertMethod(method);
    return this.calls.filter((call) => call.method === method).map(({ args }) => args as ArgumentsOf<MethodOf<C, K>>);
  }

  /** Each `subscribe` and `unSubscribe`, oldest first. */
  get subscriptions(): readonly { readonly what: 'subscribe' | 'unSubscribe'; readonly registration: RegistrationOf<C, O> }[] {
    return this.log.flatMap((event) =>
      event.what === 'subscribe' || event.what === 'unSubscribe'
        ? [{ what: event.what, registration: event.registration as RegistrationOf<C, O> }]
        : [],
    );
  }

  /** Each `publish` and `unPublish`, oldest first. */
  get publications(): readonly { readonly what: 'publish' | 'unPublish'; readonly registration: PublicationOf<C, O> }[] {
    return this.log.flatMap((event) =>
      event.what === 'publish' || event.what === 'unPublish'
        ? [{ what: event.what, registration: event.registration as PublicationOf<C, O> }]
        : [],
    );
  }

  /** What is subscribed now, in the order of the first subscription. */
  get subscribed(): readonly RegistrationOf<C, O>[] {
    const all = new Map(
      this.#live.flatMap(({ listeners }) => [...listeners].map(([key, { registration }]) => [key, registration])),
    );
    return [...all.values()] as RegistrationOf<C, O>[];
  }

  /** What the server has of publications now. */
  get published(): readonly PublicationOf<C, O>[] {
    return [...new Map(this.#sessions.flatMap(({ published }) => [...published])).values()] as PublicationOf<C, O>[];
  }

  get #live(): Session[] {
    return this.#sessions.filter(({ isLive }) => isLive);
  }

  #onCreate(instance: MockInstance, args: unknown[]): void {
    const session: Session = {
      instance,
      number: this.#sessions.length + 1,
      listeners: new Map(),
      published: new Map(),
      waitingForReady: [],
      isLive: true,
    };
    this.#sessions.push(session);
    this.log.push({ what: 'create', instance: session.number, args: snapshot(args) });
  }

  #sessionOf(instance: MockInstance): Session {
    const session = this.#sessions.find((each) => each.instance === instance);
    if (!session) throw this.#invalid('a method was called on an object that is no instance of the mock');
    return session;
  }

  #onReady(session: Session, callback: (error?: unknown) => void): void {
    session.waitingForReady.push(callback);
    this.#settle(session);
  }

  #settle({ waitingForReady, instance }: Session): void {
    if (!this.#isReady && this.#readyError === undefined) return;
    instance.isReady = this.#isReady;
    instance.readyError = this.#readyError;
    for (const callback of waitingForReady.splice(0)) callback(this.#readyError);
  }

  #onCall(session: Session, method: string, args: unknown[]): unknown {
    const verb = this.#verbs.get(method);
    if (verb) return this.#onVerb(session, verb, method, args);
    if (method === 'close') return this.#script.run(method, args, () => this.#onClose(session));
    // A function at the end is what trunkline puts in place of a callback.
    const callback = typeof args.at(-1) === 'function' ? (args.pop() as (error: unknown, result?: unknown) => void) : undefined;
    this.log.push({ what: 'call', instance: session.number, method, args: snapshot(args) });
    if (!callback) return this.#script.run(method, args);
    void new Promise((resolve) => resolve(this.#script.run(method, args))).then(
      (result) => callback(null, result),
      (error: unknown) => callback(error),
    );
    return undefined;
  }

  #onVerb(session: Session, verb: Verb, method: string, args: unknown[]): unknown {
    const [registration, listener] = args as [unknown, Listener | undefined];
    this.log.push({ what: verb, instance: session.number, registration: snapshot(registration) });
    const key = formatKey(registration);
    try {
      const outcome = this.#script.run(method, args, () => {
        switch (verb) {
          case 'subscribe':
            session.listeners.set(key, { registration, listener: listener! });
            if (this.#values.has(key)) listener!(this.#values.get(key));
            return;
          case 'unSubscribe':
            session.listeners.delete(key);
            return;
          case 'publish':
            session.published.set(key, registration);
            return;
          case 'unPublish':
            for (const { published } of this.#sessions) published.delete(key);
        }
      });
      return outcome;
    } catch (error) {
      return Promise.reject(error); // a server that refuses says so later
    }
  }

  #onClose(session: Session): void {
    // After a loss the server hears nothing of the close.
    if (session.isLive) session.published.clear();
    session.isLive = false;
    session.listeners.clear();
    this.log.push({ what: 'close', instance: session.number });
  }

  #assertMethod(method: string): void {
    if (this.#shape.methods.has(method)) return;
    throw this.#invalid(
      `the class has no method ${String(method)}; it has ${[...this.#shape.methods.keys()].join(', ')}`,
      method,
    );
  }

  #assertVerb(verb: Verb): void {
    const name = [...this.#verbs].find(([, each]) => each === verb)![0];
    if (this.#shape.methods.has(name)) return;
    throw this.#invalid(
      `the class has no method ${name}; name the method that does it: mockUpstream(Class, { ${verb}: '…' })`,
      name,
    );
  }

  #assertEmitter(what: string): void {
    if (this.#shape.isEmitter) return;
    throw this.#invalid(`${what} would not be heard, because the class is no emitter; extend Base of sdk-base, or EventEmitter`);
  }

  #assertReady(): void {
    if (this.#shape.hasReady) return;
    throw this.#invalid(
      'the class has no method ready, so it is ready at once; extend Base of sdk-base, or give it ready(callback)',
    );
  }

  #invalid(what: string, method?: string): TrunklineError {
    const { name } = this.#shape;
    return new TrunklineError('ERR_TRUNKLINE_MOCK_INVALID', `mock of ${name}: ${what}`, {
      class: name,
      ...(method !== undefined && { method }),
    });
  }
}

/**
 * Makes a mock of an upstream class: a class for `cluster()` in which no code of the original runs, and the server behind it, which the
 * test plays.
 * @throws TrunklineError ERR_TRUNKLINE_MOCK_INVALID when the options name what the class does not have
 */
export function mockUpstream<C extends UpstreamClass, const O extends MockUpstreamOptions<C> = Record<never, never>>(
  Class: C,
  options?: O,
): MockUpstream<C, O> {
  if (typeof Class === 'function' && typeof Class.prototype === 'object') return new MockUpstream<C, O>(Class, options);
  const message = `mockUpstream(Class): Class must be a class, but is a value of type ${typeof Class}`;
  throw new TrunklineError('ERR_TRUNKLINE_MOCK_INVALID', message);
}
