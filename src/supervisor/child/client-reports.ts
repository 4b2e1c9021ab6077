// What this child tells its master of its health and its shared clients: the clients at once when a role changes or somebody looks,
// otherwise rarely, and only when something has changed. A thousand workers must not flood their master.

import { subscribe } from 'node:diagnostics_channel';
import { reportOfProcess, stampOfProcess, type ProcessReport } from '../../process-report';
import type { Clock, Timer } from '../../time';
import { observeHealth } from '../host/health';
import type { Health, Look } from '../messaging/messages';

/** Without a look, changed counts are told this often, ms. */
const RARELY_MS = 5_000;
/** A change of role is told after this time, ms, together with what changes meanwhile. */
const SOON_MS = 100;
/** Reports of this many bytes a second are no load for a master. A larger report waits longer for the next. */
const BYTES_PER_MS = 1_000;

export class ClientReports {
  readonly #clock: Clock;
  readonly #tell: (health: Health) => void;
  #health: (() => Health) | undefined;
  #stamp = '';
  #reportedAt = -Infinity;
  #pauseMs = RARELY_MS;
  #look: { readonly id: number; readonly until: number; readonly everyMs: number } | undefined;
  #timer: Timer | undefined;
  #isUrgent = false;

  constructor(clock: Clock, tell: (health: Health) => void) {
    this.#clock = clock;
    this.#tell = tell;
    const onChange = (): void => {
      this.#isUrgent = true;
      this.#schedule(SOON_MS);
    };
    // Rare, and worth a report at once. By name: another copy of this library may be the one that publishes.
    for (const name of ['trunkline:role', 'trunkline:upstream']) subscribe(name, onChange);
  }

  /** Reports the health, and the clients when a report is due. */
  send(): void {
    this.#health ??= observeHealth();
    const report = this.#isDue ? this.#report() : undefined;
    this.#tell({ ...this.#health(), ...(report && { report }), ...(this.#look && { look: this.#look.id }) });
  }

  /** Somebody looks. */
  onLook({ id, forMs, everyMs }: Look): void {
    this.#look = { id, until: this.#clock.now() + forMs, everyMs };
    this.#isUrgent = true;
    this.#stamp = ''; // the last report may have lacked keys
    this.send();
    this.#schedule(everyMs);
  }

  get #isLookedAt(): boolean {
    return this.#look !== undefined && this.#clock.now() < this.#look.until;
  }

  get #isDue(): boolean {
    return this.#isUrgent || this.#clock.now() - this.#reportedAt >= this.#pauseMs;
  }

  /** @returns undefined when nothing has changed */
  #report(): ProcessReport | undefined {
    this.#isUrgent = false;
    const stamp = stampOfProcess();
    if (stamp === this.#stamp) return undefined;
    this.#stamp = stamp;
    const report = reportOfProcess(this.#isLookedAt);
    this.#reportedAt = this.#clock.now();
    const pauseMs = this.#isLookedAt ? this.#look!.everyMs : RARELY_MS;
    this.#pauseMs = Math.max(pauseMs, sizeOf(report) / BYTES_PER_MS);
    return report;
  }

  #schedule(delayMs: number): void {
    if (this.#timer) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#isDue && this.#stamp !== stampOfProcess()) this.send();
      if (this.#isLookedAt) this.#schedule(this.#look!.everyMs);
    }, delayMs);
    this.#timer.unref();
  }
}

/** About how many bytes the report is as JSON: keys and followers are nearly all of a large report. */
function sizeOf({ clients }: ProcessReport): number {
  let bytes = 0;
  for (const { led } of clients) {
    bytes += 1_000 + 100 * (led?.followers.length ?? 0);
    for (const { key } of led?.keys ?? []) bytes += 60 + key.length;
  }
  return bytes;
}
