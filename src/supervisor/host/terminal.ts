// The end of a terminal. SIGHUP reloads an application; but an application in the foreground of a terminal ends with the
// terminal.

import { isatty } from 'node:tty';

/** How often is looked, ms: a background job of a shell that was killed gets no signal. */
const LOOK_MS = 2_000;

/**
 * Calls back once when the terminal from which this process was started is gone. Never calls back without a terminal (a service,
 * a daemon, `nohup`, which takes standard input away). Does not keep the process alive.
 * @returns removes the handlers, unless the terminal has ended
 */
export function whenTerminalEnds(onEnd: () => void): () => void {
  if (!isatty(0)) return () => undefined;
  const forget = (): void => {
    clearInterval(timer);
    process.removeListener('SIGHUP', look);
  };
  const look = (): void => {
    if (isatty(0)) return;
    forget();
    process.once('exit', endBySignal);
    onEnd();
  };
  const timer = setInterval(look, LOOK_MS).unref();
  process.on('SIGHUP', look); // before other handlers, which would begin to reload an application that is about to end
  return forget;
}

/** At the last moment: Node.js resets the terminal when exiting, and aborts when the reset fails. */
function endBySignal(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}
