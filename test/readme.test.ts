// The README says what the code does: its tables are held to the declarations, and its first program runs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ERROR_KINDS } from '../src/errors';
import { OPTION_DECLARATIONS } from '../src/options';
import { eventually } from './support/eventually';
import { freePort } from './support/ports';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The rows of the first table under a heading, cells without Markdown. */
function table(heading: string, document = readme): string[][] {
  const section = document.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const code = (text: string): string => `\`${text}\``;

it('the table of errors is the list of codes', () => {
  const declared = Object.entries(ERROR_KINDS).map(([name, { retryable, meaning }]) => [
    code(name),
    retryable ? 'yes' : 'no',
    meaning,
  ]);
  expect(table('Errors')).toEqual(declared);
});

it('the table of options has every option with its default and environment variable', () => {
  const rows = table('Options').map(([name, byDefault, env]) => ({ name, byDefault, env }));
  const declared = Object.entries(OPTION_DECLARATIONS).map(([name, declaration]) => ({
    name: code(name),
    byDefault: ['number', 'boolean'].includes(typeof declaration.default)
      ? code(JSON.stringify(declaration.default))
      : expect.stringMatching(/^[^`]+$/),
    env: declaration.env ? code(declaration.env) : '',
  }));
  expect(rows).toEqual(declared);
});

it('the table of docs/supervisor.md has every option of startCluster', () => {
  const declarations = readFileSync(join(root, 'src/supervisor/options.ts'), 'utf8').split('export type SupervisorOptions')[0]!;
  const declared = [...declarations.matchAll(/^ {2}(\w+)\??: /gm)].map(([, name]) => name!);
  const rows = table('Options', readFileSync(join(root, 'docs/supervisor.md'), 'utf8')).map(([name]) => name);
  // The kinds of application exclude each other's: `app?: undefined`.
  expect(rows).toEqual([...new Set(declared)].map(code));
});

it('says which error names stayed those of cluster-client', () => {
  for (const { legacyName } of Object.values(ERROR_KINDS)) if (legacyName) expect(readme).toContain(code(legacyName));
});

it.each([
  'README.md',
  'src/README.md',
  'protocol/README.md',
  'docs/command-line.md',
  'docs/moving-from-cluster-client.md',
  'docs/moving-from-egg-cluster.md',
  'docs/signals.md',
  'docs/supervisor.md',
  'src/supervisor/README.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'chaos/README.md',
  'examples/README.md',
])('the links of %s lead somewhere', (document) => {
  const text = readFileSync(join(root, document), 'utf8');
  const local = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^https?:/.test(target));
  expect(local.filter((target) => !existsSync(join(root, dirname(document), target)))).toEqual([]);
});

it('the maps of src name every file of it', () => {
  const map = ['src/README.md', 'src/supervisor/README.md'].map((name) => readFileSync(join(root, name), 'utf8')).join();
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.m?ts$/.test(name));
  expect(files.filter((name) => !map.includes(name.split(/[/\\]/).at(-1)!))).toEqual([]);
});

it('the program of the first 60 seconds runs: one process connects, all see the values', async () => {
  const program = readme.split('\n## 60 seconds\n')[1]!.split('```js\n')[1]!.split('\n```')[0]!;
  // Below dist, so that require('trunkline') finds the package itself.
  const folder = join(root, 'dist', `readme-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'app.js'), program);
    const env = { ...process.env, NODE_CLUSTER_CLIENT_PORT: String(await freePort()) };
    // The application gets a process group of its own, so that all of its processes end together, as with Ctrl-C.
    const app = spawn(process.execPath, ['app.js'], { cwd: folder, env, detached: true });
    let output = '';
    for (const stream of [app.stdout, app.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
    const processes = (pattern: RegExp) => new Set([...output.matchAll(pattern)].map(([, pid]) => pid));
    const isSeenBy = (count: number): boolean =>
      processes(/process (\d+) sees flags/g).size === count && processes(/process (\d+) got: timeout/g).size === count;
    try {
      await eventually('every process sees the values', () => isSeenBy(3));
    } finally {
      process.kill(-app.pid!, 'SIGINT');
      await once(app, 'close');
    }
    const connected = processes(/process (\d+) connects/g);
    expect(connected.size).toBe(1);
    expect(processes(/read by process (\d+)/g)).toEqual(connected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
