// Configuration files: found, read, and understood; mistakes are told with their place.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applicationsOf, namedApplications } from '../../../src/cli/configuration/applications';
import { findConfiguration, loadConfiguration } from '../../../src/cli/configuration/configuration-file';

const TYPESCRIPT = Boolean((process.features as { typescript?: unknown }).typescript);

let folder: string;
afterEach(() => removeFolder());

function removeFolder(): void {
  rmSync(folder, { recursive: true, force: true });
}

function folderOf(files: Record<string, string>): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-configuration-')));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, name)), { recursive: true });
    writeFileSync(join(made, name), text);
  }
  return made;
}

/** The applications of a folder with these files, or the sentence that says what is wrong. */
async function read(files: Record<string, string>): Promise<object[] | string> {
  folder = folderOf(files);
  try {
    const file = await findConfiguration(folder);
    return file === undefined ? [] : applicationsOf(file).map(({ title, given }) => ({ title, ...given }));
  } catch (error) {
    expect(error).toMatchObject({ name: 'CommandFailure', exitCode: 2 });
    return (error as Error).message.replaceAll(folder, '');
  }
}

test.each<[string, string]>([
  ['trunkline.config.json', '{ "app": "a.js", "workers": 2, "agent": null }'],
  ['trunkline.config.cjs', 'module.exports = { app: "a.js", workers: 2, agent: undefined };'],
  ['trunkline.config.js', 'module.exports = { app: "a.js", workers: 2 };'],
  ['trunkline.config.js', 'module.exports = async () => ({ app: "a.js", workers: 2 });'],
  ['trunkline.config.js', 'module.exports = Promise.resolve({ app: "a.js", workers: 2 });'],
  ['trunkline.config.cjs', 'exports.__esModule = true; exports.default = { app: "a.js", workers: 2 };'],
  ['package.json', '{ "name": "shop", "trunkline": { "app": "a.js", "workers": 2 } }'],
])('%s is read: %s', async (name, text) => {
  expect(await read({ [name]: text })).toEqual([{ title: undefined, app: 'a.js', workers: 2 }]);
});

test('a folder without a configuration has none', async () => {
  expect(await read({ 'package.json': '{ "name": "trunkline-app", "dependencies": { "trunkline": "1" } }' })).toEqual([]);
  removeFolder();
  expect(await read({})).toEqual([]);
});

test('several applications have what is next to them where they say nothing themselves', async () => {
  const text = `{ "workers": 2, "env": "prod", "applications": { "shop": { "app": "a.js" }, "admin": { "app": "b.js", "workers": 1 } } }`;
  expect(await read({ 'trunkline.config.json': text })).toEqual([
    { title: 'shop', workers: 2, env: 'prod', app: 'a.js' },
    { title: 'admin', workers: 1, env: 'prod', app: 'b.js' },
  ]);
});

