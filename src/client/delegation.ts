// Which members of the shared client stand for which methods of the upstream class. Pure: from the class and what
// the user said to a table of descriptors.

import { TrunklineError } from '../errors';
import { isAsyncFunction, isAsyncGeneratorFunction, isGeneratorFunction } from '../generator-function';
import type { UpstreamMethods } from '../roles/role';
import { isMemberOfClients, isOwnMember } from './own-members';
import { functionFields, isMethod, memberOf, methodsOf, type UpstreamClass } from './upstream-class';

/** What a delegated method does. */
export const DELEGATE_TARGETS = ['subscribe', 'unSubscribe', 'publish', 'invoke', 'invokeOneway', 'stream', 'close'] as const;
export type DelegateTarget = (typeof DELEGATE_TARGETS)[number];

export interface DelegateOptions {
  /**
   * Running the method twice does no harm: a call that was under way when the leader was lost is sent to the next leader,
   * instead of being rejected. Default false. Only for the target `invoke`.
   */
  idempotent?: boolean | undefined;
}

export type Descriptor =
  | { readonly type: 'override'; readonly value: unknown }
  | { readonly type: 'delegate'; readonly to: DelegateTarget; readonly idempotent: boolean };

export type Descriptors = ReadonlyMap<string, Descriptor>;

/** Delegated under the same name when the class has such methods and nothing else was declared. */
const VERBS = ['subscribe', 'unSubscribe', 'publish', 'close'] as const;

/**
 * @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when a target does not exist or is none for the method, or every client has a
 * member of the name
 */
export function delegateDescriptor(
  upstreamClass: UpstreamClass,
  channel: string,
  name: string,
  to: unknown,
  options: DelegateOptions | undefined,
): Descriptor {
  if (typeof name !== 'string' || isOwnMember(name)) {
    throw new TrunklineError(
      'ERR_TRUNKLINE_DELEGATE_INVALID',
      `${channel}: delegate(${typeof name === 'string' ? JSON.stringify(name) : `a ${typeof name}`}): every client has a member of this ` +
        'name itself; give the method of the class another name',
      { channel, method: name },
    );
  }
  if (!DELEGATE_TARGETS.includes(to as DelegateTarget)) {
    throw new TrunklineError(
      'ERR_TRUNKLINE_DELEGATE_INVALID',
      `${channel}: delegate(${JSON.stringify(name)}, ${JSON.stringify(to)}): the target must be one of ${DELEGATE_TARGETS.join(', ')}`,
      { channel, method: name },
    );
  }
  const idempotent = options?.idempotent === true;
  if (!isStream(upstreamClass, name)) return { type: 'delegate', to: to as DelegateTarget, idempotent };
  if (to === 'invoke' || to === 'stream') return STREAM;
  const message =
    `${channel}: delegate(${JSON.stringify(name)}, ${JSON.stringify(to)}): it is an async generator method, which gives a stream; ` +
    'leave out the target, and the shared client has the stream';
  throw new TrunklineError('ERR_TRUNKLINE_DELEGATE_INVALID', message, { channel, method: name });
}

const STREAM: Descriptor = { type: 'delegate', to: 'stream', idempotent: false };

/** Adds the defaults: subscribe, unSubscribe, publish and close, and every method of the class that is asynchronous by syntax. */
export function completeDescriptors(upstreamClass: UpstreamClass, given: Descriptors): Descriptors {
  const complete = new Map(given);
  for (const verb of VERBS) {
    if (!complete.has(verb) && isMethod(upstreamClass, verb) && !isStream(upstreamClass, verb)) {
      complete.set(verb, { type: 'delegate', to: verb, idempotent: false });
    }
  }
  for (const [name, method] of methodsOf(upstreamClass)) {
    if (complete.has(name) || name.startsWith('_') || isOwnMember(name) || VERBS.includes(name as never)) continue;
    if (isAsyncGeneratorFunction(method)) complete.set(name, STREAM);
    if (isAsyncFunction(method) || isGeneratorFunction(method))
      complete.set(name, { type: 'delegate', to: 'invoke', idempotent: false });
  }
  return complete;
}

/** @throws TrunklineError ERR_TRUNKLINE_DELEGATE_INVALID when the class lacks a delegated method */
export function checkDescriptors(upstreamClass: UpstreamClass, descriptors: Descriptors, channel: string): void {
  for (const [name, descriptor] of descriptors) {
    if (descriptor.type === 'override') continue;
    if (descriptor.to === 'close' || isMethod(upstreamClass, name)) continue;
    throw new TrunklineError(
      'ERR_TRUNKLINE_DELEGATE_INVALID',
      `${channel}: api: ${name} not implement in client: class ${upstreamClass.name} has no method ${name}, and no field of this name ` +
        'whose function stands in its source; correct the name, or define it as a method',
      { channel, method: name },
    );
  }
}

function isStream(upstreamClass: UpstreamClass, name: string): boolean {
  return isAsyncGeneratorFunction(memberOf(upstreamClass, name)?.value);
}

/** The names of the verbs in the upstream client. */
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

export function streamMethods(descriptors: Descriptors): ReadonlySet<string> {
  return new Set([...descriptors].flatMap(([name, each]) => (each.type === 'delegate' && each.to === 'stream' ? [name] : [])));
}

/** The names of shared methods, in the form in which processes compare names. */
export function sharedMethods(descriptors: Descriptors): string[] {
  return [...descriptors]
    .flatMap(([name, descriptor]) => {
      if (descriptor.type === 'override') return [];
      return [descriptor.to === 'invoke' || descriptor.to === name ? name : `${name} as ${descriptor.to}`];
    })
    .map((method) => method.replaceAll('\n', ' '))
    .sort();
}

export function isGeneratorMethod(upstreamClass: UpstreamClass, name: string): boolean {
  return isGeneratorFunction(memberOf(upstreamClass, name)?.value);
}

/** Public methods of the class that are not shared, each with the message that a call throws. */
export function unsharedMethods(upstreamClass: UpstreamClass, descriptors: Descriptors, channel: string): Map<string, string> {
  const methods = methodsOf(upstreamClass);
  const reasons = new Map<string, string>();
  for (const name of [...methods.keys(), ...functionFields(upstreamClass)]) {
    if (descriptors.has(name) || name.startsWith('_') || isMemberOfClients(name)) continue;
    reasons.set(name, `${channel}: ${name}() is not shared: ${whyUnshared(name, methods.get(name))}`);
  }
  return reasons;
}

function whyUnshared(name: string, method: unknown): string {
  if (isAsyncGeneratorFunction(method)) {
    const why = VERBS.includes(name as never)
      ? `it is an async generator method, and no ${name} of a key`
      : 'autoGenerate is false';
    return `${why}; share it with .delegate('${name}', 'stream')`;
  }
  if (VERBS.includes(name as never)) return `autoGenerate is false; share it with .delegate('${name}', '${name}')`;
  const why =
    isAsyncFunction(method) || isGeneratorFunction(method)
      ? 'autoGenerate is false'
      : 'it is no method that is asynchronous by its syntax (async, or a generator method)';
  return `${why}; share it with .delegate('${name}')`;
}
