// Ends this process when the master is gone, and keeps evidence when the loop is blocked. A separate thread (watchdog-thread.ts)
// sees both, even if the loop is blocked. The master decides what happens to a blocked process.

import inspector from 'node:inspector';
import { setInterval } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { fact } from '../../facts';
import { entryFile } from '../host/entry-file';
import { stackFileOf } from '../messaging/messages';
import type { ThreadData } from './watchdog-thread';

/** How often the thread looks at most, ms: an orphan lives no longer than twice this, and the grace. */
const LOOK_MS = 250;
/** An orphan whose loop still runs may finish within this time, ms. */
const GRACE_MS = 750;
/** How many times per `blockedMs` the loop gives a sign of life; the thread looks twice as often. */
const BEATS_PER_BLOCK = 4;

export interface WatchdogOptions {
  readonly masterPid: number;
  /** A loop that has not run for so long, ms, is blocked; 0: never. */
  readonly blockedMs: number;
  /** Where the profile of a blocked loop is kept, `….cpuprofile`. */
  readonly profileFile: string;
}

/** Does not keep the process alive. */
export function watchdog({ masterPid, blockedMs, profileFile }: WatchdogOptions): void {
  const [beats, isInspected] = [sharedNumber(), sharedNumber()];
  if (blockedMs > 0) {
    const beat = (): void => {
      // The thread cannot ask: in a thread the inspector never has an address.
      Atomics.store(isInspected, 0, fact(() => inspector.url()) === undefined ? 0 : 1);
      Atomics.add(beats, 0, 1);
    };
    beat();
    setInterval(beat, blockedMs / BEATS_PER_BLOCK).unref();
  }
  const lookMs = blockedMs > 0 ? Math.min(LOOK_MS, blockedMs / (2 * BEATS_PER_BLOCK)) : LOOK_MS;
  const data: ThreadData = {
    masterPid,
    lookMs,
    graceMs: GRACE_MS,
    blockedMs,
    profileFile,
    stackFile: stackFileOf(profileFile),
    beats,
    isInspected,
  };
  // No thread can be made without a free descriptor. Without the thread an orphan is only found by the IPC channel, and a
  // blocked loop only by the master.
  const thread = fact(() => startThread(data));
  thread?.on('error', () => undefined);
  thread?.unref();
}

function startThread(workerData: ThreadData): Worker {
  return new Worker(entryFile('child/watchdog-thread'), {
    // Preloads of the application (NODE_OPTIONS, --require) are not for this thread.
    execArgv: [],
    env: {},
    workerData,
    // A stack of ten thousand calls comes as a message of ten megabytes.
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
}

function sharedNumber(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}
