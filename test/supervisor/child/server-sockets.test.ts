// How connections end in a drain, in every protocol: servers and clients in this process.

import { once } from 'node:events';
import http, { type RequestListener, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { ServerSockets } from '../../../src/supervisor/child/server-sockets';
import { certificate } from '../../support/certificate';
import { eventually } from '../../support/eventually';
import { leavesNothingOpen } from '../../support/open-handles';

leavesNothingOpen();

/** Longer than any test: a drain that only ends with the limit fails by the time limit of the test. */
const NEVER_MS = 600_000;

let sockets: ServerSockets;
let stopObserving: () => void;
let opened: { destroy(): unknown }[];
let servers: Server[];

beforeEach(() => {
  [opened, servers] = [[], []];
  sockets = new ServerSockets(() => undefined);
  stopObserving = sockets.observe();
});

afterEach(() => {
  stopObserving();
  for (const each of opened) each.destroy();
  for (const server of servers) if (server.listening) net.Server.prototype.close.call(server);
});

async function listen<T extends Server>(server: T): Promise<T> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A client that writes and reads text. */
class Client {
  readonly socket: Socket;
  readonly ended: Promise<unknown>;
  text = '';
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    opened.push(socket);
    socket.setEncoding('utf8').on('data', (text: string) => (this.text += text));
    socket.on('error', ({ message }) => (this.error = message));
    this.ended = new Promise((resolve) => socket.once('close', resolve));
  }

  /** @param count how many answers there must be by then */
  async answers(count: number): Promise<void> {
    await eventually(`${count} answers`, () => this.text.split('HTTP/1.1 200').length > count);
  }
}

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;

/** The ways in which HTTP/1 reaches a program. */
const WAYS: Record<string, (onRequest: RequestListener) => Promise<() => Promise<Client>>> = {
  async http(onRequest) {
    const port = portOf(await listen(http.createServer(onRequest)));
    return async () => connected(net.connect(port, '127.0.0.1'), 'connect');
  },
  async https(onRequest) {
    const port = portOf(await listen(https.createServer(certificate, onRequest)));
    return async () => connected(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }), 'secureConnect');
  },
  async 'HTTP/1 of an HTTP/2 server'(onRequest) {
    const server = http2.createSecureServer({ ...certificate, allowHTTP1: true }, onRequest as never);
    const port = portOf(await listen(server));
    return async () => connected(tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }), 'secureConnect');
  },
  async 'http that another server feeds'(onRequest) {
    const server = http.createServer(onRequest);
    servers.push(server);
    const port = portOf(await listen(net.createServer((socket) => server.emit('connection', socket))));
    return async () => connected(net.connect(port, '127.0.0.1'), 'connect');
  },
  async 'connections that the master hands over'(onRequest) {
    const server = await listen(http.createServer(onRequest));
    // The door accepts connections unobserved, as another process would.
    stopObserving();
    const door = await listen(net.createServer({ pauseOnConnect: true }));
    stopObserving = sockets.observe();
    door.prependListener('connection', (socket) => {
      (socket as { server?: unknown }).server = null;
      sockets.add(socket, server, false);
      server.emit('connection', socket);
      socket.resume();
    });
    return async () => connected(net.connect(portOf(door), '127.0.0.1'), 'connect');
  },
};

async function connected(socket: Socket, event: string): Promise<Client> {
  const client = new Client(socket);
  await once(socket, event);
  return client;
}

const respond: RequestListener = (request, response) => void response.end(`answer ${request.url}`);

const ways = Object.keys(WAYS).filter((way) => way !== 'connections that the master hands over');

