// The runtime of this process, if it is a child of a supervisor: what `ready()` and `onStop()` of the public face reach.

/** The part of ChildRuntime that programs use. */
interface Runtime {
  ready(): void;
  onStop(callback: () => unknown): void;
}

// On the global object: the application may have loaded another copy of this package than the child's entry.
const KEY = Symbol.for('trunkline.supervisor.runtime');

export function installRuntime(runtime: Runtime): void {
  (globalThis as { [KEY]?: Runtime })[KEY] = runtime;
}

/** Says that this process is ready: for a worker that does not listen, or an agent that has more to do first. */
export function ready(): void {
  (globalThis as { [KEY]?: Runtime })[KEY]?.ready();
}

/**
 * Runs a callback before a supervised process ends, after its HTTP servers have answered their last requests.
 * Callbacks run in reverse order; a promise is awaited. Without a supervisor it is never called.
 */
export function onStop(callback: () => unknown): void {
  (globalThis as { [KEY]?: Runtime })[KEY]?.onStop(callback);
}
