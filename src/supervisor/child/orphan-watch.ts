// Ends this process when its master is gone. It looks from a thread of its own, so a blocked loop does not help.

import { Worker } from 'node:worker_threads';

/** How often the thread looks, ms: an orphan lives no longer than twice this. */
const LOOK_MS = 250;
/** An orphan whose loop still runs may finish by itself within this time, ms. */
const GRACE_MS = 750;

const LOOK = `
const { workerData: { masterPid, lookMs, graceMs } } = require('node:worker_threads');
const timer = setInterval(() => {
  if (process.ppid === masterPid) return;
  clearInterval(timer);
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs);
}, lookMs);
`;

/** Does not keep the process alive. */
export function watchMaster(masterPid: number): void {
  const thread = new Worker(LOOK, {
    eval: true,
    // Preloads of the application (NODE_OPTIONS, --require) are not for this thread.
    execArgv: [],
    env: {},
    workerData: { masterPid, lookMs: LOOK_MS, graceMs: GRACE_MS },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
  thread.on('error', () => undefined); // without it an orphan is only found by its IPC channel
  thread.unref();
}
