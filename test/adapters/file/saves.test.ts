// What programs do to save a file, step by step: a watch hears the old value and the new one, and nothing in between.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { eventually } from '../../support/eventually';
import { Heard, textOf, WatchedFolder } from './watched-folder';

/** The steps of saving `text` in the file `path`; the client may look between two of them. */
type Save = (path: string, text: string) => (() => void)[];

const half = (text: string): [string, string] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];

const SAVES: Record<string, Save> = {
  'truncation and writing in place (nano, a shell)': (path, text) => [
    () => truncateSync(path),
    () => appendFileSync(path, half(text)[0]),
    () => appendFileSync(path, half(text)[1]),
  ],
  'another file renamed to its place (VS Code with atomic saves, sed -i)': (path, text) => [
    () => writeFileSync(`${path}.tmp-1`, half(text)[0]),
    () => appendFileSync(`${path}.tmp-1`, half(text)[1]),
    () => renameSync(`${path}.tmp-1`, path),
  ],
  'the old file renamed to a backup, and a new file (vim)': (path, text) => [
    () => renameSync(path, `${path}~`),
    () => writeFileSync(path, ''),
    () => appendFileSync(path, text),
    () => unlinkSync(`${path}~`),
  ],
  'the old file deleted, and a new file': (path, text) => [() => unlinkSync(path), () => writeFileSync(path, text)],
  'an older file moved to its place': (path, text) => [
    () => writeFileSync(`${path}.old`, text),
    () => utimesSync(`${path}.old`, 1_000_000_000, 1_000_000_000),
    () => renameSync(`${path}.old`, path),
  ],
};

let folder: WatchedFolder;
beforeEach(() => {
  folder = new WatchedFolder();
});
afterEach(() => folder.close());

async function save(steps: readonly (() => void)[]): Promise<void> {
  for (const step of steps) {
    step();
    await turn();
  }
}

// A name without an extension has no format: half of the text would be as good a value as the whole.
describe.each(['greeting', 'greeting.json', 'greeting.yaml'])('%s', (name) => {
  const [old, young] = [JSON.stringify({ text: 'old '.repeat(20) }), JSON.stringify({ text: 'young '.repeat(20) })];

  it.each(Object.entries(SAVES))('%s', async (_, steps) => {
    const client = folder.holding({ [name]: old, other: 'x' }).client();
    await client.ready();
    const heard = await Heard.of(client, name);
    await save(steps(folder.at(name), young));
    await eventually('the new value', () => heard.last === young);
    expect(heard.texts).toEqual([old, young]);
    expect(heard.versions[1]).toBeGreaterThan(heard.versions[0]!);
    expect(textOf(await client.get(name))).toBe(young);
  });

  it.each(Object.entries(SAVES))('the only file of the path, %s', async (_, steps) => {
    const client = folder.holding({ [name]: old }).client(name);
    const key = name === 'greeting' ? name : 'text';
    const value = (text: string): string =>
      name === 'greeting' ? text : JSON.stringify((JSON.parse(text) as { text: string }).text);
    await client.ready();
    const heard = await Heard.of(client, key);
    await save(steps(folder.at(name), young));
    await eventually('the new value', () => heard.last === value(young));
    expect(heard.texts).toEqual([value(old), value(young)]);
    expect(client.health.ok).toBe(true);
  });
});

it('a touch without a change is no change', async () => {
  const client = folder.holding({ greeting: 'same' }).client();
  await client.ready();
  const heard = await Heard.of(client, 'greeting');
  utimesSync(folder.at('greeting'), new Date(), new Date());
  writeFileSync(folder.at('greeting'), 'same');
  const before = (await client.get('greeting'))!;
  expect(before.version).toBe(heard.versions[0]);
  writeFileSync(folder.at('greeting'), 'other');
  await eventually('the change', () => heard.last === 'other');
  expect(heard.texts).toEqual(['same', 'other']);
});

