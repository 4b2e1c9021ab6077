// A leader that was appointed, when something outside of the channel goes wrong.

import net from 'node:net';
import { V2 } from '../../protocol/dialects';
import type { ChannelId, Message, V2Message } from '../../protocol/message';
import { AppointedLease } from '../../src/election/appointed-lease';
import type { Meeting } from '../../src/election/term';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import { Connection } from '../../src/transport/connection';
import type { ChannelDoor } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const CHANNEL: ChannelId = { name: 'channel', identity: '', isStrict: false };
const door: ChannelDoor = { admit: () => undefined, admitLegacy: () => undefined, sendOn: () => undefined };

let port: number;
let logger: RecordingLogger;
let holder: net.Server;
const sockets = new Set<net.Socket>();
let secret: () => Promise<Buffer | undefined>;

beforeEach(async () => {
  port = await freePort();
  logger = recordingLogger();
  secret = () => Promise.resolve(undefined);
  holder = net.createServer();
  sockets.clear();
  holder.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const socket of sockets) socket.destroy(); // a test that has failed leaves connections behind
  await new Promise((resolve) => holder.close(resolve));
});

function meeting(): Meeting {
  return {
    endpoint: loopback(port),
    credentials: { label: 'test', secret: () => secret() },
    connectTimeoutMs: 5_000,
    heartbeatIntervalMs: undefined,
    allowsLegacyPeers: false,
    clock: systemClock,
    logger,
  };
}

/** Both ends of a connection to the port holder. */
async function lineToHolder(): Promise<{ line: Connection; accepted: net.Socket }> {
  const accepting = new Promise<net.Socket>((resolve) => holder.once('connection', resolve));
  const socket = net.connect(port, '127.0.0.1');
  const accepted = await accepting;
  accepted.resume().on('error', () => undefined);
  const line = new Connection(socket, systemClock);
  line.upgrade(V2);
  return { line, accepted };
}

test('a secret that cannot be read does not end the process; it is asked for again, and the reason is told once', async () => {
  const { line, accepted } = await lineToHolder();
  const lease = (await AppointedLease.open(meeting(), CHANNEL, { line, term: 3, isSucceeding: false }))!;
  holder.on('connection', (socket) => socket.resume().on('error', () => undefined));
  let asked = 0;
  secret = () => {
    asked++;
    return Promise.reject(new Error('no space left'));
  };
  lease.open(door);
  accepted.destroy();
  await eventually('it asks again', () => asked >= 3);
  expect(logger.lines.filter(({ level, message }) => level === 'warn' && message.includes('no space left'))).toHaveLength(1);
  expect(await connections(holder)).toBeLessThan(2);
  await lease.release();
});

test('an own port that cannot be bound ends the line to the port holder, so that another one is appointed', async () => {
  const { line } = await lineToHolder();
  const { listen } = net.Server.prototype;
  jest.spyOn(net.Server.prototype, 'listen').mockImplementation(function (this: net.Server, ...args: unknown[]) {
    if ((args[0] as net.ListenOptions).port !== 0) return listen.apply(this, args as never);
    process.nextTick(() => this.emit('error', Object.assign(new Error('too many open files'), { code: 'EMFILE' })));
    return this;
  });
  await expect(AppointedLease.open(meeting(), CHANNEL, { line, term: 3, isSucceeding: true })).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_BIND_FAILED',
  });
  expect(await line.closed).toEqual({ reason: 'closed' });
});

function connections(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));
}

test('a successor that is not ready announces itself when it hears that nobody serves any more', async () => {
  const { line, accepted } = await lineToHolder();
  const lease = (await AppointedLease.open(meeting(), CHANNEL, { line, term: 3, isSucceeding: true }))!;
  lease.open(door);
  const heard: (Message | V2Message)[] = [];
  const far = new Connection(accepted, systemClock);
  far.upgrade(V2);
  far.receiver = (message) => heard.push(message);
  far.send({ type: 'appoint', id: 1, term: 3, isSucceeding: false });
  await eventually('it announces itself', () => heard.length > 0);
  expect(heard).toMatchObject([{ type: 'announce', channel: CHANNEL, term: 3 }]);
  await lease.release();
});

test('a port holder that has another secret does not end its leadership', async () => {
  const { line, accepted } = await lineToHolder();
  const lease = (await AppointedLease.open(meeting(), CHANNEL, { line, term: 3, isSucceeding: false }))!;
  let isSucceeded = false;
  void lease.succeeded.then(() => (isSucceeded = true));
  lease.open(door);
  const far = new Connection(accepted, systemClock);
  far.upgrade(V2);
  const redialled = new Promise<net.Socket>((resolve) => holder.once('connection', resolve));
  far.send({ type: 'refusal', id: 0, code: 'not-proven', sentence: 'it gave no proof', payload: Buffer.alloc(0) });
  void far.close();
  (await redialled).destroy();
  expect(isSucceeded).toBe(false);
  expect(logger.lines.filter(({ level, message }) => level === 'warn' && message.includes('it gave no proof'))).toHaveLength(1);
  await lease.release();
});
