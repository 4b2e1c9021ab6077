// The things that a measurement has on the machine: ports, a folder, processes. All are gone when the measurement ends, also by
// Ctrl-C.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/ports';
import { Reports, REPORTS_VARIABLE } from './reports';

const stages = new Set<Stage>();
let isOver = false;

export class Stage {
  /** The program that runs the measured processes. */
  static execPath = process.execPath;

  /** Whether that Node.js can keep compiled code from start to start: 22.1 and later. */
  static canKeepCode(): boolean {
    const look = `'enableCompileCache' in require('node:module')`;
    return execFileSync(Stage.execPath, ['-p', look], { encoding: 'utf8' }).trim() === 'true';
  }

  readonly reports: Reports;
  /** The HTTP port of the application. */
  readonly port: number;
  readonly folder: string;
  readonly #closers: (() => Promise<void>)[] = [];
  #closed: Promise<void> | undefined;

  private constructor(reports: Reports, port: number, folder: string) {
    this.reports = reports;
    this.port = port;
    this.folder = folder;
  }

  /** @throws Error after `closeAll` */
  static async during<T>(measure: (stage: Stage) => Promise<T>): Promise<T> {
    if (isOver) throw new Error('interrupted');
    const stage = new Stage(await Reports.open(), await freePort(), mkdtempSync(join(tmpdir(), 'trunkline-bench-')));
    stages.add(stage);
    try {
      return await measure(stage);
    } finally {
      await stage.#close();
    }
  }

  /** Ends every measurement; there will be no other. */
  static async closeAll(): Promise<void> {
    isOver = true;
    await Promise.all([...stages].map((stage) => stage.#close()));
  }

  /** For the programs of the application. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, PORT: String(this.port), [REPORTS_VARIABLE]: String(this.reports.port) };
  }

  /** Registers what ends something that was started; the last registration runs first. */
  onClose(closer: () => Promise<void>): void {
    this.#closers.unshift(closer);
  }

  #close(): Promise<void> {
    this.#closed ??= (async () => {
      for (const closer of this.#closers) await closer();
      await this.reports.close();
      rmSync(this.folder, { recursive: true, force: true });
      stages.delete(this);
    })();
    return this.#closed;
  }
}

/** Ends a process that was started as the leader of a group, and all processes of the group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