describe('links', () => {
  /** A folder as Kubernetes mounts a ConfigMap, and its replacement as the kubelet does it. */
  function mount(version: string, files: Record<string, string>, previous?: string): void {
    mkdirSync(folder.at(`config/..${version}`), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(folder.at(`config/..${version}/${name}`), text);
      if (previous === undefined) symlinkSync(`..data/${name}`, folder.at(`config/${name}`));
    }
    symlinkSync(`..${version}`, folder.at('config/..data_tmp'));
    renameSync(folder.at('config/..data_tmp'), folder.at('config/..data'));
    if (previous !== undefined) rmSync(folder.at(`config/..${previous}`), { recursive: true });
  }

  it('the swap of a ConfigMap changes all its keys, and shows none of its folders', async () => {
    mount('one', { 'app.yaml': 'a: 1', 'app.json': '1' });
    const client = folder.client('config');
    await client.ready();
    const heard = await Heard.of(client, 'app.yaml');
    mount('two', { 'app.yaml': 'a: 2', 'app.json': '2' }, 'one');
    await eventually('the new value', () => heard.last === '{"a":2}');
    mount('three', { 'app.yaml': 'a: 3', 'app.json': '3' }, 'two');
    await eventually('the value after it', () => heard.last === '{"a":3}');
    expect(heard.texts).toEqual(['{"a":1}', '{"a":2}', '{"a":3}']);
    expect((await client.list('')).map(({ key }) => key)).toEqual(['app.json', 'app.yaml']);
  });

  it('the swap of a ConfigMap changes the only file of the path', async () => {
    mount('one', { 'app.yaml': 'a: 1' });
    const client = folder.client('config/app.yaml');
    await client.ready();
    const heard = await Heard.of(client, 'a');
    mount('two', { 'app.yaml': 'a: 2' }, 'one');
    await eventually('the new value', () => heard.last === '2');
    expect(heard.texts).toEqual(['1', '2']);
  });

  it('a link on the way that is swapped back to an older folder gives a later version', async () => {
    folder.holding({ 'releases/1/conf/greeting': 'one' });
    folder.holding({ 'releases/2/conf/greeting': 'two' });
    const point = (release: string): void => {
      symlinkSync(`releases/${release}`, folder.at('next'));
      renameSync(folder.at('next'), folder.at('current'));
    };
    point('2');
    const client = folder.client('current/conf');
    await client.ready();
    const heard = await Heard.of(client, 'greeting');
    point('1');
    await eventually('the older value', () => heard.last === 'one');
    expect(heard.versions[1]).toBeGreaterThan(heard.versions[0]!);
    // Another process, which has not seen the newer release, gives the older one the same version.
    const next = folder.client('current/conf');
    await next.ready();
    expect((await next.get('greeting'))!.version).toBe(heard.versions[1]);
  });

  it('a link that leads back to its own folder, and one that leads nowhere, are no keys', async () => {
    folder.holding({ 'a/key': '1' });
    symlinkSync('..', folder.at('a/back'));
    symlinkSync('nowhere', folder.at('a/lost'));
    symlinkSync('self', folder.at('a/self'));
    const client = folder.client();
    await client.ready();
    expect((await client.list('')).map(({ key }) => key)).toEqual(['a/key']);
  });
});

it('a file of 1 MB that another process writes in place again and again is never heard in part', async () => {
  folder.holding({ 'big.json': JSON.stringify({ n: 0 }) });
  const client = folder.client();
  await client.ready();
  const seen: number[] = [];
  await client.subscribe({ key: 'big.json' }, (state) => {
    const { n, end } = JSON.parse(textOf(state as never)!) as { n: number; end?: number };
    expect(end ?? 0).toBe(n);
    seen.push(n);
  });
  const writer = `for (let n = 1; n <= 60; n++) require('fs').writeFileSync(process.argv[1], JSON.stringify({ n, x: 'x'.repeat(1 << 20), end: n }))`;
  await once(spawn(process.execPath, ['-e', writer, folder.at('big.json')]), 'exit');
  await eventually('the last value', () => seen.at(-1) === 60);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});
