// Connection over real sockets: messages, order, limits, and all the ways to end.

import net from 'node:net';
import { V2 } from '../../protocol/dialects';
import type { Message, V2Message } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import { v2Codec } from '../../protocol/v2';
import { systemClock } from '../../src/time';
import { Connection } from '../../src/transport/connection';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';

leavesNothingOpen();

let server: net.Server;
let here: net.Socket;
let there: net.Socket;
let connection: Connection;
let received: (Message | V2Message)[];

beforeEach(async () => {
  server = net.createServer({ noDelay: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  here = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', noDelay: true });
  there = await accepted;
  there.on('error', () => undefined);
  connection = new Connection(here, systemClock);
  received = [];
  connection.receiver = (message) => received.push(message);
});

afterEach(async () => {
  here.destroy();
  there.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const envelope = { id: 1, timeoutMs: 3_000 };
const event = (key: string): Message => ({ type: 'event', ...envelope, key, payload: Buffer.from(key) });

function heardThere(): () => Buffer {
  let heard = Buffer.alloc(0);
  there.on('data', (chunk: Buffer) => {
    heard = Buffer.concat([heard, chunk]);
  });
  return () => heard;
}

test('messages arrive in order, however the bytes are cut', async () => {
  const messages = Array.from({ length: 20 }, (_, index) => event(`key ${index}`));
  const bytes = Buffer.concat(messages.map((message) => v1Codec.encode(message)));
  let offset = 0;
  for (let size = 1; offset < bytes.length; offset += size, size = (size * 7) % 61) {
    there.write(bytes.subarray(offset, offset + size));
    if (size % 3 === 0) await new Promise(setImmediate);
  }
  await eventually('all messages', () => received.length === messages.length);
  expect(received).toEqual(messages);
});

test('the messages of one tick leave together', async () => {
  let chunks = 0;
  there.on('data', () => chunks++);
  const heard = heardThere();
  for (let i = 0; i < 50; i++) connection.send(event(`key ${i}`));
  await eventually('the last message', () => heard().includes('key 49'));
  expect(chunks).toBe(1);
});

test('a ping is answered with its id, and reaches no receiver', async () => {
  const heard = heardThere();
  there.write(v1Codec.encode({ type: 'ping', id: 77, timeoutMs: 500 }));
  await eventually('the pong', () => heard().length > 0);
  expect(v1Codec.decode(heard())).toEqual({ type: 'pong', id: 77, timeoutMs: 500 });
  there.write(v1Codec.encode({ type: 'pong', ...envelope }));
  there.write(v1Codec.encode(event('k')));
  await eventually('the event', () => received.length > 0);
  expect(received).toEqual([event('k')]);
  expect(connection.messagesHeard).toBe(3);
});

test('close() sends what is queued first, and can be repeated', async () => {
  const heard = heardThere();
  there.on('end', () => there.end());
  connection.send(event('the last word'));
  await Promise.all([connection.close(), connection.close()]);
  await connection.close();
  await eventually('the last word', () => heard().includes('the last word'));
  expect(await connection.closed).toEqual({ reason: 'closed' });
});

test('close() does not wait for ever for a peer that reads nothing', async () => {
  there.pause();
  for (let i = 0; i < 200; i++) connection.send({ type: 'event', ...envelope, key: 'k', payload: Buffer.alloc(100_000) });
  const watch = new Stopwatch();
  await connection.close();
  expect(watch.ownMs()).toBeLessThan(2_000);
});

test('nothing is received or sent after close()', async () => {
  const closing = connection.close();
  const heard = heardThere();
  connection.send(event('too late'));
  there.write(v1Codec.encode(event('too late')));
  there.end();
  await closing;
  connection.send(event('far too late'));
  expect(received).toEqual([]);
  expect(heard()).toHaveLength(0);
});

test('the end of the peer ends the connection, with the error of a reset', async () => {
  there.resetAndDestroy();
  expect(await connection.closed).toMatchObject({ reason: 'ended-by-peer', error: { code: 'ECONNRESET' } });
});

test('an orderly end of the peer ends the connection without an error', async () => {
  there.end();
  expect(await connection.closed).toEqual({ reason: 'ended-by-peer' });
});

test('bytes that are no frame end the connection, and say what was heard', async () => {
  there.write('HTTP/1.1 400 Bad Request\r\n\r\n');
  expect(await connection.closed).toMatchObject({
    reason: 'not-understood',
    error: { heard: expect.stringContaining('HTTP/1.1 400') as string },
  });
});

test('a frame beyond the limit is refused by its header', async () => {
  connection.maxFrameBytes = 1_000;
  there.write(v1Codec.encode({ type: 'event', ...envelope, key: 'k', payload: Buffer.alloc(900) }));
  await eventually('the one within', () => received.length === 1);
  there.write(v1Codec.encode({ type: 'event', ...envelope, key: 'k', payload: Buffer.alloc(2_000) }).subarray(0, 24));
  expect(await connection.closed).toMatchObject({
    reason: 'not-understood',
    error: { message: expect.stringContaining('1000') as string },
  });
});

test('frames after the one in which the receiver closes are not handed out', async () => {
  connection.receiver = (message) => {
    received.push(message);
    void connection.close();
  };
  there.write(Buffer.concat([event('a'), event('b')].map((message) => v1Codec.encode(message))));
  there.end();
  await connection.closed;
  expect(received).toEqual([event('a')]);
});

test('a silent peer is pinged and then given up, with who and how long in the error', async () => {
  const heard = heardThere();
  connection.startHeartbeat(60, 'leader', 'my-channel');
  const end = await connection.closed;
  expect(end).toMatchObject({
    reason: 'silent',
    error: {
      code: 'ERR_TRUNKLINE_PEER_SILENT',
      channel: 'my-channel',
      side: 'leader',
      message: expect.stringMatching(/^my-channel: the leader was silent for \d+ ms/) as string,
    },
  });
  expect(v1Codec.decode(heard().subarray(0, v1Codec.encode({ type: 'ping', ...envelope }).length)).type).toBe('ping');
});

test('a large value of version 2 does not hold up what is small: the answer to a ping overtakes it', async () => {
  const other = new Connection(there, systemClock);
  const heard: (Message | V2Message)[] = [];
  other.receiver = (message) => heard.push(message);
  for (const each of [connection, other]) {
    each.upgrade(V2);
    each.trust();
  }
  const payload = Buffer.alloc(20 * 2 ** 20, 7);
  connection.send({ type: 'topic-event', topic: 1, payload });
  connection.send({ type: 'topic-event', topic: 1, payload: Buffer.from('next') }); // must not overtake
  connection.ping(1000);
  connection.send({ type: 'topic-event', topic: 2, payload: Buffer.from('another key') });
  await eventually('the pong', () => connection.messagesHeard === 1);
  expect(heard.map((message) => (message as { topic?: number }).topic)).toEqual([2]);
  await eventually('all', () => heard.length === 3);
  expect(heard.map((message) => (message as { topic?: number }).topic)).toEqual([2, 1, 1]);
  expect((heard[1] as { payload: Buffer }).payload.equals(payload)).toBe(true);
});

test('a close sends what still waits in chunks', async () => {
  const other = new Connection(there, systemClock);
  const heard: (Message | V2Message)[] = [];
  other.receiver = (message) => heard.push(message);
  for (const each of [connection, other]) {
    each.upgrade(V2);
    each.trust();
  }
  connection.send({ type: 'topic-event', topic: 1, payload: Buffer.alloc(5 * 2 ** 20) });
  await Promise.all([connection.close(), other.closed]);
  expect(heard.length).toBe(1);
});

test('what was written before a long frame goes before it', async () => {
  const heard = heardThere();
  connection.upgrade(V2);
  const topic = v2Codec.encode({ type: 'topics', id: 1, topics: [1] });
  connection.send({ type: 'topics', id: 1, topics: [1] });
  connection.sendEvent(v2Codec.encode({ type: 'topic-event', topic: 1, payload: Buffer.alloc(2 ** 20) }));
  await eventually('the long frame', () => heard().length > 2 ** 20);
  expect(heard().subarray(0, topic.length)).toEqual(topic);
});

test('frames of one tick arrive in order, short, long, and more than go into one buffer', async () => {
  const other = new Connection(there, systemClock);
  const heard: [topic: number, length: number][] = [];
  other.receiver = (message) => {
    const { topic, payload } = message as { topic: number; payload: Buffer };
    heard.push([topic, payload.length]);
  };
  for (const each of [connection, other]) each.upgrade(V2);
  const sent = Array.from({ length: 1_000 }, (_, topic): [number, number] => [topic, topic % 97 === 0 ? 5_000 : topic % 500]);
  for (const [topic, length] of sent) connection.send({ type: 'topic-event', topic, payload: Buffer.alloc(length) });
  await eventually('all', () => heard.length === sent.length);
  expect(heard).toEqual(sent);
});

test('events of one turn of the event loop leave in few writes, the first at once, all in order', async () => {
  const other = new Connection(there, systemClock);
  const heard: number[] = [];
  other.receiver = (message) => heard.push((message as { topic: number }).topic);
  for (const each of [connection, other]) each.upgrade(V2);
  const write = jest.spyOn(here, 'write');
  const topics = Array.from({ length: 100 }, (_, index) => index);
  let writesAfterFirst = 0;
  for (const topic of topics) {
    setImmediate(() => {
      if (topic === 1) writesAfterFirst = write.mock.calls.length;
      connection.sendEvent(v2Codec.encode({ type: 'topic-event', topic, payload: Buffer.from('value') }));
    });
  }
  await eventually('all events', () => heard.length === topics.length);
  expect(heard).toEqual(topics);
  expect(writesAfterFirst).toBe(1);
  expect(write.mock.calls.length).toBeLessThanOrEqual(3);
});
