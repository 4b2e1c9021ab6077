// A look at the host, message by message: what a stranger, an earlier version and a peer made by hand get, and what they cannot do.

import net from 'node:net';
import { helloOf, proofOf } from '../../protocol/handshake';
import type { Register } from '../../protocol/message';
import cluster from '../../src';
import { PortSource } from '../../src/cli/control/port-source';
import type { ProcessReport } from '../../src/process-report';
import { readReports } from '../../src/transport/looks';
import { upstreamClass } from '../support/fake-upstream';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { RawPeer, secretOf } from '../support/raw-peer';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const SECRET = 'the secret of this test';
const closing: (() => unknown)[] = [];
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function lead() {
  const client = cluster(upstreamClass(), { port, secret: SECRET, name: 'registry', logger: recordingLogger() }).create();
  closing.push(() => client.close());
  await client.ready();
  return client;
}

async function dial(): Promise<RawPeer> {
  const peer = await RawPeer.dial(port);
  closing.push(() => peer.socket.destroy());
  return peer;
}

test('a process that has proved itself may look, again and again, and needs no channel', async () => {
  await lead();
  const peer = await dial();
  expect(await peer.introduce(await secretOf(SECRET), port)).toMatchObject({ looks: true });
  for (const id of [7, 8]) {
    peer.send({ type: 'look', id, hops: 2 });
    const { text } = await peer.heardOf('look-result');
    const [report] = JSON.parse(text) as ProcessReport[];
    expect(report).toMatchObject({
      pid: process.pid,
      thread: 0,
      clients: [{ view: { channel: 'registry', role: 'leader', port } }],
    });
    peer.messages.length = 0;
  }
});

test('a process that has not proved itself sees nothing', async () => {
  await lead();
  const peer = await dial();
  await peer.introduce(undefined, port);
  peer.send({ type: 'look', hops: 0 });
  expect(await peer.heardOf('refusal')).toMatchObject({ code: 'not-proven' });
  await peer.closed;
  expect(peer.messages.some(({ type }) => type === 'look-result')).toBe(false);
});

test('a process that has not proved itself is not asked', async () => {
  await lead();
  const follower = await dial();
  follower.send({ type: 'register', channel: 'registry', hello: helloOf({ looks: true, nonce: Buffer.alloc(16, 1) }) });
  const peer = await dial();
  await peer.introduce(await secretOf(SECRET), port);
  peer.send({ type: 'look', id: 3, hops: 1 });
  expect(JSON.parse((await peer.heardOf('look-result')).text)).toHaveLength(1);
  expect(follower.messages.some(({ type }) => type === 'look')).toBe(false);
});

test.each([
  ['', 0],
  ['null', 0],
  ['{"pid":1}', 0],
  ['[null, 1, "x", {}]', 0],
  ['[{"pid":1,"clients":[null]}]', 0],
  ['[{"pid":1,"clients":[{"view":{}}]}]', 0],
  ['[{"pid":1,"clients":[]},{"pid":"2","clients":[]}]', 1],
  ['[{"pid":1,"clients":[{"view":{"channel":"a"}}]}]', 1],
])('of the answer %s %i reports are taken', (text, count) => {
  expect(readReports(text)).toHaveLength(count);
});

test('an earlier version is not asked, and the reader hears so', async () => {
  const secret = await secretOf(SECRET);
  const own = Buffer.alloc(16, 2);
  const guests: RawPeer[] = [];
  const server = net.createServer({ noDelay: true }, (socket) => {
    const guest = new RawPeer(socket);
    guests.push(guest);
    closing.push(() => socket.destroy());
    void guest.heardOf('register').then(({ id, hello }: Register) => {
      const proof = proofOf(secret, 'listener', port, hello!.nonce!, own);
      guest.send({
        type: 'register-result',
        id,
        payload: Buffer.alloc(0),
        hello: helloOf({ nonce: own, proof, joinKeys: true }),
      });
      guest.upgrade();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const source = new PortSource({ port, secret: SECRET, runtimeFolder: undefined });
  await expect(source.read()).rejects.toThrow('is of an earlier version of trunkline, which tells nothing; update it');
  expect(guests[0]!.messages.some(({ type }) => type === 'look')).toBe(false);
});
