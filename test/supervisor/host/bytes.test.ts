import { formatBytes } from '../../../src/quantities';
import { parseBytes } from '../../../src/supervisor/host/bytes';

test.each<[unknown, number | undefined]>([
  [1, 1],
  [1.9, 1],
  ['300MB', 300 * 2 ** 20],
  ['300 mb', 300 * 2 ** 20],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['64k', 64 * 2 ** 10],
  ['12', 12],
  ['12B', 12],
  [0, undefined],
  [-1, undefined],
  [NaN, undefined],
  [Infinity, undefined],
  ['', undefined],
  ['much', undefined],
  ['10 TB', undefined],
  ['-1MB', undefined],
  [null, undefined],
])('%p is %p bytes', (given, bytes) => {
  expect(parseBytes(given)).toBe(bytes);
});

test.each([
  [1023, '1023 B'],
  [1024, '1 KB'],
  [300 * 2 ** 20, '300 MB'],
  [1.5 * 2 ** 30, '1.5 GB'],
])('%p bytes are shown as %p', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
