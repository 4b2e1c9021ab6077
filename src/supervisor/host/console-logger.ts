// What the master of a framework writes on the console, as users know the output of egg-cluster 2.x: more than nothing.

import type { Logger } from '../../logger';

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'NONE'];

/** @param level the value of EGG_MASTER_LOGGER_LEVEL; INFO when the value is no level */
export function consoleLogger(level: string | undefined): Logger {
  const from = LEVELS.indexOf(level?.toUpperCase() ?? '');
  const lowest = from === -1 ? LEVELS.indexOf('INFO') : from;
  const write =
    (each: string, method: 'log' | 'warn' | 'error') =>
    (message: string): void => {
      if (LEVELS.indexOf(each) >= lowest)
        console[method](`${new Date().toISOString()} ${each} ${process.pid} [master] ${message}`);
    };
  return {
    debug: write('DEBUG', 'log'),
    info: write('INFO', 'log'),
    warn: write('WARN', 'warn'),
    error: write('ERROR', 'error'),
  };
}
