// The members that every shared client has itself, and that no method of a class may take the place of.

import { SharedClient } from './shared-client';

/** Members that the constructors of EventEmitter and Base make, or that mean something to Node.js on any object. */
const BESIDES: ReadonlySet<string> = new Set(['options', 'then', 'toJSON']);
/** Members of the client that a method of the class may replace. */
const REPLACEABLE: ReadonlySet<string> = new Set(['status', 'close']);

/** Whether a shared client is itself made of this member, so that a method of the class cannot have the name. */
export function isOwnMember(name: string): boolean {
  return !REPLACEABLE.has(name) && (name in SharedClient.prototype || BESIDES.has(name));
}
