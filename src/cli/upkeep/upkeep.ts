// Reloads that nobody asks for by a command: because files have changed, or because it is time. One at a time.

import { relative } from 'node:path';
import type { Report } from '../show/events';
import { ChangedFiles, type WatchSettings } from './changed-files';
import { onSchedule } from './schedule';

export interface UpkeepSettings {
  readonly watch?: WatchSettings | undefined;
  /** An expression of cron. */
  readonly cronRestart?: string | undefined;
}

/** What is kept up. */
export interface Reloadable {
  readonly baseDir: string;
  /** Whether a reload is under way, whoever has asked for it. */
  readonly isReloading: boolean;
  reload(): Promise<void>;
}

export class Upkeep {
  readonly #application: Reloadable;
  readonly #settings: UpkeepSettings;
  readonly #report: Report;
  readonly #undo: (() => void)[] = [];
  /** Why another reload follows the present one. */
  #next: string | undefined;
  #isBusy = false;
  #isClosed = false;

  constructor(application: Reloadable, settings: UpkeepSettings, report: Report) {
    this.#application = application;
    this.#settings = settings;
    this.#report = report;
  }

  /** @throws CommandFailure */
  start(): void {
    const { watch, cronRestart } = this.#settings;
    const { baseDir } = this.#application;
    if (watch) {
      const files = new ChangedFiles(
        watch,
        (changed) => this.#onChange(changedText(changed.map((path) => relative(baseDir, path)))),
        (sentence) => this.#log('warn', sentence),
      );
      files.start();
      this.#undo.push(() => files.close());
    }
    if (cronRestart !== undefined) this.#undo.push(onSchedule(cronRestart, baseDir, () => this.#onTime(cronRestart)));
  }

  close(): void {
    this.#isClosed = true;
    for (const undo of this.#undo) undo();
  }

  /** What has changed during a reload is perhaps not in it. */
  #onChange(reason: string): void {
    if (this.#isBusy) this.#next = reason;
    else void this.#reload(reason); // waits for a reload of somebody else
  }

  #onTime(expression: string): void {
    if (this.#application.isReloading) this.#log('info', `no reload for cronRestart (${expression}): one is under way`);
    else void this.#reload(`it is time (cronRestart ${expression})`);
  }

  async #reload(reason: string): Promise<void> {
    const startedAt = performance.now();
    this.#isBusy = true;
    this.#report({ event: 'reloading', reason });
    try {
      await this.#application.reload();
      this.#report({ event: 'reloaded', tookMs: performance.now() - startedAt });
    } catch (error) {
      if (!this.#isClosed) this.#log('error', `not reloaded: ${(error as Error).message}`);
    }
    this.#isBusy = false;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined && !this.#isClosed) this.#onChange(next);
  }

  #log(level: 'info' | 'warn' | 'error', message: string): void {
    this.#report({ event: 'log', level, message });
  }
}

function changedText([first = '', ...others]: readonly string[]): string {
  if (others.length === 0) return `${first} has changed`;
  return others.length === 1 ? `${first} and ${others[0]} have changed` : `${first} and ${others.length} others have changed`;
}
