// The values of wire version 1: what arrives of a value that a process of cluster-client 3.7 and one of ours send to each other. The
// rows are those of the table in docs/moving-from-cluster-client.md.

import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import legacy from 'cluster-client';
import { serializeJsonTranscode } from '../../protocol/value-codec';
import cluster from '../../src';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

interface Row {
  readonly given: string;
  readonly value: unknown;
  readonly arrives: unknown;
}

const fields = { code: 'E_CODE', from: new Date(9) };
class Money {
  cents = 5;
  toJSON(): string {
    return '0.05';
  }
}

const ROWS: readonly Row[] = [
  { given: 'an invalid Date', value: new Date(NaN), arrives: new Date(30_191) },
  { given: 'a whole number above 2^53, such as 2^63 or 1e21', value: [2 ** 63, 1e21], arrives: [2 ** 63 - 1024, 1e21 + 131_072] },
  { given: 'the largest number, `Number.MAX_VALUE`', value: Number.MAX_VALUE, arrives: Infinity },
  { given: '-0', value: -0, arrives: 0 },
  { given: 'a function, a symbol, a BigInt', value: [() => 1, Symbol('a'), 1n], arrives: [null, null, null] },
  { given: 'a Map, a Set, a RegExp', value: [new Map([[1, 2]]), new Set([1]), /a/], arrives: [{}, {}, {}] },
  { given: 'a Uint8Array', value: Uint8Array.of(1, 2), arrives: { 0: 1, 1: 2 } },
  { given: 'an object with `toJSON()`', value: new Money(), arrives: { cents: 5 } },
  { given: 'a hole in an array', value: [1, , 3], arrives: [1, undefined, 3] }, // eslint-disable-line no-sparse-arrays
  { given: 'half of a surrogate pair', value: 'a\ud800', arrives: 'a\ufffd' },
  {
    given: 'an Error of any class',
    value: Object.assign(new TypeError('no such thing'), fields),
    arrives: Object.assign(new Error('no such thing'), { name: 'TypeError', ...fields }),
  },
  {
    given: '`undefined`, NaN, Infinity, a Date, a Buffer',
    value: { is: undefined, numbers: [NaN, Infinity], at: new Date(9), bytes: Buffer.from('xy') },
    arrives: { is: undefined, numbers: [NaN, Infinity], at: new Date(9), bytes: Buffer.from('xy') },
  },
];

interface Client {
  ready(): Promise<void>;
  take(value: { readonly it: unknown }): Promise<void>;
  give(row: number): Promise<{ readonly it: unknown }>;
}

interface Library {
  create(upstreamClass: unknown, options: object): Client;
  close(client: Client): Promise<void>;
}

const ours: Library = {
  create: (upstream, options) => cluster(upstream as new () => Upstream, { ...options, allowLegacyPeers: true }).create(),
  close: (client) => cluster.close(client),
};
const theirs: Library = {
  create: (upstream, options) => legacy(upstream, options).delegate('take').delegate('give').create() as Client,
  close: (client) => legacy.close(client),
};

/** What the class was given last. */
let taken: { readonly it: unknown } | undefined;
class Upstream extends EventEmitter {
  async take(value: { readonly it: unknown }): Promise<void> {
    taken = value;
    return Promise.resolve();
  }
  async give(row: number): Promise<{ readonly it: unknown }> {
    return Promise.resolve({ it: ROWS[row]!.value });
  }
  ready(callback: () => void): void {
    setImmediate(callback);
  }
  close(): void {
    taken = undefined;
  }
}

describe.each([
  { name: 'our follower of their leader', leading: theirs, following: ours },
  { name: 'their follower of our leader', leading: ours, following: theirs },
])('$name', ({ leading, following }) => {
  let leader: Client;
  let follower: Client;

  beforeAll(async () => {
    const options = { name: 'values', port: await freePort(), logger: recordingLogger() };
    leader = leading.create(Upstream, { ...options, isLeader: true });
    await leader.ready();
    follower = following.create(Upstream, { ...options, isLeader: false });
    await follower.ready();
  });

  afterAll(async () => {
    await following.close(follower);
    await leading.close(leader);
  });

  it.each(ROWS)('an argument: $given', async ({ value, arrives }) => {
    await follower.take({ it: value });
    expectSame(taken, arrives);
  });

  it.each(ROWS.map((row, index) => ({ ...row, index })))('a result: $given', async ({ index, arrives }) => {
    expectSame(await follower.give(index), arrives);
  });
});

it('a Buffer takes about seven times its size', () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
  const ratio = serializeJsonTranscode.encode(bytes).length / bytes.length;
  expect(ratio).toBeGreaterThan(6.5);
  expect(ratio).toBeLessThan(8);
});

it('the table of the document has these rows', () => {
  const document = readFileSync(join(__dirname, '../../docs/moving-from-cluster-client.md'), 'utf8');
  const section = document.split('\n## The values of wire version 1\n')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  const given = rows
    .slice(1)
    .filter((line) => !line.startsWith('| --'))
    .map((line) => line.split('|')[1]!.trim());
  expect(given).toEqual([...ROWS.map((row) => row.given), 'a Buffer']);
});

function expectSame(received: unknown, arrives: unknown): void {
  expect(received).toStrictEqual({ it: arrives });
}
