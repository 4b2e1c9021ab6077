// Finds out that the other side of a connection is gone although the socket is not closed: pings once an interval, gives up
// after 2.5 intervals of silence. Any inbound byte is life, calls in flight play no part. After a pause of this process the
// heartbeat listens before judging.

import { patientTimeout, type Clock, type Patience } from '../time';

/** Silence of this many intervals ends a connection: two pings were then left without an answer. */
export const SILENCE_INTERVALS = 2.5;

export class Heartbeat {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #ping: () => void;
  readonly #onSilence: (silentMs: number) => void;
  #lastHeard: number;
  /** Silence before this moment was our own: judged from here on. */
  #blameFrom: number;
  #nextPing: number;
  #timer: Patience | undefined;
  #stopped = false;

  /** @param onSilence called once, with the length of the silence in ms; the heartbeat has stopped then */
  constructor(clock: Clock, intervalMs: number, ping: () => void, onSilence: (silentMs: number) => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#ping = ping;
    this.#onSilence = onSilence;
    this.#lastHeard = this.#blameFrom = clock.now();
    this.#nextPing = clock.now() + intervalMs;
    this.#schedule(intervalMs);
  }

  /** Any bytes arrived. @param now on the clock */
  heard(now: number): void {
    this.#lastHeard = now;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    this.#timer = patientTimeout(
      this.#clock,
      delayMs,
      () => {
        this.#check();
      },
      () => {
        this.#blameFrom = this.#clock.now();
        this.#ping();
      },
    );
  }

  #check(): void {
    if (this.#stopped) return;
    const now = this.#clock.now();
    const silentMs = now - Math.max(this.#lastHeard, this.#blameFrom);
    const limitMs = this.#intervalMs * SILENCE_INTERVALS;
    if (silentMs >= limitMs) {
      this.stop();
      this.#onSilence(silentMs);
      return;
    }
    if (now >= this.#nextPing) {
      // Sent no matter what was heard: a leader of cluster-client 3.x takes only requests for life, and events are no requests.
      this.#ping();
      this.#nextPing = now + this.#intervalMs;
    }
    this.#schedule(Math.max(1, Math.min(this.#nextPing - now, limitMs - silentMs)));
  }
}
