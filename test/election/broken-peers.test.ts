// What comes to a port that this process holds and does not behave. Whoever behaves is served all the same.

import type { ChannelId, Message, V2Message } from '../../protocol/message';
import { HeldPort } from '../../src/election/held-port';
import type { ChannelLease, Meeting } from '../../src/election/term';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { dial } from '../../src/transport/dialer';
import { introduce } from '../../src/transport/introduction';
import { eventually } from '../support/eventually';
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

async function asker(name: string, term = 0, lead: 'may' | 'never' = 'may'): Promise<Peer> {
  const asking = await peer();
  asking.connection.send({ type: 'join', id: 1, channel: channel(name), lead, term, codecs: ['structured'] });
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
  await answer(await asker('x', 0, 'never')); // what was said before has been heard
  await spoiler!.close();
  const next = await asker('x');
  expect(await answer(next)).toMatchObject({ type: 'appoint', term: LARGEST });
  next.connection.send({ type: 'announce', channel: channel('x'), term: LARGEST, port: 2 });
  expect(await answer(await asker('x', 0, 'never'))).toMatchObject({ type: 'redirect', term: LARGEST, port: 2 });
});

test('whoever was to be served by a leader that goes before it serves is let go, and comes again', async () => {
  const waiting = await asker('x', 0, 'never');
  expect(await answer(waiting)).toMatchObject({ type: 'wait', code: 'no-leader' });
  const lease = await claim('x');
  await lease.release();
  expect(await waiting.connection.closed).toMatchObject({ reason: 'ended-by-peer' });
});
