// The keys that a join carries: our client against leaders made by hand, and followers made by hand against our leader.

import net from 'node:net';
import { helloOf } from '../../../protocol/handshake';
import type { Join, Register, V2Message } from '../../../protocol/message';
import cluster from '../../../src';
import { eventually } from '../../support/eventually';
import { upstreamClass } from '../../support/fake-upstream';
import { leavesNothingOpen } from '../../support/open-handles';
import { freePort } from '../../support/ports';
import { RawPeer } from '../../support/raw-peer';
import { recordingLogger } from '../../support/recording-logger';

leavesNothingOpen();

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Leader {
  readonly port: number;
  /** The followers in the order in which they came. */
  readonly guests: RawPeer[];
}

/** A listener that lets everybody in. @param hello what the listener says besides its versions */
async function listen(port: number, hello: object = { joinKeys: true }): Promise<Leader> {
  const guests: RawPeer[] = [];
  const server = net.createServer({ noDelay: true }, (socket) => {
    const guest = new RawPeer(socket);
    guests.push(guest);
    closing.push(() => socket.destroy());
    void guest.heardOf('register').then(({ id }: Register) => {
      guest.send({ type: 'register-result', id, payload: Buffer.alloc(0), hello: helloOf(hello) });
      guest.upgrade();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { port: (server.address() as net.AddressInfo).port, guests };
}

async function guestOf({ guests }: Leader): Promise<{ guest: RawPeer; join: Join }> {
  await eventually('a guest', () => guests.length > 0);
  const guest = guests.at(-1)!;
  return { guest, join: await guest.heardOf('join') };
}

function client(port: number, options: object = {}) {
  const made = cluster(upstreamClass(), { port, logger: recordingLogger(), name: 'registry', auth: false, ...options }).create();
  made.on('error', () => undefined);
  closing.push(() => made.close());
  return made;
}

const joined = (join: Join): V2Message => ({
  type: 'joined',
  id: join.id,
  term: 1,
  codec: 'structured',
  identity: '',
  parts: Buffer.alloc(0),
});
/** A structured value: a short text. */
const value = (text: string): Buffer => Buffer.from([0, 1, text.length, 0x80 + text.length, ...Buffer.from(text)]);

describe('a follower', () => {
  test('asks for what is subscribed already, and gets the values with the answer', async () => {
    const leader = await listen(0);
    const follower = client(leader.port, { isLeader: false });
    const heard: unknown[] = [];
    follower.subscribe('a', (given) => heard.push(given));
    follower.subscribe({ b: 1 }, (given) => heard.push(given));
    const { guest, join } = await guestOf(leader);
    expect(join.keys).toEqual(['"a"', '{"b":1}']);
    for (const answer of [
      joined(join),
      { type: 'topics', id: 1, topics: [7, 9] },
      { type: 'topic-event', topic: 9, payload: value('of b') },
      { type: 'topic-event', topic: 7, payload: value('of a') },
    ] as V2Message[])
      guest.send(answer as never);
    await eventually('both values', () => heard.length === 2);
    expect(heard).toEqual(['of b', 'of a']);
    expect(guest.messages.map(({ type }) => type)).toEqual(['register', 'join']);
  });

  test('hears that a key of the join was refused', async () => {
    const leader = await listen(0);
    const follower = client(leader.port, { isLeader: false });
    const errors: unknown[] = [];
    follower.on('error', (error) => errors.push(error));
    follower.subscribe('a', () => undefined);
    const { guest, join } = await guestOf(leader);
    guest.send(joined(join) as never);
    guest.send({ type: 'topics', topics: [7] });
    guest.send({ type: 'key-failure', verb: 'subscribe', key: '"a"', payload: Buffer.alloc(0) });
    await eventually('the refusal', () => errors.length > 0);
    expect(errors).toMatchObject([{ code: 'ERR_TRUNKLINE_NOT_DECODABLE' }]);
  });

  test('gives back what is not wanted any more when the answer comes, and asks for what is new', async () => {
    const leader = await listen(0);
    const follower = client(leader.port, { isLeader: false });
    const heard: unknown[] = [];
    const listener = (given: unknown): unknown => heard.push(given);
    for (const key of ['gone', 'stays', 'comes back']) follower.subscribe(key, listener);
    const { guest, join } = await guestOf(leader);
    follower.unSubscribe('gone');
    follower.unSubscribe('comes back');
    follower.subscribe('comes back', listener);
    follower.subscribe('new', listener);
    guest.send(joined(join) as never);
    guest.send({ type: 'topics', topics: [1, 2, 3] });
    for (const topic of [1, 2, 3]) guest.send({ type: 'topic-event', topic, payload: value(String(topic)) });
    const { keys } = await guest.heardOf('plain-subscribe');
    expect(keys).toEqual(['"new"']);
    expect(await guest.heardOf('topic-unsubscribe')).toMatchObject({ id: 1 });
    await eventually('two values', () => heard.length === 2);
    expect(heard).toEqual(['2', '3']);
    guest.send({ type: 'topics', id: 4, topics: [4] });
    guest.send({ type: 'topic-event', topic: 4, payload: value('new') });
    await eventually('the new key', () => heard.length === 3);
  });

  test('keeps its keys to itself before a listener of an earlier build', async () => {
    const leader = await listen(0, {});
    const follower = client(leader.port, { isLeader: false });
    follower.subscribe('a', () => undefined);
    const { guest, join } = await guestOf(leader);
    expect(join.keys).toBeUndefined();
    guest.send(joined(join) as never);
    expect(await guest.heardOf('plain-subscribe')).toMatchObject({ id: 1, keys: ['"a"'] });
  });

  test('states its keys again where it is redirected to', async () => {
    const [holder, leader] = [await listen(0), await listen(0)];
    const follower = client(holder.port, { isLeader: false });
    follower.subscribe('a', () => undefined);
    const { guest, join } = await guestOf(holder);
    follower.subscribe('b', () => undefined);
    guest.send({ type: 'redirect', id: join.id, term: 1, port: leader.port });
    expect((await guestOf(leader)).join.keys).toEqual(['"a"', '"b"']);
  });

  test('subscribes upstream what the join has asked for when it is appointed', async () => {
    const holder = await listen(await freePort());
    const follower = client(holder.port);
    const heard: unknown[] = [];
    follower.subscribe('a', (given) => heard.push(given));
    const { guest, join } = await guestOf(holder);
    expect(join.keys).toEqual(['"a"']);
    guest.send({ type: 'appoint', id: join.id, term: 1, isSucceeding: false });
    await follower.ready();
    expect(follower.isClusterClientLeader).toBe(true);
  });

  test('asks for what needs a codec, and for what does not fit, when it is joined', async () => {
    const leader = await listen(0);
    const follower = client(leader.port, { isLeader: false });
    const long = 'x'.repeat(2_900);
    for (const registration of [new Map([['a', 1]]), long, 'y'.repeat(100), 'z'])
      follower.subscribe(registration, () => undefined);
    const { guest, join } = await guestOf(leader);
    expect(join.keys).toEqual([JSON.stringify(long)]);
    guest.send(joined(join) as never);
    expect(await guest.heardOf('topic-subscribe')).toMatchObject({ id: 2 });
    expect(await guest.heardOf('plain-subscribe')).toMatchObject({ id: 3, keys: { length: 2 } });
  });
});

describe('a leader', () => {
  async function come(port: number, keys: readonly string[]): Promise<RawPeer> {
    const peer = await RawPeer.dial(port);
    closing.push(() => peer.socket.destroy());
    expect(await peer.introduce(undefined, port)).toMatchObject({ joinKeys: true });
    const channel = { name: 'registry', identity: '', isStrict: false };
    peer.send({ type: 'join', channel, candidacy: 'follows', term: 0, codecs: ['structured'], keys });
    return peer;
  }

  async function lead(settings: object = {}) {
    const Registry = upstreamClass();
    const port = await freePort();
    const options = { port, logger: recordingLogger(), name: 'registry', auth: false };
    const leader = cluster(Registry, options).create(settings as never);
    leader.on('error', () => undefined);
    closing.push(() => leader.close());
    return { leader, Registry, port };
  }

  test('answers with the numbers and the newest values', async () => {
    const { leader, Registry, port } = await lead();
    await leader.ready();
    leader.subscribe('a', () => undefined);
    Registry.last.push('a', 'of a');
    const peer = await come(port, ['"a"', '"b"']);
    await peer.heardOf('topic-event');
    expect(peer.messages.map(({ type }) => type)).toEqual(['register-result', 'joined', 'topics', 'topic-event']);
    const { id, topics } = await peer.heardOf('topics');
    expect({ id, count: topics.length }).toEqual({ id: 1, count: 2 });
    Registry.last.push('b', 'of b');
    await eventually('the value of b', () => peer.messages.length === 5);
  });

  test('subscribes the keys of a join that waits when its upstream client is ready, and not before', async () => {
    const { leader, Registry, port } = await lead({ notReady: true });
    await eventually('an upstream client', () => Registry.instances.length);
    const peer = await come(port, ['"a"']);
    await peer.heardOf('wait');
    expect(Registry.last.subscribed).toEqual([]);
    Registry.last.ready(true);
    await leader.ready();
    await peer.heardOf('topics');
    await eventually('subscribed', () => Registry.last.subscribed.length === 1);
  });

  test('reports keys that are no JSON to the follower, and serves the others', async () => {
    const { leader, Registry, port } = await lead();
    await leader.ready();
    const peer = await come(port, ['"a"', '', '{']);
    await eventually('two failures', () => peer.messages.filter(({ type }) => type === 'key-failure').length === 2);
    expect(Registry.last.subscribed).toEqual(['a']);
  });

  test('subscribes nothing for a join that is refused', async () => {
    const { leader, Registry, port } = await lead();
    await leader.ready();
    const peer = await RawPeer.dial(port);
    closing.push(() => peer.socket.destroy());
    await peer.introduce(undefined, port);
    const channel = { name: 'registry', identity: '', isStrict: false };
    peer.send({ type: 'join', channel, candidacy: 'follows', term: 0, codecs: ['unknown'], keys: ['"a"'] });
    await peer.heardOf('refusal');
    await peer.closed;
    expect(Registry.last.subscribed).toEqual([]);
    await eventually('no follower', () => leader.status().followers?.length === 0);
  });
});
