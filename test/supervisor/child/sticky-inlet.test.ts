import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { StickyInlet } from '../../../src/supervisor/child/sticky-inlet';
import type { HandedReply } from '../../../src/supervisor/messaging/messages';
import { eventually } from '../../support/eventually';
import { leavesNothingOpen } from '../../support/open-handles';

leavesNothingOpen();

let source: net.Server;
let servers: net.Server[];
let replies: HandedReply[];
let confirm: ((error: Error | null) => void)[];
let known: unknown[][];
let port: number | undefined;
let inlet: StickyInlet;
let sockets: net.Socket[];

beforeEach(async () => {
  source = net.createServer().listen(0, '127.0.0.1');
  await once(source, 'listening');
  [servers, replies, confirm, known, sockets, port] = [[], [], [], [], [], undefined];
  inlet = new StickyInlet({
    servers: () => servers,
    port: () => port,
    tell: (reply, then) => {
      replies.push(reply);
      confirm.push(then);
    },
    onConnection: (...connection) => known.push(connection),
  });
});

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of [source, ...servers]) server.close();
});

/** Both ends of a connection; the second is what the master would hand over. */
async function connection(): Promise<[client: net.Socket, handed: net.Socket]> {
  const client = net.connect((source.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => undefined);
  const [handed] = (await once(source, 'connection')) as [net.Socket];
  sockets.push(client, handed);
  return [client, handed];
}

/** A server, and the connections that the server has been given. */
async function server(options: net.ServerOpts = {}): Promise<{ given: net.Socket[]; at: number }> {
  const given: net.Socket[] = [];
  const made = net.createServer(options, (socket) => given.push(socket)).listen(0, '127.0.0.1');
  await once(made, 'listening');
  servers.push(made);
  return { given, at: (made.address() as AddressInfo).port };
}

const message = (head?: string) =>
  ({ trunkline: 'connection', id: 5, ...(head !== undefined && { head: Buffer.from(head).toString('base64') }) }) as const;

test('a server gets the connection after the master has been told, with the head before the rest', async () => {
  const { given } = await server();
  const [client, handed] = await connection();
  client.write(' rest');
  expect(inlet.take(message('head'), handed)).toBe(true);
  expect([replies, given]).toEqual([[{ trunkline: 'taken', id: 5 }], []]);
  confirm[0]!(null);
  expect(given).toEqual([handed]);
  expect(known).toEqual([[handed, servers[0], true]]);
  let text = '';
  handed.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually('everything', () => text === 'head rest');
});

test('the server of the port gets it, else the first one', async () => {
  const [first, second] = [await server(), await server()];
  port = second.at;
  const [, one] = await connection();
  inlet.take(message(), one);
  port = 1;
  const [, two] = await connection();
  inlet.take(message(), two);
  for (const then of confirm) then(null);
  expect([first.given, second.given]).toEqual([[two], [one]]);
});

test('a closed server still serves what is on its way', async () => {
  const { given } = await server();
  servers[0]!.close();
  const [, handed] = await connection();
  expect(inlet.take(message(), handed)).toBe(true);
  confirm[0]!(null);
  expect(given).toEqual([handed]);
});

test('without a server, or without a handle, it is refused', async () => {
  const [, handed] = await connection();
  expect(inlet.take(message(), handed)).toBe(false);
  expect(handed.destroyed).toBe(true);
  await server();
  expect(inlet.take(message(), undefined)).toBe(false);
  expect(replies).toEqual(Array(2).fill({ trunkline: 'refused', id: 5 }));
});

test('a connection that could not be confirmed is closed: another process may serve it', async () => {
  const { given } = await server();
  const [, handed] = await connection();
  inlet.take(message(), handed);
  confirm[0]!(new Error('the channel is closed'));
  expect([handed.destroyed, given]).toEqual([true, []]);
});

test('a client that resets or ends before the confirmation has left hurts nobody', async () => {
  const { given } = await server({ allowHalfOpen: true });
  const [[reset, first], [ending, second]] = [await connection(), await connection()];
  for (const handed of [first, second]) {
    inlet.take(message(), handed);
    handed.resume();
  }
  reset.resetAndDestroy();
  ending.end();
  await eventually('both', () => first.destroyed && second.readableEnded);
  for (const then of confirm) then(null);
  expect([given, second.destroyed]).toEqual([[], true]);
});

test('the options of a server hold for it', async () => {
  const setting: unknown[][] = [];
  const spied = async (): Promise<net.Socket> => {
    const [, handed] = await connection();
    handed.setNoDelay = (on) => (setting.push(['noDelay', on]), handed);
    handed.setKeepAlive = (on, delayMs) => (setting.push(['keepAlive', on, delayMs]), handed);
    return handed;
  };
  const web = http.createServer({ keepAlive: true, keepAliveInitialDelay: 7_000 }); // no delay, half open by default
  servers.push(web);
  const first = await spied();
  inlet.take(message(), first);
  expect([setting, first.allowHalfOpen]).toEqual([[['noDelay', true], ['keepAlive', true, 7_000]], true]); // prettier-ignore
  servers.shift();
  await server({ pauseOnConnect: true });
  const second = await spied();
  inlet.take(message(), second);
  expect([setting.length, second.allowHalfOpen, second.isPaused()]).toEqual([2, false, true]);
});
