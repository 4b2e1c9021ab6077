// What a blocked child leaves: the watchdog keeps stack and profile in two files of the same folder (child/watchdog.ts).

import { existsSync } from 'node:fs';
import { delay, systemClock } from '../../time';
import { stackFileOf } from '../messaging/messages';

/** Taking the evidence needs a little more than a second; a suspended child leaves nothing. */
const LIMIT_MS = 4_000;
const LOOK_MS = 50;

/**
 * Waits for the evidence.
 * @param profileFile `….cpuprofile`
 * @returns a description; undefined when the signal has aborted
 */
export async function evidence(profileFile: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (profileFile === undefined) return 'a thread leaves neither stack nor profile';
  const stackFile = stackFileOf(profileFile);
  const end = systemClock.now() + LIMIT_MS;
  while (!existsSync(profileFile) && systemClock.now() < end && !signal.aborted) await delay(systemClock, LOOK_MS, signal);
  if (signal.aborted) return undefined;
  const kept = [stackFile, profileFile].filter((file) => existsSync(file));
  return kept.length === 0 ? 'it left neither stack nor profile' : `see ${kept.join(' and ')}`;
}
