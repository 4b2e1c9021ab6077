import net from 'node:net';
import { Handover, type HandleChannel } from '../../../src/supervisor/master/handover';
import type { HandedConnection } from '../../../src/supervisor/messaging/messages';
import { ManualClock } from '../../../src/testing/manual-clock';

interface Sent {
  readonly message: HandedConnection;
  readonly handle: net.Socket | undefined;
  readonly callback: (error: Error | null) => void;
}

let sent: Sent[];
let clock: ManualClock;
let handover: Handover;

beforeEach(() => {
  sent = [];
  clock = new ManualClock();
  const send = (...[message, handle, callback]: Parameters<HandleChannel['send']>) => sent.push({ message, handle, callback });
  handover = new Handover({ send }, clock);
});

test('a connection is sent with what was read of it, and kept until it is confirmed', async () => {
  const socket = new net.Socket();
  const outcome = handover.hand(socket, Buffer.from('GET'));
  expect(sent[0]).toMatchObject({ message: { trunkline: 'connection', id: 1, head: 'R0VU' } });
  expect(sent[0]!.handle).toBe(socket);
  sent[0]!.callback(null); // the message is sent, which says nothing about the child
  expect([socket.destroyed, handover.pending]).toEqual([false, 1]);
  handover.onTaken(1);
  expect([await outcome, socket.destroyed, handover.pending]).toEqual([true, true, 0]);
});

test('nothing is said of a head where nothing was read', () => {
  void handover.hand(new net.Socket(), undefined);
  expect(sent[0]!.message).toEqual({ trunkline: 'connection', id: 1 });
});

test.each([
  ['refuses it', () => handover.onRefused(1)],
  ['has ended', () => handover.onEnded()],
  ['cannot be written to', () => sent[0]!.callback(new Error('EPIPE'))],
  ['answers a later one, because it never got this one', () => handover.onTaken(2)],
])('the connection stays open when the child %s', async (_, happens) => {
  const socket = new net.Socket();
  const outcome = handover.hand(socket, undefined);
  void handover.hand(new net.Socket(), undefined);
  happens();
  expect([await outcome, socket.destroyed]).toEqual([false, false]);
});

test('an answer does not touch connections that were sent after it', async () => {
  const sockets = [new net.Socket(), new net.Socket()];
  const [first, second] = sockets.map((socket) => handover.hand(socket, undefined));
  handover.onTaken(1);
  expect([await first, handover.pending, sockets[1]!.destroyed]).toEqual([true, 1, false]);
  handover.onTaken(2);
  expect(await second).toBe(true);
});

test('an answer to what was never asked, or a second one, is no matter', async () => {
  const outcome = handover.hand(new net.Socket(), undefined);
  handover.onTaken(7_000);
  handover.onTaken(1);
  expect(await outcome).toBe(false);
});

test('nothing is sent to a child that has ended, and nothing that is closed', async () => {
  const closed = new net.Socket().destroy();
  expect(await handover.hand(closed, undefined)).toBe(false);
  handover.onEnded();
  expect(await handover.hand(new net.Socket(), undefined)).toBe(false);
  expect(sent).toEqual([]);
});

test('a child that does not answer is asked once, and what it never got goes to another', async () => {
  const outcome = handover.hand(new net.Socket(), undefined);
  clock.advance(999);
  expect(sent).toHaveLength(1);
  clock.advance(5_000); // the child may be blocked
  expect(sent.slice(1)).toMatchObject([{ message: { trunkline: 'connection', id: 2 }, handle: undefined }]);
  handover.onRefused(2);
  expect([await outcome, clock.pending]).toEqual([false, 0]);
});

test('a child that answers is not asked', async () => {
  const outcomes = [handover.hand(new net.Socket(), undefined), handover.hand(new net.Socket(), undefined)];
  clock.advance(600);
  handover.onTaken(1);
  clock.advance(600);
  handover.onTaken(2);
  clock.advance(10_000);
  expect([await Promise.all(outcomes), sent.length]).toEqual([[true, true], 2]);
});

test('nobody asks a child that has ended', () => {
  void handover.hand(new net.Socket(), undefined);
  handover.onEnded();
  expect(clock.pending).toBe(0);
});
