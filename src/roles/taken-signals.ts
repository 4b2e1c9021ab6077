// AbortSignals among the arguments of a call, or in an options object among them: taken out before the arguments become bytes, and put
// back where the method gets its arguments.

import { MAX_ARGUMENT, MAX_PROPERTY_LENGTH, MAX_SIGNALS } from '../../protocol/v2-signals';
import type { SignalPlace } from '../../protocol/message';
import { isRootPrototype } from '../snapshot';

export interface TakenSignals {
  /** The arguments with undefined in place of each signal. */
  readonly args: readonly unknown[];
  /** Each signal once; the number of a signal is the index. */
  readonly signals: readonly AbortSignal[];
  readonly places: readonly SignalPlace[];
}

/** @returns undefined when there is no signal @throws RangeError when a place is beyond the limits of the protocol */
export function takeSignals(args: readonly unknown[]): TakenSignals | undefined {
  if (!args.some(holdsSignal)) return undefined;
  const signals: AbortSignal[] = [];
  const places: SignalPlace[] = [];
  const take = (signal: AbortSignal, argument: number, property?: string): undefined => {
    if (places.length === MAX_SIGNALS) throw new RangeError(`more than ${MAX_SIGNALS} AbortSignals`);
    if (argument > MAX_ARGUMENT) throw new RangeError(`an AbortSignal behind argument ${MAX_ARGUMENT}`);
    if (property !== undefined && property.length > MAX_PROPERTY_LENGTH)
      throw new RangeError(`an AbortSignal in a property with a name of ${property.length} characters`);
    if (!signals.includes(signal)) signals.push(signal);
    places.push({ signal: signals.indexOf(signal), argument, ...(property !== undefined && { property }) });
    return undefined;
  };
  const without = args.map((value, argument) => {
    if (value instanceof AbortSignal) return take(value, argument);
    if (!holdsSignal(value)) return value;
    const copy = { ...value };
    for (const [property, each] of Object.entries(value))
      if (each instanceof AbortSignal) copy[property] = take(each, argument, property);
    return copy;
  });
  return { args: without, signals, places };
}

function holdsSignal(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof AbortSignal) return true;
  if (Array.isArray(value) || !isRootPrototype(Object.getPrototypeOf(value) as object | null)) return false;
  // Own enumerable properties, without making a list of them for each call.
  for (const property in value) if ((value as Record<string, unknown>)[property] instanceof AbortSignal) return true;
  return false;
}

/** Puts a signal where the caller had one. @param args changed */
export function placeSignal(args: unknown[], { argument, property }: SignalPlace, signal: AbortSignal): void {
  if (argument >= args.length) return;
  if (property === undefined) args[argument] = signal;
  else if (typeof args[argument] === 'object' && args[argument] !== null)
    Object.defineProperty(args[argument], property, { value: signal, writable: true, enumerable: true, configurable: true });
}
