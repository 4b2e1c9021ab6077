// Streams between real processes: bounded memory, slow and stopped readers, and what becomes of both ends when the other one is gone.

import type { Reading } from '../fixtures/stream-member';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

const MiB = 2 ** 20;
/** What a reader may be behind, with the item that is under way. */
const CREDIT_BYTES = 256 * 1024;

let members: Child[] = [];
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(members.map((member) => member.stop()));
  members = [];
});

interface State {
  readonly begun: number;
  readonly yielded: number;
  readonly ended: number;
  readonly rss: number;
  readonly heldBytes: number;
  readonly state: string;
  readonly role: string;
  readonly streams: number;
  /** Streams that the followers read. */
  readonly theirs: number;
  readonly outboxBytes: number;
}

async function start(isLeader: boolean | undefined, execArgv: string[] = [], options: object = {}): Promise<Child> {
  const member = new Child('stream-member', { MEMBER: JSON.stringify({ port, isLeader, ...options }) }, execArgv);
  members.push(member);
  await member.message('ready', ({ type }) => type === 'ready');
  return member;
}

const stateOf = async (member: Child): Promise<State> => (await member.ask({ type: 'state' })) as unknown as State;
const begin = (member: Child, streams: number, args: number[], method = 'rows') =>
  member.ask({ type: 'begin', streams, args, method });
const read = async (member: Child, request: object = {}): Promise<Reading[]> =>
  (await member.ask({ type: 'read', ...request })).readings as Reading[];

test('256 MiB that are read slowly cost neither process more than a few MiB', async () => {
  const small = ['--max-old-space-size=32'];
  const [leader, follower] = [await start(true, small), await start(false, small)];
  const rows = 4096;
  const before = await stateOf(leader);
  const { rss } = await begin(follower, 1, [rows, 64 * 1024]);
  const { readings, maxRss } = await follower.ask({ type: 'read', pauseEvery: 16 });
  expect(readings).toEqual([{ last: rows, isInOrder: true, returned: `all ${rows}` }]);
  const after = await stateOf(leader);
  const grown = [(maxRss as number) - (rss as number), after.rss - before.rss].map((bytes) => bytes / MiB);
  process.stdout.write(
    `256 MiB read slowly: rss of the reader ${grown[0]!.toFixed(0)} MiB more, of the leader ${grown[1]!.toFixed(0)}\n`,
  );
  expect(Math.max(...grown)).toBeLessThan(100);
  expect(after).toMatchObject({ begun: 1, yielded: rows, ended: 1, theirs: 0 });
  expect(await stateOf(follower)).toMatchObject({ begun: 0, streams: 0 });
});

test('a reader that never reads holds its credit and an item, and the generator waits', async () => {
  const [leader, follower] = [await start(true), await start(false)];
  const bytes = 10_000;
  await begin(follower, 1, [1e6, bytes]);
  const most = Math.ceil(CREDIT_BYTES / bytes) + 1;
  await eventually('the credit is used up', async () => (await stateOf(leader)).yielded >= most - 2);
  // Everything that could go on has had its turn when a call and an answer have gone by a few times.
  for (let i = 0; i < 10; i++) await stateOf(follower);
  const state = await stateOf(leader);
  expect(state.yielded).toBeLessThanOrEqual(most);
  expect(state).toMatchObject({ begun: 1, ended: 0, theirs: 1 });
  expect(await stateOf(follower)).toMatchObject({ streams: 1 });
  expect(await read(follower, { atMost: 500 })).toEqual([{ last: 501, isInOrder: true }]);
  await follower.ask({ type: 'leave' });
  expect(await stateOf(leader)).toMatchObject({ ended: 1, theirs: 0 });
});

test('many streams for a stopped process cost the leader what may wait for it, and go on in order', async () => {
  const [leader, follower] = [await start(true, ['--expose-gc']), await start(false)];
  const before = await stateOf(leader);
  await begin(follower, 100, [200, 20_000]);
  follower.kill('SIGSTOP');
  const stopped = await eventually('the streams pause', async () => {
    const first = await stateOf(leader);
    const second = await stateOf(leader);
    return first.yielded === second.yielded ? second : undefined;
  });
  expect(stopped.outboxBytes).toBeLessThan(4 * MiB);
  expect(stopped.heldBytes - before.heldBytes).toBeLessThan(30 * MiB);
  follower.kill('SIGCONT');
  const readings = await read(follower);
  expect(readings).toEqual(Array.from({ length: 100 }, () => ({ last: 200, isInOrder: true, returned: 'all 200' })));
  expect(await stateOf(leader)).toMatchObject({ begun: 100, ended: 100, theirs: 0 });
});

test('a reader that is killed ends the generator', async () => {
  const [leader, follower] = [await start(true), await start(false)];
  await begin(follower, 3, [1e6, 100]);
  expect(await stateOf(leader)).toMatchObject({ begun: 3, ended: 0, theirs: 3 });
  follower.kill('SIGKILL');
  await eventually('the end of the generators', async () => (await stateOf(leader)).ended === 3);
  expect(await stateOf(leader)).toMatchObject({ theirs: 0 });
});

test('a leader that is killed ends a stream behind the rows that have come', async () => {
  const [leader, follower] = [await start(true), await start(undefined)];
  await begin(follower, 2, [1e6, 1_000]);
  await eventually('the credit is used up', async () => (await stateOf(leader)).yielded > 2 * 200);
  leader.kill('SIGKILL');
  const readings = await read(follower);
  for (const reading of readings) expect(reading).toMatchObject({ isInOrder: true, code: 'ERR_TRUNKLINE_LEADER_LOST' });
  for (const { last } of readings) expect(last).toBeGreaterThan(1);
  // The next stream is that of the next leader, which is this process.
  await begin(follower, 1, [10, 10]);
  expect((await read(follower)).at(-1)).toEqual({ last: 10, isInOrder: true, returned: 'all 10' });
});

test('a leader that is stopped ends a stream when it has been silent for too long', async () => {
  const heartbeat = { heartbeatInterval: 200 };
  const [leader, follower] = [await start(true, [], heartbeat), await start(false, [], heartbeat)];
  await begin(follower, 1, [5], 'ticks');
  leader.kill('SIGSTOP');
  expect(await read(follower)).toEqual([
    { last: expect.any(Number) as number, isInOrder: true, code: 'ERR_TRUNKLINE_LEADER_LOST' },
  ]);
});

test('a leader that closes lets a stream finish that ends in time', async () => {
  const [leader, follower] = [await start(undefined), await start(undefined)];
  await begin(follower, 1, [2_000, 1_000]);
  const closed = leader.ask({ type: 'close' });
  expect(await read(follower)).toEqual([{ last: 2_000, isInOrder: true, returned: 'all 2000' }]);
  await closed;
  await eventually('the follower leads', async () => (await stateOf(follower)).role === 'leader');
});

test('a leader that closes ends a stream that does not, after its time to hand over', async () => {
  const [leader, follower] = [await start(undefined), await start(undefined)];
  await begin(follower, 1, [5], 'ticks');
  const reading = read(follower);
  await leader.ask({ type: 'close' });
  expect(await reading).toEqual([{ last: expect.any(Number) as number, isInOrder: true, code: 'ERR_TRUNKLINE_LEADER_LOST' }]);
  await eventually('the follower leads', async () => (await stateOf(follower)).role === 'leader');
});
