// How many members a group has.

import { TrunklineError } from '../errors';

const DEFAULT = 3;

/** @throws TrunklineError ERR_TRUNKLINE_GROUP_FAILED for anything but a whole number from 1 on */
export function memberCount(given: number | undefined): number {
  if (given === undefined) return DEFAULT;
  if (Number.isInteger(given) && given >= 1) return given;
  throw new TrunklineError('ERR_TRUNKLINE_GROUP_FAILED', `members must be a whole number from 1 on, but is ${String(given)}`);
}
