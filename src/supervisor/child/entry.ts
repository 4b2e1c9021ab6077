// The program that a child runs. Only this file and the command line change argv.

import { isMainThread } from 'node:worker_threads';
import { takeSeat } from '../../seat';
import { surviveLostOutput } from '../host/lost-output';
import { ChildRuntime } from './child-runtime';
import { keepCompileCache } from './keep-compile-cache';
import { receiveTask } from './link';
import { watchdog } from './watchdog';

if (isMainThread && !process.connected) {
  console.error('this program is started by startCluster of trunkline');
  process.exit(2);
}
takeSeat(process.env);
receiveTask((task) => {
  // The program sees its own path, as if started directly.
  if ('file' in task.program) process.argv = [process.argv[0]!, task.program.file, ...(task.program.args ?? [])];
  if (isMainThread && task.title !== undefined) process.title = task.title;
  surviveLostOutput();
  const runtime = new ChildRuntime(task, {
    exit: (code) => process.exit(code),
    faq: process.env.EGG_FRAMEWORK_ERR_FAQ_PERFIX, // egg's own spelling
  });
  if (task.compileCache !== undefined) keepCompileCache(task.compileCache, process.env, (flush) => runtime.onceStarted(flush));
  const { masterPid, blockedTimeoutMs: blockedMs, profileFile } = task;
  // A thread costs as much CPU time as half a start.
  if (isMainThread) runtime.onceStarted(() => watchdog({ masterPid, blockedMs, profileFile }));
  void runtime.run();
});
