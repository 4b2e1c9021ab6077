// A text that must appear in no log, inspection or JSON of any object that holds the text.

/** Shorter secrets can be guessed: a process that has overheard an introduction may try secrets without asking anybody. */
export const MIN_SECRET_LENGTH = 16;

export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The plain text. */
  reveal(): string {
    return this.#text;
  }
}
