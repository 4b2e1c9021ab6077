// Applications of a configuration file: started, found by name, and stopped, by real commands.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, folder, get, inFolderOfItsOwn, known, ROOT, Run, stateFiles, status, trunkline } from '../support/command-line';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { isAlive } from '../support/processes';
import { writePrograms } from '../support/programs';

inFolderOfItsOwn();

const TYPESCRIPT = Boolean((process.features as { typescript?: unknown }).typescript);
const APP = `require('node:http')
  .createServer((_, response) => response.end(process.argv[2] + ' ' + process.env.REGION))
  .listen(process.env.PORT, '127.0.0.1');`;

/** Writes two applications. @returns their ports */
async function twoApplications(): Promise<{ shop: number; admin: number }> {
  const ports = { shop: await freePort(), admin: await freePort() };
  writePrograms(folder, {
    'shop/app.js': APP,
    'app.js': APP,
    'trunkline.config.json': JSON.stringify({
      workers: 1,
      environment: { REGION: 'north' },
      applications: {
        shop: { app: 'app.js', baseDir: 'shop', port: ports.shop, args: ['in-shop'] },
        admin: { app: 'app.js', port: ports.admin, args: ['in-admin'], environment: { REGION: 'south' } },
      },
    }),
  });
  return ports;
}

const statuses = async (args: readonly string[] = []) =>
  (await done(['status', '--json', ...args])).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; pid: number; processes: { pid: number }[] });

/** All processes that run now may not be left. */
async function note(): Promise<Awaited<ReturnType<typeof statuses>>> {
  const all = await statuses();
  for (const { pid, processes } of all) for (const each of [pid, ...processes.map((child) => child.pid)]) known.add(each);
  return all;
}

test('all applications of a file are started, found by name and from the folder, changed one by one and all together, and stopped', async () => {
  const ports = await twoApplications();
  const started = await done(['start', '--daemon']);
  expect(started.stdout.match(/^starting \w+|^ready on \S+/gm)).toEqual([
    'starting shop',
    `ready on 127.0.0.1:${ports.shop}`,
    'starting admin',
    `ready on 127.0.0.1:${ports.admin}`,
  ]);
  expect([await get('/', ports.shop), await get('/', ports.admin)]).toEqual(['in-shop north', 'in-admin south']);
  const before = await note();
  expect(before.map(({ name }) => name)).toEqual(['admin', 'shop']);

  await done(['reload', 'shop']);
  const reloaded = await note();
  expect(reloaded[0]!.processes[0]!.pid).toBe(before[0]!.processes[0]!.pid);
  expect(reloaded[1]!.processes[0]!.pid).not.toBe(before[1]!.processes[0]!.pid);
  expect((await done(['reload'])).stdout).toMatch(/^admin\n[^]*reload done[^]*\nshop\n[^]*reload done/);
  await note();

  const unclear = await trunkline(['scale', '2']);
  expect([unclear.code, unclear.stderr]).toEqual([
    2,
    'trunkline: several applications of this folder run: admin, shop; name one\n',
  ]);
  expect((await done(['scale', '2', 'shop'])).stdout).toContain('2 workers ready');
  const files = (await done(['logs', '-n', '1'])).stdout.match(/\w+\.(out|err)\.log/g);
  expect(files).toEqual(['admin.out.log', 'admin.err.log', 'shop.out.log', 'shop.err.log']);
  await note();

  await done(['stop', 'admin']);
  expect((await statuses()).map(({ name }) => name)).toEqual(['shop']);
  const both = await trunkline(['stop', 'admin', 'shop']);
  expect([both.code, both.stderr]).toEqual([3, expect.stringContaining('admin is not running')]);
  expect([...known].filter(isAlive)).toEqual([]);
});

test('a named application starts alone, also in the foreground, and an option on the command line counts more', async () => {
  const ports = await twoApplications();
  const other = await freePort();
  const run = new Run(['start', 'admin', '--port', String(other), '--', 'from-the-line']);
  await run.says('ready on');
  await note();
  expect(await get('/', other)).toBe('from-the-line south');
  await expect(get('/', ports.shop)).rejects.toThrow('ECONNREFUSED');
  run.process.kill('SIGINT');
  expect((await run.exited).code).toBe(0);
});

test('an application that does not start keeps the others from nothing, and the code is 1', async () => {
  const ports = await twoApplications();
  writeFileSync(join(folder, 'shop/app.js'), 'throw new Error("broken shop")');
  const run = await trunkline(['start', '--daemon']);
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('broken shop')]);
  await note();
  expect(await get('/', ports.admin)).toBe('in-admin south');
});

test('a single application is found as ever, and its key in package.json is a configuration too', async () => {
  writePrograms(folder, { 'package.json': JSON.stringify({ trunkline: { app: 'app.js', workers: 2 } }), 'app.js': APP });
  await done(['start', '--daemon']);
  expect((await status()).processes).toHaveLength(2);
  await done(['stop']);
});

