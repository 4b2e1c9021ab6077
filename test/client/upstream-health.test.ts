// The health of the upstream client in every role: what the class says crosses to the followers, and values are served all the same.

import cluster from '../../src';
import type { UpstreamView } from '../../src/host-view';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { readyIn, ROLES } from '../support/in-role';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

let port: number;
let Registry: ReturnType<typeof upstreamClass>;
const open: object[] = [];

beforeEach(async () => {
  port = await freePort();
  Registry = upstreamClass();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => cluster.close(client)));
});

function create(options: ClientOptions = {}) {
  const client = cluster(Registry, { name: 'registry', port, logger: recordingLogger(), ...options }).create();
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

type Client = ReturnType<typeof create>;

/** Everything that a client tells of the upstream client from now on. */
function toldOf(client: Client): UpstreamView[] {
  const told: UpstreamView[] = [];
  (client as { on(event: string, listener: (upstream: UpstreamView) => void): unknown }).on(
    'upstream',
    (upstream) => void told.push(upstream),
  );
  return told;
}

const stateOf = (client: Client): string => client.status().upstream.state;

describe.each(ROLES)('a %s', (role) => {
  const ready = () => readyIn(role, create);

  it('sees what the class says by an event, and goes on to be ready and to serve values', async () => {
    const client = await ready();
    expect(client.status().upstream).toEqual({ state: 'ok', since: expect.any(Number) as number, error: undefined });
    const values: unknown[] = [];
    const subscription = client.subscribe({ id: 'a' }, (value: unknown) => void values.push(value));
    await eventually('it is subscribed', () => Registry.last.upstreamListeners.size === 1);
    expect(subscription.isStale).toBe(false);
    const told = toldOf(client);
    const before = Date.now();
    Registry.last.emit('health', { ok: false, error: new Error('the server does not answer') });
    await eventually('it is told', () => stateOf(client) === 'degraded');
    const { since, error } = client.status().upstream;
    expect(error).toBe('the server does not answer');
    expect(since).toBeGreaterThanOrEqual(before - 1);
    expect(since).toBeLessThanOrEqual(Date.now());
    expect(client.status().state).toBe('ready');
    expect(client.isReady).toBe(true);
    expect(subscription.isStale).toBe(true);
    Registry.last.push({ id: 'a' }, 'still served');
    await eventually('the value has come', () => values.length > 0);
    expect(client.latest({ id: 'a' })).toBe('still served');
    await expect(client.echo(1)).resolves.toBe(1);
    await eventually('the change was told', () => told.length === 1);
    Registry.last.emit('health', { ok: true });
    await eventually('it is well again', () => stateOf(client) === 'ok');
    expect(subscription.isStale).toBe(false);
    await eventually('both were told', () => told.length === 2);
    expect(told.map(({ state }) => state)).toEqual(['degraded', 'ok']);
  });

  it('sees a property of the class, also one that throws', async () => {
    let health: unknown = { ok: true };
    Object.defineProperty(Registry.prototype, 'health', {
      get: () => {
        if (health instanceof Error) throw health;
        return health;
      },
    });
    const client = await ready();
    health = { ok: false, error: 'no quorum' };
    await eventually('it was looked at', () => client.status().upstream.error === 'no quorum');
    health = new Error('cannot tell');
    await eventually('it was looked at again', () => client.status().upstream.error === 'cannot tell');
    expect(stateOf(client)).toBe('degraded');
    health = { ok: true };
    await eventually('it is well again', () => stateOf(client) === 'ok');
  });

  it('takes no notice of an event or a property of that name that means something else', async () => {
    (Registry.prototype as { health?: unknown }).health = () => 'fine';
    const client = await ready();
    for (const given of [undefined, null, 1, 'bad', {}, { ok: 0 }, []]) Registry.last.emit('health', given);
    await client.echo(1); // what the leader would have told is here before the answer
    expect(stateOf(client)).toBe('ok');
  });

  it('sees that the upstream client is lost, and that there is a next one', async () => {
    const client = await ready();
    Registry.last.emit('health', { ok: false });
    await eventually('it is told', () => stateOf(client) === 'degraded');
    const told = toldOf(client);
    Registry.last.emit('close');
    await eventually(
      'there is a next one, of which nothing bad is known',
      () => Registry.instances.length === 2 && stateOf(client) === 'ok',
    );
    expect(told.map(({ state }) => state)).toEqual(['connecting', 'ok']);
    expect(told[0]!.error).toContain('a new one is being created');
  });
});

test('a follower that joins a degraded leader is ready, and knows from its first moment on', async () => {
  const leader = create({ isLeader: true });
  await leader.ready();
  Registry.last.emit('health', { ok: false, error: 'slow' });
  await eventually('it is told', () => stateOf(leader) === 'degraded');
  const { since } = leader.status().upstream;
  const follower = create({ isLeader: false });
  const states: unknown[] = [];
  follower.on('ready', () => states.push(stateOf(follower)));
  await follower.ready();
  states.push(stateOf(follower));
  expect(new Set(states)).toEqual(new Set(['degraded']));
  const { upstream } = follower.status();
  expect(upstream.error).toBe('slow');
  expect(Math.abs(upstream.since! - since!)).toBeLessThan(60_000);
});

test('the health is that of the upstream client of the present leader, after a failover too', async () => {
  const first = create();
  await first.ready();
  const second = create();
  const third = create();
  await Promise.all([second.ready(), third.ready()]);
  Registry.last.emit('health', { ok: false, error: 'first' });
  await eventually('all know', () => [first, second, third].every((each) => stateOf(each) === 'degraded'));
  await cluster.close(first);
  await eventually('the next one is well', () => [second, third].every((each) => stateOf(each) === 'ok'));
  Registry.last.emit('health', { ok: false, error: 'second' });
  await eventually('both know', () => [second, third].every((each) => each.status().upstream.error === 'second'));
});

test('a client without a role knows nothing of the upstream client', async () => {
  const client = create({ isLeader: false });
  expect(client.status().upstream).toEqual({ state: 'unknown', since: undefined, error: undefined });
  expect(client.subscribe({ id: 'a' }, () => undefined).isStale).toBe(true);
  await cluster.close(client);
  expect(stateOf(client)).toBe('unknown');
});

test('a class that wavers is told of at a bounded rate, and its last word counts', async () => {
  const leader = create({ isLeader: true });
  await leader.ready();
  const follower = create({ isLeader: false });
  await follower.ready();
  const told = toldOf(follower);
  for (let i = 0; i < 10_000; i++) Registry.last.emit('health', { ok: i % 2 === 0, error: `no. ${i}` });
  await eventually('the last word has come', () => follower.status().upstream.error === 'no. 9999');
  expect(told.length).toBeLessThan(100);
});

test('a class without events is well as long as it is ready', async () => {
  class Plain {
    async get(): Promise<number> {
      return Promise.resolve(1);
    }
  }
  const client = cluster(Plain, { singleMode: true, logger: recordingLogger() }).create();
  open.push(client);
  await client.ready();
  expect(client.status().upstream.state).toBe('ok');
});
