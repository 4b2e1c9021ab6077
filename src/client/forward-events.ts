// Repeats every event of an emitter on other emitters: the events of the upstream client on the shared client, and the events of
// the shared client on the API client. The names of the events are not known beforehand, so `emit` of the source is replaced
// while anything is forwarded.

import { nextTick } from '../time';

interface Emitter {
  emit(event: string | symbol, ...args: unknown[]): boolean;
  on(event: string, listener: (error: unknown) => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/** Events about the listeners of the emitter, not news of the source. */
const INTERNAL: readonly (string | symbol)[] = ['newListener', 'removeListener'];

const forwardings = new WeakMap<Emitter, Forwarding>();

/**
 * Emits on `to` what `from` emits, after the listeners of `from`. Without effect when `from` is no emitter. An error of `from`
 * is from here on the business of `to`: an unheard error neither throws nor is printed at the source.
 * @param except events that are not forwarded
 * @returns ends the forwarding; `onLateError` gets the errors that `from` emits after the end of forwarding
 */
export function forwardEvents(
  from: object,
  to: Emitter,
  except: readonly string[] = [],
): (onLateError?: (error: unknown) => void) => void {
  if (!isEmitter(from)) return () => undefined;
  const forwarding = forwardings.get(from) ?? new Forwarding(from);
  forwardings.set(from, forwarding);
  forwarding.add(to, [...INTERNAL, ...except]);
  return (onLateError) => {
    forwarding.remove(to, onLateError);
  };
}

/** The targets of a single source. */
class Forwarding {
  readonly #from: Emitter;
  /** Each target with the events that are not forwarded to the target. */
  readonly #targets = new Map<Emitter, readonly (string | symbol)[]>();
  #restore: (() => void) | undefined;
  #onLateError: ((error: unknown) => void) | undefined;

  constructor(from: Emitter) {
    this.#from = from;
    // The listener stays: errors of a source that nobody listens to any more must still not throw.
    from.on('error', (error) => {
      if (this.#targets.size === 0) this.#onLateError?.(error);
    });
  }

  add(to: Emitter, except: readonly (string | symbol)[]): void {
    this.#restore ??= this.#replaceEmit();
    this.#targets.set(to, except);
  }

  remove(to: Emitter, onLateError: ((error: unknown) => void) | undefined): void {
    if (!this.#targets.delete(to) || this.#targets.size > 0) return;
    this.#onLateError = onLateError;
    this.#restore?.();
    this.#restore = undefined;
  }

  #replaceEmit(): () => void {
    const from = this.#from;
    const targets = this.#targets;
    const own = Object.getOwnPropertyDescriptor(from, 'emit');
    const emit = Reflect.get(from, 'emit') as (...args: unknown[]) => boolean;
    const forwardingEmit = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
      const handled = emit.call(from, event, ...args);
      for (const [target, except] of [...targets]) if (!except.includes(event)) emitSafely(target, event, args);
      return handled;
    };
    Object.defineProperty(from, 'emit', { value: forwardingEmit, writable: true, configurable: true, enumerable: false });
    return () => {
      if (from.emit !== forwardingEmit) return; // replaced by somebody else meanwhile; ours is inert without targets
      if (own) Object.defineProperty(from, 'emit', own);
      else Reflect.deleteProperty(from, 'emit');
    };
  }
}

/** A listener that throws must not stop the upstream client, nor the other targets: what it throws is an `error` event. */
export function emitSafely(target: Pick<Emitter, 'emit'>, event: string | symbol, args: unknown[]): void {
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
