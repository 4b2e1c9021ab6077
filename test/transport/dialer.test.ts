// Dialing: the outcome with a peer, without a peer, and with a peer that does not react.

import net from 'node:net';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import { dial } from '../../src/transport/dialer';
import { leavesNothingOpen } from '../support/open-handles';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const never = new AbortController().signal;

test('a listening port gives a connection', async () => {
  const server = net.createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const outcome = await dial(loopback((server.address() as net.AddressInfo).port), 1_000, systemClock, never);
  if (!('connection' in outcome)) throw outcome.unreachable;
  await outcome.connection.close();
  await new Promise((resolve) => server.close(resolve));
});

test('a port where nobody listens is an outcome, not an exception', async () => {
  expect(await dial(loopback(await freePort()), 1_000, systemClock, never)).toMatchObject({
    unreachable: { code: 'ECONNREFUSED' },
  });
});

test('an abort before and during the attempt ends it', async () => {
  const port = await freePort();
  expect(await dial(loopback(port), 1_000, systemClock, AbortSignal.abort())).toHaveProperty('unreachable');
  const life = new AbortController();
  const dialing = dial(loopback(port), 1_000, systemClock, life.signal);
  life.abort();
  expect(await dialing).toMatchObject({ unreachable: { message: 'aborted' } });
});

test('an attempt that nobody answers ends after its time limit', async () => {
  // A full backlog: the operating system answers no further connection. Nothing accepts here.
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, resolve));
  const { port } = server.address() as net.AddressInfo;
  const clock = { ...systemClock, setTimeout: (callback: () => void) => systemClock.setTimeout(callback, 0) };
  const outcome = await dial(loopback(port), 12_345, clock, never);
  // Either the limit or the connection came first: both are outcomes, and neither leaves a socket.
  if ('connection' in outcome) await outcome.connection.close();
  else expect(outcome.unreachable.message).toContain('12345 ms');
  await new Promise((resolve) => server.close(resolve));
});

test('a connection to itself is not taken for a leader, and does not keep the port', async () => {
  // The operating system gives a client the dialled port as the local port when both are the same ephemeral port: provoked here
  // by binding the client to the port first.
  const port = await freePort();
  const connect = net.connect.bind(net);
  const spy = jest
    .spyOn(net, 'connect')
    .mockImplementation(((options: net.TcpNetConnectOpts) =>
      connect({ ...options, localPort: port, localAddress: '127.0.0.1' })) as never);
  try {
    const outcome = await dial(loopback(port), 1_000, systemClock, never);
    expect(outcome).toMatchObject({ unreachable: { message: `connected to itself on 127.0.0.1:${port}` } });
  } finally {
    spy.mockRestore();
  }
  for (let tries = 0; !(await canBind(port)); tries++) expect(tries).toBeLessThan(100);
});
