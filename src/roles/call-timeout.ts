// The error of a call whose answer has not come in time.

import { TrunklineError } from '../errors';

export function callTimeout(channel: string, method: string, limitMs: number): TrunklineError {
  const advice = 'it may have run; raise responseTimeout, or timeoutMs of the call, if it may take longer';
  return new TrunklineError('ERR_TRUNKLINE_CALL_TIMEOUT', `${channel}: no response to ${method} in ${limitMs} ms; ${advice}`, {
    channel,
    method,
    responseTimeoutMs: limitMs,
  });
}
