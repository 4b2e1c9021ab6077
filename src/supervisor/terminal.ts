// The end of a terminal. SIGHUP reloads an application; but one that runs in the foreground of a terminal ends with it.

import { isatty } from 'node:tty';

/** How often is looked, ms: a background job of a shell that was killed gets no signal. */
const LOOK_MS = 2_000;

/**
 * Calls back once when the terminal from which this process was started is gone. Without one (a service, a daemon,
 * `nohup`, which takes standard input away) never. Does not keep the process alive.
 * @returns undoes it, unless it has happened
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
  process.on('SIGHUP', look); // before whoever would begin to reload what is about to end
  return forget;
}

/** In the last moment: Node.js resets the terminal at its end, and aborts when that fails. */
function endBySignal(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}
