// Several clients of one name in a process that must lead: of each channel one client leads, the others follow, and none is refused.

import cluster, { type ClientOptions } from '../../src';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const Registry = upstreamClass();
type Client = cluster.SharedClientOf<typeof Registry>;

let port: number;
let clients: Client[];
let made: number;

beforeEach(async () => {
  port = await freePort();
  clients = [];
  made = Registry.instances.length;
});

afterEach(async () => {
  for (const client of clients) await client.close();
});

const upstreams = (): number => Registry.instances.length - made;

function create(options: ClientOptions = {}, settings: Record<string, unknown> = {}, library = cluster): Client {
  const client = library(Registry, { name: 'config', port, maxWaitTime: 10_000, logger: recordingLogger(), ...options }).create(
    settings,
  );
  clients.push(client);
  return client;
}

/** A client in the seat that the supervisor gives to the agent (`leads`), or to the next agent (`succeeds`). */
function seated(part: 'leads' | 'succeeds', settings?: object): Client {
  process.env.TRUNKLINE_SEAT = `${part}:${port}`;
  try {
    return create({}, settings as Record<string, unknown>);
  } finally {
    Reflect.deleteProperty(process.env, 'TRUNKLINE_SEAT');
  }
}

async function areOneChannel(...several: Client[]): Promise<void> {
  await Promise.all(several.map((client) => client.ready()));
  const seen: unknown[][] = several.map(() => []);
  several.forEach((client, i) => client.subscribe('key', (value) => seen[i]!.push(value)));
  await eventually('the subscription upstream', () => Registry.last.subscribed.includes('key'));
  Registry.last.push('key', 'value');
  await eventually('the value everywhere', () => seen.every((values) => values.at(-1) === 'value'));
  expect(several.filter((client) => client.isClusterClientLeader).length).toBe(1);
}

test.each(['option', 'seat'] as const)(
  'clients that have to lead by their %s share the upstream client of the first',
  async (how) => {
    const make = (): Client => (how === 'seat' ? seated('leads') : create({ isLeader: true }));
    const several = [make(), make(), make()];
    await areOneChannel(...several);
    expect(upstreams()).toBe(1);
    expect(several[0]!.isClusterClientLeader).toBe(true);
  },
);

test('a client that has to lead follows one of its process that leads because nobody else did', async () => {
  const first = create();
  await first.ready();
  await areOneChannel(first, create({ isLeader: true }));
  expect(upstreams()).toBe(1);
});

test('clients of two copies of this library in one process share the upstream client of the first', async () => {
  let another!: typeof cluster;
  jest.isolateModules(() => {
    another = jest.requireActual<typeof cluster>('../../src');
  });
  expect(another).not.toBe(cluster);
  const second = create({ isLeader: true }, {}, another);
  await areOneChannel(create({ isLeader: true }), second);
  expect(upstreams()).toBe(1);
});

describe('clients with other constructor arguments', () => {
  const upstreamOf = (server: string) => Registry.instances.findLast(({ settings }) => settings.server === server)!;

  /** Resolves when the client gets what this server says. */
  async function hears(client: Client, server: string): Promise<void> {
    const key = `key ${Math.random()}`;
    const seen: unknown[] = [];
    client.subscribe(key, (value) => seen.push(value));
    await eventually('the value', () => {
      upstreamOf(server).push(key, server);
      return seen.includes(server);
    });
  }

  test.each(['option', 'seat'] as const)(
    'that have to lead by their %s lead a channel each, and followers find theirs',
    async (how) => {
      const make = (server: string): Client =>
        how === 'seat' ? seated('leads', { server }) : create({ isLeader: true }, { server });
      const leaders = ['a', 'b', 'c'].map(make);
      const again = make('b');
      await Promise.all(leaders.map((client) => client.ready()));
      expect(leaders.map((client) => client.isClusterClientLeader)).toEqual([true, true, true]);
      const followers = ['c', 'a', 'b'].map((server) => create({ isLeader: false }, { server }));
      for (const [index, server] of ['a', 'b', 'c'].entries()) await hears(leaders[index]!, server);
      for (const [index, server] of ['c', 'a', 'b'].entries()) await hears(followers[index]!, server);
      await hears(again, 'b');
      expect(again.isClusterClientLeader).toBe(false);
      expect(upstreams()).toBe(3);
      // Only what was closed is led anew, by the other client of the process.
      await leaders[1]!.close();
      await hears(again, 'b');
      await hears(followers[2]!, 'b');
      await hears(followers[1]!, 'a');
      expect(again.isClusterClientLeader).toBe(true);
      expect(upstreams()).toBe(4);
    },
  );

  test('a follower that was there before the leader with its arguments goes there when that one leads, without a gap', async () => {
    await create({ isLeader: true }, { server: 'a' }).ready();
    const logger = recordingLogger();
    const follower = create({ isLeader: false, logger }, { server: 'b' });
    await hears(follower, 'a');
    expect(logger.lines.map(({ message }) => message)).toEqual([expect.stringContaining('[0].server')]);
    const roles: unknown[] = [];
    follower.on('role', ({ role }) => roles.push(role));
    await create({ isLeader: true }, { server: 'b' }).ready();
    await hears(follower, 'b');
    expect(roles).toEqual(['follower']); // no time without a role between the two
    expect(upstreams()).toBe(2);
  });

  test('the next agent takes over each of them', async () => {
    const before = ['a', 'b'].map((server) => seated('leads', { server }));
    await Promise.all(before.map((client) => client.ready()));
    const follower = create({ isLeader: false }, { server: 'b' });
    await hears(follower, 'b');
    const next = ['a', 'b'].map((server) => seated('succeeds', { server }));
    await Promise.all(next.map((client) => client.ready()));
    await eventually('the next clients lead', () => next.every((client) => client.isClusterClientLeader));
    await Promise.all(before.map((client) => client.close()));
    await hears(follower, 'b');
    await hears(next[0]!, 'a');
    expect(upstreams()).toBe(4);
  });
});

