// An application of programs that a test writes, in a new folder, under a new master.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Child, type ChildMessage } from './child';

const ROOT = join(__dirname, __dirname.includes('/dist/') ? '../../..' : '../..');

/** How a program loads libraries: `${LIBRARY}` is the shared client, `${SUPERVISOR}` the supervisor. */
export const LIBRARY = `require(${JSON.stringify(join(ROOT, 'dist/package/index.js'))})`;
export const SUPERVISOR = `require(${JSON.stringify(join(ROOT, 'dist/package/supervisor/index.js'))})`;
/** In a program: `say(data)` reaches the test. */
export const SAY = `const say = (data) => {
  const message = { action: 'said', to: 'parent', data };
  if (require('node:worker_threads').isMainThread) process.send(message);
  else require('node:worker_threads').parentPort.postMessage(message);
};`;

export interface Said extends ChildMessage {
  readonly action: 'said';
  readonly data: Record<string, unknown>;
}

/** The folder of programs; the temporary folder of the system may be a link. */
export function folderOf(programs: Record<string, string>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-programs-')));
  writePrograms(folder, programs);
  return folder;
}

export function writePrograms(folder: string, programs: Record<string, string>): void {
  for (const [name, text] of Object.entries(programs)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Options of startCluster; relative paths begin in the folder. */
export function startPrograms(folder: string, options: object, env: Record<string, string | undefined> = {}): Child {
  const OPTIONS = JSON.stringify({ baseDir: folder, app: './app.js', withAgent: false, workers: 1, ...options });
  return new Child('supervisor-master', { XDG_RUNTIME_DIR: folder, ...env, OPTIONS });
}

/** What programs have said so far. */
export function saidOf(master: Child): Record<string, unknown>[] {
  return (master.messages as Said[]).filter(({ action }) => action === 'said').map(({ data }) => data);
}
