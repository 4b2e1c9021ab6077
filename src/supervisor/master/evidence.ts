// What a blocked child leaves: its watchdog keeps stack and profile in files beside each other (child/watchdog.ts).

import { existsSync } from 'node:fs';
import { delay, systemClock } from '../../time';

/** It takes a second, and a little; a child that does not run at all, because it was stopped, leaves nothing. */
const LIMIT_MS = 4_000;
const LOOK_MS = 50;

/**
 * Waits for it.
 * @param profileFile `….cpuprofile`
 * @returns in words; undefined when the signal has aborted
 */
export async function evidence(profileFile: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (profileFile === undefined) return 'a thread leaves neither stack nor profile';
  const stackFile = profileFile.replace(/cpuprofile$/, 'stack.txt');
  const end = systemClock.now() + LIMIT_MS;
  while (!existsSync(profileFile) && systemClock.now() < end && !signal.aborted) await delay(systemClock, LOOK_MS, signal);
  if (signal.aborted) return undefined;
  const kept = [stackFile, profileFile].filter((file) => existsSync(file));
  return kept.length === 0 ? 'it left neither stack nor profile' : `see ${kept.join(' and ')}`;
}
