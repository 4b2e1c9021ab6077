// A server that runs, which is asked again and again how many clients it has. Clients of strangers are subtracted.

import type { Changes } from './changes';
import { Failure } from './failure';

/** Servers do not say when the number changes: the demo asks this often, ms. */
const ASK_EVERY_MS = 50;

export interface Count {
  readonly unit: string;
  readonly countedBy: string;
  /** @returns undefined when the server does not say; rejects when there is no server */
  count(url: string): Promise<number | undefined>;
}

export class CountedServer {
  readonly url: string;
  readonly #count: Count;
  readonly #changes: Changes;
  #connections: number | undefined;
  #ofStrangers = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(url: string, count: Count, changes: Changes) {
    this.url = url;
    this.#count = count;
    this.#changes = changes;
  }

  get connections(): number | undefined {
    return this.#connections;
  }

  /** Asks for the first time. Rejects when there is no answer. */
  async start(): Promise<void> {
    const ofStrangers = await this.#count.count(this.url);
    if (ofStrangers === undefined) return; // connections stay unknown
    this.#ofStrangers = ofStrangers;
    this.#connections = 0;
    this.#askLater();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #askLater(): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#ask(), ASK_EVERY_MS).unref();
  }

  async #ask(): Promise<void> {
    const before = this.#connections;
    try {
      const count = await this.#count.count(this.url);
      this.#connections = count === undefined ? undefined : count - this.#ofStrangers;
    } catch {
      this.#connections = undefined; // shown as unknown
    }
    if (this.#connections !== before) this.#changes.notify();
    this.#askLater();
  }
}

/** Why there is no answer, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

export function noAnswer(what: string, error: unknown, advice: string): Failure {
  return new Failure(`${what} does not answer (${reasonOf(error)}); ${advice}`);
}
