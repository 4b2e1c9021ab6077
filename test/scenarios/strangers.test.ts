// Anything may connect to the cluster port of a live leader. The leader goes on serving, reports nothing of the received bytes,
// and does not grow.

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { formatKey } from '../../src/format-key';
import { v1Codec } from '../../protocol/v1';
import type { Message } from '../../protocol/message';
import { encodeStructured } from '../../protocol/structured-encoder';
import { eventually } from '../support/eventually';
import { Crew, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { now, Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { RawPeer, secretOf } from '../support/raw-peer';
import * as serializeJson from 'serialize-json';

leavesNothingOpen();

/** Must not appear in any log line. A debug line quotes the first 48 bytes of a stranger, and this text comes later. */
const SECRET = 'TopSecretPayload';
const QUOTED = 'q'.repeat(48);

/** The secret of the processes of the channel; a stranger with this secret stands for a faulty process of this user. */
const KEY_OF_THE_HOST = 'the secret of this host';
const CHANNEL = { name: 'registry', identity: '', isStrict: false };

const crew = new Crew();
const strangers = new Set<net.Socket>();
let port: number;
let leader: Member;
let follower: Member;

beforeEach(async () => {
  port = await freePort();
  // With a small heap: memory held for strangers would kill the leader.
  const execArgv = ['--max-old-space-size=24'];
  const options = { port, secret: KEY_OF_THE_HOST };
  const leading = { ...options, isLeader: true, allowLegacyPeers: true };
  leader = crew.start({ options: leading, subscribe: ['config'] }, 'member', {}, execArgv);
  follower = crew.start({ options: { ...options, isLeader: false }, subscribe: ['config'] });
  await Promise.all([leader.ready(), follower.ready()]);
});

afterEach(async () => {
  for (const socket of strangers) socket.destroy();
  await crew.stop();
});

interface Stranger {
  readonly socket: net.Socket;
  readonly heard: () => Buffer;
  /** Whether the other side has closed. */
  readonly closed: Promise<void>;
}

async function connect(): Promise<Stranger> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  strangers.add(socket);
  let heard = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (socket.destroyed && !leader.isAlive)
    throw new Error(`the leader has died: ${JSON.stringify(await leader.exited)}\n${leader.output}`);
  return { socket, heard: () => heard, closed };
}

/** Connects, sends the bytes, and waits until the leader has closed. */
async function say(...bytes: (Buffer | string)[]): Promise<Stranger> {
  const stranger = await connect();
  for (const each of bytes) stranger.socket.write(each);
  await stranger.closed;
  return stranger;
}

/** A frame with any connection object, and with lengths that need not be true. */
function frame(
  connection: string,
  application: Buffer = Buffer.alloc(0),
  lengths: { connection?: number; application?: number } = {},
): Buffer {
  const header = Buffer.alloc(24);
  header[0] = 1;
  header.writeBigInt64BE(1n, 4);
  header.writeInt32BE(3_000, 12);
  header.writeInt32BE(lengths.connection ?? Buffer.byteLength(connection), 16);
  header.writeInt32BE(lengths.application ?? application.length, 20);
  return Buffer.concat([header, Buffer.from(connection), application]);
}

const message = (fields: Record<string, unknown>): Buffer =>
  v1Codec.encode({ id: 1, timeoutMs: 3_000, ...fields } as unknown as Message);
/** A registration of cluster-client 3.x. */
const register = message({ type: 'register', channel: 'registry' });

/** A follower of version 2, made by hand. */
async function joined(): Promise<RawPeer> {
  const peer = await RawPeer.dial(port);
  strangers.add(peer.socket);
  await peer.introduce(await secretOf(KEY_OF_THE_HOST), port);
  peer.join('registry');
  await peer.heardOf('joined');
  return peer;
}

/** A frame of version 2 with any body, and with a length that need not be true. */
function frameOfV2(type: number, body: Buffer = Buffer.alloc(0), bodyBytes = body.length): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 2;
  header[1] = type;
  header.writeUInt32BE(1, 4);
  header.writeUInt32BE(bodyBytes, 8);
  return Buffer.concat([header, body]);
}

