// Two sides of a connection that do not know each other yet, when a side is faulty, or had no time.

import net from 'node:net';
import { v1Codec } from '../../protocol/v1';
import { systemClock } from '../../src/time';
import { Connection } from '../../src/transport/connection';
import { introduce } from '../../src/transport/introduction';
import { Listener, STRANGER_BYTES, STRANGER_MS } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { leavesNothingOpen } from '../support/open-handles';

leavesNothingOpen();

let server: net.Server;
const sockets = new Set<net.Socket>();

beforeEach(async () => {
  server = net.createServer();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
});

const port = (): number => (server.address() as net.AddressInfo).port;

function begin(connection: Connection): ReturnType<typeof introduce> {
  return introduce(connection, {
    channel: 'channel',
    port: port(),
    secret: undefined,
    timeoutMs: 5_000,
    firstWordMs: 5_000,
    clock: systemClock,
  });
}

test('a program that holds the port and announces a large frame gets no memory for it', async () => {
  server.once('connection', (socket) => {
    const frame = v1Codec.encode({ type: 'register-result', id: 1, timeoutMs: 1, payload: Buffer.alloc(STRANGER_BYTES) });
    socket.write(frame.subarray(0, 24));
  });
  const connection = new Connection(net.connect(port(), '127.0.0.1'), systemClock);
  expect(await begin(connection)).toMatchObject({ kind: 'foreign' });
  await connection.close();
});

test('who came before a pause of the listening process is heard after it', async () => {
  const clock = new ManualClock();
  const known: string[] = [];
  new Listener({
    server,
    credentials: { label: 'none', secret: () => Promise.resolve(undefined) },
    clock,
    owner: {
      onPeer: (_, opening) => void known.push(opening.channel.name),
      onLegacyPeer: () => undefined,
      debug: () => undefined,
      warn: () => undefined,
    },
  });
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  const connection = new Connection(net.connect(port(), '127.0.0.1'), systemClock);
  await accepted;
  clock.sleep(STRANGER_MS + 1_000); // the introduction waits in the socket meanwhile
  expect(await begin(connection)).toEqual({ kind: 'known', readsKeys: true, looks: true });
  const channel = { name: 'channel', identity: '', isStrict: false };
  connection.send({ type: 'join', id: 1, channel, candidacy: 'competes', term: 0, codecs: [] });
  await eventually('it is known', () => known.length === 1);
  await connection.close();
});
