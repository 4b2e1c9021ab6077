// Paths as users write paths, with the links in them. An application whose folder is a link to its present release keeps the
// name and finds the next release there, which the path that the system makes of the link does not allow.

import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { fact } from './facts';

/**
 * The working folder as the shell has entered the folder, links included.
 * @param pwd PWD of the environment; used if PWD names the working folder, or if the working folder has been removed
 * @throws Error ENOENT when the working folder has been removed and nothing names the folder
 */
export function workingFolder(pwd: string | undefined): string {
  const isNamed = pwd !== undefined && isAbsolute(pwd);
  if (isNamed && (fact(() => process.cwd()) === undefined || isSameFolder(pwd, '.'))) return resolve(pwd);
  return process.cwd();
}

/** The absolute path, without resolving links. `..` behind a link has the meaning that the system gives to `..`. */
export function pathAsGiven(path: string, pwd: string | undefined): string {
  if (isAbsolute(path)) return resolve(path);
  const given = resolve(workingFolder(pwd), path);
  const physical = fact(() => resolve(path));
  return physical === undefined || isSameFolder(given, physical) ? given : physical;
}

/** Whether both paths lead to the same existing file or folder. */
export function isSameFolder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => fact(() => statSync(path)));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}
