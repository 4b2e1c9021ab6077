// When an application is reloaded by the clock: an expression of cron, read by the package croner, which the user installs.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { TrunklineError } from '../../errors';
import { optionalPackage } from '../../optional-package';
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
  const from = (file: string): Croner => createRequire(file)('croner') as Croner;
  try {
    return optionalPackage('croner', '--cron-restart', () => from(join(baseDir, 'package.json')));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    return optionalPackage('croner', '--cron-restart', () => from(__filename));
  } catch (error) {
    throw isMissing(error) ? CommandFailure.usage((error as Error).message) : error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_PACKAGE_MISSING';
}
