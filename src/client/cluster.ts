// `cluster(Client, options).delegate(…).override(…).create(…)`: the builder, and the names of cluster-client 3.x. This is the
// only file that maps the old names to the words of the rest of the code.

import { classOptionsOf } from '../class-options';
import { TrunklineError } from '../errors';
import { resolveOptions, type ClientOptions, type ResolvedOptions } from '../options';
import { openClients } from '../seat';
import { snapshot } from '../snapshot';
import { adviceFor } from './advice';
import { checkCallOptions, type CallOptions } from './call-limit';
import { channelSettings } from './channel-settings';
import {
  checkDescriptors,
  completeDescriptors,
  delegateDescriptor,
  isGeneratorMethod,
  unsharedMethods,
  type DelegateOptions,
  type Descriptor,
  type Descriptors,
  type DelegateTarget,
} from './delegation';
import { CLOSE, SharedClient, type ClientVerbs } from './shared-client';
import type { MethodNames, SharedClientOf } from './shared-type';
import type { ClientStatus } from './status';
import { nameOf, type UpstreamClass } from './upstream-class';

const DONE = Promise.resolve();

type AutoOf<O> = O extends { autoGenerate: false } ? false : true;

/** Collects what the shared client shall have; each call returns the builder. */
export class ClusterBuilder<
  C extends UpstreamClass,
  D extends Record<string, DelegateTarget> = Record<never, never>,
  O = unknown,
  Auto extends boolean = true,
