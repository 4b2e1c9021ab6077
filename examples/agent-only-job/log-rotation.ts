// The job, as an upstream client: exists once on the host, in the process that leads, and therefore everything happens once.
// Every midnight the job renames the log file after the day with which the file begins, and tells all subscribers.

import { closeSync, existsSync, openSync, readSync, renameSync } from 'node:fs';
import { basename, dirname, join, parse } from 'node:path';
import { Base } from 'sdk-base';
import { nextMidnight } from './next-midnight';

export interface Rotation {
  /** The process that rotated the file. */
  readonly by: number;
  /** The new name of the old file; missing in what a new agent says first. */
  readonly renamedTo?: string;
}

export type RotationListener = (rotation: Rotation) => void;

export interface LogRotationOptions {
  /** Each line begins with a time in the form of Date.toISOString(). */
  readonly file: string;
  /** For trying the example: the first rotation is this many ms after the start; further rotations are at midnight. */
  readonly firstAfterMs?: number | undefined;
}

/** Read from the environment; equal in agent and workers, which therefore mean the same job. */
export function rotationOptions({
  LOG_FILE: file = 'app.log',
  ROTATE_AFTER_MS: firstAfterMs,
}: NodeJS.ProcessEnv): LogRotationOptions {
  return { file, firstAfterMs: firstAfterMs ? Number(firstAfterMs) : undefined };
}

/** A timer knows nothing of a clock that was set or a host that slept: the clock is asked at least so often, ms. */
const LOOK_MS = 60_000;
/** The length of what toISOString gives. */
const TIME_BYTES = 24;

export class LogRotation extends Base {
  readonly #file: string;
  #listener: RotationListener | undefined;
  #latest: Rotation = { by: process.pid };
  #timer: NodeJS.Timeout | undefined;

  constructor({ file, firstAfterMs }: LogRotationOptions) {
    super();
    this.#file = file;
    const begin = beginOf(file);
    // There may have been a midnight without any agent.
    if (begin && nextMidnight(begin).getTime() <= Date.now()) this.#rotate(begin);
    this.#plan(firstAfterMs === undefined ? nextMidnight(new Date()) : new Date(Date.now() + firstAfterMs));
    this.ready(true);
  }

  /** Pushes at once too: the previous agent may have died after renaming the file and before telling anybody. */
  subscribe(_topic: 'rotated', listener: RotationListener): void {
    this.#listener = listener;
    listener(this.#latest);
  }

  unSubscribe(): void {
    this.#listener = undefined;
  }

  override async close(): Promise<void> {
    clearTimeout(this.#timer);
    await super.close();
  }

  #plan(due: Date): void {
    console.log(`agent ${process.pid}: next rotation at ${due.toString()}`);
    this.#wait(due);
  }

  #wait(due: Date): void {
    const restMs = due.getTime() - Date.now();
    if (restMs > 0) this.#timer = setTimeout(() => this.#wait(due), Math.min(restMs, LOOK_MS));
    else this.#run();
  }

  #run(): void {
    const begin = beginOf(this.#file);
    if (begin) this.#rotate(begin);
    this.#plan(nextMidnight(new Date()));
  }

  /** Writers that have the file open go on under the new name until reopening: no line is lost. */
  #rotate(begin: Date): void {
    try {
      const renamedTo = freeName(this.#file, begin);
      renameSync(this.#file, renamedTo);
      this.#latest = { by: process.pid, renamedTo: basename(renamedTo) };
    } catch (error) {
      this.emit('error', error);
      return;
    }
    console.log(`agent ${process.pid}: ${basename(this.#file)} is now ${this.#latest.renamedTo}`);
    this.#listener?.(this.#latest);
  }
}

/** The time of the first line; undefined for a file that is not there, or has none. */
function beginOf(file: string): Date | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = Buffer.alloc(TIME_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
  const begin = new Date(bytes.toString());
  return Number.isNaN(begin.getTime()) ? undefined : begin;
}

/** `app.2026-10-25.log`, or `app.2026-10-25.1.log` where that is taken: to rename is to replace. */
function freeName(file: string, day: Date): string {
  const { name, ext } = parse(file);
  const date = [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
  for (let count = 0; ; count++) {
    const candidate = join(dirname(file), `${name}.${date}${count === 0 ? '' : `.${count}`}${ext}`);
    if (!existsSync(candidate)) return candidate;
  }
}
