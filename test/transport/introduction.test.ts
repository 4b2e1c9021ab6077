// How a connection begins, both sides over real sockets: who is known, who is not, and that nothing is heard before that.

import net from 'node:net';
import { CHUNK_BYTES } from '../../protocol/chunks';
import { helloOf, proofOf } from '../../protocol/handshake';
import type { Announce, Join, Message, Register, V2Message } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import { v2Codec } from '../../protocol/v2';
import { loopback } from '../../src/endpoint';
import { systemClock } from '../../src/time';
import type { Connection } from '../../src/transport/connection';
import { dial } from '../../src/transport/dialer';
import { introduce, type Introduction, type IntroductionOptions } from '../../src/transport/introduction';
import { Listener, type Credentials } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { credentialsOf, SECRET } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

const OTHER_SECRET = Buffer.alloc(32, 8);
const join: Join = {
  type: 'join',
  id: 9,
  channel: { name: 'red', identity: '', isStrict: false },
  candidacy: 'competes',
  term: 0,
  codecs: [],
};
const announce: Announce = { type: 'announce', channel: join.channel, term: 3, port: 4711 };

const servers: net.Server[] = [];
const connections: Connection[] = [];
const sockets = new Set<net.Socket>();
let debugged: string[];
let admitted: { readonly connection: Connection; readonly opening: Join | Announce | Register }[];

beforeEach(() => {
  debugged = [];
  admitted = [];
});

afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** @returns the port of a server that does with sockets what the test says */
async function serve(onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}

/** @returns the port of a listener of ours */
async function listen(credentials: Credentials = credentialsOf(SECRET)): Promise<number> {
  const port = await serve(() => undefined);
  new Listener({
    server: servers.at(-1)!,
    credentials,
    clock: systemClock,
    owner: {
      onPeer: (connection, opening) => void admitted.push({ connection, opening }),
      onLegacyPeer: (connection, opening) => void admitted.push({ connection, opening }),
      debug: (message) => void debugged.push(message),
      warn: (message) => void debugged.push(message),
    },
  });
  return port;
}

interface Met {
  readonly connection: Connection;
  readonly introduction: Introduction;
  readonly heard: (Message | V2Message)[];
}

async function meet(port: number, changes: Partial<IntroductionOptions> = {}): Promise<Met> {
  const outcome = await dial(loopback(port), 2_000, systemClock, new AbortController().signal);
  if (!('connection' in outcome)) throw outcome.unreachable;
  const { connection } = outcome;
  connections.push(connection);
  const options = { channel: 'red', port, secret: SECRET, timeoutMs: 3_000, firstWordMs: 5_000, clock: systemClock };
  const introduction = await introduce(connection, { ...options, ...changes });
  const heard: (Message | V2Message)[] = [];
  connection.receiver = (message) => heard.push(message);
  return { connection, introduction, heard };
}

/** A peer that says what the test says. */
async function raw(port: number): Promise<{ socket: net.Socket; heard: () => Buffer; closed: Promise<void> }> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  sockets.add(socket);
  let bytes = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, heard: () => bytes, closed };
}

const register = (hello?: Register['hello']): Message => ({
  type: 'register',
  id: 1,
  timeoutMs: 3_000,
  channel: 'red',
  ...(hello && { hello }),
});
/** The refusal that a raw peer gets after the answer to the registration. */
const refusalIn = (bytes: Buffer): V2Message => v2Codec.decode(bytes.subarray(answerLength(bytes)));
const answerLength = (bytes: Buffer): number => 24 + bytes.readInt32BE(16) + bytes.readInt32BE(20);
const answerIn = (bytes: Buffer): Message => v1Codec.decode(bytes.subarray(0, answerLength(bytes)));

const SILENT = /^accepted the connection and said nothing for \d+ ms$/;

