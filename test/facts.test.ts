// Facts that the system refuses.

import os from 'node:os';
import { fact, openFilesLimit, temporaryFolder } from '../src/facts';
import { observeHealth } from '../src/supervisor/host/health';
import { containerLimits, oomKills } from '../src/supervisor/host/container-limits';

afterEach(() => {
  jest.restoreAllMocks();
});

const refuse = (): never => {
  throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
};

test('a fact that cannot be gathered is not known', () => {
  expect(fact(refuse)).toBeUndefined();
  expect(fact(() => 1)).toBe(1);
});

test('a child whose memory cannot be measured tells the rest of how it feels', () => {
  const health = observeHealth();
  jest.spyOn(process.memoryUsage, 'rss').mockImplementation(refuse);
  expect(health()).toEqual({ memoryBytes: undefined, eventLoopDelayMs: expect.any(Number) as number, isInspected: false });
});

test('a machine that does not tell its CPUs has one', () => {
  jest.spyOn(os, 'availableParallelism').mockImplementation(refuse);
  expect(containerLimits('/nowhere')).toEqual({ cpus: 1, memoryBytes: undefined, source: 'host' });
});

test('without /proc nothing is known of kills for want of memory', () => {
  expect(oomKills('/nowhere')).toBeUndefined();
});

test('without a folder for temporary files that the system tells there is the usual one', () => {
  jest.spyOn(os, 'tmpdir').mockImplementation(refuse);
  expect(temporaryFolder()).toBe(process.platform === 'win32' ? 'C:\\Windows\\Temp' : '/tmp');
});

(process.platform === 'linux' ? test : test.skip)('the limit of open files is that of this process', () => {
  const limit = openFilesLimit();
  expect(limit === undefined || limit > 0).toBe(true);
});
