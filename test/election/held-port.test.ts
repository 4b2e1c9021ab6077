// Claiming channels on ports, within one process.

import net from 'node:net';
import { claimChannel } from '../../src/election/held-port';
import type { ChannelLease } from '../../src/election/term';
import { leavesNothingOpen } from '../support/open-handles';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const leases: ChannelLease[] = [];
let port: number;

async function claim(channel: string): Promise<ChannelLease | undefined> {
  const lease = await claimChannel(port, channel);
  if (lease) leases.push(lease);
  return lease;
}

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
});

test('of many claims at once, each channel is given once, all on one server', async () => {
  const names = ['red', 'blue', 'green'];
  const claims = await Promise.all([...names, ...names, ...names, ...names].map(claim));
  const given = claims.filter((lease) => lease !== undefined);
  expect(given).toHaveLength(names.length);
  expect(new Set(given.map(({ server }) => server)).size).toBe(1);
  expect(given[0]!.endpoint).toEqual({ host: '127.0.0.1', port });
});

test('a port that another listener holds gives nothing', async () => {
  const other = net.createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  expect(await claim('red')).toBeUndefined();
  await new Promise((resolve) => other.close(resolve));
  expect(await claim('red')).toBeDefined();
});

test('a released channel can be claimed again while another keeps the port', async () => {
  const [red] = await Promise.all([claim('red'), claim('blue')]);
  await red!.release();
  expect(await canBind(port)).toBe(false);
  const again = await claim('red');
  expect(again).toBeDefined();
  // The first lease is over: releasing it once more must not take the channel from the second.
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
  expect(claims.find((each) => each)!.server).not.toBe(lease!.server);
});

test('sockets that belong to nobody are closed by the last release', async () => {
  const lease = await claim('red');
  const stranger = net.connect({ port, host: '127.0.0.1' });
  stranger.on('error', () => undefined);
  const closed = new Promise((resolve) => stranger.once('close', resolve));
  await new Promise((resolve) => lease!.server.once('connection', resolve));
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
  expect(await claim('red')).toBeDefined(); // it is tried anew each time
});
