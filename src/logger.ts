// Where log lines go. The default is quiet: warnings and errors on the console, the rest only with
// NODE_DEBUG=trunkline. Lines are sentences: channel first, values as key=value; payloads never.

import { debuglog } from 'node:util';

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
    console.warn(`[trunkline] ${message}`);
  },
  error: (message) => {
    console.error(`[trunkline] ${message}`);
  },
};
