// `fleet(Class, options)`: another upstream class with the methods of the first. The core makes one instance on each host, in the
// process that leads there; the instances meet in an engine, and one of them holds an instance of the user's class.

import { EventEmitter } from 'node:events';
import { CLASS_OPTIONS } from '../class-options';
import { TrunklineError } from '../errors';
import { FLEET_VIEW } from '../fleet-view';
import { isAsyncFunction, isAsyncGeneratorFunction, isGeneratorFunction } from '../generator-function';
import type { ClientOptions } from '../options';
import { LONGEST_TIMER_MS } from '../time';
import { HostFleet } from './host-fleet';
import { resolveFleetOptions, type FleetOptions, type ResolvedFleetOptions } from './options';
import type { FleetStatus } from './standing';
import type { FleetSourceClass } from './winner';

/** What a class of a fleet has besides the members of the user's class. */
export interface FleetMembers {
  /** How this host stands in the fleet. */
  fleetStatus(): Promise<FleetStatus>;
}

/** The class that `fleet` returns: what `cluster()` knows of the user's class, and `fleetStatus`. */
export type FleetClass<C extends FleetSourceClass> = new (...args: ConstructorParameters<C>) => InstanceType<C> & FleetMembers;

/** A follower waits a little longer for its leader than the leader waits for the fleet, whose error says more, ms. */
const HOP_MS = 1_000;

const RELEASE = Symbol('release');

/** The fleets of this process that are open. */
const open = new Set<HostFleet>();

/**
 * One upstream connection for many hosts.
 * @param upstreamClass the class that talks to the upstream server; its constructor runs only on the host that leads
 * @returns a class for `cluster()`
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function fleet<C extends FleetSourceClass>(upstreamClass: C, options: FleetOptions): FleetClass<C> {
  const resolved = resolveFleetOptions(options);
  const methods = methodsOf(upstreamClass);
  const host = (self: object): HostFleet => (self as FleetUpstream).host;
  const standIns = Object.fromEntries(
    [...methods].map(([name, method]) => [name, standInFor(name, method, resolved, host)]),
  ) as PropertyDescriptorMap & ThisType<object>;

  const FleetUpstreamOf = class extends FleetUpstream {
    constructor(...args: unknown[]) {
      super();
      try {
        this.host = new HostFleet({
          upstreamClass,
          args,
          methods: [...methods.keys()],
          options: resolved,
          emit: (event, ...given) => {
            if (event !== 'error' || this.listenerCount('error') > 0) this.emit(event, ...given);
          },
        });
      } catch (error) {
        this[RELEASE]();
        throw error;
      }
      open.add(this.host);
    }
  };
  Object.defineProperties(FleetUpstreamOf.prototype, { ...standIns, ...verbsFor(upstreamClass, resolved, host) });
  Object.defineProperty(FleetUpstreamOf, 'name', { value: upstreamClass.name, configurable: true });
  Object.defineProperty(FleetUpstreamOf, CLASS_OPTIONS, {
    value: (given: ClientOptions) => classOptions(upstreamClass.name, given, resolved),
  });
  return FleetUpstreamOf as unknown as FleetClass<C>;
}

/** How each open fleet of this process stands. A process has one while it leads on its host. */
export function fleetStatus(): FleetStatus[] {
  return [...open].map(({ status }) => status);
}

/** What the core sees: an emitter that is ready when this host can serve. */
class FleetUpstream extends EventEmitter {
  declare host: HostFleet;
  /** Keeps the process alive, as the socket of another upstream client does; connections and timers of the fleet never do. */
  readonly #handle = setInterval(() => undefined, LONGEST_TIMER_MS);

  ref(): void {
    this.#handle.ref();
  }

  unref(): void {
    this.#handle.unref();
  }

  /** The process may end. A symbol, because any name may be a method of the user. */
  [RELEASE](): void {
    clearInterval(this.#handle);
  }

  /** What the core shows of this host. */
  get [FLEET_VIEW](): FleetStatus {
    return this.host.status;
  }

  ready(): Promise<void> {
    return this.host.ready;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- shared because it is asynchronous by its syntax
  async fleetStatus(): Promise<FleetStatus> {
    return this.host.status;
  }
}

type Method = (...args: unknown[]) => unknown;
type HostOf = (self: object) => HostFleet;

/** Members that the library itself has on every upstream client, or that emitters have. */
const NOT_SHARED: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(EventEmitter.prototype),
  ...[
    'constructor',
    'ready',
    'isReady',
    'readyOrTimeout',
    'await',
    'awaitFirst',
    'ref',
    'unref',
    'fleetStatus',
    'then',
    'toJSON',
  ],
]);

