// Whatever one emitter emits, others emit too: the events of the upstream client on the shared client, and those on
// the API client. The names of the events are not known beforehand, so `emit` of the source is replaced while
// anything is forwarded.

import { nextTick } from '../time';

interface Emitter {
  emit(event: string | symbol, ...args: unknown[]): boolean;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

interface Forwarding {
  /** Each target with the events that it does not want. */
  readonly targets: Map<Emitter, readonly (string | symbol)[]>;
  readonly restore: () => void;
}

/** Bookkeeping of EventEmitter itself, not news of the source. */
const INTERNAL: readonly (string | symbol)[] = ['newListener', 'removeListener'];

const forwardings = new WeakMap<Emitter, Forwarding>();

/**
 * Emits on `to` what `from` emits, after its own listeners. Without effect when `from` is no emitter.
 * An error of `from` is from here on the business of `to`: it neither throws nor is it printed for lack of a listener.
 * @param except events that are not forwarded
 * @returns ends the forwarding
 */
export function forwardEvents(from: object, to: Emitter, except: readonly string[] = []): () => void {
  if (!isEmitter(from)) return () => undefined;
  const forwarding = forwardings.get(from) ?? begin(from);
  forwarding.targets.set(to, [...INTERNAL, ...except]);
  return () => {
    if (forwarding.targets.delete(to) && forwarding.targets.size === 0) forwarding.restore();
  };
}

function begin(from: Emitter): Forwarding {
  const targets: Forwarding['targets'] = new Map();
  const own = Object.getOwnPropertyDescriptor(from, 'emit');
  const emit = Reflect.get(from, 'emit') as (...args: unknown[]) => boolean;
  const ignore = (): void => undefined;
  const forwardingEmit = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    const handled = emit.call(from, event, ...args);
    for (const [target, except] of [...targets]) if (!except.includes(event)) emitSafely(target, event, args);
    return handled;
  };
  Object.defineProperty(from, 'emit', { value: forwardingEmit, writable: true, configurable: true, enumerable: false });
  from.on('error', ignore);
  const forwarding: Forwarding = {
    targets,
    restore: () => {
      forwardings.delete(from);
      // Late errors of a source that nobody listens to any more must still not throw: `ignore` stays.
      if (from.emit !== forwardingEmit) return; // replaced by somebody else meanwhile; ours is inert without targets
      if (own) Object.defineProperty(from, 'emit', own);
      else Reflect.deleteProperty(from, 'emit');
    },
  };
  forwardings.set(from, forwarding);
  return forwarding;
}

/** A listener that throws must not stop the upstream client, nor the other targets. */
function emitSafely(target: Emitter, event: string | symbol, args: unknown[]): void {
  try {
    target.emit(event, ...args);
  } catch (error) {
    nextTick(() => {
      if (event === 'error') throw error; // an error listener that throws: nobody is left to tell
      target.emit('error', error);
    });
  }
}

function isEmitter(value: object): value is Emitter {
  const { emit, on, removeListener } = value as Partial<Emitter>;
  return typeof emit === 'function' && typeof on === 'function' && typeof removeListener === 'function';
}