test.each([
  [
    'mjs',
    `import { defineConfig } from ${JSON.stringify(join(ROOT, 'dist/package/supervisor/index.mjs'))};\nexport default defineConfig({ title: 'typed', app: 'app.js', workers: 1 });`,
  ],
  ['mjs', `const workers = await 1;\nexport default { title: 'typed', app: 'app.js', workers };`],
  ['ts', `const workers: number = 1;\nexport default { title: 'typed', app: 'app.js', workers };`],
])('trunkline.config.%s: %s', async (ending, text) => {
  writePrograms(folder, { [`trunkline.config.${ending}`]: text, 'app.js': APP });
  const run = await trunkline(['start', '--daemon']);
  if (ending === 'ts' && !TYPESCRIPT) {
    expect([run.code, run.stderr]).toEqual([
      2,
      expect.stringMatching(/^trunkline: .*trunkline.config.ts is TypeScript, which .*\n$/),
    ]);
    return;
  }
  expect([run.code, run.stderr]).toEqual([0, '']);
  await status(['typed']);
  await done(['stop', 'typed']);
});

test.each([
  ['trunkline.config.mjs', 'export default {\n  port 80,\n};', ':2:8: SyntaxError: Unexpected number'],
  ['trunkline.config.mjs', 'export default {\n  port: portt,\n};', ':2:9: ReferenceError: portt is not defined'],
  ['trunkline.config.json', '{\n  "app": "app.js",\n  "wrokers": 1\n}', ':3:3: unknown key "wrokers"; did you mean "workers"?'],
  [
    'trunkline.config.json',
    '{\n  "app": "app.js",\n  "workers": 0\n}',
    ':3:3: workers must be a whole number from 1 to 1024, but is 0',
  ],
  ...(TYPESCRIPT
    ? [['trunkline.config.ts', 'const a: number = 1;\nexport default {\n  port 80,\n};', ':3:8: SyntaxError: ']]
    : []),
])('a mistake in %s is one line with its place, and code 2: %j', async (name, text, sentence) => {
  writePrograms(folder, { [name]: text, 'app.js': APP });
  const run = await trunkline(['start']);
  expect(run.stderr).toMatch(/^trunkline: .*\n$/);
  expect(run.stderr).toContain(`/${name}${sentence}`);
  expect(run.code).toBe(2);
});

test('--config names another file, and --no-config none; a file that gives nothing ends the command', async () => {
  writePrograms(folder, {
    'trunkline.config.json': '{ broken',
    'others/one.json': JSON.stringify({ app: '../app.js', workers: 1, title: 'one' }),
    'app.js': APP,
  });
  await done(['start', '--daemon', '--config', 'others/one.json']);
  await status(['one']);
  await done([
    'start',
    'app.js',
    '--workers',
    '1',
    '--daemon',
    '--no-config',
    '--title',
    'two',
    '--port',
    String(await freePort()),
  ]);
  await status(['two']);
  await done(['stop', 'one', 'two']);
  for (const never of ['new Promise(() => {})', '() => new Promise(() => {})']) {
    writePrograms(folder, { 'others/never.js': `module.exports = ${never};` });
    const run = await trunkline(['start', '--daemon', '--config', 'others/never.js']);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining('never.js: the configuration is a promise that never')]);
  }
  const none = await trunkline(['start', '--config', 'none.json']);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('none.json cannot be read: there is no such file')]);
});

test('several applications in the foreground end with one signal, and one that fails keeps the others from nothing', async () => {
  const ports = await twoApplications();
  const run = new Run(['start', '--', 'from-the-line']);
  await eventually('both', () => run.stdout.split('ready on').length === 3);
  await note();
  expect([await get('/', ports.shop), await get('/', ports.admin)]).toEqual(['from-the-line north', 'from-the-line south']);
  run.process.kill('SIGTERM');
  expect(await run.exited).toEqual({ code: 0, signal: null });
  expect([...known].filter(isAlive)).toEqual([]);

  writeFileSync(join(folder, 'shop/app.js'), 'throw new Error("broken shop")');
  const half = new Run(['start']);
  await half.says('broken shop');
  await half.says('ready on');
  await eventually('the end of one', () => stateFiles('.pid').length === 1);
  await note();
  half.process.kill('SIGINT');
  expect((await half.exited).code).toBe(1);
});

test('a master that is killed among several in the foreground is named, and the others go on', async () => {
  const ports = await twoApplications();
  const run = new Run(['start']);
  await eventually('both', () => run.stdout.split('ready on').length === 3);
  const shop = (await note()).find(({ name }) => name === 'shop')!;
  process.kill(shop.pid, 'SIGKILL');
  await run.says(`shop: its master, pid ${shop.pid}, was ended by SIGKILL`);
  expect(await get('/', ports.admin)).toBe('in-admin south');
  run.process.kill('SIGTERM');
  expect((await run.exited).code).toBe(1);
});

test('what only one application can have is refused for several', async () => {
  await twoApplications();
  for (const [args, sentence] of [
    [['--daemon', '--title', 'x'], '--title is for a single application, and 2 are to be started: name one of them'],
    [['--daemon', 'shpo'], 'did you mean shop?'],
    [['app.js'], 'app.js is not an application of'],
  ] as const) {
    const run = await trunkline(['start', ...args]);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining(sentence)]);
  }
});
