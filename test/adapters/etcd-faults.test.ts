// What only etcd has: compaction, leases that end, a quota, users, certificates, and data that is lost. On a real etcd.

import { connectEtcd, EtcdClient, type EtcdClientOptions, type StoreHealth, type WatchedState } from '../../src/adapters/etcd';
import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { certificate } from '../support/certificate';
import { describeWithEtcd, Etcd, type EtcdSettings } from '../support/etcd';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

interface Setting {
  readonly etcd: Etcd;
  readonly proxy: FaultProxy;
  /** Another program, past the proxy. */
  readonly other: EtcdGateway;
  /** A client through the proxy. */
  connect(options?: Partial<EtcdClientOptions>): EtcdClient;
}

async function started(settings: EtcdSettings = {}): Promise<Setting> {
  const etcd = await Etcd.start(settings);
  opened.push({ close: () => etcd.stop() });
  const proxy = await FaultProxy.start(etcd.port);
  opened.push(proxy);
  const other = new EtcdGateway({ endpoints: etcd.url });
  opened.push(other);
  const connect = (options: Partial<EtcdClientOptions> = {}): EtcdClient => {
    const client = new EtcdClient({ endpoints: `http://127.0.0.1:${proxy.port}`, ...options });
    opened.push(client);
    return client;
  };
  return { etcd, proxy, other, connect };
}

/** The states of a watch, as `key=value` of all entries. */
async function statesOf(client: EtcdClient, what: { key: string } | { prefix: string }): Promise<string[]> {
  const states: string[] = [];
  const textOf = (state: WatchedState): string => {
    const entries = Array.isArray(state) ? state : state ? [state] : [];
    return entries.map(({ key, bytes }) => `${key}=${Buffer.from(bytes).toString()}`).join(' ');
  };
  await client.subscribe(what, (state) => void states.push(textOf(state)));
  return states;
}

const text = async (gateway: EtcdGateway, key: string): Promise<string | undefined> => (await gateway.get(key))?.value.toString();

