// Several applications in the foreground: each has a command of its own, so that nothing of one disturbs the others, and this
// process only hands on signals and waits for the last one.

import { spawn, type ChildProcess } from 'node:child_process';
import { EXIT, reasonOf } from '../command-failure';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR2'] as const;

/**
 * @param names of applications of the configuration
 * @param commandOf the words that start an application: a program of Node.js, and its arguments
 * @param tell gets what an application can no longer tell itself, as a sentence: its master was killed, or could not be started
 * @returns the exit code: that of the first application that has failed, or 0
 */
export async function startTogether(
  names: readonly string[],
  commandOf: (name: string) => readonly string[],
  tell: (sentence: string) => void,
): Promise<number> {
  const children = names.map((name) => {
    const child = spawn(process.execPath, [...process.execArgv, ...commandOf(name)], {
      stdio: ['inherit', 'inherit', 'inherit'],
    });
    child.once('error', (error) => tell(`${name}: its master could not be started: ${reasonOf(error)}`));
    child.once('exit', (_, signal) => {
      if (signal) tell(`${name}: its master, pid ${child.pid}, was ended by ${signal}`);
    });
    return child;
  });
  // A terminal sends signals to the children too; two within a moment count as one.
  for (const signal of SIGNALS) process.on(signal, () => children.forEach((child) => child.kill(signal)));
  const codes = await Promise.all(children.map(codeOf));
  return codes.find((code) => code !== 0) ?? 0;
}

function codeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(EXIT.failed));
    child.once('exit', (code) => resolve(code ?? EXIT.failed));
  });
}
