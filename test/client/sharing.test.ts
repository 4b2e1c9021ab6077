// What is shared by itself, what has to be named, and what cannot be shared: the table of docs/api.md, at run time. Its types are
// in test/types.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { Base } from 'sdk-base';
import cluster from '../../src';
import type { UpstreamClass } from '../../src/client/upstream-class';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

type Members = Record<string, (...args: unknown[]) => unknown>;

const open: object[] = [];
let serial = 0;
afterEach(async () => {
  for (const client of open.splice(0)) await cluster.close(client);
});

function create(upstream: UpstreamClass, options: object = {}): Members {
  const client = cluster(upstream, {
    singleMode: true,
    name: `sharing-${++serial}`,
    logger: recordingLogger(),
    ...options,
  }).create();
  open.unshift(client);
  return client as unknown as Members;
}

class Registry extends Base {
  ready1 = 1;
  arrow = (key: string): Promise<string> => Promise.resolve(key);
  asyncArrow = async (key: string): Promise<string> => Promise.resolve(key);
  constructor() {
    super();
    this.ready(true);
  }
  static async make(): Promise<void> {
    return Promise.resolve();
  }
  get value(): number {
    return 1;
  }
  async promised(key: string): Promise<string> {
    return Promise.resolve(key);
  }
  *generated(key: string): Generator<unknown, unknown> {
    return (yield Promise.resolve(key)) as unknown;
  }
  plain(key: string): Promise<string> {
    return Promise.resolve(key);
  }
  synchronous(): number {
    return 1;
  }
  async *stream(): AsyncGenerator<number> {
    yield Promise.resolve(1);
  }
  async _hidden(): Promise<void> {
    return Promise.resolve();
  }
  async then(): Promise<void> {
    return Promise.resolve();
  }
  async toJSON(): Promise<void> {
    return Promise.resolve();
  }
  override async close(): Promise<void> {
    return Promise.resolve();
  }
}

it('methods that are asynchronous by their syntax are shared, and no others can be listed', () => {
  expect(Object.keys(create(Registry)).filter((name) => Object.hasOwn(Registry.prototype, name))).toEqual([
    'close',
    'promised',
    'generated',
    'stream',
  ]);
});

it.each(['plain', 'synchronous', 'arrow', 'asyncArrow'])('%s says how to share it', async (name) => {
  const client = create(Registry);
  expect(() => client[name]!('key')).toThrow(
    expect.objectContaining({
      code: 'ERR_TRUNKLINE_NOT_SHARED',
      message: expect.stringContaining(`.delegate('${name}')`) as string,
    }),
  );
  const shared = cluster(Registry, { singleMode: true, name: `sharing-${++serial}`, logger: recordingLogger() })
    .delegate(name as 'plain')
    .create();
  open.push(shared);
  await expect((shared as unknown as Members)[name]!('key')).resolves.toBe(name === 'synchronous' ? 1 : 'key');
});

it('a client is no promise, and has no member of names that are private or of no method', async () => {
  const client = create(Registry);
  for (const name of ['then', '_hidden', 'value', 'make', 'ready1']) expect(name in client).toBe(false);
  await Promise.resolve(client);
});

it('members that clients have are replaced by shared methods of the class, and by no others', async () => {
  class Counted {
    status(): string {
      return 'of the class';
    }
    unref(): string {
      return 'of the class';
    }
    async ref(): Promise<string> {
      return Promise.resolve('of the class');
    }
    close(): void {
      return undefined;
    }
  }
  const client = create(Counted);
  expect(client.status!()).toMatchObject({ role: undefined, followers: [] });
  expect(client.unref!()).toBe(client);
  await expect(client.ref!()).resolves.toBe('of the class');
});

it('with autoGenerate: false every method says how to share it', () => {
  class Watcher {
    subscribe(): void {
      return undefined;
    }
    async get(): Promise<void> {
      return Promise.resolve();
    }
    close(): void {
      return undefined;
    }
  }
  const client = create(Watcher, { autoGenerate: false });
  expect(Object.keys(client)).not.toContain('get');
  expect(() => client.get!()).toThrow("autoGenerate is false; share it with .delegate('get')");
  expect(() => client.subscribe!()).toThrow("autoGenerate is false; share it with .delegate('subscribe', 'subscribe')");
});

describe('an async generator method', () => {
  it('is shared as a stream, by itself or delegated, and cannot be delegated to anything else', async () => {
    const stream = create(Registry).stream!() as AsyncGenerator<number>;
    await expect(stream.next()).resolves.toEqual({ done: false, value: 1 });
    for (const to of [undefined, 'invoke', 'stream'] as const) {
      const shared = cluster(Registry, { singleMode: true, name: `sharing-${++serial}`, autoGenerate: false })
        .delegate('stream', to as 'stream')
        .create();
      open.push(shared);
      await expect(shared.stream().next()).resolves.toEqual({ done: false, value: 1 });
    }
    for (const to of ['invokeOneway', 'subscribe', 'close'] as const) {
      expect(() => cluster(Registry).delegate('stream', to)).toThrow(
        expect.objectContaining({
          code: 'ERR_TRUNKLINE_DELEGATE_INVALID',
          message: expect.stringContaining('leave out the target') as string,
        }),
      );
    }
  });

  it('is no verb', () => {
    class Streaming {
      async *subscribe(): AsyncGenerator<number> {
        yield Promise.resolve(1);
      }
      close(): void {
        return undefined;
      }
    }
    expect(() => create(Streaming).subscribe!()).toThrow("no subscribe of a key; share it with .delegate('subscribe', 'stream')");
  });
});

