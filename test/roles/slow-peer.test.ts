// Raw peers of a leader that read only on demand.

import net from 'node:net';
import { FrameReader } from '../../protocol/frame';
import type { Message, Register, V2Message } from '../../protocol/message';
import { serializeJsonTranscode } from '../../protocol/value-codec';
import { v1Codec, v1Framing } from '../../protocol/v1';
import { v2Codec, v2Framing } from '../../protocol/v2';
import cluster from '../../src';
import { eventually } from '../support/eventually';
import { upstreamClass, type FakeUpstream } from '../support/fake-upstream';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const MiB = 2 ** 20;
/** More than the system buffers for a loopback connection without a reader. */
const BEYOND_KERNEL = 40;

const encode = (value: unknown): Buffer => Buffer.from(serializeJsonTranscode.encode(value));
const envelope = { timeoutMs: 1_000 };

class Peer {
  readonly heard: (Message | V2Message)[] = [];
  readonly socket: net.Socket;
  isClosed = false;
  #version: 1 | 2 = 1;

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    const reader = new FrameReader(v1Framing);
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isClosed = true));
    this.socket.on('data', (chunk: Buffer) => {
      reader.push(chunk, (frame) => {
        const message = frame[0] === 2 ? v2Codec.decode(frame) : v1Codec.decode(frame);
        this.heard.push(message);
        if (message.type === 'register-result' && message.hello) {
          this.#version = 2;
          reader.upgrade(v2Framing, 512 * 1024);
        }
        return true;
      });
    });
  }

  /** As a process of cluster-client 3.x. */
  async register(hello?: Register['hello']): Promise<void> {
    this.send({ type: 'register', id: 1, ...envelope, channel: 'slow', ...(hello && { hello }) });
    await eventually('registered', () => this.heard.some(({ type }) => type === 'register-result'));
  }

  /** Joins as a process of trunkline does. */
  async join(): Promise<void> {
    await this.register({ versions: [1, 2] });
    const codecs = ['custom', 'serialize-json', 'structured'];
    this.send({
      type: 'join',
      id: 1,
      channel: { name: 'slow', identity: '', isStrict: false },
      candidacy: 'follows',
      term: 0,
      codecs,
    });
    await eventually('joined', () => this.heard.some(({ type }) => type === 'joined'));
  }

  subscribe(key: string): void {
    const payload = encode(key);
    if (this.#version === 2) this.send({ type: 'topic-subscribe', id: 2, key, payload });
    else this.send({ type: 'subscribe', id: 2, ...envelope, key, registration: key, payload });
  }

  send(message: Message | V2Message): void {
    this.socket.write(this.#version === 2 ? v2Codec.encode(message as V2Message) : v1Codec.encode(message as Message));
  }
}

let leader: {
  ready(): Promise<unknown>;
  close(): Promise<void>;
  subscribe(key: unknown, listener: (value: unknown) => void): void;
};
let upstream: FakeUpstream;
let logger: RecordingLogger;
let peer: Peer;

async function lead(options: object): Promise<void> {
  const Registry = upstreamClass();
  const port = await freePort();
  logger = recordingLogger();
  leader = cluster(Registry, {
    port,
    logger,
    name: 'slow',
    auth: false,
    allowLegacyPeers: true,
    transcode: serializeJsonTranscode,
    ...options,
  }).create();
  await leader.ready();
  upstream = Registry.last;
  peer = new Peer(port);
}

afterEach(async () => {
  peer.socket.destroy();
  await leader.close();
});

/** Pushes a value a turn. */
async function push(keys: readonly string[], count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    upstream.push(keys[i % keys.length], { i, filling: 'x'.repeat(200_000) });
    await new Promise(setImmediate);
  }
}

const warnings = (): string[] => logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

