// The verbs of the gateway's client, on a real etcd.

import { mayHaveRun, reasonOf } from '../../src/etcd/etcd-failure';
import { EtcdGateway } from '../../src/etcd/etcd-gateway';
import type { EtcdOptions } from '../../src/etcd/etcd-options';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { certificate } from '../support/certificate';
import { describeWithEtcd, Etcd, type EtcdSettings } from '../support/etcd';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

function gateway(endpoints: string | string[], options: Partial<EtcdOptions> = {}): EtcdGateway {
  const client = new EtcdGateway({ endpoints, ...options });
  opened.push(client);
  return client;
}

async function started(settings: EtcdSettings = {}): Promise<Etcd> {
  const etcd = await Etcd.start(settings);
  opened.push({ close: () => etcd.stop() });
  return etcd;
}

async function failureOf(work: Promise<unknown>): Promise<Error & { code?: string; server?: string }> {
  return work.then(
    () => Promise.reject(new Error('did not fail')),
    (error: Error) => error,
  );
}

describeWithEtcd('the verbs', () => {
  let etcd: Etcd;
  let client: EtcdGateway;
  beforeAll(async () => {
    etcd = await Etcd.start();
    client = new EtcdGateway({ endpoints: etcd.url });
  });
  afterAll(async () => {
    await client.close();
    await etcd.stop();
  });

  it('puts, reads, and deletes bytes as they are', async () => {
    const key = Buffer.from([0xff, 0x00, 0x2f, 0xfe]);
    const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const first = await client.put({ key, value });
    expect(first.previous).toBeUndefined();
    const second = await client.put({ key, value: 'text ü', wantsPrevious: true });
    expect(second.revision).toBe(first.revision + 1n);
    expect(second.previous).toEqual({ key, value, createRevision: first.revision, modRevision: first.revision, version: 1n });
    expect((await client.get(key))?.value.toString()).toBe('text ü');
    expect((await client.range({ key, atRevision: first.revision })).entries[0]?.value).toEqual(value);
    const gone = await client.delete({ key, wantsPrevious: true });
    expect(gone).toMatchObject({ deleted: 1, previous: [{ version: 2n }] });
    expect(await client.get(key)).toBeUndefined();
  });

  it('reads prefixes, spans, keys alone, counts, and parts', async () => {
    for (const key of ['p/a', 'p/b', 'p/c', 'p0', 'p']) await client.put({ key, value: 'x' });
    const keys = async (request: Parameters<EtcdGateway['range']>[0]): Promise<string[]> =>
      (await client.range(request)).entries.map((entry) => entry.key.toString());
    expect(await keys({ prefix: 'p/' })).toEqual(['p/a', 'p/b', 'p/c']);
    expect(await keys({ from: 'p/b', to: 'p0' })).toEqual(['p/b', 'p/c']);
    expect((await client.range({ prefix: '' })).count).toBe(5);
    expect(await client.range({ prefix: 'p/', keysOnly: true, limit: 2 })).toMatchObject({
      hasMore: true,
      count: 3,
      entries: [{ value: Buffer.alloc(0) }, {}],
    });
    expect(await client.range({ prefix: 'p', countOnly: true })).toMatchObject({ count: 5, entries: [] });
  });

  it('reads a range in portions, at one revision', async () => {
    for (let i = 0; i < 70; i++) await client.put({ key: `many/${i}`, value: Buffer.alloc(i === 69 ? 1_000_000 : 10) });
    await Promise.all(Array.from({ length: 430 }, (_, i) => client.put({ key: `many/x${i}`, value: 'x' })));
    const reading = client.readAll({ prefix: 'many/' });
    const { revision, entries } = await reading;
    expect(entries).toHaveLength(500);
    expect(new Set(entries.map(({ key }) => key.toString())).size).toBe(500);
    expect(entries.every((entry) => entry.modRevision <= revision)).toBe(true);
  });

  it.each([
    ['a key that is there', { key: 't', is: '>', version: 0 }, true],
    ['a key that is missing', { key: 'missing', version: 0 }, true],
    ['a value', { key: 't', value: 'old' }, true],
    ['another value', { key: 't', is: '!=', value: 'old' }, false],
    ['the value of a missing key', { key: 'missing', is: '!=', value: 'old' }, false],
    ['a revision of creation', { key: 't', is: '<', createRevision: 1n << 62n }, true],
    ['a revision of change', { key: 't', modRevision: 1 }, false],
    ['a lease', { key: 't', lease: '0' }, true],
  ] as const)('compares %s in a transaction', async (_, condition, holds) => {
    await client.put({ key: 't', value: 'old' });
    const result = await client.txn({
      if: [condition],
      then: [{ put: { key: 'then', value: 'new', wantsPrevious: true } }, { range: { key: 't' } }],
      else: [{ delete: { key: 'nothing' } }, { txn: { then: [{ range: { prefix: 'missing' } }] } }],
    });
    expect(result.succeeded).toBe(holds);
    const [first, second] = result.results;
    if (holds) {
      expect(first).toHaveProperty('put.revision');
      expect(second).toMatchObject({ range: { entries: [{ value: Buffer.from('old') }] } });
    } else {
      expect(first).toMatchObject({ delete: { deleted: 0 } });
      expect(second).toMatchObject({ txn: { succeeded: true, results: [{ range: { count: 0 } }] } });
    }
  });

  it('grants, renews and ends leases', async () => {
    const { lease, ttlSeconds } = await client.grantLease(60);
    expect(ttlSeconds).toBe(60);
    await client.put({ key: 'leased', value: 'x', lease });
    expect((await client.get('leased'))?.lease).toBe(lease);
    expect(await client.keepLeaseAlive(lease)).toBe(60);
    expect(await client.leaseTimeToLive(lease)).toBeGreaterThan(50);
    expect(await client.revokeLease(lease)).toBe(true);
    expect(await client.get('leased')).toBeUndefined();
    expect(await client.revokeLease(lease)).toBe(false);
    expect(await client.keepLeaseAlive(lease)).toBe(0);
    expect(await client.leaseTimeToLive(lease)).toBe(0);
    const refusal = await failureOf(client.put({ key: 'leased', value: 'x', lease }));
    expect(refusal).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_FAILED' });
    expect(reasonOf(refusal)).toBe('lease-not-found');
    expect(mayHaveRun(refusal)).toBe(false);
  });

  it('says how the server stands', async () => {
    const status = await client.status();
    expect(status).toMatchObject({ server: etcd.url, isLeader: true, hasLeader: true, complaints: [] });
    expect(status.version).toMatch(/^3\./);
    expect(status.databaseBytes).toBeGreaterThan(0);
    expect(await client.alarms()).toEqual([]);
  });

  it('compacts, and names a revision that is gone or to come', async () => {
    const { revision } = await client.put({ key: 'c', value: '1' });
    await client.put({ key: 'c', value: '2' });
    await client.compact(revision + 1n);
    await client.compact(revision + 1n);
    expect(reasonOf(await failureOf(client.range({ key: 'c', atRevision: revision })))).toBe('compacted');
    expect(reasonOf(await failureOf(client.range({ key: 'c', atRevision: 1n << 62n })))).toBe('future-revision');
  });

  it('refuses a value that is too large before anything is sent', async () => {
    const nobody = gateway(`http://127.0.0.1:${await freePort()}`);
    const large = { key: 'large', value: Buffer.alloc(1.5 * 2 ** 20) };
    for (const work of [nobody.put(large), nobody.txn({ else: [{ put: large }] })]) {
      expect(await failureOf(work)).toMatchObject({
        code: 'ERR_TRUNKLINE_VALUE_TOO_LARGE',
        message: expect.stringContaining('--max-request-bytes'),
      });
    }
    const largest = { key: 'large', value: Buffer.alloc(client.maxContentBytes - 'large'.length) };
    await client.put(largest);
    const lenient = gateway(etcd.url, { maxRequestBytes: 2 ** 30 });
    expect(await failureOf(lenient.put(large))).toMatchObject({ code: 'ERR_TRUNKLINE_VALUE_TOO_LARGE' });
  });

  it('names an empty key', async () => {
    expect(await failureOf(client.put({ key: '', value: 'x' }))).toMatchObject({
      code: 'ERR_TRUNKLINE_KEY_INVALID',
      server: etcd.url,
    });
  });

  it('ends a request when its signal aborts', async () => {
    const reason = new Error('no longer wanted');
    expect(await failureOf(client.get('a', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    etcd.pause();
    try {
      const abort = new AbortController();
      const waiting = failureOf(client.get('a', { signal: abort.signal }));
      abort.abort(reason);
      expect(await waiting).toBe(reason);
    } finally {
      etcd.resume();
    }
  });

  it('ends what is under way when the client closes', async () => {
    const other = new EtcdGateway({ endpoints: etcd.url });
    const { revision } = await other.put({ key: 'a', value: 'x' });
    etcd.pause();
    try {
      const waiting = failureOf(other.get('a'));
      await other.close();
      expect(await waiting).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
      expect(await failureOf(other.get('a'))).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
      expect(revision).toBeGreaterThan(0n);
    } finally {
      etcd.resume();
    }
  });
});

describeWithEtcd('a server that is not there', () => {
  it('is named, with what to do', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await failureOf(gateway(url).put({ key: 'a', value: 'secret' }));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', server: url, retryable: true });
    expect(error.message).toMatch(/etcd at http.*put of "a".*ECONNREFUSED.*check that etcd runs there/);
    expect(error.message).not.toContain('secret');
    expect(mayHaveRun(error)).toBe(false);
  });

  it('is passed over: the next endpoint is asked, for writes too', async () => {
    const etcd = await started();
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const client = gateway([nobody, etcd.url]);
    await client.put({ key: 'a', value: 'x' });
    expect((await client.status()).server).toBe(etcd.url);
    await etcd.kill();
    const error = await failureOf(client.get('a'));
    expect(error.message).toContain(nobody);
    expect(error.message).toContain(etcd.url);
    await etcd.startAgain();
    expect((await client.get('a'))?.value.toString()).toBe('x');
  });

  it('is noticed when the link is silently dead: a read goes to the next endpoint, a write says that it may have run', async () => {
    const etcd = await started();
    const proxy = await FaultProxy.start(etcd.port);
    opened.push(proxy);
    const dead = `http://127.0.0.1:${proxy.port}`;
    const client = gateway([dead, etcd.url], { requestTimeoutMs: 300 });
    await client.put({ key: 'a', value: 'x' }, { timeoutMs: 30_000 });
    expect((await client.status()).server).toBe(dead);
    proxy.swallow();
    const lost = await failureOf(client.put({ key: 'a', value: 'y' }));
    expect(lost).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNREACHABLE', server: dead });
    expect(lost.message).toContain('may have been executed');
    expect(mayHaveRun(lost)).toBe(true);
    expect((await client.get('a', { timeoutMs: 30_000 }))?.value.toString()).toBe('x');
    expect((await client.status({ timeoutMs: 30_000 })).server).toBe(etcd.url);
  });

  it('is known by its answers to be no etcd', async () => {
    const etcd = await started();
    const client = gateway(`${etcd.url}/somewhere`);
    expect(await failureOf(client.get('a'))).toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_FAILED',
      message: expect.stringContaining('check the address'),
    });
  });
});

