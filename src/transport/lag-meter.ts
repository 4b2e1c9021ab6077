// How long the oldest of the bytes waits that the other side has not read. Looked at from time to time, so that writing costs nothing:
// the lag is exact to the time between two looks, and 0 at the first.

/** Looks that are remembered; older looks of a side that never reads are joined. */
const MAX_MARKS = 64;

export class LagMeter {
  /** At each look: how many bytes had been written by then. */
  #marks: { readonly at: number; readonly written: number }[] = [];

  /**
   * @param now ms on any clock
   * @param sent bytes that the system has taken since the beginning
   * @param waiting bytes that wait
   * @returns ms
   */
  look(now: number, sent: number, waiting: number): number {
    this.#marks = this.#marks.filter(({ written }) => written > sent);
    if (waiting > 0) {
      this.#marks.push({ at: now, written: sent + waiting });
      if (this.#marks.length > MAX_MARKS) this.#marks.splice(1, 1);
    }
    const [oldest] = this.#marks;
    return oldest ? now - oldest.at : 0;
  }
}
