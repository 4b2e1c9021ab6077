// Packages that wrap a client with cluster-client, unchanged, with trunkline in place of cluster-client: three processes at a real
// ZooKeeper, or at a stand-in for Nacos, and the leader killed. `npm ci --prefix test/wrapped-clients` installs the packages.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForkedProcess } from '../../src/testing/forked-process';
import { describeWhere } from '../support/describe-where';
import { eventually } from '../support/eventually';
import { NacosStandIn } from '../support/nacos-stand-in';
import { freePort } from '../support/ports';
import { ZooKeeperServer, zookeeperMissing } from '../support/zookeeper';

const FOLDER = join(__dirname, '../wrapped-clients');
const packagesMissing = existsSync(join(FOLDER, 'node_modules/nacos'))
  ? undefined
  : 'the packages are not installed (npm ci --prefix test/wrapped-clients)';

interface Said {
  readonly event: string;
  readonly id?: number;
  readonly result?: unknown;
  readonly failure?: { readonly name: string; readonly code?: unknown; readonly message: string };
  readonly isLeader?: boolean;
  readonly role?: string;
  readonly term?: number;
  readonly names?: readonly string[];
  readonly ports?: readonly number[];
  readonly value?: string | null;
}

class Member {
  readonly said: Said[] = [];
  readonly #forked: ForkedProcess;
  #lastId = 0;

  constructor(program: string, args: readonly string[], clusterPort: number, more: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, NODE_CLUSTER_CLIENT_PORT: String(clusterPort), ...more };
    this.#forked = new ForkedProcess(join(FOLDER, program), args, { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#forked.child.on('message', (message) => this.said.push(message as Said));
  }

  static async start(program: string, args: readonly string[], clusterPort: number, env?: NodeJS.ProcessEnv): Promise<Member> {
    const member = new Member(program, args, clusterPort, env);
    await member.until('it is ready', ({ event }) => event === 'ready');
    return member;
  }

  get isLeader(): boolean | undefined {
    return this.said.find(({ event }) => event === 'ready')?.isLeader;
  }

  /** Resolves when the process has said such a thing, before or after the call. */
  async until(what: string, isMeant: (said: Said) => boolean): Promise<Said> {
    try {
      return await eventually(what, () => this.said.find(isMeant));
    } catch (error) {
      throw new Error(`said: ${JSON.stringify(this.said.slice(-5))}\n${this.#forked.output}`, { cause: error });
    }
  }

  /** The last thing of that kind. */
  last(event: string): Said | undefined {
    return this.said.findLast((said) => said.event === event);
  }

  async ask(action: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#lastId;
    this.#forked.child.send({ id, action, args });
    const { result, failure } = await this.until(`an answer to ${action}`, (said) => said.event === 'answer' && said.id === id);
    if (failure) throw Object.assign(new Error(failure.message), failure);
    return result;
  }

  /** Closes the client. Resolves when the process has ended by itself. */
  async end(): Promise<unknown> {
    this.#forked.child.send({ id: 0, action: 'close', args: [] });
    await eventually('the process ends', () => !this.#forked.isAlive);
    return this.#forked.exited;
  }

  get isAlive(): boolean {
    return this.#forked.isAlive;
  }

  stop(): Promise<void> {
    return this.#forked.stop();
  }
}

