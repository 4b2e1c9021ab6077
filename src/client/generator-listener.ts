// Generator functions as listeners, as in sdk-base 4: each event runs the generator to the end, and errors of the generator
// become `error` events of the emitter.

import { isError, safeString } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import type { GeneratorMethod } from '../generator-function';
import { callGenerator } from '../run-generator';

interface Emitter {
  emit(event: 'error', error: unknown): boolean;
  removeListener(event: string | symbol, listener: EventListener): unknown;
}

type EventListener = (...args: unknown[]) => void;

/** The function that stands for a listener in EventEmitter: `listeners()` and `removeListener()` use the original listener. */
type Stand = EventListener & { listener: EventListener };

/**
 * What an emitter can call in place of a generator function.
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID for the event `error`: a listener that fails would cause an endless loop
 */
export function running(emitter: Emitter, event: string | symbol, generator: GeneratorMethod): EventListener {
  if (event === 'error') {
    throw new TrunklineError(
      'ERR_TRUNKLINE_OPTION_INVALID',
      'the `error` event should not have a generator listener; use an ordinary function',
    );
  }
  return standFor(generator, (...args) => {
    callGenerator(generator, emitter, args).catch((thrown: unknown) => emitter.emit('error', named(thrown)));
  });
}

/** Like `running`, for a single event. */
export function runningOnce(emitter: Emitter, event: string | symbol, generator: GeneratorMethod): EventListener {
  const run = running(emitter, event, generator);
  const once = standFor(generator, (...args) => {
    emitter.removeListener(event, once);
    run(...args);
  });
  return once;
}

function standFor(generator: GeneratorMethod, stand: EventListener): Stand {
  return Object.assign(stand, { listener: generator as EventListener });
}

function named(thrown: unknown): unknown {
  const error = isError(thrown) ? thrown : new Error(safeString(thrown), { cause: thrown });
  Reflect.set(error, 'name', 'EventListenerProcessError');
  return error;
}
