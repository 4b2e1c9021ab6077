// When an application is reloaded by the clock: an expression of cron, read by the package croner, which the user installs.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CommandFailure } from '../command-failure';

/** What is used of the package. */
interface Croner {
  readonly Cron: new (
    expression: string,
    options: { readonly paused?: boolean; readonly unref?: boolean },
    run?: () => void,
  ) => { stop(): void; nextRun(): Date | null };
}

/**
 * Calls back at each time of the expression. Keeps no process alive.
 * @returns ends it
 * @throws CommandFailure when the package is missing, or does not understand the expression
 */
export function onSchedule(expression: string, baseDir: string, run: () => void): () => void {
  const { Cron } = load(baseDir);
  try {
    const job = new Cron(expression, { unref: true }, run);
    return () => job.stop();
  } catch (error) {
    throw notUnderstood(expression, (error as Error).message);
  }
}

/** @throws CommandFailure when the package is missing, or does not understand the expression, or there is no such time */
export function checkSchedule(expression: string, baseDir: string): void {
  const { Cron } = load(baseDir);
  let next: Date | null;
  try {
    next = new Cron(expression, { paused: true }).nextRun();
  } catch (error) {
    throw notUnderstood(expression, (error as Error).message);
  }
  if (next === null) throw notUnderstood(expression, 'there is no such time any more');
}

function notUnderstood(expression: string, why: string): CommandFailure {
  return CommandFailure.usage(`--cron-restart is no expression of cron: ${JSON.stringify(expression)}: ${why}`);
}

/** The package of the application, or the one next to this package. */
function load(baseDir: string): Croner {
  for (const from of [join(baseDir, 'package.json'), __filename]) {
    try {
      return createRequire(from)('croner') as Croner;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'MODULE_NOT_FOUND' || !message.includes("'croner'")) throw error;
    }
  }
  throw CommandFailure.usage('--cron-restart needs the package croner, which is not installed: npm install croner');
}
