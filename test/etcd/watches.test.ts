// Watches over lost connections, on a real etcd.

import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import type { EtcdOptions } from '../../src/etcd/etcd-options';
import type { EtcdWatch, WatchEnd, WatchObserver, WatchRequest } from '../../src/etcd/watches';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { describeWithEtcd, Etcd, type EtcdSettings } from '../support/etcd';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';

/** Writes down what an observer hears. */
class Recorder implements WatchObserver {
  /** As `key=value@revision` and `key gone@revision`. */
  readonly events: string[] = [];
  readonly revisions: bigint[] = [];
  readonly opened: bigint[] = [];
  readonly lost: Error[] = [];
  readonly previous: (string | undefined)[] = [];
  end: WatchEnd | undefined;

  readonly onOpen = (revision: bigint): void => void this.opened.push(revision);
  readonly onLost = (error: Error): void => void this.lost.push(error);
  readonly onEnd = (end: WatchEnd): void => void (this.end = end);
  readonly onEvents: WatchObserver['onEvents'] = (events, revision) => {
    expect(events.at(-1)?.entry.modRevision).toBe(revision);
    for (const { type, entry, previous } of events) {
      const value = type === 'put' ? `=${entry.value.toString()}` : ' gone';
      this.events.push(`${entry.key.toString()}${value}`);
      this.revisions.push(entry.modRevision);
      this.previous.push(previous?.value.toString());
    }
  };
}

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function started(settings: EtcdSettings = {}): Promise<Etcd> {
  const etcd = await Etcd.start(settings);
  opened.push({ close: () => etcd.stop() });
  return etcd;
}

async function proxyTo(etcd: Etcd): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(etcd.port);
  opened.push(proxy);
  return proxy;
}

function gateway(endpoints: string | string[], options: Partial<EtcdOptions> = {}): EtcdGateway {
  const client = new EtcdGateway({ endpoints, ...options });
  opened.push(client);
  return client;
}

async function watching(client: EtcdGateway, request: WatchRequest): Promise<{ seen: Recorder; watch: EtcdWatch }> {
  const seen = new Recorder();
  const watch = client.watch(request, seen);
  await eventually('the watch is open', () => seen.opened.length > 0);
  return { seen, watch };
}

function proxied(proxy: FaultProxy): string {
  return `http://127.0.0.1:${proxy.port}`;
}

