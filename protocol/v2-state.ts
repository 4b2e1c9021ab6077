// The body of `upstream-state`: how the upstream client of a leader stands, since when, and why.

import type { UpstreamState } from './standing-messages';
import { HEADER_BYTES, readUint32, uint32, withTexts } from './v2-frame';

const FLAG = { degraded: 1, connecting: 2 } as const;
/** The largest number of ms that the message can say: 49 days. */
const MAX_AGE_MS = 0xffff_ffff;

export function writeState(type: number, { state, ageMs, payload }: UpstreamState): Buffer {
  const flags = state === 'ok' ? 0 : FLAG[state];
  return withTexts(type, flags, 0, uint32(Math.min(Math.max(0, Math.round(ageMs)), MAX_AGE_MS)), [], payload);
}

export function readState(frame: Buffer, flags: number): UpstreamState {
  const ageMs = readUint32(frame, HEADER_BYTES);
  const state = (flags & FLAG.connecting) !== 0 ? 'connecting' : (flags & FLAG.degraded) !== 0 ? 'degraded' : 'ok';
  return { type: 'upstream-state', state, ageMs, payload: frame.subarray(HEADER_BYTES + 4) };
}