it.each([
  'ready',
  'emit',
  'on',
  'once',
  'then',
  'constructor',
  'toString',
  '__proto__',
  'options',
  'toJSON',
  'await',
  'isClusterClientLeader',
])('delegate(%p) is refused: every client has such a member itself', (name) => {
  expect(() => cluster(Registry).delegate(name as never)).toThrow(
    expect.objectContaining({
      code: 'ERR_TRUNKLINE_DELEGATE_INVALID',
      message: expect.stringContaining('every client has a member of this name itself') as string,
    }),
  );
});

// Upstream classes that are compiled to older JavaScript, minified, or written without `class`.
const written = runInThisContext(`({
  es2016: (() => { class Compiled { get(k) { return __awaiter(this, void 0, void 0, function* () { return k; }); } close() {} } return Compiled; })(),
  assigned: class Assigned { constructor() { this.get = async (k) => k; } close() {} },
  es5: (() => { function Es5() { this.get = function (k) { return Promise.resolve(k); }; } Es5.prototype.close = function () {}; return Es5; })(),
  esbuild: class Built { constructor() { __publicField(this, "get", async (k) => k); } close() {} },
  typescript: class Typed { constructor() { Object.defineProperty(this, "get", { enumerable: true, value: (k) => k }); } close() {} },
  minified:class Mini{static x=1;timer=5;get=async e=>e;close(){}},
  mixed: class extends (class Parent { text = ")}"; get = function (k) { return k; } }) { other = { get: 1 }; close() {} },
})`) as Record<string, UpstreamClass>;

it.each(Object.keys(written))('get of a class that is %s says how to share it', (name) => {
  const client = create(written[name]!);
  expect(() => client.get!('key')).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_NOT_SHARED' }));
  for (const other of ['timer', 'x', 'text', 'other', 'k']) expect(other in client).toBe(false);
});

it('verbs can be awaited', async () => {
  class Asynchronous {
    async subscribe(): Promise<void> {
      return Promise.resolve();
    }
    async publish(): Promise<void> {
      return Promise.resolve();
    }
    close(): void {
      return undefined;
    }
  }
  const client = create(Asynchronous);
  await expect(client.subscribe!('key', () => undefined)).resolves.toBeUndefined();
  await expect(client.publish!('key')).resolves.toBeUndefined();
});

it('a method that only the follower delegates is refused, and the error says where to delegate it', async () => {
  const port = await freePort();
  const options = { port, name: 'sharing', logger: recordingLogger() };
  const leader = cluster(Registry, { ...options, isLeader: true }).create();
  open.push(leader);
  await leader.ready();
  const follower = cluster(Registry, { ...options, isLeader: false })
    .delegate('plain')
    .create();
  open.unshift(follower);
  await expect(follower.plain('key')).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_UNKNOWN_METHOD',
    message: expect.stringContaining('delegate it in every process') as string,
  });
});

it('docs/api.md has a row for each kind of member', () => {
  const document = readFileSync(join(__dirname, '../../docs/api.md'), 'utf8');
  const section = document.split('\n## What is shared\n')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  const kinds = [
    '`async get()`',
    '`*get()`',
    'without the word `async`',
    '`get = async () => …`',
    '`async *get()`',
    '`_get()`',
    'getter',
  ];
  for (const kind of kinds) expect(rows.some((row) => row.includes(kind))).toBe(true);
});

describe('two classes of one name', () => {
  class Orders {
    async list(): Promise<void> {
      return Promise.resolve();
    }
    async cancel(): Promise<void> {
      return Promise.resolve();
    }
    close(): void {
      return undefined;
    }
  }
  class Prices {
    async list(): Promise<void> {
      return Promise.resolve();
    }
    async latest(): Promise<void> {
      return Promise.resolve();
    }
    close(): void {
      return undefined;
    }
  }

  async function warningsOfSecond(options: object, second: UpstreamClass, isLed: boolean): Promise<string[]> {
    const logger = recordingLogger();
    const make = (upstream: UpstreamClass, isLeader: boolean) => {
      const place = isLed ? { isLeader } : {};
      const client = cluster(upstream, { name: `namesakes-${serial}`, logger, ...options, ...place }).create();
      open.unshift(client);
      return client as unknown as { ready(): Promise<void> };
    };
    await make(Orders, true).ready();
    await make(second, false).ready();
    return logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  it.each(['single', 'follower'])('%s: the second one names the methods that only one of them shares', async (role) => {
    serial++;
    const options = role === 'single' ? { singleMode: true } : { port: await freePort() };
    const warnings = await warningsOfSecond(options, Prices, role === 'follower');
    expect(warnings).toEqual([expect.stringContaining('only this process shares latest; only the leader shares cancel')]);
  });

  it.each(['single', 'follower'])('%s: nothing is said where both share the same', async (role) => {
    serial++;
    const options = role === 'single' ? { singleMode: true } : { port: await freePort() };
    const Same = class extends Orders {};
    await expect(warningsOfSecond(options, Same, role === 'follower')).resolves.toEqual([]);
  });
});
