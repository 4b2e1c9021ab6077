// What the suite of all adapters cannot know of ZooKeeper: rights, sessions that overlap, folders, servers that lose their data, and
// what node-zookeeper-client lacks.

import type { StoredEntry, WatchedState } from '../../src/adapters/registry';
import { connectZooKeeper, ZooKeeperClient, type ZooKeeperOptions } from '../../src/adapters/zookeeper';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { describeWithZooKeeper, ZooKeeperServer, ZooKeeperUser } from '../support/zookeeper';

describeWithZooKeeper('ZooKeeper', () => {
  let server: ZooKeeperServer;
  let user: ZooKeeperUser;
  let root: string;
  let places = 0;
  const clients: ZooKeeperClient[] = [];
  const lines: FaultProxy[] = [];

  beforeAll(async () => {
    server = await ZooKeeperServer.start();
  });
  afterAll(() => server.stop());
  leavesNothingOpen();
  beforeEach(async () => {
    user = await ZooKeeperUser.connect(server.address);
    root = `/place-${++places}`;
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(lines.splice(0).map((line) => line.close()));
    await user.close();
  });

  function connect(own: Partial<ZooKeeperOptions> = {}): ZooKeeperClient {
    const client = new ZooKeeperClient({ connectString: server.address, root, ...own });
    clients.push(client);
    return client;
  }

  async function connected(own: Partial<ZooKeeperOptions> = {}): Promise<ZooKeeperClient> {
    const client = connect(own);
    await client.ready();
    return client;
  }

  async function throughLine(): Promise<{ client: ZooKeeperClient; line: FaultProxy }> {
    const line = await FaultProxy.start(server.port);
    lines.push(line);
    return { client: await connected({ connectString: `127.0.0.1:${line.port}` }), line };
  }

  /** The states that a watch has given. */
  async function statesOf(client: ZooKeeperClient, what: { key: string } | { prefix: string }): Promise<WatchedState[]> {
    const states: WatchedState[] = [];
    await client.subscribe(what, (state) => states.push(state));
    return states;
  }

  const textOf = (state: WatchedState | undefined): string | undefined =>
    (state as StoredEntry | null | undefined)?.bytes && Buffer.from((state as StoredEntry).bytes).toString();
  const keysOf = (state: WatchedState | undefined): string => (state as StoredEntry[]).map(({ key }) => key).join();

  describe('keys and nodes', () => {
    it.each(['/a', 'a/', 'a//b', '.', 'a/../b', 'zero\u0000', 'smile \u{1f600}'])('refuses the key %j', async (key) => {
      const client = await connected();
      const refusal = { code: 'ERR_TRUNKLINE_KEY_INVALID', key };
      await expect(client.put(key, Buffer.from('x'))).rejects.toMatchObject(refusal);
      await expect(client.get(key)).rejects.toMatchObject(refusal);
      await expect(client.subscribe({ key }, () => undefined)).rejects.toMatchObject(refusal);
    });

    it("leaves out the server's own nodes, and refuses them as keys", async () => {
      const client = await connected({ root: '/' });
      await user.write(`${root}/a`, 'x');
      expect(keysOf(await client.list(''))).toContain(`${root.slice(1)}/a`);
      expect(keysOf(await client.list(''))).not.toContain('zookeeper');
      await expect(client.get('zookeeper/quota')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID' });
    });

    it('makes the nodes above a key without data, and they are no keys', async () => {
      const client = await connected();
      await client.put('a/b/c', Buffer.from('x'));
      expect(await user.data(`${root}/a`)).toMatchObject({ bytes: undefined });
      expect(keysOf(await client.list(''))).toBe('a/b/c');
      expect(await client.get('a/b')).toBeNull();
      expect(await client.put('a/b', Buffer.from('y'), { ifVersion: 0 })).toBe(2);
      await expect(client.put('a/b', Buffer.from('y'), { ifVersion: 0 })).rejects.toMatchObject({ version: 2 });
    });

    it('takes version 0 of a node for version 0 in transactions', async () => {
      await user.write(`${root}/a`, 'x');
      await user.write(`${root}/a`, 'changed');
      expect(await user.session.clear(`${root}/a`, 0)).toMatchObject({ code: -103 });
      expect(await user.session.replace(`${root}/a`, Buffer.from('y'), 0)).toMatchObject({ code: -103 });
      expect((await user.data(`${root}/a`))!.bytes!.toString()).toBe('changed');
    });

    it('deletes a key that has others below', async () => {
      const client = await connected();
      await client.put('a', Buffer.from('x'));
      await client.put('a/b', Buffer.from('y'));
      const states = await statesOf(client, { key: 'a' });
      await user.write(`${root}/a`, 'changed');
      await expect(client.delete('a', { ifVersion: 1 })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_VERSION_CONFLICT' });
      expect(await client.delete('a', { ifVersion: 2 })).toBe(true);
      expect(await client.delete('a')).toBe(false);
      expect(keysOf(await client.list(''))).toBe('a/b');
      await eventually('the deletion', () => states.at(-1) === null);
    });

    it('gives the newest value after a deletion, though its version begins anew', async () => {
      const client = await connected();
      for (const text of ['one', 'two', 'three']) await user.write(`${root}/a`, text);
      const states = await statesOf(client, { key: 'a' });
      await user.remove(`${root}/a`);
      await user.write(`${root}/a`, 'again');
      await eventually('the new value', () => textOf(states.at(-1)) === 'again');
      expect(states.at(-1)).toMatchObject({ version: 1 });
    });

    it('watches a prefix at every depth, with a part of a name, and before its folder exists', async () => {
      const client = await connected();
      const states = await statesOf(client, { prefix: 'a/b' });
      expect(states).toEqual([[]]);
      for (const key of ['a/b', 'a/bc/d/e', 'a/c', 'ab']) await user.write(`${root}/${key}`, key);
      await eventually('two keys', () => keysOf(states.at(-1)) === 'a/b,a/bc/d/e');
      // A second prefix in the same folder, of which the first has left the children alone.
      const others = await statesOf(client, { prefix: 'a/c' });
      expect(keysOf(others[0])).toBe('a/c');
      for (const key of ['a/bc/d/e', 'a/bc/d', 'a/bc']) await user.remove(`${root}/${key}`);
      await eventually('one key', () => keysOf(states.at(-1)) === 'a/b');
      await user.write(`${root}/a/bc/d/e`, 'again');
      await eventually('two keys again', () => keysOf(states.at(-1)) === 'a/b,a/bc/d/e');
      await client.unSubscribe({ prefix: 'a/b' });
      await user.write(`${root}/a/c/d`, 'more');
      await eventually('a key below', () => keysOf(others.at(-1)) === 'a/c,a/c/d');
      expect(keysOf(states.at(-1))).toBe('a/b,a/bc/d/e');
    });
  });

  describe('registrations', () => {
    const entry = { key: 'services/shop/one', text: '{}' };
    const ownerOf = async (): Promise<string | undefined> =>
      (await user.data(`${root}/${entry.key}`))?.stat.ephemeralOwner.toString('hex');

    it('replace those of a dead predecessor, whose session takes nothing along', async () => {
      const { client: dead, line } = await throughLine();
      await dead.publish(entry);
      await dead.publish({ key: 'services/shop/witness', text: '{}' });
      const owner = await ownerOf();
      line.swallow();
      const next = await connected();
      await next.publish(entry);
      const nextOwner = await ownerOf();
      expect(nextOwner).not.toBe(owner);
      // Another node of the dead session shows when the session has ended.
      await eventually('the end of the session', async () => !(await user.data(`${root}/services/shop/witness`)));
      expect(await ownerOf()).toBe(nextOwner);
      line.stopSwallowing();
      await eventually('that the first client is back', () => dead.health.ok);
      expect(await ownerOf()).toBe(nextOwner);
    });

    it('come back when somebody removes them, and not when another client has taken over', async () => {
      const [first, second] = [await connected(), await connected()];
      await first.publish(entry);
      const owner = await ownerOf();
      await user.remove(`${root}/${entry.key}`);
      await eventually('the registration again', async () => (await ownerOf()) === owner);
      await second.publish(entry);
      const nextOwner = await ownerOf();
      expect(nextOwner).not.toBe(owner);
      await first.unPublish({ ...entry, text: 'of before' });
      expect(await ownerOf()).toBe(nextOwner);
      await second.close();
      await eventually("the first client's registration", async () => (await ownerOf()) === owner);
      await first.unPublish(entry);
      expect(await ownerOf()).toBeUndefined();
    });

    it('are refused below a registration', async () => {
      const client = await connected();
      await client.publish(entry);
      const below = client.put(`${entry.key}/below`, Buffer.from('x'));
      await expect(below).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID' });
    });
  });

  describe('rights', () => {
    const auth = { username: 'shop', password: 'secret' };

    it('are refused with a code by ready() and by calls, and a node of a prefix that may not be read is left out', async () => {
      const owner = await ZooKeeperUser.connect(server.address, { ...auth, access: 'creator' });
      await user.write(`${root}/open/a`, 'x');
      await owner.write(`${root}/closed/a`, 'x');
      await owner.create(`${root}/open/secret`, Buffer.from('x'));
      await owner.close();
      await expect(connected({ root: `${root}/closed` })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
      const wrong = connect({ root: `${root}/closed`, ...auth, password: 'wrong' });
      await expect(wrong.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED', server: server.address });
      const client = await connected({ root: `${root}/open` });
      await expect(client.get('secret')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
      await expect(client.put('secret', Buffer.from('y'))).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
      await expect(client.subscribe({ key: 'secret' }, () => undefined)).rejects.toMatchObject({
        code: 'ERR_TRUNKLINE_STORE_DENIED',
      });
      await client.unSubscribe({ key: 'secret' });
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const states = await statesOf(client, { prefix: '' });
      expect(keysOf(states.at(-1))).toBe('a');
      expect(errors).toMatchObject([{ code: 'ERR_TRUNKLINE_STORE_DENIED' }]);
    });

    it('are those of the user, also for what is asked at once after a cut', async () => {
      const line = await FaultProxy.start(server.port);
      lines.push(line);
      const client = await connected({ connectString: `127.0.0.1:${line.port}`, ...auth, access: 'creator' });
      await client.put('a', Buffer.from('x'));
      line.cut();
      expect(await client.get('a')).toMatchObject({ version: 1 });
      expect(await client.list('')).toHaveLength(1);
    });
  });

  describe('faults', () => {
    it('a server that has lost its data is taken as it is', async () => {
      const client = await connected();
      for (const text of ['one', 'two']) await user.write(`${root}/a`, text);
      const states = await statesOf(client, { key: 'a' });
      await client.publish({ key: 'services/shop/one', text: '{}' });
      await server.kill();
      await server.startAgain({ withData: false });
      const other = await ZooKeeperUser.connect(server.address);
      await other.write(`${root}/a`, 'new');
      await eventually('the new value', () => textOf(states.at(-1)) === 'new');
      await eventually('the registration', () => other.data(`${root}/services/shop/one`));
      await eventually('that the health is good', () => client.health.ok);
      await other.close();
    });

    it('watches and registrations are made anew when the session has expired', async () => {
      const { client, line } = await throughLine();
      await user.write(`${root}/a`, 'one');
      const states = await statesOf(client, { key: 'a' });
      const prefixed = await statesOf(client, { prefix: '' });
      await client.publish({ key: 'services/shop/one', text: '{}' });
      line.swallow();
      await eventually('the end of the session', async () => !(await user.data(`${root}/services/shop/one`)));
      await user.write(`${root}/a`, 'two');
      await user.write(`${root}/b`, 'two');
      expect(client.health).toMatchObject({ ok: false, error: { code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' } });
      await expect(client.get('a')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
      line.stopSwallowing();
      await eventually(
        'both changes',
        () => textOf(states.at(-1)) === 'two' && keysOf(prefixed.at(-1)).startsWith('a,b,services'),
      );
      await user.write(`${root}/a`, 'three');
      await eventually('a change in the new session', () => textOf(states.at(-1)) === 'three');
    });

    it('an answer that is cut in its middle is asked for again, and the session goes on', async () => {
      const { client, line } = await throughLine();
      const value = Buffer.alloc(900_000, 'x');
      await user.write(`${root}/a`, value);
      await client.publish({ key: 'services/shop/one', text: '{}' });
      const owner = (await user.data(`${root}/services/shop/one`))!.stat.ephemeralOwner;
      const reading = client.get('a');
      line.resetWithin('toClient', 1_000);
      expect(Buffer.compare((await reading)!.bytes, value)).toBe(0);
      expect((await user.data(`${root}/services/shop/one`))!.stat.ephemeralOwner).toEqual(owner);
    });

    it('more than 1 MB of watched names outlives a cut', async () => {
      const { client, line } = await throughLine();
      const keys = Array.from({ length: 1_200 }, (_, index) => `${index}`.padEnd(1_000, '-'));
      await Promise.all(keys.map((key) => user.write(`${root}/${key}`, 'x')));
      const states = await statesOf(client, { prefix: '' });
      expect(states.at(-1)).toHaveLength(1_200);
      line.cut();
      await user.write(`${root}/new`, 'x');
      await eventually('the new key', () => (states.at(-1) as StoredEntry[]).length === 1_201);
    });

    it('an answer that node-zookeeper-client cannot read is a coded error, and the client goes on', async () => {
      await user.write(`${root}/full/a`, 'x');
      // As zkCli.sh setquota does.
      const limits = `/zookeeper/quota${root}/full/zookeeper_limits`;
      await user.write(limits, 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2');
      await user.write(`/zookeeper/quota${root}/full/zookeeper_stats`, 'count=2,bytes=1');
      const client = await connected();
      const put = client.put('full/b', Buffer.from('x'));
      await expect(put).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_FULL', server: server.address });
      await user.remove(limits);
      expect((await client.get('full/a'))!.version).toBe(1);
    });

    it('a client is closed while it connects, and while nobody answers', async () => {
      await connect().close();
      const nobody = connect({ connectString: `127.0.0.1:${await freePort()}` });
      await expect(nobody.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
      await nobody.close();
      const silent = await FaultProxy.start(server.port);
      lines.push(silent);
      silent.swallow();
      await connect({ connectString: `127.0.0.1:${silent.port}` }).close();
    });

    it('a server of the list that is away is passed over', async () => {
      const client = await connected({ connectString: `127.0.0.1:${await freePort()},${server.address}` });
      await client.put('a', Buffer.from('x'));
    });
  });
});

it('the order of the servers does not make another channel', async () => {
  const connected = ['a:2181,b', 'b:2181, a:2181'].map((connectString) =>
    connectZooKeeper({ connectString, root: '/x' }, { singleMode: true }),
  );
  const names = connected.map(({ status }) => status().channel);
  await Promise.all(connected.map(({ close }) => close()));
  expect(names).toEqual(['zookeeper a:2181,b:2181/x', 'zookeeper a:2181,b:2181/x']);
});

it.each([
  ['connectString', { connectString: '[::1]:2181' }],
  ['root', { root: 'relative' }],
  ['timeToLiveMs', { timeToLiveMs: 0 }],
  ['access', { access: 'creator' as const }],
  ['username', { username: 'a:b', password: '' }],
  ['username', { password: 'secret' }],
  ['password', { username: 'shop' }],
])('a wrong %s is refused at once', (option, own) => {
  const make = (): unknown => connectZooKeeper({ connectString: '127.0.0.1:2181', ...own });
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option }) as Error);
});
