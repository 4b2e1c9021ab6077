// What keys and values files give: formats, names, and what is wrong with a file.

import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { FileClient } from '../../../src/adapters/file';
import type { StoredEntry } from '../../../src/adapters/registry';
import { Child } from '../../support/child';
import { eventually } from '../../support/eventually';
import { codeOf, Heard, textOf, WatchedFolder } from './watched-folder';

let folder: WatchedFolder;
beforeEach(() => {
  folder = new WatchedFolder();
});
afterEach(() => folder.close());

const textsOf = (entries: readonly StoredEntry[]): Record<string, string> =>
  Object.fromEntries(entries.map((entry) => [entry.key, textOf(entry)!]));

async function served(name = ''): Promise<Record<string, string>> {
  const client = folder.client(name);
  await client.ready();
  return textsOf(await client.list(''));
}

describe('a folder', () => {
  it('has a key for each file, with the path below the folder as its name', async () => {
    folder.holding({ plain: 'text', 'a/b/c.txt': 'deep', 'empty.txt': '' });
    expect(await served()).toEqual({ plain: 'text', 'a/b/c.txt': 'deep', 'empty.txt': '' });
  });

  it('has no keys for hidden files, copies of editors, sockets and names that are no UTF-8', async () => {
    folder.holding({ key: '1', '.hidden': '2', '.git/config': '3', 'key~': '4', '#key#': '5' });
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0x66, 0xff])]), '6');
    const server = net.createServer().listen(folder.at('socket'));
    await once(server, 'listening');
    expect(await served()).toEqual({ key: '1' });
    server.close();
  });

  it.each(['', '/etc/passwd', '../key', 'a//b', 'a/', '.hidden', 'nul\0'])('refuses the key %j', async (key) => {
    const client = folder.holding({ key: '1' }).client();
    await client.ready();
    const refusal = { code: 'ERR_TRUNKLINE_KEY_INVALID', key, server: folder.path };
    await expect(client.get(key)).rejects.toMatchObject(refusal);
    await expect(client.subscribe({ key }, () => undefined)).rejects.toMatchObject(refusal);
  });

  it('serves YAML as JSON text, and JSON without a byte order mark', async () => {
    folder.holding({
      'a.yaml': 'servers:\n  - &one {host: a, port: 80}\n  - {<<: *one}\ndate: 2026-01-01\nnull: ~\n',
      'b.YML': 'on: yes',
      'empty.yaml': '# nothing\n',
      'c.json': '\ufeff{ "a": [1] }',
    });
    const texts = await served();
    expect(JSON.parse(texts['a.yaml']!)).toMatchObject({ servers: [{ host: 'a', port: 80 }, {}], date: '2026-01-01' });
    expect(texts).toMatchObject({ 'b.YML': '{"on":"yes"}', 'empty.yaml': 'null', 'c.json': '{ "a": [1] }' });
  });

  it.each([
    ['a.json', '{"half":', /is no JSON/],
    ['a.yaml', 'a: [1', /is no YAML/],
    ['a.yaml', 'a: 1\n---\na: 2\n', /is no YAML .*multiple documents/],
    ['a.yaml', 'a: 1\na: 2\n', /is no YAML/],
    ['a.yaml', 'ratio: .inf', /has the number Infinity at ratio/],
    ['a.yaml', '&a [*a]', /has no JSON form/],
  ])('%s with %j is an error that names the file, and keeps its last value', async (name, text, message) => {
    const client = folder.holding({ [name]: '[1]', other: 'x' }).client();
    const told: unknown[] = [];
    client.on('health', (health) => told.push(health));
    await client.ready();
    const heard = await Heard.of(client, name);
    writeFileSync(folder.at(name), text);
    await eventually('the health', () => !client.health.ok);
    expect(client.health.error).toMatchObject({ code: 'ERR_TRUNKLINE_VALUE_INVALID', server: folder.at(name) });
    expect(client.health.error!.message).toMatch(message);
    expect(textOf(await client.get(name))).toBe('[1]');
    writeFileSync(folder.at(name), '[2]');
    await eventually('the mended value', () => heard.last === '[2]');
    expect(heard.texts).toEqual(['[1]', '[2]']);
    await eventually('the health', () => client.health.ok);
    expect(told).toHaveLength(2);
  });

  it('a file that never parsed has no value, and others are served', async () => {
    const client = folder.holding({ 'bad.json': '{', good: 'x' }).client();
    await client.ready();
    expect(textsOf(await client.list(''))).toEqual({ good: 'x' });
    await expect(client.get('bad.json')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_VALUE_INVALID' });
    rmSync(folder.at('bad.json'));
    await eventually('the health', () => client.health.ok);
    expect(await client.get('bad.json')).toBeNull();
  });

  it('a file that is too large keeps its last value', async () => {
    const client = folder.holding({ key: 'x' }).client();
    await client.ready();
    writeFileSync(folder.at('key'), Buffer.alloc(16 * 2 ** 20 + 1));
    await eventually('the health', () => codeOf(client.health) === 'ERR_TRUNKLINE_VALUE_TOO_LARGE');
    expect(textOf(await client.get('key'))).toBe('x');
  });

  it('that is missing at the start is a coded error, and served as soon as it is there', async () => {
    const client = folder.client('later');
    const away = { code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', server: folder.at('later') };
    await expect(client.ready()).rejects.toMatchObject(away);
    await expect(client.get('key')).rejects.toMatchObject(away);
    folder.holding({ 'later/key': 'there' });
    await eventually('that it is ready', () =>
      client.ready().then(
        () => true,
        () => false,
      ),
    );
    expect(textOf(await client.get('key'))).toBe('there');
    await eventually('the health', () => client.health.ok);
  });

  it('that is deleted keeps its values as stale ones, and goes on when it is there again', async () => {
    const client = folder.holding({ 'config/key': 'one' }).client('config');
    await client.ready();
    const heard = await Heard.of(client, 'key');
    rmSync(folder.at('config'), { recursive: true });
    await eventually('the health', () => codeOf(client.health) === 'ERR_TRUNKLINE_STORE_UNREACHABLE');
    await expect(client.get('key')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
    folder.holding({ 'config/key': 'two' });
    await eventually('the new value', () => heard.last === 'two');
    expect(client.health.ok).toBe(true);
    writeFileSync(folder.at('config/key'), 'three');
    await eventually('a value after it', () => heard.last === 'three');
    expect(heard.texts).toEqual(['one', 'two', 'three']);
  });

  it('that another folder replaces at once is followed', async () => {
    const client = folder.holding({ 'config/key': 'one', 'next/key': 'two' }).client('config');
    await client.ready();
    const heard = await Heard.of(client, 'key');
    renameSync(folder.at('config'), folder.at('before'));
    renameSync(folder.at('next'), folder.at('config'));
    await eventually('the new value', () => heard.last === 'two');
    writeFileSync(folder.at('config/key'), 'three');
    await eventually('a value after it', () => heard.last === 'three');
    expect(heard.texts).toEqual(['one', 'two', 'three']);
  });

  it('new folders in it are watched, and deleted ones take their keys along', async () => {
    const client = folder.client();
    await client.ready();
    const heard = await Heard.of(client, 'new/deep/key');
    mkdirSync(folder.at('new/deep'), { recursive: true });
    writeFileSync(folder.at('new/deep/key'), 'one');
    await eventually('the value', () => heard.last === 'one');
    rmSync(folder.at('new'), { recursive: true });
    await eventually('the end', () => heard.last === undefined);
    expect(heard.texts).toEqual([undefined, 'one', undefined]);
  });
});

describe('a file as the path', () => {
  it('gives a key for each property', async () => {
    folder.holding({ 'app.json': '{"a":1,"b/c":{"d":[true]},"__proto__":2,"":3}', other: 'x' });
    expect(await served('app.json')).toEqual(
      Object.fromEntries([
        ['a', '1'],
        ['b/c', '{"d":[true]}'],
        ['__proto__', '2'],
      ]),
    );
  });

  it('gives itself when it has no format', async () => {
    expect(await served((folder.holding({ motd: 'hello' }), 'motd'))).toEqual({ motd: 'hello' });
  });

  it('only properties that change get a new version', async () => {
    const client = folder.holding({ 'app.yaml': 'a: 1\nb: 1\n' }).client('app.yaml');
    await client.ready();
    const heard = await Heard.of(client, 'b');
    const [a, b] = (await client.list('')).map(({ version }) => version);
    writeFileSync(folder.at('app.yaml'), 'a: 1\nb: 2\nc: 1\n');
    await eventually('the change', () => heard.last === '2');
    const after = await client.list('');
    expect(after[0]!.version).toBe(a);
    expect(after[1]!.version).toBeGreaterThan(b!);
    writeFileSync(folder.at('app.yaml'), 'a: 1\n');
    await eventually('the end', () => heard.last === undefined);
  });

  it.each([
    ['app.json', '[1]'],
    ['app.json', '{"a":'],
    ['app.yaml', 'text'],
  ])('%s with %j at the start is a coded error', async (name, text) => {
    const client = folder.holding({ [name]: text }).client(name);
    await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_VALUE_INVALID', server: folder.at(name) });
    writeFileSync(folder.at(name), '{"a": 1}');
    await eventually('that it is ready', () =>
      client.ready().then(
        () => true,
        () => false,
      ),
    );
    expect(textOf(await client.get('a'))).toBe('1');
  });
});

it('what is neither a folder nor a file is refused', async () => {
  const client = new FileClient({ path: '/dev/null' });
  await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS', server: '/dev/null' });
  await client.close();
});

it.each([undefined, '', 5, 'a\0b'])('the path %j is refused', (path) => {
  expect(() => new FileClient({ path: path as string })).toThrow(
    expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option: 'path' }) as Error,
  );
});