> {
  readonly #class: C;
  readonly #options: ResolvedOptions;
  readonly #descriptors = new Map<string, Descriptor>();
  readonly #isNamedByClass: boolean;

  constructor(upstreamClass: C, options?: ClientOptions) {
    if (typeof upstreamClass !== 'function' || typeof upstreamClass.prototype !== 'object') {
      throw new TrunklineError(
        'ERR_TRUNKLINE_OPTION_INVALID',
        `cluster(Client, options): Client must be a class, but is a value of type ${typeof upstreamClass}`,
      );
    }
    this.#class = upstreamClass;
    this.#options = resolveOptions(options, nameOf(upstreamClass) || 'anonymous', undefined, classOptionsOf(upstreamClass));
    this.#isNamedByClass = (options?.name ?? undefined) === undefined;
  }

  /**
   * Shares a method.
   * @param name the method of the upstream class; the shared client has a member with the same name
   * @param to what a call does: `invoke` (runs the method in the leader and gives the result; the default), `invokeOneway` (runs
   * the method, no result), `stream` (gives an async generator over what the method yields; the default for `async *` methods),
   * `subscribe`, `unSubscribe`, `publish`, `close`
   * @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when the target does not exist or is none for the method, or every client
   * has a member of this name
   */
  delegate<K extends MethodNames<InstanceType<C>>, To extends DelegateTarget = 'invoke'>(
    name: K,
    to?: To,
    options?: DelegateOptions,
  ): ClusterBuilder<C, D & Record<K, To>, O, Auto> {
    const { name: channel } = this.#options;
    this.#descriptors.set(name, delegateDescriptor(this.#class, channel, name, to ?? 'invoke', options));
    return this as never;
  }

  /** Gives the shared client an additional member. */
  override<K extends string, V>(name: K, value: V): ClusterBuilder<C, D, O & Record<K, V>, Auto> {
    this.#descriptors.set(name, { type: 'override', value });
    return this as never;
  }

  /**
   * Creates the shared client.
   * @param args for the constructor of the upstream class, which runs only in the process that leads
   * @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when the class lacks a delegated method
   */
  create(...args: ConstructorParameters<C>): SharedClientOf<C, D, O, Auto> {
    const descriptors = this.#options.autoGenerate ? completeDescriptors(this.#class, this.#descriptors) : this.#descriptors;
    checkDescriptors(this.#class, descriptors, this.#options.name);
    const { spec, participation } = channelSettings(this.#class, args, this.#options, descriptors);
    for (const sentence of adviceFor({
      upstreamClass: this.#class,
      channel: spec.name,
      methods: spec.methods,
      given: this.#descriptors,
      isNamedByClass: this.#isNamedByClass,
    })) {
      spec.logger.warn(sentence);
    }
    let verbs!: ClientVerbs;
    const client = new SharedClient(spec, participation, this.#options, (exposed) => {
      verbs = exposed;
    });
    for (const [name, descriptor] of descriptors) {
      const value = descriptor.type === 'override' ? descriptor.value : member(client, verbs, this.#class, name, descriptor);
      // Ordinary properties, which tests can replace and spy on.
      Object.defineProperty(client, name, { value, writable: true, enumerable: true, configurable: true });
    }
    if (!descriptors.has('with')) {
      const value = (options: CallOptions) => calls(spec.name, client, verbs, this.#class, descriptors, options);
      Object.defineProperty(client, 'with', { value, writable: true, configurable: true });
    }
    for (const [name, reason] of unsharedMethods(this.#class, descriptors, spec.name)) {
      // These members are not enumerable: only shared members can be listed.
      Object.defineProperty(client, name, { value: refusing(spec.name, name, reason), writable: true, configurable: true });
    }
    return client as unknown as SharedClientOf<C, D, O, Auto>;
  }
}

/**
 * Stands for a method that is not shared: the type may promise such a method, because types do not show how a promise is made.
 */
function refusing(channel: string, method: string, reason: string): () => never {
  return () => {
    throw new TrunklineError('ERR_TRUNKLINE_NOT_SHARED', reason, { channel, method });
  };
}

/**
 * Shares an instance of a class among the processes of this host.
 * @param upstreamClass talks to the upstream server; the constructor runs only in the process that leads
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function cluster<C extends UpstreamClass, const P extends ClientOptions = ClientOptions>(
  upstreamClass: C,
  options?: P,
): ClusterBuilder<C, Record<never, never>, unknown, AutoOf<P>> {
  return new ClusterBuilder(upstreamClass, options);
}

/**
 * Closes a client that `create()` has returned, or an API client.
 * @returns resolves when no timer, socket or listener of the client is left
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID for anything else
 */
export function close(client: object): Promise<void> {
  const closing = (client as { [CLOSE]?: unknown } | null | undefined)?.[CLOSE];
  if (typeof closing !== 'function') {
    throw new TrunklineError(
      'ERR_TRUNKLINE_OPTION_INVALID',
      'close(client): client should be instanceof ClusterClient, one that create() has returned',
    );
  }
  return closing.call(client) as Promise<void>;
}

/** How each shared client of this process stands that is not closed, in the order of their creation. */
export function status(): ClientStatus[] {
  return [...openClients()].map((client) => client.status() as ClientStatus);
}

/** The function that the shared client has for a delegated method. */
function member(
  client: SharedClient,
  verbs: ClientVerbs,
  upstreamClass: UpstreamClass,
  name: string,
  { to, idempotent }: Extract<Descriptor, { type: 'delegate' }>,
  given: CallOptions = {},
): unknown {
  const options: CallOptions = { ...given, idempotent: given.idempotent ?? idempotent };
  switch (to) {
    case 'subscribe':
    case 'unSubscribe':
    case 'publish':
      // The method of the class may return a promise, and callers may await the result. A refusal of the upstream client is an
      // `error` event.
      return (...args: Parameters<typeof verbs.subscribe>): PromiseLike<void> => verbs[to](...args) ?? DONE;
    case 'close':
      return () => client[CLOSE]();
    case 'invokeOneway':
      return (...args: unknown[]): void => {
        verbs.invokeOneway(name, args);
      };
    case 'stream':
      return (...args: unknown[]) => verbs.stream(name, args, options);
    case 'invoke':
      if (isGeneratorMethod(upstreamClass, name)) {
        return saidAtTheCall(function* (...args: unknown[]): Generator<unknown, unknown> {
          return (yield verbs.invoke(name, args, 'promise', options)) as unknown;
        });
      }
      return (...args: unknown[]): Promise<unknown> | undefined => {
        const callback = args.at(-1);
        if (typeof callback !== 'function') return verbs.invoke(name, args, 'promise', options);
        verbs.invoke(name, args.slice(0, -1), 'callback', options).then(
          (results) => {
            verbs.callBack(callback as never, null, ...(results as unknown[]));
          },
          (error: unknown) => {
            verbs.callBack(callback as never, error);
          },
        );
        return undefined;
      };
  }
}

/** The methods that are called in the leader, each with these options. @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
function calls(
  channel: string,
  client: SharedClient,
  verbs: ClientVerbs,
  upstreamClass: UpstreamClass,
  descriptors: Descriptors,
  options: CallOptions,
): Record<string, unknown> {
  checkCallOptions(channel, options);
  const members: Record<string, unknown> = {};
  for (const [name, descriptor] of descriptors) {
    if (descriptor.type !== 'delegate' || (descriptor.to !== 'invoke' && descriptor.to !== 'stream')) continue;
    members[name] = member(client, verbs, upstreamClass, name, descriptor, options);
  }
  return members;
}

/** A generator function begins when the first result is asked for, but must see the arguments as at the time of the call. */
function saidAtTheCall<F extends (...args: unknown[]) => unknown>(generatorFunction: F): F {
  return new Proxy(generatorFunction, {
    apply: (target, self, args: unknown[]) => Reflect.apply<unknown, unknown[], unknown>(target, self, snapshot(args)),
  });
}
