// What the doctor says of each finding.

import { aboutLimits, aboutNode, aboutOpenFiles } from '../../../src/cli/commands/doctor';

test.each([
  ['20.19.0', 'ok'],
  ['20.18.9', 'wrong'],
  ['18.20.0', 'wrong'],
  ['22.0.0', 'ok'],
])('Node.js %s is %s', (version, level) => {
  expect(aboutNode(version).level).toBe(level);
});

test.each([
  [undefined, 'ok'],
  [1_048_576, 'ok'],
  [1_024, 'warning'],
])('%s open files are %s', (limit, level) => {
  expect(aboutOpenFiles(limit).level).toBe(level);
});

test('the limits of a container are told with what they have room for', () => {
  expect(aboutLimits({ cpus: 1.5, memoryBytes: 512 * 2 ** 20, source: 'cgroup v2' }).text).toBe(
    '1.5 CPUs and 512 MB of memory (cgroup v2): room for 2 workers',
  );
});
