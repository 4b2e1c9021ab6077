// When colours are used.

import { outputTo, wantsColor } from '../../../src/cli/show/output';

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
  [true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
])('terminal %j with %j: %j', (isTty, env, expected) => {
  expect(wantsColor(isTty, env)).toBe(expected);
});

test('text for a pipe has no escape codes', () => {
  const stream = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
  expect(outputTo(stream, {}).style('red', 'text')).toBe('text');
  expect(outputTo({ ...stream, isTTY: true } as NodeJS.WriteStream, {}).style('red', 'text')).toBe('\u001b[31mtext\u001b[39m');
});
