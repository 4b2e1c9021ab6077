import { once } from 'node:events';
import { Server, createServer, type ListenOptions } from 'node:net';
import { OwnListeners } from '../../../src/supervisor/child/own-listeners';
import { leavesNothingOpen } from '../../support/open-handles';
import { freePort } from '../../support/ports';

leavesNothingOpen();

const { listen } = Server.prototype;
let listeners: OwnListeners;
let servers: Server[];

beforeEach(() => {
  servers = [];
  listeners = new OwnListeners();
  listeners.observe();
});

afterEach(() => {
  Server.prototype.listen = listen;
  for (const server of servers) server.close();
});

async function open(options: ListenOptions): Promise<Server> {
  const server = createServer();
  servers.push(server);
  await once(server.listen({ host: '127.0.0.1', ...options }), 'listening');
  return server;
}

test('a server with a socket of its own is known while it listens; one that node:cluster shares, or on any port, is not', async () => {
  const own = await open({ port: await freePort(), exclusive: true });
  const [shared, anywhere] = [await open({ port: await freePort() }), await open({ port: 0, exclusive: true })];
  expect([own, shared, anywhere].map((server) => listeners.has(server))).toEqual([true, false, false]);
  expect(listeners.open()).toHaveLength(1);
  own.close();
  expect(listeners.open()).toEqual([]);
});

test('a server that asks for the same goes on with an inherited socket, and passes it on in its turn', async () => {
  const port = await freePort();
  const before = await open({ port, exclusive: true });
  const [{ key, handle }] = listeners.open() as [{ key: string; handle: { close(): unknown } }];
  const next = new OwnListeners();
  next.inherit(key, handle);
  const after = await open({ port, exclusive: true }); // a second socket could not be bound
  expect(after.address()).toEqual(before.address());
  expect(next.has(after)).toBe(true);
  expect(next.open()).toEqual([{ key, handle }]);
  after.close();
});

test('an inherited socket that no program asks for is closed', async () => {
  const closed: string[] = [];
  listeners.inherit('[1,"127.0.0.1",false,true]', { close: () => closed.push('first') });
  await open({ port: await freePort(), exclusive: true });
  listeners.closeUnclaimed();
  listeners.closeUnclaimed();
  expect(closed).toEqual(['first']);
});
