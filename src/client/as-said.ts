// What the user has said counts as it was at that moment: a copy that later changes of the object do not reach.

import { messageOf } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import { snapshot } from '../snapshot';

/** @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE when a getter of the user throws */
export function asSaid<T>(channel: string, what: string, value: T): T {
  try {
    return snapshot(value);
  } catch (cause) {
    const message = `${channel}: ${what} cannot be encoded: ${messageOf(cause)}`;
    throw new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel, cause });
  }
}
