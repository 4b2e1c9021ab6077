// The door of a port: who is let in as what, and who is sent away. introduction.test.ts covers the proofs of processes of
// trunkline.

import net from 'node:net';
import type { Message, Register } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import { openFilesLimit } from '../../src/facts';
import { Listener, STRANGER_BYTES, STRANGER_MS } from '../../src/transport/listener';
import { strangersFor } from '../../src/transport/strangers';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { credentialsOf, SECRET } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

let server: net.Server;
let clock: ManualClock;
let debugged: string[];
let warned: string[];
let legacyPeers: Register[];
const sockets = new Set<net.Socket>();

let keep: () => void;

beforeEach(async () => {
  clock = new ManualClock();
  debugged = [];
  warned = [];
  legacyPeers = [];
  server = net.createServer();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  new Listener({
    server,
    credentials: credentialsOf(SECRET),
    clock,
    owner: {
      onPeer: () => undefined,
      onLegacyPeer: (_, register, whenKept) => {
        legacyPeers.push(register);
        keep = whenKept;
      },
      debug: (message) => void debugged.push(message),
      warn: (message) => void warned.push(message),
    },
  });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
});

async function connect(): Promise<{ socket: net.Socket; closed: Promise<void> }> {
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  const socket = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.resume();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await accepted;
  return { socket, closed };
}

const register = (channel: string, hello?: Register['hello']): Message => ({
  type: 'register',
  id: 1,
  timeoutMs: 3_000,
  channel,
  ...(hello && { hello }),
});
const bytes = (message: Message): Buffer => v1Codec.encode(message);

test('a process of cluster-client 3.x is handed on with what it asks for, and has no time limit once it is kept', async () => {
  const { socket } = await connect();
  socket.write(bytes(register('blue')));
  await eventually('handed on', () => legacyPeers.length);
  expect(legacyPeers).toEqual([register('blue')]);
  expect(clock.pending).toBe(1);
  keep();
  expect(clock.pending).toBe(0);
  expect(debugged).toEqual([]);
});

test('it gets no more room than a stranger: nothing has been proved yet', async () => {
  const { socket, closed } = await connect();
  socket.write(Buffer.concat([bytes(register('blue')), bytes(register('x'.repeat(STRANGER_BYTES)))]));
  await closed;
  expect(legacyPeers).toEqual([register('blue')]);
});

test('who says nothing for five seconds is sent away with one debug line', async () => {
  const { closed } = await connect();
  clock.advance(STRANGER_MS - 1);
  expect(debugged).toEqual([]);
  clock.advance(1);
  await closed;
  expect(debugged).toEqual([expect.stringMatching(/^\d+: socket closed, remotePort=\d+: no introduction within 5000 ms$/)]);
});

test('so is who begins its introduction and says no more', async () => {
  const { socket, closed } = await connect();
  const answer = new Promise((resolve) => socket.once('data', resolve));
  socket.write(bytes(register('blue', { versions: [1, 2], nonce: Buffer.alloc(16) })));
  await answer;
  clock.advance(STRANGER_MS);
  await closed;
  expect(debugged).toEqual([expect.stringContaining('no introduction within 5000 ms')]);
});

test.each<[string, Buffer]>([
  ['a message other than a registration', bytes({ type: 'unsubscribe', id: 1, timeoutMs: 1, key: 'k', registration: {} })],
  ['a registration beyond the room for strangers', bytes(register('x'.repeat(STRANGER_BYTES)))],
  ['one of ours that does not speak version 2', bytes(register('blue', { versions: [1] }))],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a TLS greeting', Buffer.from([0x16, 3, 1, 2, 0])],
])('%s is sent away with one debug line', async (_, first) => {
  const { socket, closed } = await connect();
  socket.write(first);
  await closed;
  await eventually('the line', () => debugged.length);
  expect(debugged).toEqual([expect.stringContaining(`remotePort=`)]);
  await eventually('no timer', () => clock.pending === 0);
});

test('pings of a stranger are answered, and prolong nothing', async () => {
  const { socket, closed } = await connect();
  const answers: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => answers.push(chunk));
  socket.write(bytes({ type: 'ping', id: 5, timeoutMs: 1 }));
  await eventually('the pong', () => answers.length);
  clock.advance(STRANGER_MS);
  await closed;
});

test('a stranger that sends many small messages is sent away when they are too much together', async () => {
  const { socket, closed } = await connect();
  const ping = bytes({ type: 'ping', id: 5, timeoutMs: 1 });
  socket.write(Buffer.concat(Array.from({ length: Math.ceil(STRANGER_BYTES / ping.length) + 1 }, () => ping)));
  await closed;
  expect(debugged).toEqual([expect.stringContaining('a stranger says too much')]);
});

test('a process of cluster-client 3.x that is not kept is sent away after five seconds, whatever it says meanwhile', async () => {
  const { socket, closed } = await connect();
  for (let asked = 1; asked <= 3; asked++) {
    socket.write(bytes(register('blue')));
    await eventually('the question', () => legacyPeers.length === asked);
    clock.advance(STRANGER_MS / 3);
  }
  clock.advance(1);
  await closed;
});

test('a crowd of half-open introductions costs the oldest of them their connections, and one line a minute', async () => {
  const crowd: { socket: net.Socket; closed: Promise<void> }[] = [];
  const surplus = 10;
  for (let i = 0; i < strangersFor(openFilesLimit()) + surplus; i++) crowd.push(await connect());
  await Promise.all(crowd.slice(0, surplus).map(({ closed }) => closed));
  expect(crowd.slice(surplus).every(({ socket }) => !socket.destroyed)).toBe(true);
  expect(warned).toEqual([expect.stringMatching(/^port \d+: too many connections that have not introduced themselves/)]);
});
