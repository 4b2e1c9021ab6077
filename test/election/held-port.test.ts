// Ports that this process has bound: shared by all clients, kept as long as this process leads a channel there, and no longer.

import net from 'node:net';
import type { ChannelId } from '../../protocol/message';
import { HeldPort } from '../../src/election/held-port';
import type { ChannelLease, Meeting } from '../../src/election/term';
import { credentialsOf, meetingAt } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const leases: ChannelLease[] = [];
let meeting: Meeting;
let port: number;

const channel = (name: string): ChannelId => ({ name, identity: '', isStrict: false });

async function claim(name: string, at: Meeting = meeting): Promise<ChannelLease | undefined> {
  const lease = await HeldPort.hold(at, (reception) => reception.claim(channel(name), 0));
  if (lease) leases.push(lease);
  return lease;
}

/** Leads a channel at a port of this process. */
async function own(name: string, term: number, at: Meeting): Promise<{ lease: ChannelLease; port: number } | undefined> {
  return HeldPort.own(at, (reception, ownPort) => {
    const lease = reception.enter(channel(name), term);
    if (lease) leases.push(lease);
    return lease && { lease, port: ownPort };
  });
}

beforeEach(async () => {
  port = await freePort();
  meeting = meetingAt(port);
});

afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
});

test('of many claims at once, each channel is given once, all on one port', async () => {
  const names = ['red', 'blue', 'green'];
  const claims = await Promise.all([...names, ...names, ...names, ...names].map((name) => claim(name)));
  const given = claims.filter((lease) => lease !== undefined);
  expect(given).toHaveLength(names.length);
  expect(given.map(({ term }) => term)).toEqual([1, 1, 1]);
  expect(await canBind(port)).toBe(false);
});

test('a port that another listener holds gives nothing', async () => {
  const other = net.createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  expect(await claim('red')).toBeUndefined();
  await new Promise((resolve) => other.close(resolve));
  expect(await claim('red')).toBeDefined();
});

test('a released channel can be claimed again while another keeps the port, with the next term', async () => {
  const [red] = await Promise.all([claim('red'), claim('blue')]);
  await red!.release();
  expect(await canBind(port)).toBe(false);
  expect(await claim('red')).toMatchObject({ term: 2 });
  // The first lease is over: a second release must not take the channel from the second lease.
  await red!.release();
  expect(await claim('red')).toBeUndefined();
});

test('the last release frees the port within the call', async () => {
  const lease = await claim('red');
  const released = lease!.release();
  expect(await canBind(port)).toBe(true);
  await Promise.all([released, lease!.release()]);
});

test('a claim during the last release gets the port anew', async () => {
  const lease = await claim('red');
  const released = lease!.release();
  const claims = await Promise.all([claim('red'), claim('red'), claim('blue')]);
  expect(claims.filter((each) => each !== undefined)).toHaveLength(2);
  await released;
  expect(await canBind(port)).toBe(false);
});

test('a port where nothing was taken is not kept', async () => {
  expect(await HeldPort.hold(meeting, () => 'nothing wanted')).toBe('nothing wanted');
  expect(await canBind(port)).toBe(true);
});

test('nor is one whose only user failed', async () => {
  const use = (): never => {
    throw new Error('it failed');
  };
  await expect(HeldPort.hold(meeting, use)).rejects.toThrow('it failed');
  expect(await canBind(port)).toBe(true);
});

test('sockets that belong to nobody are closed by the last release', async () => {
  const lease = await claim('red');
  const stranger = net.connect({ port, host: '127.0.0.1' });
  stranger.on('error', () => undefined);
  const closed = new Promise((resolve) => stranger.once('close', resolve));
  await new Promise((resolve) => stranger.once('connect', resolve));
  await lease!.release();
  await closed;
});

test('a port that cannot be bound for another reason is an error with that reason', async () => {
  const listen = jest.spyOn(net.Server.prototype, 'listen').mockImplementation(function (this: net.Server) {
    process.nextTick(() => this.emit('error', Object.assign(new Error('listen EACCES: permission denied'), { code: 'EACCES' })));
    return this;
  });
  try {
    await expect(claim('red')).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_BIND_FAILED',
      port,
      cause: { code: 'EACCES' },
      message: expect.stringContaining(`127.0.0.1:${port} cannot be bound`) as string,
    });
  } finally {
    listen.mockRestore();
  }
  expect(await claim('red')).toBeDefined(); // every claim is a new attempt
});

test('a client with another secret cannot use a port of this process, and says why', async () => {
  await claim('red');
  const other = meetingAt(port, { credentials: credentialsOf(Buffer.alloc(32, 8)) });
  await expect(claim('blue', other)).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_OPTION_INVALID',
    port,
    option: 'secret',
  });
  await leases.pop()!.release();
  expect(await claim('blue', other)).toBeDefined();
});

test('what this process leads without the cluster port is at one port of its own, which is freed with the last of it', async () => {
  const [red, blue] = await Promise.all([own('red', 3, meeting), own('blue', 1, meeting)]);
  expect(red!.port).toBe(blue!.port);
  expect(red!.port).not.toBe(port);
  await red!.lease.release();
  expect(await canBind(red!.port)).toBe(false);
  const released = blue!.lease.release();
  expect(await canBind(red!.port)).toBe(true);
  await released;
});

test('channels of one name at two cluster ports have nothing to do with each other', async () => {
  const elsewhere = meetingAt(await freePort());
  const [here, there] = [await own('red', 3, meeting), await own('red', 4, elsewhere)];
  expect(here!.port).not.toBe(there!.port);
  let isSucceeded = false;
  void here!.lease.succeeded.then(() => (isSucceeded = true));
  await new Promise(setImmediate);
  expect(isSucceeded).toBe(false);
});
