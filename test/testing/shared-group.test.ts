// Several members in one process over real sockets, and what happens to them.

import { Base } from 'sdk-base';
import { faultProxy } from '../../src/testing/fault-proxy';
import { manualClock } from '../../src/testing/manual-clock';
import { leakCheck } from '../../src/testing/leak-check';
import { sharedGroup, type SharedGroup } from '../../src/testing/shared-group';
import { waitFor } from '../../src/testing/wait-for';

class Feed extends Base {
  static made: Feed[] = [];
  static closed = 0;
  static values = new Map<string, number>();
  readonly heard = new Map<string, (value: number) => void>();
  constructor() {
    super();
    Feed.made.push(this);
    this.ready(true);
  }
  subscribe({ key }: { key: string }, listener: (value: number) => void): void {
    this.heard.set(key, listener);
    const value = Feed.values.get(key);
    if (value !== undefined) listener(value);
  }
  async get(key: string): Promise<string> {
    return Promise.resolve(`${key} from ${Feed.made.indexOf(this)}`);
  }
  override async close(): Promise<void> {
    Feed.closed++;
    await super.close();
  }
  static set(key: string, value: number): void {
    Feed.values.set(key, value);
    for (const each of Feed.made) each.heard.get(key)?.(value);
  }
}

const started: { close(): Promise<void> }[] = [];
let check: () => Promise<void>;
beforeEach(() => {
  Feed.made = [];
  Feed.closed = 0;
  Feed.values.clear();
  check = leakCheck();
});
afterEach(async () => {
  for (const group of started.splice(0)) await group.close();
  await check();
});
async function group(given: Parameters<typeof sharedGroup<typeof Feed>>[1] = {}) {
  const made = await sharedGroup(Feed, given);
  started.push(made);
  return made;
}
const leaders = (all: SharedGroup<{ ready(): Promise<unknown>; isClusterClientLeader: boolean }>) =>
  all.members.filter(({ isLeader }) => isLeader).length;

it('one of three leads, and all use its upstream client', async () => {
  const feeds = await group();
  expect(feeds.members).toHaveLength(3);
  expect(leaders(feeds)).toBe(1);
  expect(Feed.made).toHaveLength(1);
  expect(await Promise.all(feeds.members.map(({ client }) => client.get('a')))).toEqual(Array(3).fill('a from 0'));
});

it('another one leads when the leader is killed, and values go on', async () => {
  const feeds = await group();
  const heard = feeds.members.map(({ client }) => {
    const values: number[] = [];
    client.subscribe({ key: 'a' }, (value) => values.push(value));
    return values;
  });
  Feed.set('a', 1);
  await waitFor(() => heard.every((values) => values.at(-1) === 1));
  const killed = await feeds.killLeader();
  expect(killed.isAlive).toBe(false);
  const leader = await feeds.leader();
  expect(leader).not.toBe(killed);
  await feeds.ready();
  Feed.set('a', 2);
  const living = feeds.members.map(({ name }) => heard[Number(name.slice(-1)) - 1]!);
  await waitFor(() => living.every((values) => values.at(-1) === 2));
  expect(living).toHaveLength(2);
  expect(Feed.made).toHaveLength(2);
  expect(await Promise.all(feeds.members.map(({ client }) => client.get('b')))).toEqual(Array(2).fill('b from 1'));
});

it('a call that is under way when the leader is killed fails as in production', async () => {
  class Slow extends Feed {
    async never(): Promise<void> {
      return new Promise(() => undefined);
    }
  }
  const slow = await sharedGroup(Slow, { members: 2 });
  started.push(slow);
  const [follower] = await slow.followers();
  const call = follower!.client.never();
  const failed = expect(call).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
  await slow.killLeader();
  await failed;
});

it('the killed process closes no hand-off: followers lose their leader at once', async () => {
  const feeds = await group({ members: 2 });
  await feeds.killLeader();
  await feeds.leader();
  await waitFor(() => feeds.log.some((line) => line.includes('leader lost')));
});

it('a frozen leader answers nothing, keeps the port, and goes on when it is thawed', async () => {
  const feeds = await group({ options: { heartbeatInterval: 200, responseTimeout: 60_000 } });
  const leader = await feeds.leader();
  const [follower] = await feeds.followers();
  feeds.freeze(leader);
  await expect(follower!.client.get('a')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
  expect(Feed.made).toHaveLength(1);
  feeds.thaw(leader);
  await feeds.ready();
  await waitFor(() => follower!.client.get('a').catch(() => undefined));
  expect(Feed.made).toHaveLength(1);
});

it('a frozen follower hears the newest value when it is thawed', async () => {
  const feeds = await group();
  const [follower] = await feeds.followers();
  const values: number[] = [];
  follower!.client.subscribe({ key: 'a' }, (value) => values.push(value));
  Feed.set('a', 1);
  await waitFor(() => values.at(-1) === 1);
  feeds.freeze(follower!);
  Feed.set('a', 2);
  const other = (await feeds.followers()).find((member) => member !== follower)!;
  expect(await other.client.once({ key: 'a' })).toBe(2);
  expect(values).toEqual([1]);
  feeds.thaw(follower!);
  await waitFor(() => values.at(-1) === 2);
});

it('a partition is silent, and heals', async () => {
  const feeds = await group({ options: { heartbeatInterval: 200, responseTimeout: 60_000 } });
  const [one, other] = await feeds.followers();
  await feeds.partition([one!]);
  await expect(one!.client.get('a')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
  expect(await other!.client.get('a')).toBe('a from 0');
  feeds.heal();
  await waitFor(() => one!.client.get('a').catch(() => undefined));
});

it('members of a manual clock live in the time of the test', async () => {
  const clock = manualClock();
  const feeds = await group({ clock });
  const leader = await feeds.leader();
  const [follower] = await feeds.followers();
  // Pings keep the connections alive for as long as the time passes.
  await clock.advanceAsync(600_000);
  expect(feeds.log).toEqual([]);
  feeds.freeze(leader);
  const failed = expect(follower!.client.get('a')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT' });
  await clock.advanceAsync(3_100);
  await failed;
});

it('a member that is added follows; one that was killed cannot be frozen', async () => {
  const feeds = await group({ members: 1 });
  const late = await feeds.add();
  await late.client.ready();
  expect(late.isLeader).toBe(false);
  feeds.kill(late);
  expect(() => feeds.freeze(late)).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_GROUP_FAILED' }));
});

it('options that cannot work are an error, and leave nothing open', async () => {
  await expect(sharedGroup(Feed, { members: 0 })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_GROUP_FAILED' });
  await expect(sharedGroup(5 as never)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_OPTION_INVALID' });
  await expect(faultProxy(0)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_OPTION_INVALID' });
  await expect(sharedGroup(Feed, { options: { heartbeatInterval: -1 } })).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_OPTION_INVALID',
  });
});
