// Facts about the surroundings of this process: memory, limits, files of /proc. The system may refuse any of these facts (no
// descriptor is left, /proc is absent, a sandbox forbids it), and no process may end because a fact is missing.

import { readFileSync } from 'node:fs';
import os from 'node:os';

/** @returns what `gather` gives, or undefined when `gather` throws: the fact is not known */
export function fact<T>(gather: () => T): T | undefined {
  try {
    return gather();
  } catch {
    return undefined;
  }
}

/** The folder for temporary files. */
export function temporaryFolder(): string {
  return fact(() => os.tmpdir()) ?? (process.platform === 'win32' ? 'C:\\Windows\\Temp' : '/tmp');
}

/**
 * How many descriptors this process may have open, according to Linux; undefined when there is no limit or the limit is unknown.
 */
export function openFilesLimit(): number | undefined {
  const limits = fact(() => readFileSync('/proc/self/limits', 'utf8'));
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits ?? '')?.[1];
  return soft === undefined ? undefined : Number(soft);
}
