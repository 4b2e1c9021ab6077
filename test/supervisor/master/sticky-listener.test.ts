import { once } from 'node:events';
import net from 'node:net';
import { StickyListener, type StickyListenerOptions, type StickyWorker } from '../../../src/supervisor/master/sticky-listener';
import { eventually } from '../../support/eventually';
import { ManualClock } from '../../../src/testing/manual-clock';
import { leavesNothingOpen } from '../../support/open-handles';
import { recordingLogger } from '../../support/recording-logger';

leavesNothingOpen();

/** Takes or refuses connections. */
class FakeWorker implements StickyWorker {
  readonly handed: { readonly socket: net.Socket; readonly head: string | undefined }[] = [];

  constructor(
    readonly name: string,
    readonly answer: (socket: net.Socket) => boolean | Promise<boolean> = () => true,
  ) {}

  async hand(socket: net.Socket, head: Buffer | undefined): Promise<boolean> {
    this.handed.push({ socket, head: head?.toString() });
    return this.answer(socket);
  }
}

let clock: ManualClock;
let logger: ReturnType<typeof recordingLogger>;
let workers: FakeWorker[];
let listener: StickyListener;
let port: number;
let clients: net.Socket[];

beforeEach(() => {
  clock = new ManualClock();
  logger = recordingLogger();
  workers = [];
  clients = [];
});

afterEach(async () => {
  await listener.close();
  for (const { socket } of workers.flatMap(({ handed }) => handed)) socket.destroy();
  for (const client of clients) client.destroy();
});

async function start(options: Partial<StickyListenerOptions> = {}): Promise<void> {
  listener = new StickyListener({ port: 0, host: '127.0.0.1', workers: () => workers, logger, clock, ...options });
  ({ port } = await listener.listen());
}

function connect(...written: string[]): net.Socket {
  const client = net.connect(port, '127.0.0.1');
  client.on('error', () => undefined);
  for (const text of written) client.write(text);
  clients.push(client);
  return client;
}

/** The first connection that a worker is handed. */
const handedTo = (worker: FakeWorker) => eventually(`a connection of ${worker.name}`, () => worker.handed[0]);