describe('two processes with the same secret', () => {
  test.each([
    ['a join', join],
    ['an announcement', announce],
  ])('know each other, and %s is handed on with the connection', async (_, opening) => {
    const { connection, introduction } = await meet(await listen());
    expect(introduction).toEqual({ kind: 'known', readsKeys: true, looks: true });
    connection.send(opening);
    await eventually('handed on', () => admitted.length);
    expect(admitted.map(({ opening: each }) => each)).toEqual([opening]);
    expect(debugged).toEqual([]);
  });

  test('send each other values of any size from then on', async () => {
    const { connection, heard } = await meet(await listen());
    connection.send(join);
    const { connection: theirs } = await eventually('handed on', () => admitted[0]);
    const atListener: (Message | V2Message)[] = [];
    theirs.receiver = (message) => atListener.push(message);
    const big = { type: 'topic-event' as const, topic: 1, payload: Buffer.alloc(5 * CHUNK_BYTES, 1) };
    connection.send(big);
    theirs.send(big);
    await eventually('both', () => atListener.length === 1 && heard.length === 1);
    const hasArrived = ([message]: (Message | V2Message)[]): boolean => (message as typeof big).payload.equals(big.payload);
    expect([atListener, heard].map(hasArrived)).toEqual([true, true]);
  });

  test('the secret is asked for anew at each introduction', async () => {
    let secret = OTHER_SECRET;
    const port = await listen({ label: 'file', secret: () => Promise.resolve(secret) });
    expect((await meet(port)).introduction.kind).toBe('unproven');
    secret = SECRET;
    expect((await meet(port)).introduction.kind).toBe('known');
  });

  test('neither the secret nor a part of it goes over the wire', async () => {
    const said: Buffer[] = [];
    const target = await listen();
    const port = await serve((socket) => {
      const onward = net.connect(target, '127.0.0.1');
      sockets.add(onward);
      onward.on('error', () => undefined);
      for (const [from, to] of [[socket, onward] as const, [onward, socket] as const])
        from.on('data', (chunk: Buffer) => {
          said.push(chunk);
          to.write(chunk);
        });
    });
    expect((await meet(port, { port: target })).introduction.kind).toBe('known');
    expect(said.length).toBeGreaterThan(1);
    expect(Buffer.concat(said).includes(SECRET.subarray(0, 4))).toBe(false);
  });
});

describe('without auth on both sides', () => {
  test('nobody has to prove anything', async () => {
    const { connection, introduction } = await meet(await listen(credentialsOf(undefined)), { secret: undefined });
    expect(introduction).toEqual({ kind: 'known', readsKeys: true, looks: true });
    connection.send(join);
    await eventually('handed on', () => admitted.length);
  });
});

