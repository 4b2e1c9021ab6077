// The layers of src/README.md, held: which folder may import which.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { filesUnder } from './support/files-under';

const root = join(__dirname, '..');

const { ALLOWED, PACKAGES } = jest.requireActual<{
  ALLOWED: Record<string, readonly string[]>;
  PACKAGES: Record<string, readonly string[]>;
}>('../layers.js');

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return filesUnder(join(root, folder))
    .filter((name) => /\.m?ts$/.test(name))
    .map((name) => join(folder, name));
}

function layerOf(file: string): string {
  const [top, second, third, fourth] = file.split(sep);
  if (top === 'protocol') return 'protocol';
  const room = `${top}/${second}/${third}`;
  if (fourth !== undefined && room in ALLOWED) return room;
  if (third !== undefined) return `${top}/${second}`;
  return second!.startsWith('index.') ? 'public face' : 'kernel';
}

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), 'utf8');
  const found: Import[] = [];
  for (const [, typeOnly, specifier] of code.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'/gms)) {
    const local = specifier!.startsWith('.');
    const to = local ? layerOf(relative(root, resolve(root, dirname(file), specifier!)).replace(/\.js$/, '') + '.ts') : 'package';
    found.push({ file, from: layerOf(file), to, specifier: specifier!, typeOnly: typeOnly !== undefined });
  }
  return found;
}

const files = [...sources('protocol').filter((file) => !file.includes(`vectors${sep}`)), ...sources('src')];
const imports = files.flatMap(importsOf);

it('finds the imports', () => {
  expect(files.length).toBeGreaterThan(30);
  expect(imports.length).toBeGreaterThan(100);
});

it('no folder imports one that it must not see', () => {
  const wrong = imports.filter(({ from, to, typeOnly }) => {
    if (to === 'package' || to === from) return false;
    return !ALLOWED[from]?.includes(to) && !(typeOnly && ALLOWED[from]?.includes(`${to} (types)`));
  });
  expect(wrong).toEqual([]);
});

it('the kernel takes nothing from the protocol but values, errors and how a process may lead', () => {
  const taken = imports.filter(({ from, to }) => from === 'kernel' && to === 'protocol').map(({ specifier }) => specifier);
  expect(new Set(taken)).toEqual(new Set(['../protocol/candidacy', '../protocol/value-codec']));
});

it('packages are imported only where they belong', () => {
  const wrong = imports.filter(
    ({ from, to, specifier }) => to === 'package' && !specifier.startsWith('node:') && !PACKAGES[from]?.includes(specifier),
  );
  expect(wrong).toEqual([]);
});

it('the environment is read in the options, by the entry of a child and by the command line only', () => {
  const reading = files.filter((file) => readFileSync(join(root, file), 'utf8').includes('process.env'));
  expect(reading.sort()).toEqual(
    ['cli/main.ts', 'options.ts', 'supervisor/child/entry.ts', 'supervisor/host/options.ts'].map((file) => join('src', file)),
  );
});

it('nothing but the command line, entries of processes and signals to a master end the process', () => {
  const ending = files.filter((file) => readFileSync(join(root, file), 'utf8').includes('process.exit('));
  expect(ending.sort()).toEqual(
    [
      'cli/commands/daemon-entry.ts',
      'cli/logs/keeper-entry.ts',
      'cli/main.ts',
      'supervisor/child/entry.ts',
      'supervisor/host/signals.ts',
      'testing/member-entry.ts',
    ].map((file) => join('src', file)),
  );
});

it('no test that npm run test:unit runs starts a process or needs a build', () => {
  const { TESTS_WITH_PROCESSES } = jest.requireActual<{ TESTS_WITH_PROCESSES: string[] }>('../jest.scenarios.config.js');
  const isUnit = (file: string): boolean =>
    file.endsWith('.test.ts') && !TESTS_WITH_PROCESSES.some((path) => file.startsWith(path));
  const tests = ['test', join('examples', 'unit-test')].flatMap(sources).filter(isUnit);
  expect(tests.length).toBeGreaterThan(60);
  const wrong = tests.filter((test) => withImports(test).some((file) => file !== thisFile && startsProcesses(file)));
  expect(wrong).toEqual([]);
});

const thisFile = relative(root, __filename);

function startsProcesses(file: string): boolean {
  return /from 'node:(child_process|worker_threads|cluster)'|dist\/(src|test)/.test(readFileSync(join(root, file), 'utf8'));
}

/** A test with all files outside of the product that the test imports, directly or indirectly. */
function withImports(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file) || file.startsWith('src') || !existsSync(join(root, file))) return [];
  seen.add(file);
  const code = readFileSync(join(root, file), 'utf8');
  for (const [, specifier] of code.matchAll(/from\s+'(\.[^']+)'/g)) {
    withImports(`${relative(root, resolve(root, dirname(file), specifier!)).replace(/\.js$/, '')}.ts`, seen);
  }
  return [...seen];
}
