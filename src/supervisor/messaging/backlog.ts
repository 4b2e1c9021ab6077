// Messages that were given to the channel of a child and have not left yet. A child that does not read lets the channel fill,
// and further messages then lie in the memory of the master.

/** The number of messages that fills the channel, which takes more when half of these messages have left. */
const FULL = 100;
/** The most messages in a full channel, which still takes messages that cannot wait elsewhere. */
const OVERFULL = 1_000;

export class Backlog {
  readonly #onDrained: () => void;
  #size = 0;
  #isFull = false;

  /** @param onDrained the channel takes messages again */
  constructor(onDrained: () => void) {
    this.#onDrained = onDrained;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get isOverfull(): boolean {
    return this.#size >= OVERFULL;
  }

  /** A message was given to the channel. @returns to be called when the message has left */
  add(): () => void {
    this.#size++;
    if (this.#size >= FULL) this.#isFull = true;
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#size--;
      if (!this.#isFull || this.#size > FULL / 2) return;
      this.#isFull = false;
      this.#onDrained();
    };
  }
}
