// Forgets the history of etcd, for an etcd that belongs to the fleet alone: the leader compacts up to the revision that was the newest
// one interval ago, so whoever reads or watches has an interval to finish.

import { backgroundClock, type Clock, type Timer } from '../../../time';
import type { EtcdLine } from './line';

export const EVERY_MS = 5 * 60_000;

export class Compaction {
  readonly #clock: Clock;
  #line: EtcdLine | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock = backgroundClock) {
    this.#clock = clock;
  }

  /** The member leads over this line. Idempotent for a line. */
  start(line: EtcdLine): void {
    if (this.#line === line) return;
    this.stop();
    this.#line = line;
    this.#later(line, undefined);
  }

  stop(): void {
    this.#line = undefined;
    this.#clock.clearTimeout(this.#timer);
  }

  /** @param upTo the newest revision one interval ago */
  #later(line: EtcdLine, upTo: bigint | undefined): void {
    if (this.#line !== line) return; // stopped meanwhile
    this.#timer = this.#clock.setTimeout(() => void this.#compact(line, upTo), EVERY_MS);
  }

  async #compact(line: EtcdLine, upTo: bigint | undefined): Promise<void> {
    try {
      if (upTo !== undefined) await line.client.compact(upTo);
      const { revision } = await line.read({ key: line.keys.leader, keysOnly: true });
      this.#later(line, revision);
    } catch {
      this.#later(line, undefined); // verbs of the session say what is wrong with etcd
    }
  }
}
