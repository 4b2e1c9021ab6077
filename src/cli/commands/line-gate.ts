// Several files that are shown in turn must not interrupt each other in the middle of a line or of a character: each file passes
// a gate that holds the last line back until the line is complete.

const NEWLINE = 10;
/** A line that is longer than this, bytes, is not waited for. */
const MAX_HELD_BYTES = 64 * 1024;

export class LineGate {
  readonly #isNeeded: boolean;
  #held = Buffer.alloc(0);

  /** @param isNeeded false: everything passes at once */
  constructor(isNeeded: boolean) {
    this.#isNeeded = isNeeded;
  }

  /** @returns what may be shown now */
  pass(bytes: Buffer): Buffer {
    if (!this.#isNeeded) return bytes;
    const all = Buffer.concat([this.#held, bytes]);
    const end = all.length > MAX_HELD_BYTES && !bytes.includes(NEWLINE) ? all.length : all.lastIndexOf(NEWLINE) + 1;
    this.#held = all.subarray(end);
    return all.subarray(0, end);
  }

  /** The bytes that were held back. */
  rest(): Buffer {
    return this.#held;
  }
}
