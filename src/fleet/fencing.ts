// How the user's class gets the epoch of leadership, so that an upstream server that can compare may refuse a deposed leader.

import { TrunklineError } from '../errors';
import type { FleetOptions } from './options';

type Fencing = FleetOptions['fencing'];

/**
 * Looks at the arguments before there is an epoch, so that each host says at the start what a winner could not do.
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function checkFencing(name: string, fencing: Fencing, args: readonly unknown[]): void {
  if (fencing !== true || args.at(-1) === undefined || isPlainObject(args.at(-1))) return;
  throw new TrunklineError(
    'ERR_TRUNKLINE_OPTION_INVALID',
    `${name}: option fencing is true, and the last constructor argument is no plain object that could carry fencing: { epoch }; ` +
      'give a function that makes the arguments, such as fencing: (args, { epoch }) => [...args, epoch]',
    { option: 'fencing' },
  );
}

/** What the constructor of the class gets in a period of leadership. */
export function argumentsIn(epoch: number, fencing: Fencing, args: readonly unknown[]): readonly unknown[] {
  if (typeof fencing === 'function') return fencing(args, { epoch });
  if (fencing !== true) return args;
  return [...args.slice(0, -1), { ...(args.at(-1) as object | undefined), fencing: { epoch } }];
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