describeWithEtcd('the adapter for etcd', () => {
  it('tells the differences when etcd has compacted what was missed during a cut', async () => {
    const { proxy, other, connect } = await started();
    for (const key of ['a/1', 'a/2', 'a/3']) await other.put({ key, value: 'old' });
    const client = connect();
    const states = await statesOf(client, { prefix: 'a/' });
    const gone = await statesOf(client, { key: 'a/1' });
    proxy.holdsNew = true;
    proxy.cut();
    await other.delete({ key: 'a/1' });
    await other.put({ key: 'a/4', value: 'new' });
    const { revision } = await other.put({ key: 'a/2', value: 'new' });
    await other.compact(revision);
    proxy.holdsNew = false;
    await eventually('the differences', () => states.at(-1) === 'a/2=new a/3=old a/4=new');
    await eventually('the deletion', () => gone.at(-1) === '');
    expect(gone).toEqual(['a/1=old', '']);
    await other.put({ key: 'a/1', value: 'again' });
    await eventually('what comes later', () => gone.at(-1) === 'a/1=again' && states.at(-1)!.startsWith('a/1=again'));
  });

  it('registers again when the lease has ended while the line was silent', async () => {
    const { proxy, other, connect } = await started();
    const client = connect({ timeToLiveMs: 2_000, requestTimeoutMs: 1_000 });
    await client.publish({ key: 'services/a', text: 'here' });
    const before = (await other.get('services/a'))!;
    proxy.swallow();
    await eventually('the end of the lease', async () => (await other.get('services/a')) === undefined);
    await eventually('trouble', () => !client.health.ok);
    proxy.stopSwallowing();
    await eventually('the registration', async () => (await text(other, 'services/a')) === 'here');
    expect((await other.get('services/a'))!.lease).not.toBe(before.lease);
    await eventually('health', () => client.health.ok);
  });

  it('keeps the lease over many times to live, also over a restart of etcd', async () => {
    const { etcd, other, connect } = await started();
    const client = connect({ timeToLiveMs: 2_000 });
    await client.publish({ key: 'services/a', text: 'here' });
    const { createRevision } = (await other.get('services/a'))!;
    const until = performance.now() + 5_000;
    await eventually('two times to live', () => performance.now() > until);
    await etcd.kill();
    await etcd.startAgain();
    expect((await other.get('services/a'))?.createRevision).toBe(createRevision);
  });

  it('withdraws what it has published, and nothing that another client has taken over', async () => {
    const { other, connect } = await started();
    const [first, second] = [connect(), connect()];
    const entry = { key: 'services/a', text: 'here' };
    await first.publish(entry);
    await first.publish({ key: 'services/b', text: 'only mine' });
    await second.publish(entry);
    await first.unPublish(entry);
    expect(await text(other, 'services/a')).toBe('here');
    await first.publish({ key: 'services/c', text: '1' });
    await first.publish({ key: 'services/c', text: '2' });
    await first.unPublish({ key: 'services/c', text: '1' });
    expect(await text(other, 'services/c')).toBe('2');
    await first.close();
    expect((await other.readAll({ prefix: 'services/' })).entries.map(({ key }) => key.toString())).toEqual(['services/a']);
    await second.unPublish(entry);
    expect(await text(other, 'services/a')).toBeUndefined();
    await second.unPublish(entry);
  });

  it('over the quota of etcd: says so, serves reads and keeps its registrations, and recovers', async () => {
    const { etcd, other, connect } = await started({ flags: ['--quota-backend-bytes', String(2 ** 20)] });
    const client = connect({ timeToLiveMs: 2_000 });
    const said: StoreHealth[] = [];
    client.on('health', (health: StoreHealth) => void said.push(health));
    await client.publish({ key: 'services/a', text: 'here' });
    const states = await statesOf(client, { key: 'a' });
    const error = await eventually('the quota is used up', () =>
      client.put('a', Buffer.alloc(2 ** 18)).then(
        () => undefined,
        (failure: Error) => failure,
      ),
    );
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_FULL', key: 'a' });
    expect(client.health).toMatchObject({ ok: false, error: { code: 'ERR_TRUNKLINE_STORE_FULL' } });
    expect(client.health.error?.message).toContain('reads and leases go on');
    expect(await client.get('a')).not.toBeNull();
    const later = connect();
    await later.ready();
    expect(later.health).toMatchObject({ ok: false }); // told from the start, not by the first write
    const until = performance.now() + 3_000;
    await eventually('a time to live', () => performance.now() > until);
    expect(await text(other, 'services/a')).toBe('here');

    const { revision } = await other.delete({ key: 'a' });
    await eventually('deletions are no writes that take space', () => states.at(-1) === '');
    await other.compact(revision);
    const [alarm] = await other.alarms();
    for (const [path, body] of [
      ['defragment', {}],
      // Without the member the answer is 200, and the alarm stays.
      ['alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE', memberID: alarm!.member }],
    ] as const) {
      const response = await fetch(`${etcd.url}/v3/maintenance/${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(response.status).toBe(200);
    }
    await eventually('health', () => client.health.ok && later.health.ok);
    await client.put('a', Buffer.from('x'));
    expect(said.map(({ ok }) => ok)).toEqual([false, true]);
  });

  it('gives the values of an etcd that has lost its data', async () => {
    const { etcd, other, connect } = await started();
    for (const value of ['1', '2', '3']) await other.put({ key: 'a', value });
    const client = connect();
    const states = await statesOf(client, { key: 'a' });
    await client.publish({ key: 'services/a', text: 'here' });
    await etcd.kill();
    await etcd.startAgain({ withData: false });
    await eventually('the loss', () => states.at(-1) === '');
    await other.put({ key: 'a', value: 'anew' });
    await eventually('the new value', () => states.at(-1) === 'a=anew');
    await eventually('the registration', async () => (await text(other, 'services/a')) === 'here');
    expect(states).toEqual(['a=3', '', 'a=anew']);
  });

  it('names keys and versions that cannot be', async () => {
    const { connect } = await started();
    const client = connect();
    await expect(client.get('\ud800')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID', key: '\ud800' });
    await expect(client.put('a', Buffer.of(1), { ifVersion: 1.5 })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_OPTION_INVALID',
    });
    await expect(client.delete('a', { ifVersion: 7 })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_VERSION_CONFLICT',
      message: expect.stringContaining('does not exist'),
    });
    const invalid = expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID' });
    expect(() => connect({ timeToLiveMs: 0 })).toThrow(invalid);
    for (const endpoints of ['127.0.0.1:2379', 'ftp://127.0.0.1', 'http://user:secret@127.0.0.1:2379', []])
      expect(() => connectEtcd({ endpoints })).toThrow(invalid);
    expect(() => connect({ username: 'bob' })).toThrow(invalid);
    expect(() => connect({ tls: { cert: 'x' } })).toThrow(invalid);
  });

  it('leaves out keys that are no text', async () => {
    const { other, connect } = await started();
    await other.put({ key: Buffer.from([0x61, 0xff]), value: 'bytes' });
    await other.put({ key: 'ab', value: 'text' });
    const client = connect();
    expect((await client.list('a')).map(({ key }) => key)).toEqual(['ab']);
    const states = await statesOf(client, { prefix: 'a' });
    await other.put({ key: Buffer.from([0x61, 0xfe]), value: 'bytes' });
    await other.put({ key: 'ac', value: 'text' });
    await eventually('the change', () => states.length === 2);
    expect(states[1]).toBe('ab=text ac=text');
  });
});

describeWithEtcd('users, passwords and certificates of etcd', () => {
  async function withUsers(): Promise<Setting> {
    const setting = await started({ flags: ['--bcrypt-cost', '4'] });
    const ask = async (path: string, body: object): Promise<void> => {
      const response = await fetch(`${setting.etcd.url}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(response.status).toBe(200);
    };
    await ask('user/add', { name: 'root', password: 'r' });
    await ask('role/add', { name: 'root' });
    await ask('user/grant', { user: 'root', role: 'root' });
    await ask('user/add', { name: 'bob', password: 'b' });
    await ask('role/add', { name: 'few' });
    const key = Buffer.from('shop/').toString('base64');
    await ask('role/grant', {
      name: 'few',
      perm: { permType: 'READWRITE', key, range_end: Buffer.from('shop0').toString('base64') },
    });
    await ask('user/grant', { user: 'bob', role: 'few' });
    await ask('enable', {});
    return setting;
  }

  it('a wrong password, or none, is told by ready()', async () => {
    const { connect } = await withUsers();
    const denied = { code: 'ERR_TRUNKLINE_STORE_DENIED' };
    await expect(connect().ready()).rejects.toMatchObject(denied);
    await expect(connect({ username: 'bob', password: 'wrong' }).ready()).rejects.toMatchObject(denied);
  });

  it('a user may watch, write and register where the role allows, and is told where not', async () => {
    const { etcd, connect } = await withUsers();
    const client = connect({ username: 'bob', password: 'b' });
    await client.ready();
    const states = await statesOf(client, { prefix: 'shop/' });
    await client.put('shop/a', Buffer.from('1'));
    await client.publish({ key: 'shop/service', text: 'here' });
    await eventually('both', () => states.at(-1) === 'shop/a=1 shop/service=here');
    const denied = { code: 'ERR_TRUNKLINE_STORE_DENIED' };
    await expect(client.put('other', Buffer.of(1))).rejects.toMatchObject({ ...denied, key: 'other' });
    await expect(client.publish({ key: 'other', text: 'here' })).rejects.toMatchObject(denied);
    await expect(statesOf(client, { prefix: 'other/' })).rejects.toMatchObject(denied);
    await eventually('that the health is good', () => client.health.ok);
    await etcd.kill();
    await etcd.startAgain(); // the tokens are gone with the process
    await client.put('shop/a', Buffer.from('2'));
    await eventually('the change', () => states.at(-1) === 'shop/a=2 shop/service=here');
  });

  it('TLS: one connection for all, and a certificate that does not match is named', async () => {
    const etcd = await Etcd.start({ tls: 'mutual' });
    opened.push({ close: () => etcd.stop() });
    const tls = { ca: certificate.cert, servername: 'localhost', ...certificate };
    const port = await freePort();
    const store = connectEtcd({ endpoints: etcd.url, tls }, { port, logger: recordingLogger() });
    opened.push(store);
    await store.ready();
    await store.config.put('a', 'secret');
    expect((await store.config.watch('a').ready)?.text).toBe('secret');
    const wrong = new EtcdClient({ endpoints: etcd.url, tls: { ca: certificate.cert } });
    opened.push(wrong);
    await expect(wrong.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNTRUSTED', server: etcd.url });
  });
});
