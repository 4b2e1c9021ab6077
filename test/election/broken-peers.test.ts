// Peers that misbehave at a port of this process. Correct peers are served all the same.

import net from 'node:net';
import type { ChannelId, Message, V2Message } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import { HeldPort } from '../../src/election/held-port';
import type { ChannelLease, Meeting } from '../../src/election/term';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { dial } from '../../src/transport/dialer';
import { introduce } from '../../src/transport/introduction';
import { STRANGER_BYTES, STRANGER_MS } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const WITHOUT_SECRET = { label: 'none', secret: () => Promise.resolve(undefined) };
const LARGEST = 2 ** 32 - 1;

let meeting: Meeting;
/** Keeps the port. */
let other: ChannelLease;
const connections = new Set<Connection>();

beforeEach(async () => {
  meeting = {
    endpoint: loopback(await freePort()),
    credentials: WITHOUT_SECRET,
    connectTimeoutMs: 5_000,
    heartbeatIntervalMs: undefined,
    allowsLegacyPeers: false,
    clock: systemClock,
    logger: recordingLogger(),
  };
  other = await claim('other');
});

afterEach(async () => {
  await Promise.all([...connections].map((connection) => connection.close()));
  connections.clear();
  await other.release();
});

const channel = (name: string): ChannelId => ({ name, identity: '', isStrict: false });

async function claim(name: string): Promise<ChannelLease> {
  return (await HeldPort.hold(meeting, (reception) => reception.claim(channel(name), 0)))!;
}

interface Peer {
  readonly connection: Connection;
  readonly heard: (Message | V2Message)[];
}

async function peer(): Promise<Peer> {
  const dialled = await dial(meeting.endpoint, 5_000, systemClock, new AbortController().signal);
  if ('unreachable' in dialled) throw dialled.unreachable;
  const { connection } = dialled;
  connections.add(connection);
  const { port } = meeting.endpoint;
  await introduce(connection, {
    channel: 'any',
    port,
    secret: undefined,
    timeoutMs: 5_000,
    firstWordMs: 5_000,
    clock: systemClock,
  });
  const heard: Peer['heard'] = [];
  connection.receiver = (message) => heard.push(message);
  return { connection, heard };
}

async function asker(name: string, term = 0, candidacy: 'competes' | 'follows' = 'competes'): Promise<Peer> {
  const asking = await peer();
  asking.connection.send({ type: 'join', id: 1, channel: channel(name), candidacy, term, codecs: ['structured'] });
  return asking;
}

async function answer({ heard }: Peer): Promise<Message | V2Message> {
  await eventually('an answer', () => heard.length > 0);
  return heard[0]!;
}

test.each([
  ['announced', async () => (await peer()).connection.send({ type: 'announce', channel: channel('x'), term: LARGEST, port: 1 })],
  ['seen by who asks', async () => (await asker('x', LARGEST)).connection],
])('the largest term there can be, %s, does not end this process, and the channel can still be led', async (_, spoil) => {
  await spoil();
  const [spoiler] = connections;
  await answer(await asker('x', 0, 'follows')); // what was said before has been heard
  await spoiler!.close();
  const next = await asker('x');
  expect(await answer(next)).toMatchObject({ type: 'appoint', term: LARGEST });
  next.connection.send({ type: 'announce', channel: channel('x'), term: LARGEST, port: 2 });
  expect(await answer(await asker('x', 0, 'follows'))).toMatchObject({ type: 'redirect', term: LARGEST, port: 2 });
});

test('whoever was to be served by a leader that goes before it serves is let go, and comes again', async () => {
  const waiting = await asker('x', 0, 'follows');
  expect(await answer(waiting)).toMatchObject({ type: 'wait', code: 'no-leader' });
  const lease = await claim('x');
  await lease.release();
  expect(await waiting.connection.closed).toMatchObject({ reason: 'ended-by-peer' });
});

describe('who registers like a process of cluster-client 3.x for a channel that nobody leads', () => {
  const REGISTER = v1Codec.encode({ type: 'register', id: 1, timeoutMs: 3_000, channel: 'nobody' });
  let clock: ManualClock;
  let socket: net.Socket;
  let isClosed: boolean;

  /** Anew, with other settings. */
  async function hold(settings: Partial<Meeting>): Promise<void> {
    await other.release();
    meeting = { ...meeting, ...settings };
    other = await claim('other');
  }

  async function register(): Promise<void> {
    isClosed = false;
    socket = net.connect(meeting.endpoint.port, '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => (isClosed = true));
    const ping = v1Codec.encode({ type: 'ping', id: 1, timeoutMs: 1_000 });
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(Buffer.concat([REGISTER, ping]));
    await answered;
  }

  beforeEach(async () => {
    clock = new ManualClock();
    await hold({ clock });
  });

  afterEach(() => {
    socket.destroy();
  });

  test('has the room of a stranger, whether such processes are let in or not', async () => {
    for (const allowsLegacyPeers of [false, true]) {
      await hold({ allowsLegacyPeers });
      await register();
      const header = Buffer.alloc(24);
      header[0] = 1;
      header.writeInt32BE(STRANGER_BYTES, 16);
      socket.write(header);
      await eventually('it is sent away', () => isClosed);
    }
  });

  test('has the time of a stranger', async () => {
    await register();
    clock.advance(STRANGER_MS);
    await eventually('it is sent away', () => isClosed);
  });

  test('waits as long as it likes where such processes are let in', async () => {
    await hold({ allowsLegacyPeers: true });
    await register();
    clock.advance(STRANGER_MS * 10);
    const admitted: string[] = [];
    const lease = await claim('nobody');
    const admitLegacy = (_: unknown, { channel: name }: { channel: string }): unknown => admitted.push(name);
    lease.open({ admit: () => undefined, admitLegacy, sendOn: () => undefined });
    expect(admitted).toEqual(['nobody']);
    await lease.release();
  });
});

describe('a successor that has not announced itself when the leader before has gone', () => {
  const announce = (name: string, term: number): V2Message => ({ type: 'announce', channel: channel(name), term, port: 1 });
  let clock: ManualClock;
  let successor: Peer;
  let waiting: Peer;

  beforeEach(async () => {
    clock = new ManualClock();
    await other.release();
    meeting = { ...meeting, clock };
    other = await claim('other');
    const leader = await peer();
    leader.connection.send(announce('x', 5));
    leader.connection.send({ type: 'resign' });
    leader.connection.ping(1_000);
    await eventually('it is heard', () => leader.connection.messagesHeard > 1);
    successor = await asker('x');
    expect(await answer(successor)).toMatchObject({ type: 'appoint', term: 6, isSucceeding: true });
    waiting = await asker('x');
    expect(await answer(waiting)).toMatchObject({ type: 'wait', code: 'hand-off' });
    clock.advance(60_000);
    await leader.connection.close();
    await eventually('the successor is told', () => successor.heard.length === 2);
  });

  test('is told to, and serves from then on', async () => {
    expect(successor.heard[1]).toMatchObject({ type: 'appoint', term: 6, isSucceeding: false });
    successor.connection.send(announce('x', 6));
    await eventually('they are served', () => waiting.heard.some(({ type }) => type === 'redirect'));
  });

  test('loses the appointment to another one when it does not answer', async () => {
    clock.advance(2_000);
    expect(await successor.connection.closed).toMatchObject({ reason: 'ended-by-peer' });
    await eventually('another one leads', () => waiting.heard.some(({ type }) => type === 'appoint'));
  });
});