describe('two that do not belong together', () => {
  test.each([
    ['has another secret', OTHER_SECRET, 'its proof is wrong: it has another secret'],
    ['has auth switched off', undefined, 'it gives no proof: it has auth switched off'],
  ])('a dialer is not content with a listener that %s, and proves nothing to it', async (_, secret, why) => {
    const { introduction } = await meet(await listen(credentialsOf(secret)));
    expect(introduction).toEqual({ kind: 'unproven', why });
    await connections[0]!.close();
    expect(admitted).toEqual([]);
  });

  test('a listener refuses who has auth switched off', async () => {
    const { connection, introduction, heard } = await meet(await listen(), { secret: undefined });
    expect(introduction).toEqual({ kind: 'known', readsKeys: true, looks: true }); // the other side asks for nothing
    connection.send(join);
    await connection.closed;
    expect(heard).toEqual([
      expect.objectContaining({ type: 'refusal', code: 'not-proven', sentence: 'it gave no proof: it has auth switched off' }),
    ]);
    expect(admitted).toEqual([]);
    expect(debugged).toEqual([expect.stringMatching(/remotePort=\d+: it gave no proof/)]);
  });

  test('a listener refuses a wrong proof', async () => {
    const port = await listen();
    const { socket, heard, closed } = await raw(port);
    const nonce = Buffer.alloc(16, 1);
    socket.write(v1Codec.encode(register(helloOf({ nonce }))));
    await eventually('the answer', () => heard().length > 24);
    const { hello } = answerIn(heard()) as { hello?: Register['hello'] };
    const proof = proofOf(OTHER_SECRET, 'dialer', port, nonce, hello!.nonce!);
    socket.write(Buffer.concat([v2Codec.encode({ type: 'prove', proof }), v2Codec.encode(join)]));
    await closed;
    expect(refusalIn(heard())).toMatchObject({ code: 'not-proven', sentence: 'its proof is wrong: it has another secret' });
    expect(admitted).toEqual([]);
  });

  test('the proof of the listener is not one of the dialer: it cannot be sent back', async () => {
    const { socket, heard, closed } = await raw(await listen());
    socket.write(v1Codec.encode(register(helloOf({ nonce: Buffer.alloc(16, 1) }))));
    await eventually('the answer', () => heard().length > 24);
    const { hello } = answerIn(heard()) as { hello?: Register['hello'] };
    socket.write(Buffer.concat([v2Codec.encode({ type: 'prove', proof: hello!.proof! }), v2Codec.encode(join)]));
    await closed;
    expect(refusalIn(heard())).toMatchObject({ code: 'not-proven' });
    expect(admitted).toEqual([]);
  });

  test('a proof that is passed on from another port is refused: who listens there without the secret learns nothing of use', async () => {
    const target = await listen();
    const port = await serve((socket) => {
      const onward = net.connect(target, '127.0.0.1');
      sockets.add(onward);
      onward.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
    });
    expect((await meet(port)).introduction).toEqual({ kind: 'unproven', why: 'its proof is wrong: it has another secret' });
    expect(admitted).toEqual([]);
  });

  test('a listener whose secret cannot be read says nothing and closes', async () => {
    const port = await listen({ label: 'file', secret: () => Promise.reject(new Error('the folder belongs to another user')) });
    expect((await meet(port)).introduction).toEqual({ kind: 'gone' });
    expect(debugged).toEqual([expect.stringContaining('the folder belongs to another user')]);
  });

  test('one that goes while the secret is read leaves nothing', async () => {
    let read!: (secret: Buffer) => void;
    const reading = new Promise<Buffer>((resolve) => (read = resolve));
    let isAsked = false;
    const port = await listen({
      label: 'file',
      secret: () => {
        isAsked = true;
        return reading;
      },
    });
    const { socket } = await raw(port);
    socket.write(v1Codec.encode(register(helloOf())));
    await eventually('it is asked', () => isAsked);
    socket.resetAndDestroy();
    await eventually('the listener has noticed', () => [...sockets].every((each) => each.destroyed));
    read(SECRET);
    await new Promise(setImmediate);
    expect(admitted).toEqual([]);
  });
});

describe('before the proof a listener hears nothing but the introduction', () => {
  /** Begins like a process of trunkline, and goes on with the given message. */
  async function after(message: V2Message): Promise<void> {
    const { socket, heard, closed } = await raw(await listen());
    socket.write(v1Codec.encode(register(helloOf({ nonce: Buffer.alloc(16, 1) }))));
    await eventually('the answer', () => heard().length > 24);
    socket.write(v2Codec.encode(message));
    await closed;
    expect(admitted).toEqual([]);
    expect(debugged).toHaveLength(1);
  }

  test.each<[string, V2Message]>([
    ['a call', { type: 'call', id: 1, timeoutMs: 0, method: 'get', args: [], oneway: true, style: 'promise' }],
    ['a subscription', { type: 'plain-subscribe', id: 1, keys: ['{}'] }],
    ['a resignation', { type: 'resign' }],
    ['topics', { type: 'topics', id: 1, topics: [1] }],
    ['a goaway', { type: 'goaway', code: 'hand-off', sentence: 'bye' }],
    ['an announcement', announce],
    ['a join', join],
  ])('%s ends the connection', async (_, message) => {
    await after(message);
  });

  test('a chunk ends it before memory is taken for the frame that it claims', async () => {
    await after({ type: 'chunk', stream: 0, totalBytes: 100 * 2 ** 20, isLast: false, part: Buffer.alloc(1_000) });
    expect(debugged[0]).toContain('a chunk of a stranger');
  });

  test('more than a stranger may send ends it', async () => {
    await after({ type: 'topic-event', topic: 1, payload: Buffer.alloc(20_000) });
  });

  test('a second registration before the answer ends it', async () => {
    const { socket, closed } = await raw(await listen());
    const first = v1Codec.encode(register(helloOf()));
    socket.write(Buffer.concat([first, first]));
    await closed;
    expect(debugged).toEqual([expect.stringContaining('register before its introduction was answered')]);
  });

  test('a second proof ends it', async () => {
    const { connection } = await meet(await listen());
    connection.send({ type: 'prove', proof: Buffer.alloc(32) });
    await connection.closed;
    expect(debugged).toEqual([expect.stringContaining('its introduction is followed by prove')]);
  });
});

