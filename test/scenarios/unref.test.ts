// Whether a client keeps its process alive: by default, and after `unref()` and `ref()`, in every role.

import { Child } from '../support/child';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

let children: Child[] = [];
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(children.map((child) => child.stop()));
  children = [];
});

interface Setup {
  readonly options?: object;
  readonly says?: readonly string[];
  readonly saysReady?: readonly string[];
  readonly upstream?: string;
  readonly does?: string;
}

function start({ options = {}, says = [], saysReady = [], upstream = 'nothing', does }: Setup): Child {
  const child = new Child('idle-member', {
    MEMBER: JSON.stringify({ options: { port, ...options }, says, saysReady, upstream, does }),
  });
  children.push(child);
  return child;
}
const said = (child: Child, type: string) => child.message(type, (message) => message.type === type);
const leads = { isLeader: true };
const follows = { isLeader: false };

/** Ends by itself, with nothing failed. */
async function ends(child: Child): Promise<void> {
  expect(await child.exited).toMatchObject({ code: 0 });
}

/** Others of its kind end in this time, and this one does not. */
async function stays(child: Child): Promise<void> {
  const other = start({ options: { singleMode: true }, says: ['unref'] });
  await ends(other);
  expect(child.isAlive).toBe(true);
}

test('a leader keeps its process alive, and does not after unref()', async () => {
  const [held, released] = [
    start({ options: leads }),
    start({ options: { ...leads, port: await freePort() }, saysReady: ['unref'] }),
  ];
  await said(held, 'ready');
  expect(await said(released, 'ready')).toMatchObject({ role: 'leader', got: 'got' });
  await ends(released);
  await stays(held);
});

test('a follower keeps its process alive, and does not after unref()', async () => {
  await said(start({ options: leads }), 'ready');
  const [held, released] = [start({ options: follows }), start({ options: follows, saysReady: ['unref'] })];
  await said(held, 'ready');
  expect(await said(released, 'ready')).toMatchObject({ role: 'follower', got: 'got' });
  await ends(released);
  await stays(held);
});

test('a leader on a port of its own ends after unref(), and ref() undoes unref()', async () => {
  const leader = start({ options: { isLeader: undefined }, says: ['unref', 'ref'] });
  await said(leader, 'ready');
  const follower = start({ options: {} });
  expect(await said(follower, 'ready')).toMatchObject({ role: 'follower' });
  const unref = start({ options: { name: 'other' }, saysReady: ['unref'] }); // appointed, on a port of its own
  expect(await said(unref, 'ready')).toMatchObject({ role: 'leader' });
  await ends(unref);
  await stays(leader);
});

test('a follower that reads a stream ends after unref()', async () => {
  await said(start({ options: leads }), 'ready');
  const reader = start({ options: follows, saysReady: ['unref'], does: 'begins' });
  await said(reader, 'begun');
  await ends(reader);
  const held = start({ options: follows, does: 'begins' });
  await said(held, 'begun');
  await stays(held);
});

test('a client that waits for a leader, or for its upstream client, keeps its process alive, and does not after unref()', async () => {
  const waiting = start({ options: follows });
  await ends(start({ options: follows, says: ['unref'] }));
  const failing = [start({ options: leads, upstream: 'fails' }), start({ options: { singleMode: true }, upstream: 'fails' })];
  await said(failing[1]!, 'not-ready');
  await ends(start({ options: { port: await freePort() }, upstream: 'fails', says: ['unref'] }));
  await ends(start({ options: { port: await freePort() }, upstream: 'hangs', says: ['unref'] }));
  await ends(start({ options: { singleMode: true }, upstream: 'fails', says: ['unref'] }));
  for (const child of [waiting, ...failing]) await stays(child);
});

test('in single mode the upstream client alone decides by default, and ref() keeps the process alive', async () => {
  const singleMode = { singleMode: true };
  await ends(start({ options: singleMode }));
  await ends(start({ options: singleMode, says: ['ref', 'unref'] }));
  await stays(start({ options: singleMode, upstream: 'timer' }));
  await stays(start({ options: singleMode, says: ['unref', 'ref'] }));
});

test('an upstream client that has ref and unref is told in every role; another keeps the process alive', async () => {
  for (const options of [{ singleMode: true }, leads]) {
    await ends(start({ options, upstream: 'known timer', says: ['unref'] }));
    await stays(start({ options: { ...options, port: await freePort() }, upstream: 'known timer', says: ['unref', 'ref'] }));
    await stays(start({ options: { ...options, port: await freePort() }, upstream: 'timer', says: ['unref'] }));
  }
});

test('close() of a client that was unref() is awaited to its end', async () => {
  await said(start({ options: leads }), 'ready');
  for (const options of [follows, { port: await freePort() }, { singleMode: true }]) {
    const child = start({ options, saysReady: ['unref'], does: 'close' });
    await said(child, 'closed');
    await ends(child);
  }
});
