// What etcd and the network do to a fleet, seen through sessions: no session of this test has a clock that would stop a
// deposed leader, so every refusal here comes from etcd.

import { EtcdGateway } from '../../../src/etcd/etcd-gateway';
import { etcdEngine, type EtcdEngineOptions } from '../../../src/fleet/engines/etcd/etcd-engine';
import { faultProxy } from '../../../src/testing/fault-proxy';
import { certificate } from '../../support/certificate';
import { describeWithEtcd, Etcd, type EtcdSettings } from '../../support/etcd';
import { eventually } from '../../support/eventually';
import { leavesNothingOpen } from '../../support/open-handles';
import { Witness, type EngineLink } from '../engine-bed';
import { etcdBed, type EtcdBed } from '../etcd-bed';

leavesNothingOpen();

const bytes = (text: string) => Buffer.from(text);
const value = (key: string, sequence: number, text: string) => ({ key, sequence, bytes: bytes(text) });

const yes = () => true;
const no = () => false;

describeWithEtcd('a fleet over etcd', () => {
  describe.each(['grpc', 'gateway'] as const)('by %s', (over) => {
    let bed: EtcdBed;
    let group: string;
    let groups = 0;
    const open: { close(): unknown }[] = [];

    beforeAll(async () => {
      bed = await etcdBed(over);
    });
    afterAll(() => bed.close());
    beforeEach(() => {
      group = `group-${++groups}`;
    });
    afterEach(async () => {
      bed.etcd.resume();
      for (const each of open.splice(0).reverse()) await each.close();
    });

    const member = async (given: Partial<Witness['setup']> = {}, link?: EngineLink): Promise<Witness> => {
      const witness = await Witness.up(link ?? (await bed.link()), group, given);
      open.push(witness.session);
      return witness;
    };
    /** An etcd with other settings, for a single test. */
    const started = async (settings: EtcdSettings): Promise<Etcd> => {
      const etcd = await Etcd.start(settings);
      open.push({ close: () => etcd.stop() });
      return etcd;
    };
    /** A link straight to a server. */
    const linkTo = (url: string, given: Partial<EtcdEngineOptions> = {}): EngineLink => ({
      engine: etcdEngine({ endpoints: url, over, ...given }),
      cut: () => undefined,
      restore: () => undefined,
    });
    const gateway = (): EtcdGateway => {
      const client = new EtcdGateway({ endpoints: bed.etcd.url });
      open.push(client);
      return client;
    };

    it('refuses the late write, claim and answer of a winner that was frozen for longer than its leadership', async () => {
      const [one, two] = [await member(), await member()];
      const first = await one.win();
      await one.session.serve();
      await two.session.call([1, 2].map((number) => ({ number, bytes: bytes('call') })));
      const ids = [1, 2].map((number) => ({ member: two.member, number }));
      await expect(one.session.take(first.fence, [ids[0]!])).resolves.toMatchObject({ deposed: false });
      await eventually('leadership has run out', () => !two.leader);
      const second = await two.win();
      await two.session.watch(['k']);
      await two.session.write(second.fence, { epoch: second.epoch, guard: 1, values: [value('k', 1, 'new')] });

      const late = { epoch: first.epoch, guard: 7, values: [value('k', 7, 'old')] };
      await expect(one.session.write(first.fence, late)).resolves.toEqual({ deposed: true });
      await expect(one.session.take(first.fence, [ids[1]!])).resolves.toEqual({ deposed: true });
      await expect(one.session.reply(first.fence, [{ ...ids[0]!, bytes: bytes('late') }])).resolves.toEqual({ deposed: true });
      await expect(one.session.renew(first.fence)).resolves.toBe(false);

      await two.session.barrier();
      expect(two.text('k')).toBe('new');
      expect(two.replies).toEqual([]);
      await expect(two.session.lostSince(second.fence, [1, 2])).resolves.toEqual([1]);
      await expect(two.session.take(second.fence, ids)).resolves.toMatchObject({ calls: [{ number: 2 }] });
    });

    it('executes a write that had no answer in time before its successor or not at all', async () => {
      const ttlMs = 60_000;
      const [one, two] = [await member({ ttlMs, verbTimeoutMs: 400 }), await member({ ttlMs })];
      const { fence, epoch } = await one.win();
      await two.session.watch(['k']);
      let unanswered = 0;
      for (let guard = 1; guard <= 12; guard += 2) {
        bed.etcd.pause();
        const late = one.session.write(fence, { epoch, guard, values: [value('k', guard, `late ${guard}`)] });
        await late.catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
          unanswered++;
        });
        bed.etcd.resume();
        const next = { epoch, guard: guard + 1, values: [value('k', guard + 1, `next ${guard + 1}`)] };
        const isWritten = (): Promise<boolean> => one.session.write(fence, next).then(({ deposed }) => !deposed, no);
        await eventually('the next write is answered', isWritten);
        await eventually('the other member is well', () => two.session.barrier().then(yes, no));
        const reader = await member();
        await reader.session.watch(['k']);
        expect(reader.text('k')).toBe(`next ${guard + 1}`);
        await two.session.watch(['k']);
      }
      expect(unanswered).toBeGreaterThan(0);
      const sequences = two.values.map(({ sequence }) => sequence);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    });

    it('goes on with a higher epoch after a takeover and a data folder that is lost', async () => {
      const [one, two] = [await member({ ttlMs: 60_000 }), await member({ ttlMs: 60_000 })];
      const first = await one.win();
      await one.session.resign(first.fence);
      const second = await two.win({ highestEpoch: first.epoch });
      await two.session.write(second.fence, { epoch: second.epoch, guard: 3, values: [value('k', 3, 'before')] });
      const epochs = [first.epoch, second.epoch];

      await bed.restart({ isEmpty: true });
      await eventually('both are up again', () => one.ups > 1 && two.ups > 1);
      const third = await one.win({ highestEpoch: second.epoch, isIncumbent: true });
      expect(third.epoch).toBeGreaterThan(Math.max(...epochs));
      await two.session.watch(['k']);
      await one.session.write(third.fence, { epoch: third.epoch, guard: 1, values: [value('k', 1, 'after')] });
      await eventually('the value', () => two.text('k') === 'after');

      // The revision of an older fence may come again in the new data folder; the fence does not.
      const again = `${third.fence.split('.')[0]}.${second.epoch}`;
      await expect(two.session.write(again, { epoch: second.epoch, guard: 9, values: [value('k', 9, 'old')] })).resolves.toEqual({
        deposed: true,
      });
    });

    it('tells a member that was cut off while history was compacted the newest values', async () => {
      const [one, two] = [await member({ ttlMs: 60_000 }), await member({ ttlMs: 60_000 })];
      const { fence, epoch } = await one.win();
      await two.session.watch(['k', 'gone']);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'first'), value('gone', 2, 'x')] });
      await eventually('the first value', () => two.text('k') === 'first');
      two.link.cut();
      await eventually('the cut is noticed', () => two.downs.length > 0);
      for (let guard = 2; guard < 10; guard++)
        await one.session.write(fence, { epoch, guard, values: [value('k', guard + 1, String(guard))] });
      const client = gateway();
      await client.compact((await client.status()).revision);
      two.link.restore();
      await eventually('the session is up again', () => two.ups > 1);
      await two.session.watch(['k']);
      await eventually('the newest value', () => two.text('k') === '9');
      await one.session.write(fence, { epoch, guard: 10, values: [value('k', 11, 'later')] });
      await eventually('a later value', () => two.text('k') === 'later');
    });

    it('claims and answers calls of a batch although a member among the callers is gone', async () => {
      const [one, two, gone] = [await member({ ttlMs: 60_000 }), await member(), await member({ memberTtlMs: 2_000 })];
      const { fence } = await one.win();
      await two.session.call([1, 2].map((number) => ({ number, bytes: bytes('call') })));
      await gone.session.call([1, 2].map((number) => ({ number, bytes: bytes('call') })));
      const ids = [gone, two].map((caller) => ({ member: caller.member, number: 1 }));
      await expect(one.session.take(fence, ids)).resolves.toMatchObject({ calls: [{ number: 1 }, { number: 1 }] });
      const client = gateway();
      gone.link.cut();
      await eventually('the calls of the member that is gone are gone', async () => {
        const { count } = await client.range({ prefix: `/trunkline/${group}/s/c/${gone.member}/`, countOnly: true });
        return count === 0;
      });
      await expect(
        one.session.reply(
          fence,
          ids.map((id) => ({ ...id, bytes: bytes('answer') })),
        ),
      ).resolves.toEqual({ deposed: false });
      await eventually('the answer', () => two.replies.length > 0);
      const later = [gone, two].map((caller) => ({ member: caller.member, number: 2 }));
      await expect(one.session.take(fence, later)).resolves.toEqual({
        deposed: false,
        calls: [{ member: two.member, number: 2, bytes: bytes('call') }],
      });
    });

    it('notices a link that is dropped without a sign, and comes back', async () => {
      const proxy = await faultProxy(bed.etcd.port);
      open.push(proxy);
      const [one, two] = [await member(), await member({ verbTimeoutMs: 700 }, linkTo(`http://127.0.0.1:${proxy.port}`))];
      const { fence, epoch } = await one.win();
      const renewing = setInterval(() => void one.session.renew(fence).catch(() => undefined), 300);
      open.push({ close: () => clearInterval(renewing) });
      await two.session.watch(['k']);
      proxy.swallow();
      await expect(two.session.barrier()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
      await eventually('the cut is told', () => two.downs.length > 0);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'meanwhile')] });
      proxy.stopSwallowing();
      await eventually('the session is up again', () => two.ups > 1);
      await two.session.watch(['k']);
      await eventually('the value', () => two.text('k') === 'meanwhile');
      await two.session.barrier();
    });

    it('is down at a server that has lost the majority, and goes on at the others', async () => {
      const etcds = await Etcd.startMembers(3);
      open.push({ close: () => Promise.all(etcds.map((etcd) => etcd.stop())) });
      const urls = etcds.map(({ url }) => url);
      const [one, two] = [
        await member({ ttlMs: 60_000 }, linkTo(urls[0]!, { endpoints: [urls[0]!, urls[1]!] })),
        await member({ ttlMs: 60_000 }, linkTo(urls[2]!)),
      ];
      const { fence, epoch } = await one.win();
      await two.session.watch(['k']);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'first')] });
      await eventually('the value', () => two.text('k') === 'first');
      await etcds[0]!.kill();
      await eventually('the session goes on at another server', () => one.ups > 1);
      await eventually('it leads still', () => one.session.renew(fence).catch(no));
      await eventually('a barrier', () => two.session.barrier().then(yes, no));
      await etcds[1]!.kill();
      await eventually('the loss of the majority is told', () => two.downs.length > 0 && two.session.barrier().then(no, yes));
      await Promise.all([etcds[0]!.startAgain(), etcds[1]!.startAgain()]);
      await eventually('both are well', () => Promise.all([one, two].map(({ session }) => session.barrier())).then(yes, no));
    });

    it('warns of history that nobody compacts, unless the fleet does', async () => {
      const etcd = await started({});
      const [one, two] = [await member({}, linkTo(etcd.url)), await member({}, linkTo(etcd.url, { compact: true }))];
      await expect(one.session.health()).resolves.toMatchObject({ warnings: [] });
      const client = new EtcdGateway({ endpoints: etcd.url });
      open.push(client);
      const until = 10_001;
      for (let count = 0; count < until; count += 500)
        await Promise.all(Array.from({ length: 500 }, () => client.put({ key: 'other', value: 'x' })));
      expect((await one.session.health()).warnings.join()).toContain('--auto-compaction-retention');
      await expect(two.session.health()).resolves.toMatchObject({ warnings: [] });
      await client.compact((await client.status()).revision);
      await expect(one.session.health()).resolves.toMatchObject({ warnings: [] });
    });

    it('has a single connection to etcd by gRPC, and a few by the gateway', async () => {
      const proxy = await faultProxy(bed.etcd.port);
      open.push(proxy);
      const one = await member({}, linkTo(`http://127.0.0.1:${proxy.port}`));
      const { fence, epoch } = await one.win();
      await one.session.serve();
      await one.session.watch(['k']);
      for (let guard = 1; guard < 10; guard++) {
        await Promise.all([
          one.session.write(fence, { epoch, guard, values: [value('k', guard, 'x')] }),
          one.session.call([{ number: guard, bytes: bytes('call') }]),
          one.session.renew(fence),
        ]);
      }
      expect(proxy.connections).toBeLessThanOrEqual(over === 'grpc' ? 1 : 6);
    });

    it('says that a password is wrong, and works with a user that may use the keys of the fleet alone', async () => {
      const etcd = await started({ flags: ['--bcrypt-cost', '4'] });
      const ask = async (path: string, body: object): Promise<void> => {
        const response = await fetch(`${etcd.url}/v3/auth/${path}`, { method: 'POST', body: JSON.stringify(body) });
        expect(response.status).toBe(200);
      };
      const [key, end] = ['/trunkline/', '/trunkline0'].map((text) => bytes(text).toString('base64'));
      await ask('user/add', { name: 'root', password: 'of the root' });
      await ask('role/add', { name: 'root' });
      await ask('user/grant', { user: 'root', role: 'root' });
      await ask('user/add', { name: 'bob', password: 'builder' });
      await ask('role/add', { name: 'fleet' });
      await ask('role/grant', { name: 'fleet', perm: { permType: 'READWRITE', key, range_end: end } });
      await ask('user/grant', { user: 'bob', role: 'fleet' });
      await ask('enable', {});

      for (const given of [{}, { username: 'bob', password: 'wrong' }]) {
        const denied = Witness.open(linkTo(etcd.url, given), group);
        open.push(denied.session);
        await eventually('why it is down', () => denied.downs.length > 0);
        expect(denied.downs[0]).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_ENGINE_REFUSED' });
        expect(denied.downs[0]?.message).toContain('username and password');
      }
      const link = linkTo(etcd.url, { username: 'bob', password: 'builder' });
      const [one, two] = [await member({ ttlMs: 60_000 }, link), await member({ ttlMs: 60_000 }, link)];
      const { fence, epoch } = await one.win();
      await two.session.watch(['k']);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'x')] });
      await eventually('the value', () => two.text('k') === 'x');
      await two.session.barrier();
      await expect(one.session.renew(fence)).resolves.toBe(true);
      await expect(one.session.health()).resolves.toMatchObject({ version: expect.stringMatching(/^etcd \d/) as string });
      await etcd.kill();
      await etcd.startAgain(); // where tokens are unknown
      await eventually('both are up again', () => one.ups > 1 && two.ups > 1);
      await expect(one.session.renew(fence)).resolves.toBe(true);
    });

    it('speaks TLS, and says which certificate is not trusted', async () => {
      const etcd = await started({ tls: 'mutual' });
      const tls = { ca: certificate.cert, servername: 'localhost', ...certificate };
      const one = await member({}, linkTo(etcd.url, { tls }));
      await one.win();
      await one.session.barrier();
      for (const [given, advice] of [
        [{ ...tls, ca: undefined }, 'tls.ca'],
        [{ ...tls, servername: undefined }, 'tls.servername'],
        [{ ca: tls.ca, servername: tls.servername }, 'tls.cert and tls.key'],
      ] as const) {
        const denied = Witness.open(linkTo(etcd.url, { tls: JSON.parse(JSON.stringify(given)) as typeof tls }), group);
        open.push(denied.session);
        await eventually('why it is down', () => denied.downs.length > 0);
        expect(denied.downs[0]?.message).toContain(advice);
        expect(denied.downs[0]).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_ENGINE_REFUSED' });
      }
    });

    it('refuses values of an etcd over its quota with the reason, and goes on renewing', async () => {
      const etcd = await started({ flags: ['--quota-backend-bytes', String(16 * 1024 * 1024)] });
      const one = await member({ ttlMs: 60_000 }, linkTo(etcd.url));
      const { fence, epoch } = await one.win();
      const large = Buffer.alloc(1024 * 1024);
      const filling = async (): Promise<void> => {
        for (let guard = 1; guard < 100; guard++)
          await one.session.write(fence, { epoch, guard, values: [{ key: 'k', sequence: guard, bytes: large }] });
      };
      await expect(filling()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_FULL' });
      await expect(one.session.renew(fence)).resolves.toBe(true);
      const { warnings } = await one.session.health();
      expect(warnings.join()).toContain('over its quota');
      expect(one.downs).toEqual([]);
    });
  });
});
