// A text that must turn up in no log, inspection or JSON of whatever holds it.

/** Shorter secrets can be guessed: a process that has listened to one introduction may try secrets without asking anybody. */
export const MIN_SECRET_LENGTH = 16;

export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself. */
  reveal(): string {
    return this.#text;
  }
}