/** The leader has lost nothing, serves on, and has reported none of the received bytes. */
async function servesOn(): Promise<void> {
  expect((await follower.call('echo', 'still there?')).value).toMatchObject({ pid: leader.pid });
  const data = Math.random();
  await leader.ask({ type: 'set', key: 'config', data });
  await follower.value('a new value', (value) => value.data === data);
  expect(follower.logLines).toEqual([]);
  expect(leader.errors).toEqual([]);
  expect(leader.messages.filter(({ type }) => type === 'unhandled-rejection')).toEqual([]);
  expect([...leader.logLines, leader.output].join()).not.toContain(SECRET);
}

test('an HTTP request is closed with one debug line', async () => {
  const { heard } = await say(
    `GET /a/path/that/is/quite/a/bit/longer/than/the/first/bytes?token=${SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  expect(heard()).toHaveLength(0);
  await servesOn();
  expect(leader.messages.filter(({ type }) => type === 'log').map(({ level }) => level)).toEqual(['debug']);
});

test('the debug line names the port of the stranger', async () => {
  const { socket } = await connect();
  const { localPort } = socket;
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await eventually('the line', () => leader.logLines.length > 0);
  expect(leader.logLines[0]).toContain(`remotePort=${localPort}`);
});

test('two hundred connections with random bytes', async () => {
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const bytes = randomBytes(1 + ((index * 37) % 400));
      if (index % 2) bytes[0] = 1; // the first byte of a frame
      const { socket } = await connect();
      socket.end(bytes);
    }),
  );
  await servesOn();
});

test('half a frame and then silence is closed after five seconds, a reset at once', async () => {
  const watch = new Stopwatch();
  const reset = await connect();
  reset.socket.write(register.subarray(0, 30));
  reset.socket.resetAndDestroy();
  await say(register.subarray(0, register.length - 1));
  expect(now() - watch.startedAt).toBeGreaterThanOrEqual(4_900);
  expect(watch.ownMs()).toBeLessThan(7_000);
  await servesOn();
});

test('frames that cannot be are closed at once', async () => {
  const filler = Buffer.from(QUOTED + SECRET.repeat(10));
  const impossible: Buffer[] = [
    frame(`{"type":"register_channel","channelName":"${QUOTED}${SECRET}`, filler), // JSON that ends early
    frame(`{"channelName":"${QUOTED}${SECRET}"}`),
    frame('null'),
    frame('{"type":"register_channel","channelName":7}'),
    frame('{}', filler, { connection: -1 }),
    frame('{}', filler, { application: -1 }),
    frame('{}', filler, { connection: -(2 ** 31), application: -(2 ** 31) }),
    frame('{}', filler, { connection: 2 ** 31 - 1 }),
    frame('{}', filler, { connection: 2 ** 31 - 1, application: 2 ** 31 - 1 }),
    frame('{}', filler, { application: 17 * 1024 }),
    frame('{"type":"invoke","method":"echo","argLength":0}'), // not registered
    frame('{"type":"heartbeat"}', Buffer.alloc(0)).fill(9, 1, 2), // kind
  ];
  await Promise.all(impossible.map((bytes) => say(bytes)));
  await servesOn();
});

test('garbage after a registration costs that connection only', async () => {
  const before = (await leader.status()).rss;
  const later: Buffer[] = [
    Buffer.from(SECRET),
    frame(`{"type":"invoke","method":"${SECRET}`),
    frame('{"type":"invoke","method":"echo","argLength":1000000000}'),
    frame('{"type":"invoke","method":"echo","argLength":1}', Buffer.from([0x7f, 0xff, 0xff, 0xff])),
    frame('{"type":"invoke","method":"echo","argLength":-1}'),
    frame('{"type":"subscribe","key":7}'),
    frame('{}', Buffer.alloc(0), { application: 2 ** 31 - 1 }),
  ];
  const laterInV2: Buffer[] = [
    Buffer.from(SECRET),
    register, // version 1 again
    frameOfV2(0),
    frameOfV2(5, Buffer.from([0xff, 0xff, 0x41])), // the name of a method ends early
    frameOfV2(5, Buffer.from([0, 1, 0x41, 0x7f, 0xff, 0xff, 0xff])), // an argument ends early
    frameOfV2(1, Buffer.from([0xff, 0xff, 0xff, 0xff])),
    frameOfV2(8, Buffer.from(SECRET)), // a ping has no body
    frameOfV2(5, Buffer.alloc(0), 2 ** 32 - 1),
    frameOfV2(12, Buffer.from(SECRET)), // a chunk that nothing began
  ];
  await Promise.all([
    ...later.map((bytes) => say(register, bytes)),
    ...laterInV2.map(async (bytes) => {
      const { socket, closed } = await joined();
      socket.write(bytes);
      await closed;
    }),
  ]);
  await servesOn();
  expect((await leader.status()).rss - before).toBeLessThan(100 * 2 ** 20);
});

test.each<[string, (peer: RawPeer) => void]>([
  ['an announcement behind a join', (peer) => peer.send({ type: 'announce', channel: CHANNEL, term: 9, port: 9 })],
  ['a second join', (peer) => peer.join('registry', { candidacy: 'succeeds' })],
  ['a resignation of nothing', (peer) => peer.send({ type: 'resign' })],
  ['what a leader says', (peer) => peer.send({ type: 'goaway', code: 'hand-off', sentence: SECRET })],
])('%s on the connection of a follower changes nothing', async (_, say) => {
  const peer = await joined();
  say(peer);
  peer.send({ type: 'call', method: 'echo', args: [encodeStructured('x')], oneway: false, style: 'promise', id: 7 });
  await peer.heardOf('call-result');
  await servesOn();
  expect((await crew.leader()).pid).toBe(leader.pid);
});

test('messages of an unknown type, or of the wrong direction, are skipped', async () => {
  const { socket, heard } = await connect();
  socket.write(register);
  for (const type of [
    'from_the_future',
    'register_channel_res',
    'subscribe_result',
    'subscribe_result_res',
    'invoke_result',
    'heartbeat_res',
  ]) {
    socket.write(frame(`{"type":"${type}","key":"k","success":true}`));
  }
  socket.write(message({ type: 'call', method: 'echo', args: [serializeJson.encode(SECRET)], oneway: false, style: 'promise' }));
  await eventually('the call after them is answered', () => heard().includes(SECRET));

  const peer = await joined();
  peer.socket.write(frameOfV2(200, Buffer.from(SECRET)));
  peer.send({ type: 'topics', topics: [1] });
  peer.send({ type: 'call-result', values: [] });
  peer.send({ type: 'joined', term: 1, codec: 'structured', identity: '', parts: Buffer.alloc(0) });
  peer.send({ type: 'call', method: 'echo', args: [encodeStructured(SECRET)], oneway: false, style: 'promise' });
  await eventually('the call after them is answered', () => peer.heard.includes(SECRET));
  await servesOn();
});

test('methods that are not delegated cannot be called', async () => {
  const methods = ['constructor', '__proto__', 'toString', 'close', 'subscribe', '_start', 'emit', 'hasOwnProperty', 'set', ''];
  await Promise.all(
    methods.map(async (method) => {
      const { socket, heard } = await connect();
      socket.write(register);
      socket.write(message({ type: 'call', method, args: [], oneway: false, style: 'promise' }));
      await eventually(`an answer to ${method}`, () => heard().includes('invoke_result'));
      expect(heard().toString()).toContain('ERR_TRUNKLINE_UNKNOWN_METHOD');

      const peer = await joined();
      peer.send({ type: 'call', method, args: [], oneway: false, style: 'promise' });
      expect((await peer.heardOf('call-failure')).payload.toString()).toContain('ERR_TRUNKLINE_UNKNOWN_METHOD');
      expect(peer.messages.some(({ type }) => type === 'call-result')).toBe(false);
    }),
  );
  await servesOn();
});

test('values that are made to hurt the reader cost an answer at most', async () => {
  const before = (await leader.status()).rss;
  const deep = (depth: number, open: string): Buffer => Buffer.from(`^^^^${open.repeat(depth)}`);
  const values: Buffer[] = [
    // Arrays in arrays: reader, formatKey and writer are recursive.
    ...[500, 2_000, 5_000, 200_000].map((depth) => deep(depth, '@')),
    ...[2_000, 200_000].map((depth) => deep(depth, '$')),
    deep(200_000, '#'),
    // serialize-json needs 150 B of heap for each element to read and write the answer.
    Buffer.from(`^1^^^*${'0|'.repeat(50_000)}]`),
    Buffer.from(`^1^^^*@0]]`),
    Buffer.from('^^^^$0|0'),
    Buffer.from('__proto__|polluted^^^^$0|$1|1]]'),
    Buffer.from('constructor|prototype|polluted^^^^$0|$1|$2|2]]]'),
    Buffer.from('toJSON|x^^^^$0|1]'),
    Buffer.from('message|x^^^^#0|@]|1|$]]'),
    Buffer.from('no serialize-json at all'),
    randomBytes(5_000),
  ];
  for (const [index, value] of values.entries()) {
    const { socket, heard } = await connect();
    socket.write(register);
    socket.write(message({ type: 'call', method: 'echo', args: [value], oneway: false, style: 'promise' }));
    await eventually(`an answer to value ${index}`, () => heard().includes('invoke_result')).catch((error: Error) => {
      throw new Error(`${error.message}; closed=${socket.closed} heard=${JSON.stringify(heard().toString().slice(0, 500))}`);
    });
    socket.write(message({ type: 'subscribe', key: 'k', registration: {}, payload: value }));
    socket.write(message({ type: 'call', method: 'publish', args: [value], oneway: true }));
    socket.write(frame(`{"type":"subscribe","key":"k","reg":${'['.repeat(5_000)}${']'.repeat(5_000)}}`));
    socket.write(message({ type: 'call', method: 'echo', args: [], oneway: false, style: 'promise', id: 2 }));
    await eventually(
      'the connection is served on, or closed',
      () => socket.closed || heard().toString().split('invoke_result').length > 2,
    );
    socket.destroy();
  }
  expect((await follower.call('echo', 'still there?')).value).toMatchObject({ pid: leader.pid });
  expect(follower.logLines).toEqual([]);
  expect((await leader.status()).rss - before).toBeLessThan(150 * 2 ** 20);
  expect(leader.messages.filter(({ type }) => type === 'unhandled-rejection')).toEqual([]);
});

test('structured values that are made to hurt the reader cost an answer at most', async () => {
  const before = (await leader.status()).rss;
  const count = (number: number): number[] => (number < 128 ? [number] : [(number & 127) | 128, ...count(number >>> 7)]);
  const value = (body: number[] | Buffer, text = ''): Buffer =>
    Buffer.concat([Buffer.from([0, ...count(body.length), ...count(text.length)]), Buffer.from(body), Buffer.from(text)]);
  const values: Buffer[] = [
    value(Buffer.concat([Buffer.alloc(2 * 100_000, Buffer.from([0xeb, 1])), Buffer.from([0xe0])])), // arrays in arrays
    value([0xeb, ...count(2 ** 28)]), // an array that is not there
    value([0xec, ...count(2 ** 28), 0]), // nothing but holes
    value([0xf3, 0, ...count(2 ** 28)]),
    value([0xe9, 1, 9, 0xe9, 1, 8, 1], '__proto__polluted'),
    value([0xf0, 5, 0], '(a+)+'),
    value([0xed, 5]),
    Buffer.from('no value at all'),
    randomBytes(5_000),
  ];
  for (const [index, bytes] of values.entries()) {
    const peer = await joined();
    peer.send({ type: 'call', method: 'echo', args: [bytes], oneway: false, style: 'promise' });
    peer.send({ type: 'topic-subscribe', key: `k${index}`, payload: bytes });
    peer.send({ type: 'plain-subscribe', keys: [bytes.toString('latin1'), '{"__proto__":{}}', ''], id: 10 });
    peer.send({ type: 'call', method: 'publish', args: [bytes], oneway: true });
    peer.send({ type: 'call', method: 'echo', args: [], oneway: false, style: 'promise', id: 2 });
    await eventually(`an answer to value ${index}`, () =>
      [1, 2].every((id) => peer.messages.some((message) => 'id' in message && message.id === id && /^call-/.test(message.type))),
    );
  }
  expect((await follower.call('echo', 'still there?')).value).toMatchObject({ pid: leader.pid });
  expect((await leader.status()).rss - before).toBeLessThan(150 * 2 ** 20);
  expect(leader.messages.filter(({ type }) => type === 'unhandled-rejection')).toEqual([]);
});

test('a stranger that reads nothing does not keep a value from anybody', async () => {
  const { socket, heard } = await connect();
  const key = `$$inner$$__${formatKey({ key: 'config' })}`;
  socket.write(register);
  socket.write(message({ type: 'subscribe', key, registration: { key: 'config' } }));
  await eventually('its first value', () => heard().includes('subscribe_result'));
  socket.pause();
  for (let i = 0; i < 50; i++) await leader.ask({ type: 'set', key: 'config', data: 'x'.repeat(100_000) });
  await servesOn();
});
