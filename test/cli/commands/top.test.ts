// `trunkline top` on a terminal, in a pipe and for programs.

import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { topJson, topPlain, topScreen, type Terminal } from '../../../src/cli/commands/top';
import type { Output } from '../../../src/cli/show/output';
import { eventually } from '../../support/eventually';
import { ScriptedHost } from '../../support/scripted-host';

let host: ScriptedHost;
let end: AbortController;
let written: string;

beforeEach(() => {
  host = new ScriptedHost({ workers: 2 });
  end = new AbortController();
  written = '';
});

const stdout: Output = { isTty: true, write: (text) => void (written += text.toString()), style: (_, text) => text };

class FakeTerminal {
  readonly input = Object.assign(new PassThrough(), { isRaw: false, setRawMode: (on: boolean) => (this.input.isRaw = on) });
  readonly output = Object.assign(new EventEmitter(), {
    columns: 120,
    rows: 30,
    write: (text: string) => void (written += text),
  });

  get terminal(): Terminal {
    return this as unknown as Terminal;
  }

  /** What stands on the screen now. */
  get screen(): string {
    return written.split('\u001b[H').at(-1)!;
  }
}

it('on a terminal, draws over what was there, follows changes, keys and the size, and leaves the terminal as it was', async () => {
  const seat = new FakeTerminal();
  const over = topScreen('shop', host, seat.terminal, stdout, end.signal);
  await eventually('the processes', () => seat.screen.includes('worker 2'));
  expect(seat.input.isRaw).toBe(true);
  host.changeProcess('worker 2', { restarts: 4_711 });
  await eventually('the change', () => seat.screen.includes('4711'));
  host.changeProcess('worker 1', { memoryBytes: 2 ** 33 });
  seat.input.write('m');
  await eventually(
    'sorted by memory',
    () => /LOOP DELAY[^]*?\n(\w+ ?\d?)/.exec(seat.screen.replaceAll('\r', ''))?.[1] === 'worker 1',
  );
  Object.assign(seat.output, { columns: 30, rows: 6 });
  seat.output.emit('resize');
  const shown = seat.screen.replaceAll('\u001b[K', '').replace('\u001b[J', '').split('\r\n');
  expect([shown.length <= 6, Math.max(...shown.map(({ length }) => length)) <= 30]).toEqual([true, true]);
  host.goAway('shop has ended');
  await eventually('the loss', () => seat.screen.includes('no data: shop has ended'.slice(0, 30)));
  host.comeBack();
  await eventually('the return', () => !seat.screen.includes('no data'));
  seat.input.write('xq'); // several keys may come at once
  await over;
  expect(written.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  expect([seat.input.isRaw, seat.input.listenerCount('data'), seat.output.listenerCount('resize')]).toEqual([false, 0, 0]);
});

it('on a terminal, ends with Ctrl-C and with the signal', async () => {
  const seat = new FakeTerminal();
  const over = topScreen('shop', host, seat.terminal, stdout, end.signal);
  seat.input.write('\u0003');
  await over;
  const other = topScreen('shop', host, new FakeTerminal().terminal, stdout, end.signal);
  end.abort();
  await other;
});

it('in a pipe, writes one picture after the other without moving a cursor, until the application ends', async () => {
  const over = topPlain('shop', host, stdout, end.signal);
  await eventually('a picture', () => written.includes('worker 2'));
  expect(written).not.toContain('\u001b');
  host.goAway('shop has ended');
  await expect(over).rejects.toMatchObject({ message: 'shop has ended', exitCode: 3 });
});

it('for programs, writes an object a line, the first at once', async () => {
  const over = topJson(host, stdout, end.signal);
  await eventually('a line', () => written.endsWith('\n'));
  host.advance(1_000, { calls: 10 });
  await eventually('another line', () => written.split('\n').length === 3);
  const [first, second] = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { host: string; rates: { callsPerS: number } });
  expect([first!.host, first!.rates.callsPerS, second!.rates.callsPerS]).toEqual(['web-3.example', 0, 30]);
  end.abort();
  await over;
});
