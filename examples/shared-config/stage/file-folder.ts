// A folder of files in place of a server. Nobody connects to a folder, but a process that watches one has the system tell it of changes,
// which Linux shows in /proc.

import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Changes } from './changes';
import type { ConfigServer } from './config-server';
import { CountedServer, type Count } from './counted-server';
import { Failure } from './failure';

const watchers: Count = {
  unit: 'processes that watch the folder',
  countedBy: 'Linux',
  count: (url) => Promise.resolve(process.platform === 'linux' ? processesThatWatch(url) : undefined),
};

export class FileFolder implements ConfigServer {
  readonly name = 'folder';
  readonly unit = watchers.unit;
  readonly countedBy = watchers.countedBy;
  readonly #changes: Changes;
  #folder: string | undefined;
  #counted: CountedServer | undefined;

  constructor(changes: Changes) {
    this.#changes = changes;
  }

  get url(): string {
    return this.#counted?.url ?? '';
  }

  get connections(): number | undefined {
    return this.#counted?.connections;
  }

  async start(): Promise<void> {
    try {
      this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-files-'));
    } catch (error) {
      throw new Failure(`no temporary folder: ${(error as Error).message}`);
    }
    this.#counted = new CountedServer(pathToFileURL(this.#folder).href, watchers, this.#changes);
    await this.#counted.start();
  }

  stop(): Promise<void> {
    this.#counted?.stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    return Promise.resolve();
  }
}

/** Workers have the address among their arguments. */
function processesThatWatch(url: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isAbout(pid, url) && watches(pid)).length;
}

function isAbout(pid: string, url: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(url);
  } catch {
    return false; // the process has ended
  }
}

function watches(pid: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).includes('inotify'));
  } catch {
    return false;
  }
}
