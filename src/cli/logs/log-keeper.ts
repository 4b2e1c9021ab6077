// The master's view of the process that writes the logs. When that process ends, another one takes its place; meanwhile the pipes
// hold what is written.

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { FromKeeper, LogFiles, ToKeeper } from './keeper-messages';
import { READ_ENDS } from './log-pipes';
import type { Rotation } from './rotating-log';

/** A keeper that ends at once is not replaced at once, ms. */
const PAUSE_MS = 500;
/** How long the opening of two files may take, ms. */
const REOPEN_MS = 5_000;

export class LogKeeper {
  readonly #files: LogFiles;
  readonly #rotation: Rotation;
  readonly #onReplaced: (sentence: string) => void;
  #process!: ChildProcess;
  #asked = 0;

  /** @param onReplaced is told when another process has taken over */
  constructor(files: LogFiles, rotation: Rotation, onReplaced: (sentence: string) => void) {
    this.#files = files;
    this.#rotation = rotation;
    this.#onReplaced = onReplaced;
  }

  start(): void {
    // Away from signals to the group of the master.
    const keeper = spawn(process.execPath, [join(__dirname, 'keeper-entry.js')], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...READ_ENDS],
    });
    this.#process = keeper;
    keeper.unref();
    keeper.channel?.unref();
    const startedAt = performance.now();
    const onEnd = (how: string): void => void this.#replace(how, startedAt);
    keeper.once('exit', (code, signal) => onEnd(signal ?? `code ${code}`));
    keeper.once('error', (error) => onEnd(error.message));
    this.#send({ keep: this.#files, rotation: this.#rotation });
  }

  /** Opens the files anew. @throws Error when they cannot be opened, or nobody answers */
  async reopen(): Promise<void> {
    const keeper = this.#process;
    const number = ++this.#asked;
    const end = new AbortController();
    const answer = new Promise<FromKeeper | 'ended'>((resolve) => {
      const onMessage = (message: FromKeeper): void => {
        if (message.reopened === number) resolve(message);
      };
      const onExit = (): void => resolve('ended');
      keeper.on('message', onMessage);
      keeper.once('exit', onExit);
      end.signal.addEventListener('abort', () => keeper.off('message', onMessage).off('exit', onExit), { once: true });
    });
    this.#send({ reopen: number });
    const silence = wait(REOPEN_MS, 'silent' as const, { signal: end.signal }).catch(() => 'silent' as const);
    const given = await Promise.race([answer, silence]);
    end.abort();
    if (given === 'ended') return; // the next keeper opens the files anyway
    if (given === 'silent')
      throw new Error(`the process that writes the logs, pid ${keeper.pid}, does not answer; look whether it is stopped`);
    if (given.error !== undefined) throw new Error(given.error);
  }

  async #replace(how: string, startedAt: number): Promise<void> {
    const livedMs = performance.now() - startedAt;
    await wait(Math.max(0, PAUSE_MS - livedMs), undefined, { ref: false });
    this.start();
    this.#onReplaced(`the process that writes the logs has ended (${how}), and another one writes`);
  }

  #send(message: ToKeeper): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }
}