function methodsOf(upstreamClass: FleetSourceClass): Map<string, Method> {
  const methods = new Map<string, Method>();
  for (
    let prototype: unknown = upstreamClass.prototype;
    prototype && prototype !== Object.prototype && !isOfLibrary(prototype);
    prototype = Object.getPrototypeOf(prototype)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof value === 'function' && !methods.has(name) && !NOT_SHARED.has(name)) methods.set(name, value as Method);
    }
  }
  return methods;
}

/** Emitters, and the base class of sdk-base in any version and copy: their members are no methods of the user. */
function isOfLibrary(prototype: object): boolean {
  return prototype === EventEmitter.prototype || Object.hasOwn(prototype, 'readyOrTimeout');
}

/** A method of the same kind, because the kind tells the core how a method gives results. */
function standInFor(name: string, method: Method, { group }: ResolvedFleetOptions, host: HostOf): PropertyDescriptor {
  const promised = async (self: object, args: unknown[]): Promise<unknown> =>
    (await host(self).call({ method: name, style: 'promise', args }))[0];
  let value: unknown;
  if (isAsyncGeneratorFunction(method)) {
    // eslint-disable-next-line require-yield, @typescript-eslint/require-await -- a stream that is refused
    value = async function* (): AsyncGenerator<never, void> {
      const message = `fleet ${group}: ${name} gives a stream, and streams are not carried between hosts; use a method with an answer`;
      throw new TrunklineError('ERR_TRUNKLINE_NOT_SHARED', message, { group, method: name });
    };
  } else if (isGeneratorFunction(method)) {
    value = function* (this: object, ...args: unknown[]): Generator<unknown, unknown> {
      return (yield promised(this, args)) as unknown;
    };
  } else if (isAsyncFunction(method)) {
    value = async function (this: object, ...args: unknown[]): Promise<unknown> {
      return promised(this, args);
    };
  } else {
    value = function (this: object, ...args: unknown[]): unknown {
      const callback = args.at(-1);
      if (typeof callback !== 'function') return promised(this, args);
      host(this)
        .call({ method: name, style: 'callback', args: args.slice(0, -1) })
        .then(
          (results) => (callback as Method)(null, ...results),
          (error: unknown) => (callback as Method)(error),
        );
      return undefined;
    };
  }
  return { value, writable: true, configurable: true };
}

/** The verbs that the class has. */
function verbsFor(upstreamClass: FleetSourceClass, { verbs }: ResolvedFleetOptions, host: HostOf): PropertyDescriptorMap {
  const { prototype } = upstreamClass as { prototype: Record<string, unknown> };
  const members: PropertyDescriptorMap = {};
  const add = (name: string, value: (this: object, ...args: never[]) => unknown): void => {
    members[name] = { value, writable: true, configurable: true };
  };
  if (typeof prototype[verbs.subscribe] === 'function') {
    add(verbs.subscribe, function (registration: unknown, listener: (value: unknown) => void) {
      host(this).subscribe(registration, listener);
    });
  }
  if (typeof prototype[verbs.unSubscribe] === 'function') {
    add(verbs.unSubscribe, function (registration: unknown) {
      host(this).unsubscribe(registration);
    });
  }
  if (typeof prototype[verbs.publish] === 'function') {
    add(verbs.publish, function (registration: unknown) {
      host(this).publish(registration);
    });
    // Without a method of the class the publication ends for other hosts all the same.
    add('unPublish', function (registration: unknown) {
      host(this).unpublish(registration);
    });
  }
  add(verbs.close, async function () {
    open.delete(host(this));
    await host(this).close();
    (this as unknown as FleetUpstream)[RELEASE]();
  });
  return members;
}

/** Options of the shared client that suit a fleet. @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
function classOptions(
  name: string,
  { responseTimeout }: ClientOptions,
  { ttlMs, callTimeoutMs }: ResolvedFleetOptions,
): ClientOptions {
  if (responseTimeout === undefined) return { responseTimeout: callTimeoutMs + HOP_MS };
  if (typeof responseTimeout !== 'number' || responseTimeout > ttlMs) return {};
  throw new TrunklineError(
    'ERR_TRUNKLINE_OPTION_INVALID',
    `${name}: option responseTimeout is ${responseTimeout}, and a takeover between hosts takes up to ttlMs (${ttlMs}): calls would fail ` +
      `in each; leave it out (${callTimeoutMs + HOP_MS} for this fleet), or give a single call a limit with client.with({ timeoutMs })`,
    { option: 'responseTimeout' },
  );
}
