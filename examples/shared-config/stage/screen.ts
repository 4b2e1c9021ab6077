// Where the demo writes. On a terminal the table stays at the bottom and is redrawn in place, and messages scroll by above.
// Elsewhere lines come in sequence, and of the table only changed lines.

import { styleText } from 'node:util';

export interface Line {
  readonly text: string;
  readonly style?: keyof typeof STYLES;
}

/** What is kept below the table: the line that the user types. */
export interface Prompt {
  draw(): void;
}

const STYLES = { faint: 'dim', strong: 'bold', leading: 'green', good: 'green', bad: 'red' } as const;
const TO_START_OF_LINE = '\r';
const ERASE_BELOW = '\x1b[J';
const up = (lines: number): string => (lines > 0 ? `\x1b[${lines}A` : '');

export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #hasColour: boolean;
  #table: readonly Line[] = [];
  #prompt: Prompt | undefined;
  #isClosed = false;

  constructor(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env) {
    this.#out = out;
    this.#hasColour = out.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  }

  get isTerminal(): boolean {
    return this.#out.isTTY;
  }

  /** Writes a sentence. */
  say(text: string, style?: Line['style']): void {
    this.#redraw(this.#table, [{ text, ...(style && { style }) }]);
  }

  /** Replaces the table. */
  show(table: readonly Line[]): void {
    if (this.#isClosed) return;
    if (this.isTerminal) this.#redraw(table, []);
    else this.#write(table.filter(({ text }, index) => text !== this.#table[index]?.text));
    this.#table = table;
  }

  /** From now on the user types below the table. */
  attach(prompt: Prompt): void {
    this.#prompt = prompt;
    prompt.draw();
  }

  /** The user has pressed Enter: the cursor has moved down by a line. */
  onEnter(): void {
    if (this.isTerminal) this.#out.write(up(1));
  }

  /** The user types no more. */
  detach(): void {
    if (this.#prompt) this.#out.write('\n');
    this.#prompt = undefined;
  }

  /** Leaves the table unchanged. */
  close(): void {
    this.#isClosed = true;
  }

  #redraw(table: readonly Line[], above: readonly Line[]): void {
    if (!this.isTerminal) return this.#write(above);
    this.#out.write(TO_START_OF_LINE + up(this.#table.length) + ERASE_BELOW);
    this.#write(above);
    // A line of the table that the terminal breaks in two would be counted as a single line.
    this.#write(table.map(({ text, ...rest }) => ({ text: text.slice(0, this.#out.columns - 1), ...rest })));
    this.#prompt?.draw();
  }

  #write(lines: readonly Line[]): void {
    for (const { text, style } of lines) {
      this.#out.write(`${style && this.#hasColour ? styleText(STYLES[style], text) : text}\n`);
    }
  }
}
