// The port of a process over real sockets: the answers to processes that come, and what is left of processes that go.

import net from 'node:net';
import { v1Codec } from '../../protocol/v1';
import type { Join } from '../../protocol/message';
import { HeldPort } from '../../src/election/held-port';
import type { ChannelLease, Meeting } from '../../src/election/term';
import type { Connection } from '../../src/transport/connection';
import type { ChannelDoor } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { meetingAt } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { Peer } from '../support/peer';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const leases: ChannelLease[] = [];
const peers: Peer[] = [];
const admitted: { readonly door: string; readonly connection: Connection; readonly join: Join | undefined }[] = [];
let clock: ManualClock;
let meeting: Meeting;
let port: number;

beforeEach(async () => {
  port = await freePort();
  clock = new ManualClock();
  meeting = meetingAt(port, { clock });
});

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
  // No wait remains when nobody is left.
  await eventually('no timer is left', () => clock.pending === 0);
  expect(await canBind(port)).toBe(true);
  admitted.length = 0;
});

/** This process holds the port and leads this channel there. */
async function lead(channel: string, seenTerm = 0): Promise<ChannelLease> {
  const id = { name: channel, identity: '', isStrict: false };
  const lease = await HeldPort.hold(meeting, (reception) => reception.claim(id, seenTerm));
  leases.push(lease!);
  return lease!;
}

function door(name: string): ChannelDoor {
  return {
    admit: (connection, join) => void admitted.push({ door: name, connection, join }),
    admitLegacy: (connection) => void admitted.push({ door: name, connection, join: undefined }),
    sendOn: () => undefined,
  };
}

async function come(at = port): Promise<Peer> {
  const peer = await Peer.at(at);
  peers.push(peer);
  return peer;
}

/** Everything that this peer has sent was read. */
async function settled(peer: Peer): Promise<void> {
  const before = peer.connection.messagesHeard;
  peer.connection.ping(1_000);
  await eventually('the pong', () => peer.connection.messagesHeard > before);
}

test('who joins a channel of this process is let in at its door', async () => {
  (await lead('red')).open(door('red'));
  (await lead('blue')).open(door('blue'));
  const peer = (await come()).join('blue', 'follows');
  await eventually('admitted', () => admitted.length);
  expect(admitted).toMatchObject([{ door: 'blue', join: { channel: { name: 'blue' }, candidacy: 'follows' } }]);
  expect(peer.heard).toEqual([]);
});

test('who comes before the door is open is let in when it opens', async () => {
  const lease = await lead('red');
  await settled((await come()).join('red', 'competes'));
  expect(admitted).toEqual([]);
  lease.open(door('red'));
  expect(admitted).toHaveLength(1);
});

test('who comes before a door that never opens can come again', async () => {
  await lead('blue');
  const lease = await lead('red');
  const peer = (await come()).join('red', 'follows');
  await settled(peer);
  await lease.release();
  await eventually('closed', () => peer.isClosed);
});

test('who waits for a channel is let in when this process leads it', async () => {
  await lead('red');
  const peer = (await come()).join('blue', 'follows');
  expect(await peer.next()).toMatchObject({ type: 'wait', id: 7, code: 'no-leader' });
  (await lead('blue')).open(door('blue'));
  expect(admitted).toHaveLength(1);
});

test('one that may lead is appointed, announces itself, and others are redirected to it', async () => {
  await lead('red');
  const appointee = (await come()).join('blue', 'competes', { term: 4 });
  expect(await appointee.next()).toEqual({ type: 'appoint', id: 7, term: 5, isSucceeding: false });
  const early = (await come()).join('blue', 'competes', { id: 8 });
  expect(await early.next()).toMatchObject({ type: 'wait', id: 8, code: 'hand-off' });
  appointee.announce('blue', 5, 4_711);
  expect(await early.next()).toEqual({ type: 'redirect', id: 8, term: 5, port: 4_711 });
  await eventually('it is sent there', () => early.isClosed);
  const late = (await come()).join('blue', 'follows');
  expect(await late.next()).toMatchObject({ type: 'redirect', term: 5, port: 4_711 });
  const proud = (await come()).join('blue', 'leads');
  expect(await proud.next()).toMatchObject({ type: 'refusal', id: 7, code: 'led-elsewhere' });
  await eventually('it is refused', () => proud.isClosed);
  expect(appointee.isClosed).toBe(false);
});

test('an appointed process that never announces itself is let go after two seconds, and the next one is appointed', async () => {
  await lead('red');
  const silent = (await come()).join('blue', 'competes');
  await silent.next();
  const next = (await come()).join('blue', 'competes');
  await next.next();
  clock.advance(1_999);
  await settled(next);
  expect(next.heard).toEqual([]);
  clock.advance(1);
  clock.advance(0);
  expect(await next.next()).toMatchObject({ type: 'appoint', term: 2 });
  await eventually('the silent one is let go', () => silent.isClosed);
});