describeWhere(packagesMissing ?? zookeeperMissing, 'clients that were written for cluster-client', () => {
  let server: ZooKeeperServer;
  let members: Member[] = [];
  let clusterPort: number;

  beforeAll(async () => {
    server = await ZooKeeperServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    clusterPort = await freePort();
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.stop()));
    members = [];
  });

  async function start(program: string, ...args: string[]): Promise<Member> {
    const member = await Member.start(program, [server.address, ...args], clusterPort);
    members.push(member);
    return member;
  }

  it('zookeeper-cluster-client: every method and watch in each process, and calls and values after the leader was killed', async () => {
    const leader = await start('zookeeper-client.js');
    const one = await start('zookeeper-client.js');
    const other = await start('zookeeper-client.js');
    expect([leader, one, other].map(({ isLeader }) => isLeader)).toEqual([true, false, false]);
    expect(await one.ask('session')).toEqual({ hasId: true, timeout: expect.any(Number) });

    await one.ask('make', '/shop');
    expect(await other.ask('exists', '/shop')).toBe(true);
    expect(await other.ask('exists', '/absent')).toBe(false);
    await expect(one.ask('get', '/absent')).rejects.toMatchObject({ name: 'NO_NODE', code: -101 });
    expect(await one.ask('acl', '/shop')).toEqual({ scheme: 'world', id: 'anyone' });
    // What the methods of the package would need for this call is no plain data. The leader lives on.
    await expect(one.ask('setAcl', '/shop')).rejects.toThrow('toRecord');

    for (const member of [leader, one, other]) {
      expect(await member.ask('listAndWatch', '/shop')).toEqual([]);
      await member.ask('watchChildren', '/shop');
    }
    await one.ask('create', '/shop/tea');
    for (const member of [leader, one, other]) {
      await member.until('a change', ({ event }) => event === 'changed');
      await member.until('the child', ({ event, names }) => event === 'children' && names?.[0] === 'tea');
    }
    expect(await leader.ask('get', '/shop/tea')).toBe('first');
    for (const member of [one, other]) await member.ask('watch', '/shop/tea');
    expect(await other.ask('set', '/shop/tea', 'second')).toBe('number');
    for (const member of [one, other])
      await member.until('the data', ({ event, value }) => event === 'data' && value === 'second');

    await leader.stop();
    // A call that is under way when the leader dies fails: it may have run.
    for (const member of [one, other]) await member.until('the next term', ({ role, term }) => role !== undefined && term! > 1);
    expect(await one.ask('set', '/shop/tea', 'third')).toBe('number');
    expect(await other.ask('get', '/shop/tea')).toBe('third');
    await other.ask('create', '/shop/coffee');
    expect(await one.ask('list', '/shop')).toEqual(['coffee', 'tea']);
    // A watch that begins now is one of the new leader.
    await one.ask('listAndWatch', '/shop');
    await other.ask('remove', '/shop/coffee');
    await one.until(
      'a change at the new leader',
      ({ event }) => one.said.filter((said) => said.event === event).length > 1 && event === 'changed',
    );
    // The package goes on trying to watch after a close, every 5 s, where a watch was under way: the process does not end by itself.
    for (const member of [one, other]) expect(await member.ask('close')).toBe('closed');
  });

  it('sofa-rpc-node: every process sees the services of all, and the registrations of survivors stay when the leader is killed', async () => {
    const leader = await start('sofa-registry.js', '12201');
    const one = await start('sofa-registry.js', '12202');
    const other = await start('sofa-registry.js', '12203');
    expect([leader, one, other].map(({ isLeader }) => isLeader)).toEqual([true, false, false]);
    const seen = (member: Member, ports: readonly number[]) =>
      eventually(`the services ${ports.join()}`, () => member.last('services')?.ports?.join() === ports.join());
    for (const member of [leader, one, other]) await seen(member, [12201, 12202, 12203]);
    await leader.stop();
    // The session of the killed process ends at its own time; its service is gone then.
    for (const member of [one, other]) await seen(member, [12202, 12203]);
    expect(await one.end()).toEqual({ code: 0, signal: null });
    expect(await other.end()).toEqual({ code: 0, signal: null });
  });
});

