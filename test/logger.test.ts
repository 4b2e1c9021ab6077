// A logger of the user that fails.

import net from 'node:net';
import cluster from '../src/index';
import { guardedLogger, rarely, type Logger } from '../src/logger';
import { ManualClock } from '../src/testing/manual-clock';
import { upstreamClass } from './support/fake-upstream';
import { leavesNothingOpen } from './support/open-handles';
import { freePort } from './support/ports';

leavesNothingOpen();

let printed: jest.SpyInstance;

beforeEach(() => {
  printed = jest.spyOn(console, 'error').mockImplementation(() => undefined);
});

afterEach(() => {
  printed.mockRestore();
});

const failing: Required<Logger> = {
  debug: () => fail(),
  info: () => fail(),
  warn: () => fail(),
  error: () => fail(),
};

function fail(): never {
  throw new Error('the disk is full');
}

test('what it cannot take is printed, with the reason', () => {
  guardedLogger(failing).warn('red: something');
  expect(printed).toHaveBeenCalledWith(expect.stringMatching(/the disk is full.*red: something/));
});

test('one without debug is not asked for it', () => {
  const lines: string[] = [];
  const log = (message: string): void => void lines.push(message);
  const logger = guardedLogger({ info: log, warn: log, error: log });
  logger.debug?.('a');
  logger.info('b');
  expect(lines).toEqual(['b']);
});

test('a stranger at the port does not end the process of a leader whose logger fails', async () => {
  const port = await freePort();
  const client = cluster(upstreamClass(), { port, name: 'red', logger: failing }).create();
  await client.ready();
  const stranger = net.connect(port, '127.0.0.1', () => stranger.end('GET / HTTP/1.1\r\n\r\n'));
  stranger.on('error', () => undefined).resume();
  await new Promise((resolve) => stranger.once('close', resolve));
  expect(printed).toHaveBeenCalledWith(expect.stringMatching(/the disk is full.*socket closed/));
  await client.close();
});

test('a line that strangers cause is written once a minute, with a count of those left out', () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const write = rarely((line) => lines.push(line), clock);
  for (let i = 0; i < 3; i++) write('refused');
  clock.advance(59_999);
  write('refused');
  clock.advance(1);
  write('refused');
  clock.advance(60_000);
  write('refused');
  expect(lines).toEqual(['refused', 'refused (and 3 more like it since the last line)', 'refused']);
});
