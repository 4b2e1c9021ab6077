// Where a command writes: whether somebody watches, whether in colour, and what happens when nobody reads any more.

import { styleText } from 'node:util';

export interface Output {
  /** Bytes are written unchanged. */
  write(text: string | Uint8Array): void;
  /** A terminal, where a line can be written over. */
  readonly isTty: boolean;
  /** In colour where that is wanted. */
  style(format: Style, text: string): string;
}

export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

type Environment = Readonly<Record<string, string | undefined>>;

/** https://no-color.org: any value except the empty value turns colours off; FORCE_COLOR (of Node.js) turns colours on. */
export function wantsColor(isTty: boolean, env: Environment): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return isTty && env.TERM !== 'dumb';
}

export function outputTo(stream: NodeJS.WriteStream, env: Environment): Output {
  const isTty = stream.isTTY;
  const colored = wantsColor(isTty, env);
  return {
    write: (text) => void stream.write(text),
    isTty: isTty && env.TERM !== 'dumb',
    style: (format, text) => (colored ? styleText(format, text, { validateStream: false }) : text),
  };
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

/** Shows what is watched once more: in place of the last text on a terminal, and elsewhere behind it. JSON is a line each time. */
export function showAgain(text: string, json: boolean, stdout: Output): void {
  if (json) stdout.write(`${text}\n`);
  else stdout.write(stdout.isTty ? `${CLEAR_SCREEN}${text}\n` : `${text}\n\n`);
}

/**
 * Standard output may be a pipe whose reader has gone, a terminal that was closed, or a file on a full disk.
 * @param onGone what to do when nobody reads any more
 */
export function whenOutputIsLost(onGone: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (stream === process.stdout && error.code === 'EPIPE') onGone();
    });
  }
}
