// The program that a child runs. With the command line the only place that reads argv.

import { isMainThread } from 'node:worker_threads';
import { takeSeat } from '../../seat';
import type { ChildTask } from '../messages';
import { ChildRuntime } from './child-runtime';
import { watchdog } from './watchdog';

const [node, , given] = process.argv;
if (given === undefined || (isMainThread && !process.connected)) {
  console.error('this program is started by startCluster of trunkline');
  process.exit(2);
}
takeSeat(process.env);
const task = JSON.parse(given) as ChildTask;
// The program sees itself as the one that was started.
if ('file' in task.program) process.argv = [node!, task.program.file, ...(task.program.args ?? [])];
if (isMainThread && task.title !== undefined) process.title = task.title;
const runtime = new ChildRuntime(task, (code) => process.exit(code));
const { masterPid, blockedTimeoutMs: blockedMs, profileFile } = task;
if (isMainThread) watchdog({ masterPid, blockedMs, profileFile });
void runtime.run();
