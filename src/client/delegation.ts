// Which members of the shared client stand for which methods of the upstream class. Pure: from the class and what
// the user said to a table of descriptors.

import { Base } from 'sdk-base';
import { TrunklineError } from '../errors';
import { isGeneratorFunction } from '../generator-function';
import type { UpstreamMethods } from '../roles/role';

/** What a delegated method does. */
export const DELEGATE_TARGETS = ['subscribe', 'unSubscribe', 'publish', 'invoke', 'invokeOneway', 'close'] as const;
export type DelegateTarget = (typeof DELEGATE_TARGETS)[number];

export interface DelegateOptions {
  /**
   * Running the method twice does no harm: a call that was under way when the leader was lost is sent again to the
   * next one, instead of being rejected. Default false. Only for the target `invoke`.
   */
  idempotent?: boolean | undefined;
}

export type Descriptor =
  | { readonly type: 'override'; readonly value: unknown }
  | { readonly type: 'delegate'; readonly to: DelegateTarget; readonly idempotent: boolean };

export type Descriptors = ReadonlyMap<string, Descriptor>;

/** A class whose instances talk to the upstream server. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor at all; `unknown[]` would refuse most
export type UpstreamClass = new (...args: any[]) => object;

/** Delegated to themselves when the class has them and nothing else was said. */
const VERBS = ['subscribe', 'unSubscribe', 'publish', 'close'] as const;

/**
 * @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when a target does not exist
 */
export function delegateDescriptor(channel: string, name: string, to: unknown, options: DelegateOptions | undefined): Descriptor {
  if (!DELEGATE_TARGETS.includes(to as DelegateTarget)) {
    throw new TrunklineError(
      'ERR_TRUNKLINE_DELEGATE_INVALID',
      `${channel}: delegate(${JSON.stringify(name)}, ${JSON.stringify(to)}): the target must be one of ${DELEGATE_TARGETS.join(', ')}`,
      { channel, method: name },
    );
  }
  return { type: 'delegate', to: to as DelegateTarget, idempotent: options?.idempotent === true };
}

/**
 * Adds what goes without saying: subscribe, unSubscribe, publish and close, and every method of the class that is
 * asynchronous by its syntax.
 */
export function completeDescriptors(upstreamClass: UpstreamClass, given: Descriptors, reserved: object): Descriptors {
  const complete = new Map(given);
  for (const verb of VERBS) {
    if (!complete.has(verb) && isMethod(upstreamClass, verb)) {
      complete.set(verb, { type: 'delegate', to: verb, idempotent: false });
    }
  }
  for (const [name, value] of methodsOf(upstreamClass)) {
    if (complete.has(name) || name.startsWith('_') || (name in reserved && name !== 'status')) continue;
    if (isAsyncFunction(value) || isGeneratorFunction(value))
      complete.set(name, { type: 'delegate', to: 'invoke', idempotent: false });
  }
  return complete;
}

/** @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when the class lacks a delegated method */
export function checkDescriptors(upstreamClass: UpstreamClass, descriptors: Descriptors, channel: string): void {
  for (const [name, descriptor] of descriptors) {
    if (descriptor.type === 'override' || descriptor.to === 'close' || isMethod(upstreamClass, name)) continue;
    throw new TrunklineError(
      'ERR_TRUNKLINE_DELEGATE_INVALID',
      `${channel}: api: ${name} not implement in client: class ${upstreamClass.name} has no method ${name} on its prototype; ` +
        'correct the name, or define it as a method instead of a class field',
      { channel, method: name },
    );
  }
}

/** The names under which the upstream client has its verbs. */
export function upstreamMethods(upstreamClass: UpstreamClass, descriptors: Descriptors): UpstreamMethods {
  const nameOf = (to: DelegateTarget): string | undefined => {
    for (const [name, descriptor] of descriptors) if (descriptor.type === 'delegate' && descriptor.to === to) return name;
    return undefined;
  };
  return {
    subscribe: nameOf('subscribe'),
    unSubscribe: nameOf('unSubscribe') ?? (isMethod(upstreamClass, 'unSubscribe') ? 'unSubscribe' : undefined),
    publish: nameOf('publish'),
    unPublish: isMethod(upstreamClass, 'unPublish') ? 'unPublish' : undefined,
    // Without a delegate of that kind too: an upstream client is never left open.
    close: nameOf('close') ?? (isMethod(upstreamClass, 'close') ? 'close' : undefined),
  };
}

export function callableMethods(descriptors: Descriptors): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, descriptor] of descriptors) {
    if (descriptor.type === 'delegate' && (descriptor.to === 'invoke' || descriptor.to === 'invokeOneway')) names.add(name);
  }
  return names;
}

export function isGeneratorMethod(upstreamClass: UpstreamClass, name: string): boolean {
  return isGeneratorFunction(memberOf(upstreamClass, name)?.value);
}

/** A method, or a getter, which may give a function on the instance. */
function isMethod(upstreamClass: UpstreamClass, name: string): boolean {
  const member = memberOf(upstreamClass, name);
  return member !== undefined && (typeof member.value === 'function' || member.get !== undefined);
}

function memberOf(upstreamClass: UpstreamClass, name: string): PropertyDescriptor | undefined {
  for (const prototype of prototypesOf(upstreamClass)) {
    const member = Reflect.getOwnPropertyDescriptor(prototype, name);
    if (member) return member;
  }
  return undefined;
}

/** Without those of sdk-base: the shared client has them itself. */
function* methodsOf(upstreamClass: UpstreamClass): Iterable<[string, unknown]> {
  const seen = new Set<string>();
  for (const prototype of prototypesOf(upstreamClass)) {
    if (prototype === Base.prototype) return;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (seen.has(name)) continue; // overridden further down
      seen.add(name);
      yield [name, Reflect.getOwnPropertyDescriptor(prototype, name)?.value];
    }
  }
}

function* prototypesOf(upstreamClass: UpstreamClass): Iterable<object> {
  let prototype: unknown = upstreamClass.prototype;
  while (prototype && prototype !== Object.prototype) {
    yield prototype;
    prototype = Object.getPrototypeOf(prototype);
  }
}

function isAsyncFunction(value: unknown): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}