describeWithEtcd('an etcd over its quota', () => {
  it('refuses writes with a code, while reads and leases go on', async () => {
    const etcd = await started({ flags: ['--quota-backend-bytes', String(2 ** 20)] });
    const client = gateway(etcd.url);
    const { lease } = await client.grantLease(60);
    const value = Buffer.alloc(2 ** 18);
    const error = await eventually('the quota is used up', () =>
      client.put({ key: 'a', value }).then(
        () => undefined,
        (failure: Error) => failure,
      ),
    );
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_FULL', server: etcd.url, status: 429 });
    expect(error.message).toContain('defragment');
    expect(await client.keepLeaseAlive(lease)).toBe(60);
    expect(await client.get('a')).toBeDefined();
    expect(await client.alarms()).toMatchObject([{ kind: 'NOSPACE' }]);
    expect((await client.status()).complaints).not.toEqual([]);
  });
});

describeWithEtcd('users and passwords', () => {
  const root = { username: 'root', password: 'of the root' };

  async function withUsers(): Promise<Etcd> {
    const etcd = await started({ flags: ['--auth-token-ttl', '2', '--bcrypt-cost', '4'] });
    const ask = async (path: string, body: object): Promise<void> => {
      const response = await fetch(`${etcd.url}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body) });
      expect(response.status).toBe(200);
    };
    const key = Buffer.from('allowed/').toString('base64');
    const end = Buffer.from('allowed0').toString('base64');
    await ask('user/add', { name: root.username, password: root.password });
    await ask('role/add', { name: 'root' });
    await ask('user/grant', { user: 'root', role: 'root' });
    await ask('user/add', { name: 'bob', password: 'builder' });
    await ask('role/add', { name: 'few' });
    await ask('role/grant', { name: 'few', perm: { permType: 'READWRITE', key, range_end: end } });
    await ask('user/grant', { user: 'bob', role: 'few' });
    await ask('enable', {});
    return etcd;
  }

  it('are asked for, checked, and bound to keys', async () => {
    const etcd = await withUsers();
    expect(await failureOf(gateway(etcd.url).get('a'))).toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_DENIED',
      message: expect.stringContaining('set the options username and password'),
    });
    const wrong = gateway(etcd.url, { username: 'bob', password: 'wrong' });
    for (let tries = 0; tries < 2; tries++) {
      const error = await failureOf(wrong.get('a'));
      expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED', server: etcd.url });
      expect(error.message).toContain('check the options username and password');
    }
    const bob = gateway(etcd.url, { username: 'bob', password: 'builder' });
    await bob.put({ key: 'allowed/1', value: 'x' });
    expect(await failureOf(bob.put({ key: 'other', value: 'x' }))).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
  });

  it('survive a token that the server no longer knows', async () => {
    const etcd = await withUsers();
    const client = gateway(etcd.url, root);
    await client.put({ key: 'a', value: '1' });
    await etcd.kill();
    await etcd.startAgain(); // tokens are kept in memory there
    const works = await Promise.all([1, 2, 3].map((value) => client.put({ key: 'a', value: String(value) })));
    expect(works).toHaveLength(3);
  });

  it('do no harm at an etcd without users', async () => {
    const etcd = await started();
    const client = gateway(etcd.url, root);
    await client.put({ key: 'a', value: 'x' });
    expect((await client.get('a'))?.value.toString()).toBe('x');
  });
});

describeWithEtcd('TLS', () => {
  const ca = certificate.cert;
  const servername = 'localhost';

  it('needs the authority and the name of the certificate', async () => {
    const etcd = await started({ tls: 'server' });
    const client = gateway(etcd.url, { tls: { ca, servername } });
    await client.put({ key: 'a', value: 'x' });
    const error = await failureOf(gateway(etcd.url).get('a'));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNTRUSTED', server: etcd.url });
    expect(error.message).toContain('set tls.ca');
    const misnamed = await failureOf(gateway(etcd.url, { tls: { ca } }).get('a'));
    expect(misnamed).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_UNTRUSTED' });
    expect(misnamed.message).toContain('set tls.servername');
  });

  it('shows a certificate of the client where the server asks for one', async () => {
    const etcd = await started({ tls: 'mutual' });
    const client = gateway(etcd.url, { tls: { ca, servername, ...certificate } });
    await client.put({ key: 'a', value: 'x' });
    expect(await failureOf(gateway(etcd.url, { tls: { ca, servername } }).get('a'))).toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_UNTRUSTED',
      message: expect.stringContaining('set tls.cert and tls.key'),
    });
  });

  it('is named when only one side speaks it', async () => {
    const [plain, secure] = [await started(), await started({ tls: 'server' })];
    const toPlain = await failureOf(gateway(plain.url.replace('http:', 'https:')).get('a'));
    expect(toPlain.message).toContain('http:// if etcd has no certificate');
    const toSecure = await failureOf(gateway(secure.url.replace('https:', 'http:')).get('a'));
    expect(toSecure.message).toContain('https:// if etcd has a certificate');
  });
});
