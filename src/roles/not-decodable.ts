// The error for bytes that this process has got from another one and cannot read as values.

import { whyNotDecodable } from '../../protocol/structured-format';
import { TrunklineError } from '../errors';

/**
 * @param what the subject of the sentence: what cannot be decoded
 * @param facts more fields of the error
 */
export function notDecodable(channel: string, what: string, cause: unknown, facts: { method?: string } = {}): TrunklineError {
  const message = `${channel}: ${what} cannot be decoded; ${whyNotDecodable(cause)}`;
  return new TrunklineError('ERR_TRUNKLINE_NOT_DECODABLE', message, { channel, ...facts, cause });
}
