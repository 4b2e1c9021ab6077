// The door of the cluster port: who gets in, who waits, who is sent away.

import net from 'node:net';
import type { Message, Register } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import { systemClock, type Clock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { Listener, STRANGER_BYTES, STRANGER_MS } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { FakeClock } from '../support/fake-clock';
import { leavesNothingOpen } from '../support/open-handles';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger';

leavesNothingOpen();

let server: net.Server;
let clock: FakeClock;
let logger: RecordingLogger;
let listener: Listener;
const sockets = new Set<net.Socket>();

async function listen(withClock: Clock): Promise<void> {
  server = net.createServer();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  logger = recordingLogger();
  listener = Listener.of(server, withClock);
  listener.open('some channel', door());
}

beforeEach(async () => {
  clock = new FakeClock();
  await listen(clock);
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

const register = (channel: string, id = 1): Message => ({ type: 'register', id, timeoutMs: 3_000, channel });
const bytes = (message: Message): Buffer => v1Codec.encode(message);

function door() {
  const admitted: { connection: Connection; register: Register }[] = [];
  return {
    logger,
    admitted,
    admit: (connection: Connection, message: Register) => void admitted.push({ connection, register: message }),
  };
}

test('a server has one listener', () => {
  expect(Listener.of(server, systemClock)).toBe(listener);
});

test('a peer is handed to the channel that it asks for', async () => {
  const [red, blue] = [door(), door()];
  listener.open('red', red);
  listener.open('blue', blue);
  const { socket } = await connect();
  socket.write(bytes(register('blue')));
  await eventually('admitted', () => blue.admitted.length);
  expect(blue.admitted[0]!.register).toEqual(register('blue'));
  expect(red.admitted).toEqual([]);
});

test('a peer whose channel has no leader yet is let in when it comes, with its last registration', async () => {
  const { socket } = await connect();
  socket.write(bytes(register('late', 1)));
  const gone = await connect();
  gone.socket.write(bytes(register('late', 2)));
  await eventually('both have registered', () => clock.pending === 0);
  gone.socket.destroy();
  await eventually('one is gone', async () => {
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    return connections === 1;
  });
  const late = door();
  listener.open('late', late);
  expect(late.admitted.map(({ register: { id } }) => id)).toEqual([1]);
});

test('a channel that is shut admits nobody any more', async () => {
  const red = door();
  listener.open('red', red);
  listener.shut('red');
  const { socket } = await connect();
  socket.write(bytes(register('red')));
  await eventually('it has registered', () => clock.pending === 0);
  expect(red.admitted).toEqual([]);
});

test('who says nothing for five seconds is sent away with one debug line', async () => {
  const { closed } = await connect();
  clock.advance(STRANGER_MS - 1);
  expect(logger.lines).toEqual([]);
  clock.advance(1);
  await closed;
  expect(logger.lines).toEqual([
    { level: 'debug', message: expect.stringMatching(/remotePort=\d+: nothing was registered within 5000 ms/) as string },
  ]);
});

test('who has registered has no such limit', async () => {
  const red = door();
  listener.open('red', red);
  const { socket } = await connect();
  socket.write(bytes(register('red')));
  await eventually('admitted', () => red.admitted.length);
  clock.advance(10 * STRANGER_MS);
  socket.write(bytes(register('red', 2)));
  expect(clock.pending).toBe(0);
  expect(logger.lines).toEqual([]);
});

test.each<[string, Buffer]>([
  ['a message other than a registration', bytes({ type: 'unsubscribe', id: 1, timeoutMs: 1, key: 'k', registration: {} })],
  ['a registration beyond the room for strangers', bytes(register('x'.repeat(STRANGER_BYTES)))],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a TLS greeting', Buffer.from([0x16, 3, 1, 2, 0])],
])('%s is sent away with one debug line', async (_, first) => {
  const { socket, closed } = await connect();
  socket.write(first);
  await closed;
  await eventually('the line', () => logger.lines.length);
  expect(logger.lines.map(({ level }) => level)).toEqual(['debug']);
  expect(clock.pending).toBe(0);
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