test('one that announces itself in time is not', async () => {
  await lead('red');
  const appointee = (await come()).join('blue', 'competes');
  await appointee.next();
  await settled(appointee.announce('blue', 1));
  clock.advance(60_000);
  clock.advance(0);
  await settled(appointee);
});

test('one that goes before it announces itself is replaced at once', async () => {
  await lead('red');
  const appointee = (await come()).join('blue', 'competes');
  await appointee.next();
  const next = (await come()).join('blue', 'competes');
  await next.next();
  await appointee.close();
  expect(await next.next()).toMatchObject({ type: 'appoint', term: 2 });
});

test('a leader elsewhere leads as long as its connection', async () => {
  await lead('red');
  const leader = (await come()).announce('blue', 3);
  await settled(leader);
  const waiting = (await come()).join('blue', 'follows');
  expect(await waiting.next()).toMatchObject({ type: 'redirect' });
  await leader.close();
  const next = (await come()).join('blue', 'competes');
  expect(await next.next()).toMatchObject({ type: 'appoint', term: 4 });
});

test('a successor is appointed while the leader serves, has all the time that it needs, and then the leader is told', async () => {
  await lead('red');
  const leader = (await come()).announce('blue', 3);
  await settled(leader);
  const next = (await come()).join('blue', 'succeeds');
  expect(await next.next()).toEqual({ type: 'appoint', id: 7, term: 4, isSucceeding: true });
  clock.advance(60_000);
  clock.advance(0);
  next.announce('blue', 4, 5_000);
  expect(await leader.next()).toMatchObject({ type: 'goaway', code: 'succeeded' });
  const waiting = (await come()).join('blue', 'competes');
  expect(await waiting.next()).toMatchObject({ type: 'wait', code: 'hand-off' }); // the old leader may still deliver
  expect(leader.isClosed).toBe(false);
  await leader.close(); // the old leader is silent
  expect(await waiting.next()).toMatchObject({ type: 'redirect', term: 4, port: 5_000 });
});

test('a leader that was succeeded and does not answer is waited for a quarter of a second', async () => {
  await lead('red');
  const leader = (await come()).announce('blue', 3);
  await settled(leader);
  const next = (await come()).join('blue', 'succeeds');
  await next.next();
  next.announce('blue', 4, 5_000);
  expect(await leader.next()).toMatchObject({ type: 'goaway', code: 'succeeded' });
  const waiting = (await come()).join('blue', 'competes');
  expect(await waiting.next()).toMatchObject({ type: 'wait', code: 'hand-off' });
  clock.advance(250);
  clock.advance(0);
  expect(await waiting.next()).toMatchObject({ type: 'redirect', term: 4, port: 5_000 });
});

test('a leader elsewhere takes over from one in this process, which hears of it', async () => {
  const lease = await lead('red');
  lease.open(door('red'));
  await lead('blue'); // keeps the port
  const next = (await come()).join('red', 'succeeds');
  expect(await next.next()).toMatchObject({ type: 'appoint', term: 2, isSucceeding: true });
  next.announce('red', 2, 5_000);
  await lease.succeeded;
  const waiting = (await come()).join('red', 'competes');
  expect(await waiting.next()).toMatchObject({ type: 'wait', code: 'hand-off' });
  lease.silent();
  expect(await waiting.next()).toMatchObject({ type: 'redirect', port: 5_000 });
  await lease.release();
  expect(await (await come()).join('red', 'competes').next()).toMatchObject({ type: 'redirect', port: 5_000 });
});

test('a leader that resigns serves on, and its successor is sought among those who come', async () => {
  await lead('red');
  const leader = (await come()).announce('blue', 3).resign();
  await settled(leader);
  const worker = (await come()).join('blue', 'follows');
  expect(await worker.next()).toMatchObject({ type: 'wait', code: 'hand-off' });
  const successor = (await come()).join('blue', 'competes');
  expect(await successor.next()).toMatchObject({ type: 'appoint', term: 4, isSucceeding: true });
});

test('a successor that does not announce itself within two seconds of the end of the leader is let go', async () => {
  await lead('red');
  const leader = (await come()).announce('blue', 3).resign();
  await settled(leader);
  const successor = (await come()).join('blue', 'competes');
  await successor.next();
  clock.advance(60_000);
  await leader.close();
  expect(await successor.next()).toMatchObject({ type: 'appoint', term: 4, isSucceeding: false });
  clock.advance(1_999);
  clock.advance(0);
  await settled(successor);
  clock.advance(1);
  clock.advance(0);
  await eventually('it is let go', () => successor.isClosed);
});

