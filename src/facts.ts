// Facts about the surroundings of this process: its memory, its limits, files of /proc. A system may refuse any of them (no
// descriptor is left, /proc is absent, a sandbox forbids it), and no process may end for want of one.

import { readFileSync } from 'node:fs';
import os from 'node:os';

/** @returns what `gather` gives, or undefined when it throws: the fact is not known */
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

/** How many descriptors this process may have open, as Linux tells; undefined: there is no limit, or it is not known. */
export function openFilesLimit(): number | undefined {
  const limits = fact(() => readFileSync('/proc/self/limits', 'utf8'));
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits ?? '')?.[1];
  return soft === undefined ? undefined : Number(soft);
}
