// The driver's side of driver.ts: starts the process with the members, and asks.

import { join } from 'node:path';
import { ForkedProcess } from '../../src/testing/forked-process';
import type { Answers, AnswerMessage, OrderName, Orders } from './orders';

/** Longer than any order takes on a slow machine, ms. */
const PATIENCE_MS = 300_000;

export class PartyProcess {
  readonly #forked = new ForkedProcess(join(__dirname, 'driver.js'), [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }, 10_000);
  #lastId = 0;

  /** @throws Error when the process fails, ends, or does not answer */
  async ask<K extends OrderName>(name: K, order: Orders[K]): Promise<Answers[K]> {
    const id = ++this.#lastId;
    const { child } = this.#forked;
    let timer: NodeJS.Timeout | undefined;
    let listen: ((message: unknown) => void) | undefined;
    try {
      return await new Promise<Answers[K]>((resolve, reject) => {
        listen = (message) => {
          const { id: answered, answer, error } = message as AnswerMessage;
          if (answered !== id) return;
          if (error === undefined) resolve(answer as Answers[K]);
          else reject(new Error(error));
        };
        child.on('message', listen);
        timer = setTimeout(
          () => reject(new Error(`no answer to ${name} within ${PATIENCE_MS} ms\n${this.#forked.output}`)),
          PATIENCE_MS,
        );
        void this.#forked.exited.then(() => reject(new Error(`the process ended during ${name}:\n${this.#forked.output}`)));
        child.send({ id, name, order });
      });
    } finally {
      clearTimeout(timer);
      if (listen) child.off('message', listen);
    }
  }

  stop(): Promise<unknown> {
    return this.#forked.stop();
  }
}
