// The program of a daemon: a master without a terminal. The command that has started the daemon listens until the daemon is
// ready; when the command goes away before, the daemon ends, because nobody would know of the daemon.

import { Application, runMaster } from './application';
import type { FromDaemon, ToDaemon } from './daemon-messages';
import { LogKeeper } from '../logs/log-keeper';
import type { StartEvent } from '../show/events';
import { outputTo, whenOutputIsLost } from '../show/output';
import { logView } from '../show/start-view';

if (!process.send) {
  console.error('this program is started by: trunkline start --daemon');
  process.exit(2);
}
whenOutputIsLost(() => undefined);
const log = logView(outputTo(process.stdout, {}), outputTo(process.stderr, {}));
let isReady = false;

process.once('disconnect', () => {
  if (!isReady) process.kill(process.pid, 'SIGTERM');
});

process.once('message', (message) => {
  const { trunklineStart } = message as ToDaemon;
  const report = (event: StartEvent): void => {
    if (event.event !== 'progress') log(event);
    tell(event);
  };
  const { logs, rotation } = trunklineStart;
  const warn = (message: string): void => report({ event: 'log', level: 'warn', message });
  const keeper = logs && rotation && new LogKeeper(logs, rotation, warn);
  keeper?.start();
  const application = new Application(trunklineStart, report, keeper && (() => keeper.reopen()));
  void runMaster(application, report).then((ready) => {
    isReady = ready;
    if (process.connected) process.disconnect();
  });
});

function tell(event: StartEvent): void {
  const message: FromDaemon = { trunklineEvent: event };
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
