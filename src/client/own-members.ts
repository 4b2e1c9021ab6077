// The members that every shared client has itself, and that no method of a class may take the place of.

import { SharedClient } from './shared-client';

/** Made in the constructors of EventEmitter and Base, or meaningful to Node.js wherever an object has them. */
const BESIDES: ReadonlySet<string> = new Set(['options', 'then', 'toJSON']);
/** A method of these names may stand for the client's own one. */
const REPLACEABLE: ReadonlySet<string> = new Set(['status', 'close']);

/** Whether a shared client is itself made of this member, so that a method of the class cannot have the name. */
export function isOwnMember(name: string): boolean {
  return !REPLACEABLE.has(name) && (name in SharedClient.prototype || BESIDES.has(name));
}
