// The members that every shared client has, and that no method of a class may replace.

import { SharedClient } from './shared-client';

/** Members that the constructors of EventEmitter and Base make, or that mean something to Node.js on any object. */
const BESIDES: ReadonlySet<string> = new Set(['options', 'then', 'toJSON']);
/** Members of the client that a method of the class may replace. */
const REPLACEABLE: ReadonlySet<string> = new Set(['status', 'close', 'values', 'latest', 'ref', 'unref']);

/** Whether every shared client has a member of this name, which therefore is not available for a method of the class. */
export function isOwnMember(name: string): boolean {
  return !REPLACEABLE.has(name) && (name in SharedClient.prototype || BESIDES.has(name));
}

/** Whether every shared client has a member of this name, unless a shared method of the class takes its place. */
export function isMemberOfClients(name: string): boolean {
  return REPLACEABLE.has(name) || isOwnMember(name);
}
