// The pipes into which the processes of a daemon write where a keeper writes the logs. Pipes of the system rather than those that
// node:child_process makes, which are sockets: lines of several processes do not mix in a pipe that has room, and more of them have room.

import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../facts';
import { CommandFailure, reasonOf } from '../command-failure';

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** The place of the two ends for reading among the descriptors of a daemon, and of its keeper. */
export const READ_ENDS = [4, 5] as const;

/** @returns a pipe for the output and one for the errors, and what closes both here @throws CommandFailure */
export function logPipes(): { readonly out: Pipe; readonly err: Pipe; close(): void } {
  const folder = mkdtempSync(join(temporaryFolder(), 'trunkline-pipes-')); // open to this user only
  const open: number[] = [];
  const close = (): void => {
    for (const descriptor of open) closeSync(descriptor);
  };
  const pipe = (name: string): Pipe => {
    const path = join(folder, name);
    execFileSync('mkfifo', [path], { stdio: 'pipe' });
    const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // does not wait for somebody who writes
    open.push(read);
    const write = openSync(path, constants.O_WRONLY);
    open.push(write);
    return { read, write };
  };
  try {
    return { out: pipe('out'), err: pipe('err'), close };
  } catch (error) {
    close();
    throw CommandFailure.failed(`the pipes for the logs cannot be made: ${reasonOf(error)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
