// The way to another process: what happens in which order, and who keeps the connection.

import net from 'node:net';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import { approach, type ApproachOptions } from '../../src/transport/approach';
import type { Connection } from '../../src/transport/connection';
import { Listener } from '../../src/transport/listener';
import { credentialsOf, SECRET } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

let server: net.Server;
let accepted: number;
let life: AbortController;
let options: ApproachOptions;
const connections: Connection[] = [];

beforeEach(async () => {
  accepted = 0;
  life = new AbortController();
  server = net.createServer({ noDelay: true }, () => accepted++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  options = {
    endpoint: loopback(port),
    credentials: credentialsOf(SECRET),
    settings: { connectTimeoutMs: 5_000, heartbeatIntervalMs: undefined, clock: systemClock },
    channel: 'red',
    timeoutMs: 5_000,
    signal: life.signal,
    onDialled: (connection) => void connections.push(connection),
  };
});

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  await new Promise((resolve) => server.close(resolve));
});

function answer(): void {
  new Listener({
    server,
    credentials: credentialsOf(SECRET),
    clock: systemClock,
    owner: { onPeer: () => undefined, onLegacyPeer: () => undefined, debug: () => undefined, warn: () => undefined },
  });
}

const kindOf = ({ kind }: { kind: string }): string => kind;

test('without a secret nobody is dialled', async () => {
  answer();
  const secret = (): Promise<never> => Promise.reject(new Error('no secret'));
  const credentials = { label: 'none', secret };
  await expect(approach({ ...options, credentials }, kindOf, () => true)).rejects.toThrow('no secret');
  expect([accepted, connections]).toEqual([0, []]);
});

test('a connection that the outcome keeps does not end with the signal', async () => {
  answer();
  expect(await approach(options, kindOf, (kind) => kind === 'known')).toBe('known');
  const [connection] = connections;
  let isClosed = false;
  void connection!.closed.then(() => (isClosed = true));
  life.abort();
  await new Promise(setImmediate);
  expect(isClosed).toBe(false);
});

test('a connection that the outcome does not keep is closed', async () => {
  answer();
  expect(await approach(options, kindOf, () => false)).toBe('known');
  expect(await connections[0]!.closed).toEqual({ reason: 'closed' });
});

test('a question that fails closes the connection', async () => {
  answer();
  const failing = (): never => {
    throw new Error('not asked');
  };
  await expect(approach(options, failing, () => true)).rejects.toThrow('not asked');
  expect(await connections[0]!.closed).toEqual({ reason: 'closed' });
});

test('the signal ends an introduction that gets no answer', async () => {
  const onDialled = (connection: Connection): void => {
    connections.push(connection);
    life.abort();
  };
  expect(await approach({ ...options, onDialled }, kindOf, () => false)).toBe('gone');
  expect(await connections[0]!.closed).toEqual({ reason: 'closed' });
});

test('nobody there is an outcome', async () => {
  await new Promise((resolve) => server.close(resolve));
  expect(await approach(options, kindOf, () => true)).toHaveProperty('unreachable');
});