describeWithEtcd('a watch', () => {
  it('tells puts and deletions of its range alone, from a revision on, with what was before', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    const { revision } = await client.put({ key: 'w/a', value: '1' });
    await client.put({ key: 'w/a', value: '2' });
    const { seen } = await watching(client, { prefix: 'w/', fromRevision: revision, wantsPrevious: true });
    const later = await watching(client, { key: 'w/b' });
    await client.put({ key: 'other', value: 'x' });
    await client.put({ key: 'w/b', value: '3' });
    await client.delete({ prefix: 'w/' });
    await eventually('the deletions', () => seen.events.length === 5 && later.seen.events.length === 2);
    expect(seen.events).toEqual(['w/a=1', 'w/a=2', 'w/b=3', 'w/a gone', 'w/b gone']);
    expect(seen.previous).toEqual([undefined, '1', undefined, '2', '3']);
    expect(later.seen.events).toEqual(['w/b=3', 'w/b gone']);
    expect(seen.lost).toEqual([]);
  });

  it('shares a connection with all watches of its client, and hears nothing after its end', async () => {
    const etcd = await started();
    const proxy = await proxyTo(etcd);
    const client = gateway(proxied(proxy));
    const all = await Promise.all(Array.from({ length: 1_000 }, (_, i) => watching(client, { key: `k/${i}` })));
    expect(proxy.connections).toBe(1);
    all[7]!.watch.close();
    for (const i of [7, 8]) await client.put({ key: `k/${i}`, value: 'x' });
    await eventually('the event', () => all[8]!.seen.events.length === 1);
    expect(all[7]!.seen.events).toEqual([]);
    for (const { watch } of all) watch.close();
    await eventually('the connection is gone', () => proxy.connections === 1); // that of the puts
    const again = await watching(client, { key: 'k/7' });
    expect(again.seen.lost).toEqual([]);
  });

  it('loses nothing and tells nothing twice over a cut', async () => {
    const etcd = await started();
    const proxy = await proxyTo(etcd);
    const direct = gateway(etcd.url);
    const { seen } = await watching(gateway(proxied(proxy)), { prefix: 'k' });
    const quiet = await watching(gateway(proxied(proxy)), { prefix: 'quiet' });
    const values = Array.from({ length: 600 }, (_, i) => `k=${i}`);
    for (let i = 0; i < 600; i++) {
      await direct.put({ key: 'k', value: String(i) });
      if (i === 100) proxy.reset();
      if (i === 200) proxy.holdsNew = true;
      if (i === 201) proxy.cut();
      if (i === 400) proxy.holdsNew = false;
      if (i === 500) proxy.resetWithin('toClient', 5);
    }
    await eventually('the last value', () => seen.events.at(-1) === 'k=599');
    expect(seen.events).toEqual(values);
    expect(seen.lost.length).toBeGreaterThan(1);
    expect(seen.lost[0]).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE' });
    expect(quiet.seen.events).toEqual([]);
  });

  it('notices a link that is silently dead, and goes on at the next endpoint', async () => {
    const etcd = await started();
    const proxy = await proxyTo(etcd);
    const client = gateway([proxied(proxy), etcd.url], { watchHeartbeatMs: 100 });
    const { seen } = await watching(client, { key: 'k' });
    proxy.swallow();
    const direct = gateway(etcd.url);
    await direct.put({ key: 'k', value: 'unheard' });
    await eventually('the value', () => seen.events.length > 0);
    expect(seen.events).toEqual(['k=unheard']);
    expect(seen.lost[0]?.message).toContain('silent');
    expect(seen.opened.length).toBeGreaterThan(1);
  });

  it('keeps a quiet link that answers', async () => {
    const etcd = await started();
    const proxy = await proxyTo(etcd);
    const client = gateway(proxied(proxy), { watchHeartbeatMs: 20 });
    const { seen } = await watching(client, { key: 'k' });
    const until = performance.now() + 500;
    await eventually('many intervals', () => performance.now() > until);
    await client.put({ key: 'k', value: 'x' });
    await eventually('the value', () => seen.events.length === 1);
    expect(seen.lost).toEqual([]);
  });

  it('tells that etcd has compacted what was missed', async () => {
    const etcd = await started();
    const proxy = await proxyTo(etcd);
    const direct = gateway(etcd.url);
    await direct.put({ key: 'k', value: '1' });
    const client = gateway(proxied(proxy));
    const { seen, watch } = await watching(client, { key: 'k' });
    const other = await watching(client, { key: 'other' });
    proxy.holdsNew = true;
    proxy.cut();
    await direct.put({ key: 'k', value: '2' });
    const { revision } = await direct.put({ key: 'k', value: '3' });
    expect(watch.nextRevision).toBe(revision - 1n);
    await direct.compact(revision);
    proxy.holdsNew = false;
    proxy.cut();
    await eventually('the end', () => seen.end && other.seen.end);
    expect(seen.end).toEqual({ kind: 'compacted', compactRevision: revision });
    expect(seen.events).toEqual([]);
    const next = await watching(client, { key: 'k', fromRevision: revision });
    await eventually('the value', () => next.seen.events.length === 1);
    expect(next.seen.events).toEqual(['k=3']);
  });

  it('tells that the store has lost its data', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    for (const value of ['1', '2', '3']) await client.put({ key: 'k', value });
    const { seen } = await watching(client, { key: 'k' });
    await etcd.kill();
    await etcd.startAgain({ withData: false });
    await eventually('the end', () => seen.end);
    expect(seen.end).toEqual({ kind: 'rewound', revision: 1n });
  });

  it('goes on after a restart of the server', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    const { seen } = await watching(client, { key: 'k' });
    await client.put({ key: 'k', value: '1' });
    await etcd.kill();
    await etcd.startAgain();
    await client.put({ key: 'k', value: '2' });
    await eventually('both values', () => seen.events.length === 2);
    expect(seen.events).toEqual(['k=1', 'k=2']);
    expect(seen.end).toBeUndefined();
  });

  it('waits for a server that is not there yet', async () => {
    const port = await freePort();
    const client = gateway(`http://127.0.0.1:${port}`);
    const seen = new Recorder();
    client.watch({ key: 'k', fromRevision: 1n }, seen);
    await eventually('the failure', () => seen.lost.length > 0);
    expect(seen.lost[0]).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', server: `http://127.0.0.1:${port}` });
    expect(seen.opened).toEqual([]);
  });

  it('gets a large transaction whole, and megabytes that it missed', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    const value = Buffer.alloc(300_000, 'v');
    const { revision } = await client.put({ key: 'begin', value: '' });
    for (let round = 0; round < 10; round++)
      await client.txn({ then: Array.from({ length: 5 }, (_, i) => ({ put: { key: `big/${i}`, value } })) });
    const whole: number[] = [];
    client.watch(
      { prefix: 'big/', fromRevision: revision + 1n },
      { onEvents: (events) => void whole.push(events.length), onEnd: () => undefined },
    );
    await eventually('all events', () => whole.reduce((sum, each) => sum + each, 0) === 50);
    expect(whole.every((count) => count % 5 === 0)).toBe(true);
  });

  it('keeps the process alive unless it is told not to, also after the next connection', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    const { seen } = await watching(client, { key: 'k' });
    const held = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = held();
    client.unref();
    expect(held()).toBe(before - 1);
    client.ref();
    expect(held()).toBe(before);
    client.unref();
    await etcd.kill();
    await etcd.startAgain();
    await eventually('the watch is open again', () => seen.opened.length === 2);
    await eventually('nothing holds the process', () => held() === before - 1);
  });

  it('is asked for a sign of life', async () => {
    const etcd = await started();
    const client = gateway(etcd.url);
    await expect(client.watchProgress()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    const { watch } = await watching(client, { key: 'k' });
    const { revision } = await client.put({ key: 'k', value: '1' });
    expect(await client.watchProgress()).toBe(revision);
    etcd.pause();
    const asked = client.watchProgress();
    watch.close();
    await expect(asked).rejects.toBeDefined();
    etcd.resume();
  });
});