describe.each(ways)('%s', (way) => {
  const open = (onRequest: RequestListener) => WAYS[way]!(onRequest);

  test('a connection between two requests ends at once', async () => {
    const connect = await open(respond);
    const client = await connect();
    client.socket.write(GET('/1'));
    await client.answers(1);
    await sockets.drain(NEVER_MS, false);
    await client.ended;
    expect(client.error).toBeUndefined();
  });

  test.each([true, false])(
    'an answer in the drain says that it is the last, and the connection ends (gently: %s)',
    async (gently) => {
      let answer: (() => void) | undefined;
      const connect = await open((request, response) => (answer = () => respond(request, response)));
      const client = await connect();
      client.socket.write(GET('/1'));
      await eventually('the request', () => answer);
      const drained = sockets.drain(NEVER_MS, gently);
      answer!();
      await drained;
      await client.ended;
      expect(client.text).toMatch(/connection: close/i);
      expect(client.text).toContain('answer /1');
    },
  );

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['setHeader', (response) => response.setHeader('Connection', 'keep-alive')],
    ['an object', (response) => response.writeHead(200, { connection: 'Keep-Alive', a: 'b' })],
    ['a list', (response) => response.writeHead(200, 'OK', ['Connection', 'keep-alive', 'a', 'b'])],
  ])('a program that sets keep-alive itself (%s) is overruled', async (_, set) => {
    let answer: (() => void) | undefined;
    const connect = await open((request, response) => {
      answer = () => {
        set(response);
        respond(request, response);
      };
    });
    const client = await connect();
    client.socket.write(GET('/1'));
    await eventually('the request', () => answer);
    const drained = sockets.drain(NEVER_MS, true);
    answer!();
    await drained;
    await client.ended;
    expect(client.text).toContain('answer /1');
    expect(client.text).toMatch(/connection: close/i);
    expect(client.text).not.toMatch(/keep-alive/i);
  });

  test.each([true, false])('an answer whose head was sent before ends its connection too (gently: %s)', async (gently) => {
    let answering: ServerResponse | undefined;
    const connect = await open((_, response) => {
      answering = response;
      response.write('begun');
    });
    const client = await connect();
    client.socket.write(GET('/1'));
    await eventually('the begin', () => client.text.includes('begun'));
    const drained = sockets.drain(NEVER_MS, gently);
    answering!.end('done');
    await drained;
    await client.ended;
    expect(client.text).toContain('done');
  });

  test('requests that came without waiting are all answered, also when the first one has its answer already', async () => {
    const answering: (() => void)[] = [];
    const connect = await open((request, response) => answering.push(() => respond(request, response)));
    const client = await connect();
    client.socket.write(GET('/1') + GET('/2') + GET('/3'));
    await eventually('the requests', () => answering.length === 3);
    answering[0]!();
    await client.answers(1);
    const drained = sockets.drain(NEVER_MS, false);
    answering[1]!();
    await client.answers(2);
    answering[2]!();
    await drained;
    await client.ended;
    expect(client.text.match(/answer \/\d/g)).toEqual(['answer /1', 'answer /2', 'answer /3']);
    expect(client.text.match(/connection: close/gi)).toHaveLength(1);
  });

  test('a request whose head is half read is answered', async () => {
    const connect = await open(respond);
    const [first, second, other] = [await connect(), await connect(), await connect()];
    first.socket.write('GET /1 HTTP/1.1\r\nHo');
    second.socket.write(GET('/1'));
    await second.answers(1);
    second.socket.write('GET /2 HTTP/1.1\r\nHo');
    other.socket.write(GET('/1'));
    await other.answers(1);
    // The answer to a later request shows that everything written before has been read.
    other.socket.write(GET('/2'));
    await other.answers(2);
    const drained = sockets.drain(NEVER_MS, false);
    await other.ended; // what is idle has ended
    first.socket.write('st: test\r\n\r\n');
    second.socket.write('st: test\r\n\r\n');
    await drained;
    await Promise.all([first.ended, second.ended]);
    expect(first.text).toContain('answer /1');
    expect(second.text).toContain('answer /2');
  });

  test('a connection that has carried nothing ends after about the keepAliveTimeout of a gentle drain', async () => {
    const connect = await open(respond);
    const client = await connect();
    for (const server of servers) Object.assign(server, { keepAliveTimeout: 50 });
    await eventually('the connection', () => client.socket.readyState === 'open');
    await sockets.drain(NEVER_MS, true);
    await client.ended;
  }, 60_000);

  test('an upgraded socket goes on, also when a request came before on it, and its end is waited for', async () => {
    const connect = await open(respond);
    for (const server of servers) {
      server.on('upgrade', (_: unknown, socket: Socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        socket.pipe(socket);
      });
    }
    const [client, other] = [await connect(), await connect()];
    client.socket.write(GET('/1'));
    other.socket.write(GET('/1'));
    await Promise.all([client.answers(1), other.answers(1)]);
    client.socket.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await eventually('the upgrade', () => client.text.includes('101 Switching'));
    const drained = sockets.drain(NEVER_MS, false);
    await other.ended;
    client.socket.write('still here');
    await eventually('the echo', () => client.text.endsWith('still here'));
    client.socket.end();
    await drained;
  });
});

test('a request and half of the next in one packet: both are answered', async () => {
  const connect = await WAYS.http!(respond);
  const [client, other] = [await connect(), await connect()];
  client.socket.write(`${GET('/1')}GET /2 HTTP/1.1\r\nHo`);
  other.socket.write(GET('/1'));
  await Promise.all([client.answers(1), other.answers(1)]);
  const drained = sockets.drain(NEVER_MS, false);
  await other.ended;
  client.socket.write('st: test\r\n\r\n');
  await drained;
  await client.ended;
  expect(client.text).toContain('answer /2');
});

test('connections that the master has handed over end like accepted ones', async () => {
  const connect = await WAYS['connections that the master hands over']!(respond);
  const [used, fresh] = [await connect(), await connect()];
  used.socket.write(GET('/1'));
  await used.answers(1);
  await sockets.drain(NEVER_MS, false);
  await Promise.all([used.ended, fresh.ended]);
});

