// The runtime of this process, if this process is a child of a supervisor: the state behind the functions of the public face.

import { Postbox, type Messenger } from '../messaging/messenger';
import type { Mail } from '../messaging/messages';

/** The part of ChildRuntime that programs use. */
interface Runtime {
  ready(): void;
  onDrain(callback: () => unknown): void;
  onStop(callback: () => unknown): void;
}

interface Shared {
  readonly postbox: Postbox;
  runtime?: Runtime;
}

// On the global object: the application may have loaded another copy of this package than the child's entry.
const KEY = Symbol.for('trunkline.supervisor.runtime');
const shared = ((globalThis as { [KEY]?: Shared })[KEY] ??= { postbox: new Postbox() });

/** @returns what messages of the master are given to */
export function installRuntime(runtime: Runtime, post: (mail: Mail) => void): Postbox {
  shared.runtime = runtime;
  shared.postbox.connect(post);
  shared.postbox.beginStart();
  return shared.postbox;
}

/** Whether this process or thread is the child of a supervisor. */
export function isSupervised(): boolean {
  return shared.runtime !== undefined;
}

/** Says that this process is ready: for a worker that does not listen, or an agent that has more to do first. */
export function ready(): void {
  shared.runtime?.ready();
}

/**
 * Runs a callback before a supervised process ends, after the last requests of HTTP servers are answered. Callbacks run in
 * reverse order; a promise is awaited. Without a supervisor the callback is never called.
 */
export function onStop(callback: () => unknown): void {
  shared.runtime?.onStop(callback);
}

/**
 * Runs a callback when a supervised process is to end and accepts nothing more: the time to tell long-lived connections, such as
 * websockets, to go elsewhere. The process ends when these connections have gone, or after a share of the time for the stop.
 */
export function onDrain(callback: () => unknown): void {
  shared.runtime?.onDrain(callback);
}

/** Messages to the other processes of the application. Without a supervisor messages go nowhere. */
export const messenger: Messenger = shared.postbox;