test('a leader of an older term is told so and let go', async () => {
  await lead('red');
  await settled((await come()).announce('blue', 3, 5_000));
  const old = (await come()).announce('blue', 2, 6_000);
  expect(await old.next()).toMatchObject({ type: 'refusal', id: 0, code: 'superseded' });
  await eventually('it is let go', () => old.isClosed);
  expect(await (await come()).join('blue', 'competes').next()).toMatchObject({ type: 'redirect', port: 5_000 });
});

test('the end of the last channel of this process ends the port and everything at it', async () => {
  const lease = await lead('red');
  const [waiting, appointee, leader] = [
    (await come()).join('blue', 'follows'),
    (await come()).join('green', 'competes'),
    (await come()).announce('white', 1),
  ];
  await Promise.all([waiting.next(), appointee.next(), settled(leader)]);
  const stranger = net.connect(port, '127.0.0.1');
  stranger.on('error', () => undefined);
  const closed = new Promise((resolve) => stranger.once('close', resolve));
  await new Promise((resolve) => stranger.once('connect', resolve));
  await lease.release();
  await closed;
  await eventually('all are let go', () => [waiting, appointee, leader].every(({ isClosed }) => isClosed));
});

describe('after another process held the port', () => {
  /** This process has seen the channel taken, and then gets the channel. */
  async function succeedTo(channel: string, seenTerm: number): Promise<ChannelLease> {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    expect(await HeldPort.hold(meeting, () => 'held')).toBeUndefined();
    await new Promise((resolve) => other.close(resolve));
    return lead(channel, seenTerm);
  }

  test('a channel of a leader that has not announced itself yet is given to nobody for 200 ms', async () => {
    await succeedTo('red', 3);
    const fresh = (await come()).join('blue', 'competes');
    expect(await fresh.next()).toMatchObject({ type: 'wait', code: 'no-leader' });
    clock.advance(199);
    await settled((await come()).announce('blue', 3, 5_000));
    expect(await fresh.next()).toMatchObject({ type: 'redirect', port: 5_000 });
    const other = (await come()).join('green', 'competes');
    expect(await other.next()).toMatchObject({ type: 'wait' });
    clock.advance(1);
    clock.advance(0);
    expect(await other.next()).toMatchObject({ type: 'appoint', term: 1 });
  });

  test('one that has lost its leader is appointed at once', async () => {
    await succeedTo('red', 3);
    expect(await (await come()).join('blue', 'competes', { term: 2 }).next()).toMatchObject({ type: 'appoint', term: 3 });
  });

  test('a new client of this process waits as well, keeps the port meanwhile, and follows the leader that has come', async () => {
    const first = await succeedTo('red', 3);
    const blue = { name: 'blue', identity: '', isStrict: false };
    const claiming = HeldPort.hold(meeting, (reception) => reception.claim(blue, 0));
    await new Promise(setImmediate);
    await first.release();
    expect(await canBind(port)).toBe(false);
    const leader = (await come()).announce('blue', 3);
    await settled(leader);
    clock.advance(200);
    clock.advance(0);
    expect(await claiming).toBeUndefined();
    await eventually('this process leads nothing, so the port is free', () => canBind(port));
    await eventually('the leader can take it', () => leader.isClosed);
  });
});

describe('processes of cluster-client 3.x', () => {
  const register = (channel: string): Buffer => v1Codec.encode({ type: 'register', id: 1, timeoutMs: 3_000, channel });
  const sockets: net.Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  async function old(...channels: string[]): Promise<net.Socket> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    sockets.push(socket);
    socket.on('error', () => undefined);
    const ping = v1Codec.encode({ type: 'ping', id: 2, timeoutMs: 1 });
    socket.write(Buffer.concat([...channels.map(register), ping]));
    await new Promise((resolve) => socket.once('data', resolve)); // the pong: all was read
    return socket;
  }

  test('are let in at the door of their channel, or wait until it opens', async () => {
    await lead('red');
    await old('blue');
    const lease = await lead('blue');
    await old('blue');
    expect(admitted).toEqual([]);
    lease.open(door('blue'));
    expect(admitted).toHaveLength(2);
    await old('blue');
    expect(admitted).toMatchObject([{ door: 'blue' }, { door: 'blue' }, { door: 'blue' }]);
  });

  test('one that asks again while it waits is let in once, where it asked last', async () => {
    await lead('red');
    await old('blue', 'blue', 'green');
    (await lead('blue')).open(door('blue'));
    expect(admitted).toEqual([]);
    (await lead('green')).open(door('green'));
    expect(admitted).toMatchObject([{ door: 'green' }]);
  });
});
