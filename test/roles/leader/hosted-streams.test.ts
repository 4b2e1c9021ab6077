// What a leader does with the messages of streams, message by message: a peer that is made by hand says them, right or odd.

import { structuredTranscode, ValueCodec } from '../../../protocol/value-codec';
import cluster from '../../../src';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/ports';
import { RawPeer, secretOf } from '../../support/raw-peer';
import { recordingLogger } from '../../support/recording-logger';

const SECRET = 'the secret of this test';
const values = new ValueCodec(structuredTranscode);
const NOTHING = Buffer.alloc(0);

class Numbers {
  static log: string[] = [];
  async *count(from: number): AsyncGenerator<number, void> {
    try {
      for (let n = from; ; n++) yield await Promise.resolve(n);
    } catch (error) {
      Numbers.log.push(`caught ${(error as Error).message}`);
      yield -1;
    } finally {
      Numbers.log.push('ended');
    }
  }
  async *gated(signal: AbortSignal): AsyncGenerator<number, void> {
    yield 1;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  }
  async get(): Promise<string> {
    return Promise.resolve('got');
  }
  close(): void {
    return undefined;
  }
}

let peer: RawPeer;
let client: {
  ready(): Promise<void>;
  close(): Promise<void>;
  status(): { followers: readonly { streams: number; outboxBytes: number }[] };
};

beforeEach(async () => {
  Numbers.log = [];
  const port = await freePort();
  client = cluster(Numbers, { name: 'numbers', port, secret: SECRET, isLeader: true, logger: recordingLogger() }).create();
  await client.ready();
  peer = await RawPeer.dial(port);
  await peer.introduce(await secretOf(SECRET), port);
  peer.join('numbers');
  expect(await peer.heardOf('joined')).toMatchObject({ streams: true });
  peer.messages.length = 0;
});

afterEach(async () => {
  peer.socket.destroy();
  await client.close();
});

const open = (id: number, creditBytes: number, method = 'count', args: unknown[] = [id * 100]): void =>
  peer.send({ type: 'stream-open', id, creditBytes, method, args: args.map((each) => values.encode(each)) });
const credit = (id: number, bytes: number): void => peer.send({ type: 'stream-credit', id, bytes });
const stop = (id: number, how: 'return' | 'throw', payload: Buffer = NOTHING): void =>
  peer.send({ type: 'stream-stop', id, how, payload });

/** What the leader has said of streams, when it has answered all that was asked before. */
async function heard(): Promise<string[]> {
  const pings = peer.messages.filter(({ type }) => type === 'call-result').length;
  peer.send({ type: 'call', id: 9_999, method: 'get', args: [], oneway: false, style: 'promise' });
  await eventually('the answer', () => peer.messages.filter(({ type }) => type === 'call-result').length > pings);
  return peer.messages.flatMap((message) => {
    if (message.type === 'stream-item' || message.type === 'stream-done')
      return [
        `${message.id} ${message.type.slice(7)}${message.answersStop ? '!' : ''} ${String(values.decode(message.payload))}`,
      ];
    if (message.type !== 'stream-failure') return [];
    const { code, message: text } = values.decode(message.payload) as { code?: string; message: string };
    return [`${message.id} failure${message.answersStop ? '!' : ''} ${code ?? text}`];
  });
}
const until = (count: number): Promise<string[]> =>
  eventually(`${count} messages of streams`, async () => {
    const all = await heard();
    return all.length >= count ? all : undefined;
  });

test('items come as far as the credit goes, and the last may cost more than is left', async () => {
  open(1, 1);
  expect(await until(1)).toEqual(['1 item 100']);
  credit(1, 60); // what is owed is not made up for
  expect(await heard()).toEqual(['1 item 100']);
  credit(1, 20);
  expect(await until(2)).toEqual(['1 item 100', '1 item 101']);
  expect(await heard()).toHaveLength(2);
  expect(client.status().followers).toMatchObject([{ streams: 1 }]);
});

test('without credit the generator does not begin', async () => {
  open(1, 0);
  expect(await heard()).toEqual([]);
  stop(1, 'return', values.encode('enough'));
  expect(await until(1)).toEqual(['1 done! enough']);
  expect(Numbers.log).toEqual([]);
  expect(client.status().followers).toMatchObject([{ streams: 0 }]);
});

