// What `create()` warns of, once for each class: verbs under names that mean nothing here, and a name that two classes may share.

import type { UpstreamMethods } from '../roles/role';
import type { Descriptors } from './delegation';
import { isMethod, nameOf, type UpstreamClass } from './upstream-class';

/** Names that other libraries give the verb that ends a client, the most thorough first. */
const CLOSING = [
  'destroy',
  'disconnect',
  'quit',
  'end',
  'shutdown',
  'shutDown',
  'dispose',
  'terminate',
  'stop',
  'release',
] as const;
const UNSUBSCRIBING = ['unsubscribe', 'unSub', 'unsub', 'unwatch'] as const;
/** Minifiers give classes very short names, and the same name to different classes of two programs. */
const MIN_NAME_LENGTH = 3;

const advised = new WeakSet<UpstreamClass>();

export interface AdviceOptions {
  readonly upstreamClass: UpstreamClass;
  readonly channel: string;
  readonly methods: UpstreamMethods;
  /** What the user has said, without what goes without saying. */
  readonly given: Descriptors;
  /** Whether the channel is named after the class. */
  readonly isNamedByClass: boolean;
}

/** @returns sentences; none the second time for a class */
export function adviceFor({ upstreamClass, channel, methods, given, isNamedByClass }: AdviceOptions): string[] {
  if (advised.has(upstreamClass)) return [];
  advised.add(upstreamClass);
  const of = `${channel}: class ${nameOf(upstreamClass) || 'without a name'}`;
  const advice: string[] = [];
  if (isNamedByClass && nameOf(upstreamClass).length < MIN_NAME_LENGTH) {
    advice.push(
      `${of}: the name of the class is the name of the channel, and other minified classes may have it too; set the option name`,
    );
  }
  const unSubscribe = first(upstreamClass, UNSUBSCRIBING);
  if (methods.subscribe && !methods.unSubscribe && unSubscribe && !given.has(unSubscribe)) {
    advice.push(
      `${of} has no method unSubscribe, so it stays subscribed to everything; .delegate('${unSubscribe}', 'unSubscribe')`,
    );
  }
  if (!methods.close) {
    const close = first(upstreamClass, CLOSING);
    advice.push(
      close
        ? `${of} has no method close, so its client is never closed; .delegate('${close}', 'close') if ${close} ends it`
        : `${of} has no method for closing, so its client is never closed and not made anew after a failed start; define close(), ` +
            "or name the method that ends it: .delegate(name, 'close')",
    );
  }
  return advice;
}

function first(upstreamClass: UpstreamClass, names: readonly string[]): string | undefined {
  return names.find((name) => isMethod(upstreamClass, name));
}
