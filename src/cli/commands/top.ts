// `trunkline top`: the processes and channels of an application on a terminal, in place; elsewhere one picture after the other.

import { setTimeout as wait } from 'node:timers/promises';
import type { HostView, HostViewSource } from '../../host-view';
import { HostHistory } from '../../view/host-history';
import { CommandFailure } from '../command-failure';
import type { Output } from '../show/output';
import { topLines, type Order, type Size } from '../show/top-view';

/** The keyboard and the size of a terminal; undefined where nobody sits. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

const RETRY_MS = 500;
/** In a pipe a picture a second is enough. */
const PLAIN_MS = 1_000;
const PLAIN_COLUMNS = 160;
const ORDER_OF: Readonly<Record<string, Order>> = { c: 'calls', m: 'memory', n: 'name' };
const CTRL_C = '\u0003';
const ENTER = '\u001b[?1049h\u001b[?25l'; // a screen apart, without a cursor
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Writes JSON, an object a line: a view with its rates, the first at once. @throws CommandFailure when the application has ended */
export async function topJson(source: HostViewSource, stdout: Output, end: AbortSignal): Promise<void> {
  const history = new HostHistory();
  await untilGone(source, end, (view) => {
    history.take(view);
    stdout.write(`${JSON.stringify({ ...view, rates: history.rates?.sample })}\n`);
  });
}

/** For a file or a pipe. @throws CommandFailure when the application has ended */
export async function topPlain(name: string, source: HostViewSource, stdout: Output, end: AbortSignal): Promise<void> {
  const history = new HostHistory();
  let shownAt = -Infinity;
  await untilGone(source, end, (view) => {
    history.take(view);
    if (performance.now() - shownAt < PLAIN_MS) return;
    shownAt = performance.now();
    const state = { name, view, rates: history.rates, points: history.points, order: 'name', lost: undefined } as const;
    stdout.write(`${topLines(state, { columns: PLAIN_COLUMNS, rows: undefined }, stdout).join('\n')}\n\n`);
  });
}

async function untilGone(source: HostViewSource, end: AbortSignal, onView: (view: HostView) => void): Promise<void> {
  try {
    for await (const view of source.watch(end)) onView(view);
  } catch (error) {
    if (!end.aborted) throw CommandFailure.notRunning((error as Error).message);
  }
}

/** On a terminal, until `q`, Ctrl-C or the signal. Goes on when the application ends, and shows the next one. */
export async function topScreen(
  name: string,
  source: HostViewSource,
  { input, output }: Terminal,
  stdout: Output,
  end: AbortSignal,
): Promise<void> {
  const history = new HostHistory();
  const left = new AbortController();
  const over = AbortSignal.any([end, left.signal]);
  let view: HostView | undefined;
  let lost: string | undefined;
  let order: Order = 'calls';
  const draw = (): void => {
    const size: Size = { columns: output.columns, rows: output.rows };
    const lines = topLines({ name, view, rates: history.rates, points: history.points, order, lost }, size, stdout);
    // Line by line over the old ones, at once: a screen that is erased first flickers.
    output.write(`${HOME}${lines.map((line) => line + ERASE_LINE).join('\r\n')}${ERASE_BELOW}`);
  };
  const onKeys = (keys: string): void => {
    for (const key of keys) {
      if (key === 'q' || key === CTRL_C) left.abort();
      order = ORDER_OF[key] ?? order;
    }
    if (!over.aborted) draw();
  };
  const restore = (): void => void output.write(LEAVE);
  process.once('exit', restore);
  output.write(ENTER);
  input.setRawMode(true);
  input.setEncoding('utf8').on('data', onKeys).resume();
  output.on('resize', draw);
  try {
    draw();
    while (!over.aborted) {
      try {
        for await (const next of source.watch(over)) {
          view = next;
          lost = undefined;
          history.take(next);
          draw();
        }
      } catch (error) {
        lost = (error as Error).message;
        history.interrupt();
        if (!over.aborted) draw();
      }
      await wait(RETRY_MS, undefined, { signal: over }).catch(() => undefined);
    }
  } finally {
    output.off('resize', draw);
    input.off('data', onKeys).pause();
    input.setRawMode(false);
    process.off('exit', restore);
    restore();
  }
}