test('the limit cuts what is left', async () => {
  const connect = await WAYS.https!(() => undefined);
  const client = await connect();
  client.socket.write(GET('/1'));
  await sockets.drain(100, false);
  await client.ended;
});

test('an answer that a slow client still reads is not cut when the program closes its server too', async () => {
  const large = Buffer.alloc(16 * 2 ** 20, 'x');
  let answering: ServerResponse | undefined;
  const connect = await WAYS.http!((_, response) => (answering = response.end(large)));
  const client = await connect();
  client.socket.pause();
  client.socket.write(GET('/1'));
  await eventually('the request', () => answering);
  const drained = sockets.drain(NEVER_MS, false);
  const closed = promisify(servers[0]!.close.bind(servers[0]))();
  client.socket.resume();
  await Promise.all([drained, closed]);
  await client.ended;
  expect(client.text.length).toBeGreaterThan(large.length);
});

describe.each<[string, () => Server]>([
  ['net', () => net.createServer()],
  ['tls', () => tls.createServer(certificate)],
  ['http', () => http.createServer()],
  ['https', () => https.createServer(certificate)],
  ['h2c', () => http2.createServer()],
  ['h2', () => http2.createSecureServer({ ...certificate, allowHTTP1: true })],
])('a %s server that the drain has closed', (_, make) => {
  test('may be closed by the program again, in each way', async () => {
    const server = await listen(make());
    await sockets.drain(NEVER_MS, false);
    await promisify(server.close.bind(server))();
    await server[Symbol.asyncDispose]();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    server.close();
  });

  test('may be closed by the program during the drain', async () => {
    const server = await listen(make());
    const client = new Client(net.connect(portOf(server), '127.0.0.1'));
    await once(server, 'connection');
    client.socket.write('\x16\x03'); // the begin of something
    const drained = sockets.drain(NEVER_MS, false);
    const closed = [promisify(server.close.bind(server))(), server[Symbol.asyncDispose]()];
    client.socket.destroy();
    await Promise.all([drained, ...closed]);
  });
});

describe.each(['h2c', 'h2'])('%s', (protocol) => {
  async function open(onStream: (stream: http2.ServerHttp2Stream) => void): Promise<http2.ClientHttp2Session> {
    const server = protocol === 'h2' ? http2.createSecureServer(certificate) : http2.createServer();
    server.on('stream', onStream);
    const port = portOf(await listen(server));
    const scheme = protocol === 'h2' ? 'https' : 'http';
    const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
    opened.push(session);
    await once(session, 'remoteSettings');
    return session;
  }

  const bytesOf = async (stream: http2.ClientHttp2Stream): Promise<number> => {
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await once(stream, 'end');
    return bytes;
  };

  test('a session without a stream is told to go away and ends at once', async () => {
    const session = await open(() => undefined);
    const goaway = once(session, 'goaway');
    await sockets.drain(NEVER_MS, true);
    expect((await goaway)[0]).toBe(0);
  });

  test('streams under way finish after the client was told to go away', async () => {
    const streams: http2.ServerHttp2Stream[] = [];
    const session = await open((stream) => {
      streams.push(stream);
      stream.respond();
      stream.write('begun');
    });
    const asked = Array.from({ length: 3 }, () => bytesOf(session.request({ ':path': '/' })));
    await eventually('the streams', () => streams.length === 3);
    const goaway = once(session, 'goaway');
    const drained = sockets.drain(NEVER_MS, false);
    await goaway;
    for (const stream of streams) stream.end(Buffer.alloc(1_000_000));
    expect(await Promise.all(asked)).toEqual(Array(3).fill(1_000_005));
    await drained;
  });

  test('streams that have arrived when the drain begins are served', async () => {
    const session = await open((stream) => {
      stream.respond();
      stream.end('answer');
    });
    const asked = Array.from({ length: 50 }, () => bytesOf(session.request({ ':path': '/' })));
    await new Promise((resolve) => setImmediate(resolve)); // the answers are written
    await sockets.drain(NEVER_MS, false);
    expect(await Promise.all(asked)).toEqual(Array(50).fill(6));
  });

  test('a session whose connection was accepted just before the drain ends too', async () => {
    const server = await listen(protocol === 'h2' ? http2.createSecureServer(certificate) : http2.createServer());
    const scheme = protocol === 'h2' ? 'https' : 'http';
    const session = http2.connect(`${scheme}://127.0.0.1:${portOf(server)}`, { rejectUnauthorized: false });
    opened.push(session);
    session.on('error', () => undefined);
    await once(server, 'connection');
    const closed = new Promise((resolve) => session.once('close', resolve));
    await sockets.drain(NEVER_MS, false);
    await closed;
  });
});
