// Whether a process lives, and whether a process is still the same: process ids are reused sooner or later.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that has ended, but whose exit code nobody has read yet, does not live. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !['Z', 'X'].includes(statOf(pid)?.[0] ?? '');
}

/** When the process began, in the unit of the system: two processes with the same id differ here. undefined: not known */
export function birthOf(pid: number): string | undefined {
  const stat = statOf(pid);
  if (stat) return stat[19];
  if (process.platform === 'linux' || process.platform === 'win32') return undefined;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined; // the process is gone
  }
}

/** The fields of /proc/PID/stat from the third, the state, on; the second may contain blanks and brackets. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // gone, or a system without /proc
  }
}
