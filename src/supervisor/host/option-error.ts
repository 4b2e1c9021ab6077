// The refusal of an option. The sentence is kept in parts, because the command line knows options as flags and says the same in
// its own words.

import { TrunklineError } from '../../errors';

/**
 * How a sentence mentions an option: `subject` the sentence is about it, `other` a second option, `name` the bare name.
 */
export type Mention = 'subject' | 'other' | 'name';

/** The words for an option in a sentence. */
export type Naming = (option: string, mention: Mention) => string;

interface Mentioned {
  readonly option: string;
  readonly mention: Mention;
}

export function mention(option: string, how: Mention = 'other'): Mentioned {
  return { option, mention: how };
}

export class OptionError extends TrunklineError {
  readonly option: string;
  readonly #parts: readonly (string | Mentioned)[];

  /** @param parts the sentence, in which options are only mentioned */
  constructor(option: string, parts: readonly (string | Mentioned)[], cause?: unknown) {
    super('ERR_TRUNKLINE_OPTION_INVALID', `startCluster: ${inWords(parts, asOption)}`, { cause });
    this.option = option;
    this.#parts = parts;
  }

  /** The sentence with other words for the options. */
  inWords(naming: Naming): string {
    return inWords(this.#parts, naming);
  }
}

function inWords(parts: readonly (string | Mentioned)[], naming: Naming): string {
  return parts.map((part) => (typeof part === 'string' ? part : naming(part.option, part.mention))).join('');
}

/** As users of startCluster know options. */
function asOption(option: string, how: Mention): string {
  switch (how) {
    case 'name':
      return option;
    case 'other':
      return `the option ${option}`;
    case 'subject':
      return `option ${option}`;
  }
}
