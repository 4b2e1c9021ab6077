// Paths as users name them, with the links in them. An application whose folder is a link to its present release keeps its name
// and finds the next release there, which the path that the system makes of the link does not allow.

import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fact } from './facts';

/**
 * The working folder, as the shell has it: with the links by which it was entered.
 * @param pwd PWD of the environment; it counts where it names the working folder, or that has been removed
 * @throws Error ENOENT when the working folder has been removed and nothing names it
 */
export function workingFolder(pwd: string | undefined): string {
  const isNamed = pwd !== undefined && isAbsolute(pwd);
  if (isNamed && (fact(() => process.cwd()) === undefined || isSameFolder(pwd, '.'))) return resolve(pwd);
  return process.cwd();
}

/** The absolute path, without resolving links. `..` behind a link means what the system means by it. */
export function pathAsGiven(path: string, pwd: string | undefined): string {
  if (isAbsolute(path)) return resolve(path);
  const given = resolve(workingFolder(pwd), path);
  const physical = fact(() => resolve(path));
  return physical === undefined || isSameFolder(given, physical) ? given : physical;
}

/** Whether both paths lead to one file or folder that exists. */
export function isSameFolder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => fact(() => statSync(path)));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
