// What signals, and the end of the terminal, mean to the master. Besides the entry of a child and the command line, the only
// place that ends a process.

import type { Logger } from '../../logger';
import { soon } from '../../time';
import { whenTerminalEnds } from './terminal';

export interface Signalled {
  stop(): Promise<{ forced: boolean }>;
  kill(): void;
  reload(): Promise<void>;
}

const STOP = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** Signals within this time, ms, count as a single signal. */
const SAME_SIGNAL_MS = 500;

/** SIGTERM, SIGINT and SIGQUIT stop, a second signal kills; SIGHUP reloads. @returns removes the handlers */
export function heedSignals(master: Signalled, logger: Logger): () => void {
  let firstSignalAt: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    void master.stop().then(({ forced }) => {
      if (forced) process.exitCode = 1;
      // A signal ends this process as asked for, unless the program handles the signal.
      soon(() => {
        if (process.listenerCount(signal) === 0) process.exit();
      });
    });
  };
  const onStop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    firstSignalAt ??= now;
    // A terminal and a shell may both send the same Ctrl-C.
    if (now - firstSignalAt > SAME_SIGNAL_MS) master.kill();
    stop(signal);
  };
  const onHangUp = (): void => {
    master.reload().catch((error: unknown) => {
      if (firstSignalAt === undefined) logger.error((error as Error).message); // during a stop the error does not matter
    });
  };
  const forgetTerminal = whenTerminalEnds(() => stop('SIGHUP'));
  for (const signal of STOP) process.on(signal, onStop);
  process.on('SIGHUP', onHangUp);
  return () => {
    for (const signal of STOP) process.removeListener(signal, onStop);
    process.removeListener('SIGHUP', onHangUp);
    forgetTerminal();
  };
}
