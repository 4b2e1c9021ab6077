// The processes below a process: everything that a child has started must end with the child. The set is taken while the parents
// live, because the system forgets the parent of an orphan. A process is identified by pid and start time: a new process with a
// reused pid is never signalled. On Windows, which has no such tree, the set is empty. Without a readable list of processes a
// look finds nothing, and known processes stay known.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fact } from '../../facts';
import { delay, systemClock } from '../../time';

/** Pauses between two looks at whether all have ended, ms: growing. */
const MIN_LOOK_MS = 5;
const MAX_LOOK_MS = 100;
/** A process that lives this long after SIGKILL, ms, hangs in the kernel: nobody can end such a process. */
const KILL_MS = 1_000;

interface Process {
  readonly pid: number;
  readonly parentPid: number;
  /** In the unit of the system; only compared for equality. */
  readonly startedAt: string;
}

export class Descendants {
  readonly #processes = new Map<number, Process>();

  /** Every process below this process, which is not included. */
  static of(pid: number): Descendants {
    const found = new Descendants();
    found.#addBelow([pid], livingProcesses() ?? new Map());
    return found;
  }

  get pids(): number[] {
    return [...this.#processes.keys()];
  }

  /** Adds what a later look has found. */
  add(later: Descendants): void {
    for (const each of later.#processes.values()) this.#processes.set(each.pid, each);
  }

  /**
   * Asks every process to end, including processes that have started since; kills all that still live after the time, ms.
   * Suspended processes are continued first, to receive the signal.
   * @returns whether force was needed
   */
  async terminate(withinMs: number): Promise<boolean> {
    const asked = new Set<Process>();
    const haveEnded = await this.#lookUntil(withinMs, (living) => {
      for (const each of living.filter((one) => !asked.has(one))) {
        asked.add(each);
        signal(each, 'SIGTERM');
        signal(each, 'SIGCONT');
      }
    });
    if (haveEnded) return false;
    await this.#lookUntil(KILL_MS, (living) => {
      for (const each of living) signal(each, 'SIGKILL');
    });
    return true;
  }

  /** @returns whether all have ended */
  async #lookUntil(limitMs: number, onLiving: (living: readonly Process[]) => void): Promise<boolean> {
    const endsAt = systemClock.now() + limitMs;
    for (let pauseMs = MIN_LOOK_MS; ; pauseMs = Math.min(MAX_LOOK_MS, pauseMs * 2)) {
      const isCertain = this.#look();
      if (this.#processes.size === 0) return true;
      // A pid alone does not identify a process, and without a list nobody is signalled.
      if (isCertain) onLiving([...this.#processes.values()]);
      const leftMs = endsAt - systemClock.now();
      if (leftMs <= 0) return false;
      await delay(systemClock, Math.min(pauseMs, leftMs), NEVER);
    }
  }

  /** Forgets processes that have ended, and adds what the others have started meanwhile. @returns whether there was a list */
  #look(): boolean {
    if (this.#processes.size === 0) return true;
    const all = livingProcesses();
    for (const { pid, startedAt } of this.#processes.values()) {
      const hasEnded = all ? all.get(pid)?.startedAt !== startedAt : !exists(pid);
      if (hasEnded) this.#processes.delete(pid);
    }
    if (all) this.#addBelow(this.pids, all);
    return all !== undefined;
  }

  #addBelow(pids: readonly number[], all: ReadonlyMap<number, Process>): void {
    const children = new Map<number, Process[]>();
    for (const each of all.values()) {
      const siblings = children.get(each.parentPid);
      if (siblings) siblings.push(each);
      else children.set(each.parentPid, [each]);
    }
    const parents = [...pids];
    for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
      for (const child of children.get(parent) ?? []) {
        if (this.#processes.has(child.pid)) continue;
        this.#processes.set(child.pid, child);
        parents.push(child.pid);
      }
    }
  }
}

const NEVER = new AbortController().signal;

/** A process may end between the look and the signal; a process of another user must be left alone. */
function signal({ pid }: Process, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

/** Whether any process has this pid. Needs no descriptor. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** All living processes by pid. A zombie counts as ended. @returns undefined when the list cannot be read */
function livingProcesses(): Map<number, Process> | undefined {
  if (process.platform === 'win32') return new Map();
  const all = fact(process.platform === 'linux' ? listOfLinux : listOfPs);
  // A list without this process shows something else than the processes: /proc is not mounted.
  if (!all?.some(({ pid }) => pid === process.pid)) return undefined;
  return new Map(all.map((each) => [each.pid, each]));
}

function listOfLinux(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        // The name of the program comes in brackets and may hold any character; man proc_pid_stat counts from 1.
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const [state, parentPid, startedAt] = [fields[3 - 3]!, Number(fields[4 - 3]), fields[22 - 3]!];
        return /[ZX]/.test(state) ? [] : [{ pid: Number(pid), parentPid, startedAt }];
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM') throw error; // says nothing of the process
        return []; // has ended since the name was read, or is not visible to this user
      }
    });
}

function listOfPs(): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,lstart='], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  return [...lines.matchAll(/^\s*(\d+)\s+(\d+)\s+([^Z\s]\S*)\s+(.+?)\s*$/gm)].map(([, pid, parentPid, , startedAt]) => ({
    pid: Number(pid),
    parentPid: Number(parentPid),
    startedAt: startedAt!,
  }));
}