test('the answer to a stop is marked, and what was said before is not', async () => {
  open(1, 1);
  await until(1);
  stop(1, 'throw', values.encode({ message: 'oh', name: 'Error' }));
  expect(await until(2)).toEqual(['1 item 100', '1 item! -1']);
  stop(1, 'return');
  expect(await until(3)).toEqual(['1 item 100', '1 item! -1', '1 done! undefined']);
  expect(Numbers.log).toEqual(['caught oh', 'ended']);
});

test('bytes that cannot be read as what is thrown, or returned, still end the stream', async () => {
  open(1, 1);
  open(2, 1);
  await until(2);
  stop(1, 'return', Buffer.from([255, 255]));
  stop(2, 'throw', Buffer.from([255, 255]));
  const all = await until(4);
  expect(all.filter((line) => line.startsWith('1')).at(-1)).toMatch(/^1 done! .*/);
  expect(Numbers.log).toContainEqual(expect.stringContaining('caught numbers: what was given to throw of count'));
});

test('messages of streams that are not there, or no longer, are skipped', async () => {
  credit(5, 1000);
  stop(5, 'return');
  stop(6, 'throw');
  open(1, 1);
  await until(1);
  stop(1, 'return');
  await until(2);
  credit(1, 1000);
  stop(1, 'throw');
  expect(await heard()).toEqual(['1 item 100', '1 done! undefined']);
});

test('a stream is not opened a second time under its id, and an id can be used again', async () => {
  open(1, 1);
  open(1, 1_000, 'count', [7]);
  await until(1);
  expect(await heard()).toEqual(['1 item 100']);
  stop(1, 'return');
  await until(2);
  open(1, 1, 'count', [7]);
  expect((await until(3)).at(-1)).toBe('1 item 7');
});

test.each([
  ['a method that is not there', 'nothing', 'ERR_TRUNKLINE_UNKNOWN_METHOD'],
  ['a method that gives a result', 'get', 'ERR_TRUNKLINE_UNKNOWN_METHOD'],
  ['a method that is not shared', 'close', 'ERR_TRUNKLINE_UNKNOWN_METHOD'],
])('%s gives no stream', async (_, method, code) => {
  open(1, 1000, method);
  expect(await until(1)).toEqual([`1 failure ${code}`]);
  expect(client.status().followers).toMatchObject([{ streams: 0 }]);
});

test('arguments that cannot be read fail the stream', async () => {
  peer.send({ type: 'stream-open', id: 1, creditBytes: 1, method: 'count', args: [Buffer.from([255, 255])] });
  expect(await until(1)).toEqual(['1 failure ERR_TRUNKLINE_NOT_DECODABLE']);
});

test('a stream that is called for a result is refused', async () => {
  peer.send({ type: 'call', id: 3, method: 'count', args: [], oneway: false, style: 'promise' });
  const { payload } = await peer.heardOf('call-failure');
  expect(values.decode(payload)).toMatchObject({ code: 'ERR_TRUNKLINE_NOT_SHARED' });
});

test('signals among the arguments are those of the stream, and aborted by its id', async () => {
  peer.send({ type: 'call-signals', id: 1, places: [{ signal: 0, argument: 0 }] });
  open(1, 1000, 'gated', [undefined]);
  await until(1);
  peer.send({ type: 'abort', id: 1, signal: 0, payload: values.encode({ name: 'Error', message: 'by hand' }) });
  expect(await until(2)).toEqual(['1 item 1', '1 failure by hand']);
});

test('a credit beyond all measure is bounded by what waits for the follower', async () => {
  peer.socket.pause();
  open(1, 2 ** 32 - 1, 'count', [0]);
  for (let i = 0; i < 10; i++) credit(1, 2 ** 32 - 1);
  const MiB = 2 ** 20;
  const waitingBytes = (): number => client.status().followers[0]!.outboxBytes;
  await eventually('the stream pauses', () => waitingBytes() > MiB);
  await client.ready();
  expect(waitingBytes()).toBeLessThan(1.5 * MiB);
  peer.socket.destroy();
  await eventually('the end of the generator', () => Numbers.log.includes('ended'));
});