describeWithEtcd('a watch with a user', () => {
  it('is refused where the user may not read, and goes on when its token has expired', async () => {
    const etcd = await started({ flags: ['--auth-token-ttl', '1', '--bcrypt-cost', '4'] });
    const ask = async (path: string, body: object): Promise<void> => {
      const response = await fetch(`${etcd.url}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(response.status).toBe(200);
    };
    await ask('user/add', { name: 'root', password: 'r' });
    await ask('role/add', { name: 'root' });
    await ask('user/grant', { user: 'root', role: 'root' });
    await ask('user/add', { name: 'bob', password: 'b' });
    await ask('enable', {});
    const bob = new Recorder();
    gateway(etcd.url, { username: 'bob', password: 'b' }).watch({ key: 'k' }, bob);
    await eventually('the refusal', () => bob.end);
    expect(bob.end).toMatchObject({ kind: 'refused', error: { code: 'ERR_TRUNKLINE_STORE_DENIED' } });
    const client = gateway(etcd.url, { username: 'root', password: 'r' });
    const first = await watching(client, { key: 'k' });
    const until = performance.now() + 2_500;
    await eventually('the token has expired', () => performance.now() > until);
    const second = await watching(client, { key: 'l' });
    await client.put({ key: 'k', value: '1' });
    await client.put({ key: 'l', value: '1' });
    await eventually('both events', () => first.seen.events.length === 1 && second.seen.events.length === 1);
    expect(second.seen.end).toBeUndefined();
  });
});

describeWithEtcd('an etcd of three members', () => {
  it('is served by the others while a member does not run', async () => {
    const members = await Etcd.startMembers(3);
    for (const member of members) opened.push({ close: () => member.stop() });
    const client = gateway(
      members.map(({ url }) => url),
      { requestTimeoutMs: 3_000, watchHeartbeatMs: 200 },
    );
    const { seen } = await watching(client, { key: 'k' });
    // A write whose answer is missing is rejected, and is executed late at times, so a value may come again.
    const write = (value: string): Promise<true> =>
      eventually('a write', () =>
        client.put({ key: 'k', value }).then(
          () => true,
          () => undefined,
        ),
      );
    await write('1');
    members[0]!.pause();
    await write('2');
    await eventually('the value', () => seen.events.includes('k=2'));
    members[0]!.resume();
    await write('3');
    await eventually('the value', () => seen.events.includes('k=3'));
    expect(seen.end).toBeUndefined();
    expect(seen.revisions).toEqual([...seen.revisions].sort((a, b) => Number(a - b)));
    expect(new Set(seen.revisions).size).toBe(seen.revisions.length);
  });
});

describeWithEtcd('a member that is cut off from the others', () => {
  it('is left, because what it says may be old', async () => {
    const members = await Etcd.startMembers(3);
    for (const member of members) opened.push({ close: () => member.stop() });
    const [first, ...others] = members;
    const client = gateway(first!.url, { watchHeartbeatMs: 100, requestTimeoutMs: 1_000 });
    const { seen } = await watching(client, { key: 'k' });
    for (const member of others) member.pause();
    await eventually('the loss', () => seen.lost.length > 0);
    expect(seen.lost[0]).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', reason: 'no-majority' });
    const write = await client.put({ key: 'k', value: '1' }).catch((error: unknown) => error);
    expect(write).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', reason: 'no-majority', mayHaveRun: false });
    expect(await client.status()).toMatchObject({ hasLeader: false });
    for (const member of others) member.resume();
    await eventually('a write', () =>
      client.put({ key: 'k', value: '2' }).then(
        () => true,
        () => undefined,
      ),
    );
    await eventually('the value', () => seen.events.includes('k=2'));
  });
});