test('a port that is taken is the error of the system', async () => {
  await start();
  const second = new StickyListener({ port, host: '127.0.0.1', workers: () => [], logger });
  await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('without a header nothing is read of a connection', async () => {
  workers = [new FakeWorker('worker 1')];
  await start();
  const client = connect();
  const { socket, head } = await handedTo(workers[0]!);
  await new Promise((resolve) => client.write('GET / HTTP/1.1\r\n\r\n', resolve));
  client.end();
  expect(head).toBeUndefined();
  socket.resume();
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toBe('GET / HTTP/1.1\r\n\r\n');
});

test('with a header nothing more is read than what is handed on', async () => {
  workers = [new FakeWorker('worker 1')];
  await start({ header: 'X-Real-IP' });
  const request = 'POST / HTTP/1.1\r\nx-real-ip: 192.0.2.1\r\n\r\n';
  const client = connect(request);
  const { socket, head } = await handedTo(workers[0]!);
  expect(head).toBe(request);
  await new Promise((resolve) => client.write('the body', resolve));
  const echo = connect(request); // later bytes take the same way
  await eventually('the next connection', () => workers[0]!.handed[1]);
  expect([socket.bytesRead, socket.readableLength]).toEqual([request.length, request.length]);
  echo.destroy();
});

test('the next choice serves when the first cannot take it', async () => {
  workers = [new FakeWorker('worker 1', () => false), new FakeWorker('worker 2'), new FakeWorker('worker 3', () => false)];
  await start();
  connect();
  await handedTo(workers[1]!);
  for (const worker of workers) expect(worker.handed.length).toBeLessThan(2);
});

test('who is refused by all waits for a change, and is offered to all again', async () => {
  let isWilling = false;
  workers = [new FakeWorker('worker 1', () => isWilling), new FakeWorker('worker 2', () => false)];
  await start();
  connect();
  await eventually('a connection that waits', () => listener.waiting);
  isWilling = true;
  listener.onWorkersChanged();
  await eventually('a place', () => workers[0]!.handed.length === 2);
  expect(listener.waiting).toBe(0);
});

test('who is refused by all is offered again while it waits, one at a time, and all of them when one is taken', async () => {
  let isWilling = false;
  workers = [new FakeWorker('worker 1', () => isWilling)];
  await start();
  for (let i = 0; i < 3; i++) connect();
  const [worker] = workers as [FakeWorker];
  await eventually('three that wait', () => worker.handed.length === 3 && listener.waiting === 3);
  for (let tries = 1; tries <= 4; tries++) {
    clock.advance(250);
    await eventually('another try', () => worker.handed.length === 3 + tries && listener.waiting === 3);
    await new Promise(setImmediate);
  }
  expect(new Set(worker.handed.slice(3).map(({ socket }) => socket)).size).toBe(3); // in turn
  isWilling = true;
  clock.advance(250);
  await eventually('all taken', () => listener.waiting === 0);
  expect(worker.handed).toHaveLength(3 + 4 + 3);
  expect(clock.pending).toBe(0);
});

test('a worker of the same name that is ready before the end of the old one is known serves', async () => {
  let end!: (isTaken: boolean) => void;
  const old = new FakeWorker('worker 1', () => new Promise((resolve) => (end = resolve)));
  workers = [old];
  await start();
  connect();
  await handedTo(old);
  const next = new FakeWorker('worker 1');
  workers = [next];
  listener.onWorkersChanged();
  end(false);
  await handedTo(next);
  expect(listener.waiting).toBe(0);
});

test('a connection waits for a worker for ten seconds, also when it was tried meanwhile', async () => {
  await start();
  const client = connect();
  await eventually('a connection that waits', () => listener.waiting);
  clock.advance(6_000);
  workers = [new FakeWorker('worker 1', () => false)];
  listener.onWorkersChanged();
  await eventually('another wait', () => listener.waiting);
  clock.advance(3_999);
  await eventually('a wait after it was offered again', () => listener.waiting);
  expect(listener.dropped).toBe(0);
  clock.advance(1);
  expect([listener.waiting, listener.dropped]).toEqual([0, 1]);
  await once(client, 'close');
  expect(logger.lines.map(({ level }) => level)).toEqual(['warn']);
});

test('the time of waiting does not end a connection that a worker is about to take', async () => {
  await start();
  connect();
  await eventually('a connection that waits', () => listener.waiting);
  workers = [new FakeWorker('worker 1', () => new Promise(() => undefined))];
  listener.onWorkersChanged();
  const { socket } = await handedTo(workers[0]!);
  clock.advance(10_000);
  expect(socket.destroyed).toBe(false);
});

test('no more than 1024 connections wait, the rest is closed, with one line in the log', async () => {
  await start();
  // Not all at once: the kernel holds few that are not accepted yet.
  for (let made = 103; made <= 1_030; made += 103) {
    for (let i = 0; i < 103; i++) connect();
    await eventually('all so far', () => listener.waiting + listener.dropped === made);
  }
  expect([listener.waiting, listener.dropped]).toEqual([1_024, 6]);
  await eventually(
    'the end of those',
    () => clients.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length === 6,
  );
  expect(logger.lines).toHaveLength(1);
});

test.each([
  ['nothing', ''],
  ['half a header', 'GET / HTTP/1.1\r\nx-real-ip: 192'],
])('a client that sends %s goes by its own address after five seconds', async (_, text) => {
  workers = [new FakeWorker('worker 1')];
  await start({ header: 'x-real-ip' });
  const client = connect(text);
  await eventually('the connection', () => clock.pending);
  await eventually('the text', () => client.bytesWritten === text.length && client.writableLength === 0);
  // The sent bytes are in the socket by now; bytes of a second client are read later.
  connect('GET / HTTP/1.1\r\n\r\n');
  await eventually('the second client', () => workers[0]!.handed.length === 1);
  clock.advance(4_999);
  expect(workers[0]!.handed).toHaveLength(1);
  clock.advance(1);
  await eventually('the first client', () => workers[0]!.handed.length === 2);
  const { socket, head } = workers[0]!.handed[1]!;
  expect(head ?? '').toBe(text);
  await new Promise((resolve) => client.write('the rest', resolve));
  connect('GET / HTTP/1.1\r\n\r\n');
  await eventually('a third client', () => workers[0]!.handed.length === 3);
  expect(socket.bytesRead).toBe(text.length);
});

test('a client that ends its side before the end of the header goes on with what it has sent', async () => {
  workers = [new FakeWorker('worker 1')];
  await start({ header: 'x-real-ip' });
  connect('GET / HT').end();
  const { socket, head } = await handedTo(workers[0]!);
  expect([head, socket.destroyed, socket.writable]).toEqual(['GET / HT', false, true]);
});

test('a client that resets while its header is awaited hurts nobody', async () => {
  workers = [new FakeWorker('worker 1')];
  await start({ header: 'x-real-ip' });
  const client = connect('GET / HT');
  await eventually('the connection', () => clock.pending);
  client.resetAndDestroy();
  await eventually('its end', () => clock.pending === 0); // occasionally the reset looks like an ordinary end, and the connection is handed on
  const request = 'GET / HTTP/1.1\r\n\r\n';
  connect(request);
  await eventually('another client', () => workers[0]!.handed.some(({ head }) => head === request));
  expect(listener.waiting).toBe(0);
});

test('its end closes what waits and what is being read, and leaves alone what is handed over', async () => {
  const inHand = new FakeWorker('worker 1', () => new Promise(() => undefined));
  workers = [inHand];
  await start({ header: 'x-real-ip' });
  connect('GET / HTTP/1.1\r\n\r\n');
  const { socket } = await handedTo(inHand);
  workers = [];
  const waits = connect('GET / HTTP/1.1\r\n\r\n');
  await eventually('a connection that waits', () => listener.waiting);
  const isRead = connect('GET');
  await eventually('a connection that is read', () => clock.pending === 2);
  const ends = Promise.all([once(waits, 'close'), once(isRead, 'close')]);
  await Promise.all([listener.close(), listener.close()]);
  await ends;
  await eventually('the end of all timers', () => clock.pending === 0);
  expect([socket.destroyed, listener.waiting]).toEqual([false, 0]);
  socket.destroy();
  await expect(once(connect(), 'connect')).rejects.toThrow('ECONNREFUSED');
});