test('a peer of cluster-client 3.x that reads again ends on the newest value of every key, never back', async () => {
  await lead({ maxOutboxBytes: MiB });
  await peer.register();
  peer.send({ type: 'subscribe', id: 2, ...envelope, key: 'a', registration: 'a' });
  peer.send({ type: 'subscribe', id: 3, ...envelope, key: 'b', registration: 'b' });
  await eventually('both subscriptions', () => upstream.subscribed.length === 2);
  peer.socket.pause();
  await push(['a', 'b'], BEYOND_KERNEL * 5);
  expect(warnings()).toEqual([expect.stringContaining(`maxOutboxBytes=${MiB}`)]);
  peer.socket.resume();
  const received = (key: string): number[] =>
    peer.heard
      .filter((message) => message.type === 'event' && message.key === key)
      .map((message) => (serializeJsonTranscode.decode((message as { payload: Buffer }).payload) as { i: number }).i);
  await eventually(
    'the newest of both',
    () => [...received('a'), ...received('b')].includes(BEYOND_KERNEL * 5) && received('b').at(-1) === BEYOND_KERNEL * 5 - 1,
  );
  expect(received('a').at(-1)).toBe(BEYOND_KERNEL * 5);
  for (const key of ['a', 'b']) {
    expect(received(key)).toEqual([...received(key)].sort((x, y) => x - y));
    expect(received(key).length).toBeLessThan(BEYOND_KERNEL * 2.5);
  }
  expect(logger.lines.at(-1)).toMatchObject({
    level: 'info',
    message: expect.stringMatching(/caught up.*skippedEvents=\d+/) as string,
  });
});

test.each([
  ['a peer of cluster-client 3.x', 'register', { delivery: 'every' }],
  ['a peer of version 2', 'join', { delivery: 'every' }],
  ['the peer of a channel without broadcast', 'join', { isBroadcast: false }],
] as const)('where nothing may be skipped %s that does not read is let go, with one warning', async (_, how, options) => {
  await lead({ maxOutboxBytes: MiB, ...options });
  await peer[how]();
  peer.subscribe('a');
  await eventually('the subscription', () => upstream.subscribed.length === 1);
  peer.socket.pause();
  await eventually('the warning', async () => {
    await push(['a'], 1);
    return warnings().length > 0;
  });
  peer.socket.resume(); // at once: the leader waits only a second for what it said last to be read
  await eventually('the end', () => peer.isClosed);
  await push(['a'], 1);
  expect(warnings()).toEqual([
    expect.stringMatching(/^slow: follower dropped, .*remotePort=\d+ outboxBytes=\d+ maxOutboxBytes=1048576$/),
  ]);
  const goaways = peer.heard.filter(({ type }) => type === 'goaway');
  expect(goaways).toEqual(
    how === 'join'
      ? [expect.objectContaining({ code: 'too-slow', sentence: expect.stringContaining('maxOutboxBytes') as string })]
      : [],
  );
});

const callBig = (count: number): void => {
  const args = [encode('x'.repeat(200_000))];
  for (let id = 10; id < 10 + count; id++) {
    peer.send({ type: 'call', id, ...envelope, method: 'echo', args, oneway: false, style: 'promise' });
  }
};

test('a peer that calls and does not read the answers is let go', async () => {
  await lead({ maxOutboxBytes: MiB });
  await peer.join();
  peer.socket.pause();
  callBig(BEYOND_KERNEL * 5);
  await eventually('the warning', () => warnings().length > 0);
  expect(warnings()).toEqual([expect.stringContaining('follower dropped')]);
  peer.socket.resume();
  await eventually('the end', () => peer.isClosed);
});

test('also when what waits is not much more than the limit, after a while', async () => {
  await lead({ maxOutboxBytes: 10 * MiB });
  await peer.join();
  peer.socket.pause();
  callBig(BEYOND_KERNEL * 5);
  await eventually('the warning', () => warnings().length > 0);
  expect(warnings()).toEqual([expect.stringContaining('follower dropped')]);
});

test('a peer that reads gets all answers of a burst beyond the limit', async () => {
  await lead({ maxOutboxBytes: 10 * MiB });
  await peer.join();
  callBig(BEYOND_KERNEL * 5);
  await eventually('all answers', () => peer.heard.filter(({ type }) => type === 'call-result').length === BEYOND_KERNEL * 5);
  expect(warnings()).toEqual([]);
});

test('small things are never too much for a peer that is behind with its events', async () => {
  await lead({ maxOutboxBytes: MiB });
  await peer.join();
  peer.subscribe('a');
  await eventually('the subscription', () => upstream.subscribed.length === 1);
  peer.socket.pause();
  await push(['a'], BEYOND_KERNEL * 5);
  for (let id = 10; id < 1_000; id++) {
    peer.send({ type: 'call', id, ...envelope, method: 'echo', args: [encode(id)], oneway: false, style: 'promise' });
  }
  peer.socket.resume();
  await eventually('all answers', () => peer.heard.filter(({ type }) => type === 'call-result').length === 990);
  expect(warnings()).toEqual([expect.stringContaining('reads too slowly')]);
});
