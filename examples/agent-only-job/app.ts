// A worker: writes to the log all the time, and reopens the log when the agent says so.

import cluster from 'trunkline';
import { onStop, ready } from 'trunkline/supervisor';
import { LogFile } from './log-file';
import { LogRotation, rotationOptions } from './log-rotation';

/** How often there is something to write, ms. */
const WORK_MS = 20;

const options = rotationOptions(process.env);

const log = new LogFile(options.file);
let lines = 0;
const work = setInterval(() => log.write(`${process.pid} ${++lines}`), WORK_MS);

const rotation = cluster(LogRotation).create(options);
rotation.subscribe('rotated', ({ by, renamedTo }) => {
  log.reopen();
  if (renamedTo)
    console.log(`worker ${process.pid}: opened a new file after ${lines} lines, agent ${by} has renamed the old one`);
});

onStop(async () => {
  clearInterval(work);
  await Promise.all([log.close(), rotation.close()]);
  console.log(`worker ${process.pid}: wrote ${lines} lines`);
});

// This worker does not listen, and therefore reports readiness explicitly.
export default rotation.ready().then(ready);
