// Times and addresses.

import { formatDuration } from '../../../src/quantities';
import { formatAddress } from '../../../src/supervisor/host/format-address';

test.each([
  [0, '0.0 s'],
  [440, '0.4 s'],
  [9_949, '9.9 s'],
  [9_960, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 min 0 s'],
  [185_000, '3 min 5 s'],
  [11_520_000, '3 h 12 min'],
  [187_200_000, '2 d 4 h'],
])('%d ms are %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [{ address: '127.0.0.1', port: 80 }, '127.0.0.1:80'],
  [{ address: '::1', port: 80 }, '[::1]:80'],
  [{ address: '::', port: 80 }, '*:80'],
  [{ address: '0.0.0.0', port: 80 }, '*:80'],
  // node:cluster says so of a server that was given no host.
  [{ address: null as unknown as string, port: 80 }, '*:80'],
  ['/run/app.sock', '/run/app.sock'],
])('%j is shown as %s', (address, text) => {
  expect(formatAddress(address)).toBe(text);
});
