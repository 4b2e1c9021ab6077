// The program that writes the logs of a daemon, where the logs are rotated: all processes of the application write into its pipes.
// The program ends after the last of these processes, so that no output is lost.

import net from 'node:net';
import type { FromKeeper, LogFiles, ToKeeper } from './keeper-messages';
import { READ_ENDS } from './log-pipes';
import { RotatingLog, type Rotation } from './rotating-log';

if (!process.send) {
  console.error('this program is started by: trunkline start --daemon --log-max-size 10MB');
  process.exit(2);
}
// A signal to all processes is meant for the application, which still has to write its last lines.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) process.on(signal, () => undefined);

let logs: RotatingLog[] = [];
process.on('SIGUSR2', () => void reopen());
process.on('message', (message: ToKeeper) => {
  if ('keep' in message) keep(message.keep, message.rotation);
  else tell({ reopened: message.reopen, ...reopen() });
});

function keep({ stdout, stderr }: LogFiles, rotation: Rotation): void {
  const out = new RotatingLog(stdout, rotation);
  const err = stderr === stdout ? out : new RotatingLog(stderr, rotation);
  logs = [...new Set([out, err])];
  process.channel?.unref(); // from now on the pipes decide about the end, not the master
  READ_ENDS.forEach((fd, index) => {
    const log = index === 0 ? out : err;
    new net.Socket({ fd, readable: true, writable: false }).on('data', (chunk) => log.write(chunk)).on('error', () => undefined);
  });
}

function reopen(): { error?: string } {
  try {
    for (const log of logs) log.reopen();
    return {};
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function tell(message: FromKeeper): void {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}