describeWhere(packagesMissing, 'nacos at a stand-in for its server', () => {
  let server: NacosStandIn;
  let members: Member[] = [];
  let clusterPort: number;
  let cacheDir: string;

  beforeEach(async () => {
    server = await NacosStandIn.start({ lifetimeMs: 3_000, beatMs: 500 });
    clusterPort = await freePort();
    cacheDir = mkdtempSync(join(tmpdir(), 'trunkline-nacos-'));
    server.change('app.json', 'tea', { namespace: 'shop' });
    server.change('app.json', 'nails', { namespace: 'works' });
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.stop()));
    members = [];
    await server.stop();
    rmSync(cacheDir, { recursive: true, force: true });
  });

  async function start(place: string, namespaces = ['shop', 'works'], env?: NodeJS.ProcessEnv): Promise<Member> {
    const member = await Member.start('nacos-client.js', [server.address, cacheDir, place, ...namespaces], clusterPort, env);
    members.push(member);
    return member;
  }

  const hasSeen = (member: Member, namespace: string, value: string | null) =>
    eventually(`${value} of ${namespace}`, () => member.last(`config ${namespace}`)?.value === value);

  async function seenByAll(some: readonly Member[], shop: string | null, works: string | null): Promise<void> {
    for (const member of some) {
      await hasSeen(member, 'shop', shop);
      await hasSeen(member, 'works', works);
    }
  }

  async function hasServices(member: Member, ports: readonly number[]): Promise<void> {
    await eventually(`the services ${ports.join()}`, () => member.last('services')?.ports?.join() === ports.join());
  }

  it('shares one client of each namespace, and values, calls and publications go on when the leader is killed', async () => {
    const leader = await start('free');
    const [one, other] = [await start('free'), await start('free')];
    expect([leader, one, other].map(({ isLeader }) => isLeader)).toEqual([true, false, false]);
    for (const member of [leader, one, other])
      for (const namespace of ['shop', 'works']) await member.ask('subscribe', namespace, 'app.json');
    await seenByAll([leader, one, other], 'tea', 'nails');
    await eventually('one poll of each namespace', () => server.polls('shop') === 1 && server.polls('works') === 1);

    expect(await one.ask('publish', 'shop', 'app.json', 'coffee')).toBe(true);
    expect(server.content('app.json', { namespace: 'shop' })).toBe('coffee');
    await seenByAll([leader, one, other], 'coffee', 'nails');
    expect(await other.ask('get', 'shop', 'app.json')).toBe('coffee');
    expect(await other.ask('get', 'works', 'absent')).toBeNull();

    await leader.ask('announce', 'stall', 1000);
    await one.ask('announce', 'stall', 1001);
    await other.ask('register', 'stall', 1002);
    const addresses = (ports: readonly number[]) => ports.map((port) => `127.0.0.1:${port}`).join();
    const registered = (...ports: number[]) =>
      eventually(`instances ${ports.join()}`, () => server.instances('DEFAULT_GROUP@@stall').join() === addresses(ports));
    await registered(1000, 1001, 1002);
    for (const member of [leader, one, other]) await member.ask('watch', 'stall');
    for (const member of [leader, one, other]) await hasServices(member, [1000, 1001, 1002]);
    expect(await one.ask('instances', 'stall')).toEqual([1000, 1001, 1002]);
    expect(await other.ask('status')).toBe('UP');

    await leader.stop();
    await eventually('one poll of each namespace', () => server.polls('shop') === 1 && server.polls('works') === 1);
    server.change('app.json', 'cocoa', { namespace: 'shop' });
    server.change('app.json', 'screws', { namespace: 'works' });
    await seenByAll([one, other], 'cocoa', 'screws');
    expect(await other.ask('publish', 'works', 'app.json', 'bolts')).toBe(true);
    await seenByAll([one, other], 'cocoa', 'bolts');
    // What the killed process had published is gone, and so is what was registered by a call that the killed process ran.
    await registered(1001);
    for (const member of [one, other]) await hasServices(member, [1001]);
    await other.ask('register', 'stall', 1002);
    for (const member of [one, other]) await hasServices(member, [1001, 1002]);
    await one.ask('deregister', 'stall', 1002);
    for (const member of [one, other]) await hasServices(member, [1001]);

    expect(await one.ask('remove', 'shop', 'app.json')).toBe(true);
    await seenByAll([one, other], null, 'bolts');

    const ends = [one.end(), other.end()];
    // The package ends a poll that is under way only when the server answers.
    await eventually('nobody polls any more', () => {
      server.endPolls();
      return members.every(({ isAlive }) => !isAlive);
    });
    expect(await Promise.all(ends)).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  });

  it('two namespaces in an egg application: the agent leads both, and the workers follow the next agent', async () => {
    const agent = await start('agent');
    const workers = [await start('worker'), await start('worker')];
    expect([agent, ...workers].map(({ isLeader }) => isLeader)).toEqual([true, false, false]);
    for (const member of [agent, ...workers]) await member.ask('subscribe', 'works', 'app.json');
    for (const member of [agent, ...workers]) await member.ask('subscribe', 'shop', 'app.json');
    await seenByAll([agent, ...workers], 'tea', 'nails');
    expect(await workers[1]!.ask('publish', 'works', 'app.json', 'screws')).toBe(true);
    await seenByAll([agent, ...workers], 'tea', 'screws');
    await workers[0]!.ask('announce', 'stall', 1001);

    await agent.stop();
    const next = await start('agent');
    expect(next.isLeader).toBe(true);
    server.change('app.json', 'coffee', { namespace: 'shop' });
    server.change('app.json', 'bolts', { namespace: 'works' });
    await seenByAll(workers, 'coffee', 'bolts');
    await eventually('one poll of each namespace', () => server.polls('shop') === 1 && server.polls('works') === 1);
    await eventually('the publication', () => server.instances('DEFAULT_GROUP@@stall').join() === '127.0.0.1:1001');
    expect(await workers[1]!.ask('get', 'shop', 'app.json')).toBe('coffee');
    expect(await workers[0]!.ask('get', 'works', 'app.json')).toBe('bolts');
  });

  it('two namespaces in a supervised application: a reload with one more hands both over', async () => {
    const seat = (candidacy: string) => ({ TRUNKLINE_SEAT: `${candidacy}:${clusterPort}` });
    const agent = await start('free', ['shop', 'works'], seat('leads'));
    const worker = await start('worker', ['works', 'shop']);
    for (const namespace of ['shop', 'works']) await worker.ask('subscribe', namespace, 'app.json');
    await seenByAll([worker], 'tea', 'nails');
    await start('free', ['garden', 'works', 'shop'], seat('succeeds'));
    expect(agent.isAlive).toBe(true);
    await eventually('the next one polls', () => server.polls('shop') === 2 && server.polls('works') === 2);
    await agent.stop();
    server.change('app.json', 'coffee', { namespace: 'shop' });
    server.change('app.json', 'screws', { namespace: 'works' });
    await seenByAll([worker], 'coffee', 'screws');
    expect(await worker.ask('get', 'shop', 'app.json')).toBe('coffee');
    expect(await worker.ask('get', 'works', 'app.json')).toBe('screws');
  });
});
