// The tests of the page on testing, as a reader copies them: type-checked, and run by jest and by node:test against the built
// package. `npm run check:package` runs them in vitest, from the packed package.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');
let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-documented-tests-')));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'trunkline'), 'dir');
  symlinkSync(join(root, 'node_modules', 'sdk-base'), join(folder, 'node_modules', 'sdk-base'), 'dir');
  const page = readFileSync(join(root, 'docs', 'testing.md'), 'utf8');
  for (const [, code, name] of page.matchAll(/^```(?:ts|js)\n(\/\/ (\S+)\n[^]*?)\n```/gm))
    writeFileSync(join(folder, name!), code!);
  const options = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    esModuleInterop: true,
    skipLibCheck: true,
    types: ['node', 'jest'],
  };
  write('tsconfig.json', {
    compilerOptions: {
      ...options,
      noEmit: true,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: ['*.ts'],
  });
  write('package.json', {
    name: 'documented-tests',
    private: true,
    type: 'commonjs',
  });
  write('jest.config.json', {
    rootDir: folder,
    testMatch: ['**/*.test.ts'],
    transform: {
      '^.+\\.ts$': [join(root, 'node_modules/ts-jest'), { diagnostics: false }],
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: object): void {
  writeFileSync(join(folder, name), JSON.stringify(content));
}

/** What a program says; fails unless the program ends with code 0. */
async function run(...args: string[]): Promise<string> {
  // As a reader runs the program, and not as a part of this run.
  const env = {
    ...process.env,
    NODE_OPTIONS: undefined,
    NODE_TEST_CONTEXT: undefined,
    JEST_WORKER_ID: undefined,
  };
  const child = spawn(process.execPath, args, { cwd: folder, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect({ code, output }).toMatchObject({ code: 0 });
  return output;
}

it('they compile', async () => {
  await run(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.');
});

it('jest runs them', async () => {
  const output = await run(join(root, 'node_modules/jest/bin/jest.js'), '--config', 'jest.config.json');
  expect(output).toMatch(/Test Suites: 5 passed, 5 total/);
});

it('node:test runs the one for node:test', async () => {
  expect(await run('--test', 'shutdown.test.mjs')).toMatch(/pass 1\b/);
});

it('an application that loads trunkline loads nothing of the kit', async () => {
  const loaded = 'Object.keys(require.cache).filter((path) => /[/.]package.testing/.test(path)).length';
  const output = await run(
    '-p',
    `require('trunkline'); require('trunkline/supervisor'); const before = ${loaded};
    require('trunkline/testing'); [before, ${loaded}].join()`,
  );
  expect(output.trim()).toBe('0,1');
});