test("with identity 'warn' a client with other constructor arguments follows with a warning that names them", async () => {
  const first = create({ isLeader: true, identity: 'warn' }, { server: 'a' });
  const logger = recordingLogger();
  const second = create({ isLeader: true, identity: 'warn', logger }, { server: 'b' });
  await areOneChannel(first, second);
  expect(upstreams()).toBe(1);
  expect(logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
    expect.stringContaining('server'),
  ]);
});

test('when the one that leads is closed, the next one of the process leads, and no value is lost', async () => {
  const first = create({ isLeader: true });
  const second = create({ isLeader: true });
  const third = create({ isLeader: true });
  await areOneChannel(first, second, third);
  await first.close();
  await areOneChannel(second, third);
  expect(upstreams()).toBe(2);
});

test('a client that is created after all others were closed leads again', async () => {
  for (let round = 1; round <= 2; round++) {
    const [first, second] = [create({ isLeader: true }), create({ isLeader: true })];
    await areOneChannel(first, second);
    await Promise.all([first.close(), second.close()]);
    expect(upstreams()).toBeLessThanOrEqual(2 * round);
  }
});

test('a second client is closed while it waits for the first, and the first while nobody has become ready', async () => {
  const first = create({ isLeader: true }, { notReady: true });
  const second = create({ isLeader: true }, { notReady: true });
  await second.close();
  await first.close();
  await areOneChannel(create({ isLeader: true }));
});

test('where the port is held by a process with other channels, one is appointed and the others follow it', async () => {
  const holder = create({ name: 'other', isLeader: true });
  await holder.ready();
  const several = [create({ isLeader: true }), create({ isLeader: true })];
  await areOneChannel(...several);
  expect(upstreams()).toBe(2);
});

test('of the next agent one client succeeds, the others follow it, and none takes the channel from another', async () => {
  const before = [seated('leads'), seated('leads')];
  await areOneChannel(...before);
  // An instance of a class does not count as an argument: to the same process, other arguments would be another channel.
  class Late {
    notReady = true;
  }
  const next = [seated('succeeds', new Late()), seated('succeeds', new Late())];
  await eventually('the next upstream client', () => upstreams() === 2);
  Registry.last.ready(true);
  await areOneChannel(...next, ...before);
  expect(next.some((client) => client.isClusterClientLeader)).toBe(true);
  const terms = clients.map((client) => client.status().term);
  await Promise.all(before.map((client) => client.close()));
  await areOneChannel(...next);
  expect(next.map((client) => client.status().term)).toEqual(terms.slice(2));
  expect(upstreams()).toBe(2);
});

test('a process in which another leads refuses every client that has to lead, as before', async () => {
  // Another copy of the library knows nothing of this process, as another process would.
  const elsewhere = create({ isLeader: true });
  await elsewhere.ready();
  const own = (globalThis as Record<symbol, unknown>)[Symbol.for('trunkline#ownChannels')] as Set<unknown>;
  const known = [...own];
  own.clear();
  const refused = [create({ isLeader: true }), create({ isLeader: true })];
  for (const client of refused) {
    client.on('error', () => undefined);
    await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_PORT_TAKEN' });
  }
  for (const each of known) own.add(each);
});
