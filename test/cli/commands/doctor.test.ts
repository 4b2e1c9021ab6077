// What the doctor says of each finding.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aboutEgg } from '../../../src/cli/commands/egg-packages';
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

describe('an application of egg', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trunkline-doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function install(name: string, version: string, isCalled = name): void {
    const path = join(folder, 'node_modules', name);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'package.json'), JSON.stringify({ name: isCalled, version }));
  }

  test('is none where egg is not installed', () => {
    expect(aboutEgg(folder)).toBeUndefined();
  });

  test('egg 3 with the packages of those names', () => {
    install('egg', '3.34.0');
    install('egg-cluster', '2.5.0');
    install('cluster-client', '3.7.0');
    expect(aboutEgg(folder)).toMatch(
      /^egg 3\.34\.0: egg-cluster is the package of that name, 2\.5\.0, cluster-client is the .*, 3\.7\.0;/,
    );
  });

  test('egg 4 with trunkline in one place, and a package that is not there', () => {
    install('egg', '4.0.10');
    install('@eggjs/cluster', '0.1.0', 'trunkline');
    expect(aboutEgg(folder)).toMatch(/^egg 4\.0\.10: @eggjs\/cluster is trunkline, cluster-client is not installed;/);
  });
});