describe('what a dialer finds', () => {
  test('a process of cluster-client 3.x that answers', async () => {
    const port = await serve((socket) => {
      socket.once('data', (chunk: Buffer) => {
        const { id } = v1Codec.decode(chunk.subarray(0, answerLength(chunk))) as Register;
        socket.write(v1Codec.encode({ type: 'register-result', id, timeoutMs: 3_000, payload: Buffer.from('yes') }));
      });
    });
    const { introduction, connection } = await meet(port);
    expect(introduction).toEqual({ kind: 'legacy', result: expect.objectContaining({ payload: Buffer.from('yes') }) as unknown });
    expect(connection.dialect.version).toBe(1);
  });

  test('one that does not lead the channel and only answers pings is waited for, beyond the time for the first word', async () => {
    const clock = new ManualClock();
    let answer: (() => void) | undefined;
    const port = await serve((socket) => {
      socket.once('data', () => {
        answer = () => socket.write(v1Codec.encode({ type: 'register-result', id: 1, timeoutMs: 1, payload: Buffer.alloc(0) }));
        socket.once('data', (chunk: Buffer) => {
          socket.write(v1Codec.encode({ ...v1Codec.decode(chunk), type: 'pong' }));
        });
      });
    });
    const outcome = await dial(loopback(port), 2_000, systemClock, new AbortController().signal);
    if (!('connection' in outcome)) throw outcome.unreachable;
    const { connection } = outcome;
    connections.push(connection);
    const options = { channel: 'red', port, secret: SECRET, timeoutMs: 3_000, firstWordMs: 1_500, clock };
    const introducing = introduce(connection, options);
    await eventually('it has the question', () => answer);
    clock.advance(300); // a process of ours has answered by then
    clock.advance(0);
    await eventually('the pong', () => connection.messagesHeard);
    clock.advance(60_000);
    answer!();
    expect((await introducing).kind).toBe('legacy');
    expect(clock.pending).toBe(0);
  });

  test.each<[string, string, string]>([
    ['speaks first', 'SSH-2.0-OpenSSH_9.0\r\n', 'said '],
    ['answers with bytes that are no frame', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'HTTP/1.1 400'],
  ])('a program that %s', async (_, answer, heard) => {
    const { introduction } = await meet(await serve((socket) => void socket.write(answer)));
    expect(introduction).toEqual({ kind: 'foreign', heard: expect.stringContaining(heard) as string });
  });

  test('an echo', async () => {
    const { introduction } = await meet(await serve((socket) => void socket.pipe(socket)));
    expect(introduction).toEqual({ kind: 'foreign', heard: 'sends back what it is sent' });
  });

  test('a program that says nothing', async () => {
    const { introduction } = await meet(await serve((socket) => void socket.resume()), { firstWordMs: 20 });
    expect(introduction).toEqual({ kind: 'foreign', heard: expect.stringMatching(SILENT) as string });
  });

  test('is foreign too when the heartbeat is the first to see its silence', async () => {
    const port = await serve(() => undefined);
    const outcome = await dial(loopback(port), 2_000, systemClock, new AbortController().signal);
    if (!('connection' in outcome)) throw outcome.unreachable;
    connections.push(outcome.connection);
    outcome.connection.startHeartbeat(8, 'leader', 'red');
    const options = { channel: 'red', port, secret: SECRET, timeoutMs: 3_000, firstWordMs: 60_000, clock: systemClock };
    const introduction = await introduce(outcome.connection, options);
    expect(introduction).toEqual({ kind: 'foreign', heard: expect.stringMatching(SILENT) as string });
  });

  test('one that closes without a word', async () => {
    const { introduction } = await meet(await serve((socket) => void socket.end()));
    expect(introduction).toEqual({ kind: 'gone' });
  });

  test('a chunk in the place of an answer', async () => {
    const bytes = v2Codec.encode({ type: 'chunk', stream: 0, totalBytes: 2 ** 20, isLast: false, part: Buffer.alloc(10) });
    const { introduction } = await meet(await serve((socket) => void socket.write(bytes)));
    expect(introduction.kind).toBe('foreign');
  });
});