test.each<[string, string, string]>([
  [
    'trunkline.config.json',
    '{\n  "app": "a.js",\n  "wrokers": 2\n}',
    '/trunkline.config.json:3:3: unknown key "wrokers"; did you mean "workers"?',
  ],
  ['package.json', '{\n "trunkline": {\n  "prot": 2 } }', '/package.json:3:3: unknown key "prot"; did you mean "port"?'],
  [
    'trunkline.config.cjs',
    'module.exports = {\n  app: "a.js",\n  wrokers: 2,\n};',
    '/trunkline.config.cjs:3:3: unknown key "wrokers"; did you mean "workers"?',
  ],
  // One of two, so nobody can say which.
  [
    'trunkline.config.cjs',
    '// wrokers: 2\nmodule.exports = { wrokers: 2 };',
    '/trunkline.config.cjs: unknown key "wrokers"; did you mean "workers"?',
  ],
  ['trunkline.config.json', '{ "frobnicate": 1 }', '/trunkline.config.json:1:3: unknown key "frobnicate"'],
  [
    'trunkline.config.json',
    '{ "app": 1 "b": 2 }',
    `/trunkline.config.json:1:12: ',' or '}' is expected here, but there is "\\""`,
  ],
  ['package.json', '{ "trunkline": { ] }', '/package.json:1:18: a key in double quotes is expected here, but there is "]"'],
  ['trunkline.config.cjs', 'module.exports = {\n  port 80,\n};', '/trunkline.config.cjs:2:8: SyntaxError: Unexpected number'],
  [
    'trunkline.config.cjs',
    'module.exports = {\n  port: portt,\n};',
    '/trunkline.config.cjs:2:9: ReferenceError: portt is not defined',
  ],
  ['trunkline.config.cjs', 'module.exports = () => { throw "no" };', '/trunkline.config.cjs: the configuration has thrown no'],
  ['trunkline.config.json', '[]', '/trunkline.config.json: the configuration must be an object, but is a list'],
  ['trunkline.config.json', '{}', '/trunkline.config.json says nothing of any application'],
  ['trunkline.config.cjs', '', '/trunkline.config.cjs says nothing of any application'],
  ['trunkline.config.json', '{ "applications": {} }', '/trunkline.config.json:1:3: there is no application'],
  [
    'trunkline.config.json',
    '{ "applications": [] }',
    '/trunkline.config.json:1:3: applications must be an object, as in { shop: { app: "shop.js" } }, but is a list',
  ],
  [
    'trunkline.config.json',
    '{ "applications": { "a/b": {} } }',
    '/trunkline.config.json:1:21: the name of an application has at most 40 letters, digits and - _ ., but this is "a/b"',
  ],
  [
    'trunkline.config.json',
    '{ "applications": { "a": 1 } }',
    '/trunkline.config.json:1:21: applications.a must be an object, but is 1',
  ],
  [
    'trunkline.config.json',
    '{ "applications": { "a": { "prot": 1 } }, "prot": 2 }',
    '/trunkline.config.json:1:43: unknown key "prot"; did you mean "port"?',
  ],
  [
    'trunkline.config.json',
    '{ "applications": { "a": { "title": "b" } } }',
    '/trunkline.config.json:1:28: unknown key "title": the key of the application is its name',
  ],
  ['trunkline.config.json', '{ "title": 1 }', '/trunkline.config.json:1:3: title must be a text'],
  ['trunkline.config.json', '{ "apps": [] }', '/trunkline.config.json:1:3: unknown key "apps"; here it is called "applications"'],
  [
    'trunkline.config.json',
    '{ "max_memory_restart": "1G" }',
    '/trunkline.config.json:1:3: unknown key "max_memory_restart"; here it is called "maxMemory"',
  ],
  [
    'trunkline.config.cjs',
    'module.exports = { logger: console };',
    '/trunkline.config.cjs:1:20: unknown key "logger": a function cannot be given in a file; call startCluster in a program',
  ],
])('a mistake in %s is told with its place: %j', async (name, text, sentence) => {
  expect(await read({ [name]: text })).toBe(sentence);
});

test('two configurations are one too many', async () => {
  const message = await read({ 'trunkline.config.json': '{}', 'package.json': '{ "trunkline": {} }' });
  expect(message).toBe(
    'there are several configurations: /trunkline.config.json, the key trunkline of /package.json; keep one, or choose with --config',
  );
});

test('a file that is not there, and a package.json without the key, are told', async () => {
  folder = folderOf({ 'package.json': '{}' });
  await expect(loadConfiguration(join(folder, 'none.json'))).rejects.toThrow('cannot be read: there is no such file');
  await expect(loadConfiguration(join(folder, 'package.json'))).rejects.toThrow('package.json has no key trunkline');
});

(TYPESCRIPT ? test.skip : test)(
  'TypeScript is read by a compiler of the application, and without one a sentence says what to do',
  async () => {
    const text = 'const workers: number = 2;\nmodule.exports = { app: "a.js", workers };';
    expect(await read({ 'trunkline.config.ts': text })).toMatch(
      /^\/trunkline.config.ts is TypeScript, which Node.js .* install tsx/,
    );
    removeFolder();
    const compiler = `require.extensions['.ts'] = (module, file) =>
    module._compile(require('node:fs').readFileSync(file, 'utf8').replace(': number', ''), file);`;
    expect(await read({ 'trunkline.config.ts': text, 'node_modules/tsx/cjs.js': compiler })).toEqual([
      { title: undefined, app: 'a.js', workers: 2 },
    ]);
  },
);

test('a name that no application has is told, with the one that was probably meant', async () => {
  folder = folderOf({ 'trunkline.config.json': '{ "applications": { "shop": {}, "admin": {} } }' });
  const all = applicationsOf((await findConfiguration(folder))!);
  expect(namedApplications(all, ['admin', 'admin']).map(({ title }) => title)).toEqual(['admin']);
  expect(() => namedApplications(all, ['shpo'])).toThrow(
    /^shpo is not an application of .*, which has shop, admin; did you mean shop\?/,
  );
});