describe('without the right to read', () => {
  let reader: Child;
  afterEach(() => reader.stop());

  const told = (what: string, matches: Parameters<Child['message']>[1]): Promise<unknown> => reader.message(what, matches);
  const isDenied = ({ code }: Record<string, unknown>): boolean => code === 'ERR_TRUNKLINE_STORE_DENIED';

  it('a file and a folder keep their last values, and recover by themselves', async () => {
    folder.holding({ secret: 'one', 'inner/key': 'two' });
    chmodSync(folder.path, 0o755);
    reader = new Child('file-reader', { FILES: folder.path });
    const valuesOf = ({ values }: Record<string, unknown>): Partial<Record<string, string>> => values ?? {};
    await told('the values', (message) => valuesOf(message).secret === 'one' && valuesOf(message)['inner/key'] === 'two');
    for (const [name, open] of [
      ['secret', 0o644],
      ['inner', 0o755],
      ['', 0o755],
    ] as const) {
      reader.messages.length = 0;
      writeFileSync(folder.at('secret'), `${name} closed`);
      chmodSync(folder.at(name), 0o000);
      await told(`that ${name} is denied`, isDenied);
      chmodSync(folder.at(name), open);
      await told(`that ${name} is well`, ({ type, code }) => type === 'health' && code === undefined);
      await told('the newest value', (message) => valuesOf(message).secret === `${name} closed`);
      expect(reader.messages.every(({ values }) => values === undefined || 'inner/key' in (values as object))).toBe(true);
    }
  });
});
