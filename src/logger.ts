// Where log lines go. The default is quiet: warnings and errors on the console, the rest only with
// NODE_DEBUG=trunkline. Lines are sentences: channel first, values as key=value; payloads never.

import { debuglog } from 'node:util';
import type { Clock } from './time';

/** The `logger` option; egg-logger, pino, winston and console all fit. */
export interface Logger {
  debug?(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

const debug = debuglog('trunkline');

export const defaultLogger: Logger = {
  debug: (message) => {
    debug('%s', message);
  },
  info: (message) => {
    debug('%s', message);
  },
  warn: (message) => {
    write('warn', message);
  },
  error: (message) => {
    write('error', message);
  },
};

/**
 * The user's logger, guarded: a logger that throws never ends anything of trunkline. Lines that the logger rejects go to the
 * default logger.
 */
export function guardedLogger(logger: Logger): Logger {
  const guarded =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string): void => {
      try {
        logger[level]?.(message);
      } catch (error) {
        defaultLogger.error(`the logger has failed (${String(error)}) for: ${message}`);
      }
    };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}

/** A line that strangers can cause is written so often at most, ms. */
const RARELY_MS = 60_000;

/** @returns writes the first line, and later at most one line a minute, which says how many lines were left out before */
export function rarely(write: (message: string) => void, clock: Clock): (message: string) => void {
  let writtenAt = -Infinity;
  let leftOut = 0;
  return (message) => {
    if (clock.now() - writtenAt < RARELY_MS) {
      leftOut++;
      return;
    }
    writtenAt = clock.now();
    write(leftOut === 0 ? message : `${message} (and ${leftOut} more like it since the last line)`);
    leftOut = 0;
  };
}

/** A terminal that is gone must not end the process. */
function write(method: 'warn' | 'error', message: string): void {
  try {
    console[method](`[trunkline] ${message}`);
  } catch {
    // there is nobody to tell
  }
}
