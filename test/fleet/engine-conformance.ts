// The suite for all engines: what src/fleet/engine.ts promises, seen through sessions of several members.

import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { TTL_MS, Witness, type EngineBed } from './engine-bed';

/** @param start starts the engine's server */
export function describesEngine(start: () => Promise<EngineBed>): void {
  let bed: EngineBed;
  let group: string;
  let groups = 0;
  let open: Witness[] = [];

  beforeAll(async () => {
    bed = await start();
  });
  afterAll(() => bed.close());
  beforeEach(() => {
    group = `group-${++groups}`;
  });
  afterEach(async () => {
    for (const { link } of open) link.restore();
    await Promise.all(open.map(({ session }) => session.close()));
    open = [];
  });

  const member = async (given: Partial<Witness['setup']> = {}): Promise<Witness> => {
    const witness = await Witness.up(await bed.link(), group, given);
    open.push(witness);
    return witness;
  };
  /** Keeps leading until the test ends. */
  const leading = (witness: Witness, fence: string): (() => void) => {
    const timer = setInterval(() => void witness.session.renew(fence).catch(() => undefined), TTL_MS / 4);
    return () => clearInterval(timer);
  };
  const bytes = (text: string) => Buffer.from(text);
  const value = (key: string, sequence: number, text: string) => ({ key, sequence, bytes: bytes(text) });

  describe('leadership', () => {
    it('is won by one of many candidates, and all hear of the same one', async () => {
      const members = await Promise.all([member(), member(), member()]);
      const outcomes = await Promise.all(members.map((each) => each.session.campaign(each.candidate())));
      // A server that was just started may let nobody lead for one TTL.
      const won = outcomes.some((outcome) => outcome.won) ? members[outcomes.findIndex((outcome) => outcome.won)]! : members[0];
      const { fence, epoch } = await won.win();
      for (const each of members) {
        await eventually('the leader is known', () => each.leader?.fence === fence);
        expect(each.leader).toMatchObject({ ...won.candidate().record, fence, epoch });
        expect((await each.session.campaign(each.candidate())).won).toBe(each === won);
      }
      expect(outcomes.filter((outcome) => outcome.won).length).toBeLessThanOrEqual(1);
    });

    it('is won again, with the same fence and epoch, by the one who has it', async () => {
      const one = await member();
      const first = await one.win();
      await expect(one.session.campaign(one.candidate())).resolves.toMatchObject(first);
    });

    it('ends by resigning, which the others hear at once', async () => {
      const [one, two] = [await member({ ttlMs: 8_000 }), await member({ ttlMs: 8_000 })];
      const { fence, epoch } = await one.win();
      await eventually('the leader is known', () => two.leader);
      await one.session.resign(fence);
      await eventually('nobody leads', () => two.leaders.length > 1 && !two.leader);
      await one.session.resign(fence);
      await expect(one.session.renew(fence)).resolves.toBe(false);
      const next = await two.win();
      expect(next.epoch).toBeGreaterThan(epoch);
      expect(next.fence).not.toBe(fence);
      await one.session.resign(fence); // too late for this fence, and without effect on the next
      await expect(two.session.renew(next.fence)).resolves.toBe(true);
    });

    it('ends when it is not renewed, and lasts while it is', async () => {
      const [one, two] = [await member(), await member()];
      const { fence } = await one.win();
      const stop = leading(one, fence);
      await wait(2 * TTL_MS);
      expect(two.leader?.fence).toBe(fence);
      stop();
      await eventually('nobody leads', () => !two.leader, 10_000);
      await expect(one.session.renew(fence)).resolves.toBe(false);
    });

    it('of a dead process is ended by another, with the wishes and calls of the dead', async () => {
      const [one, two] = [await member({ ttlMs: 8_000 }), await member({ ttlMs: 8_000 })];
      await one.win();
      await one.session.want([{ kind: 'publication', key: 'p', registration: bytes('p') }], true);
      const leader = await eventually('the leader is known', () => two.leader);
      one.link.cut();
      await expect(two.session.release(leader)).resolves.toBe(true);
      await expect(two.session.release(leader)).resolves.toBe(false);
      await two.win();
      await two.session.serve();
      await eventually('wishes are told', () => two.wholes > 0);
      expect([...two.wishes.keys()]).toEqual([]);
    });

    it('has an epoch above all that the candidate has seen', async () => {
      const one = await member();
      const highestEpoch = Date.now() + 1_000_000;
      expect((await one.win({ highestEpoch })).epoch).toBeGreaterThan(highestEpoch);
    });

    it('is of one group alone', async () => {
      const one = await member();
      await one.win();
      group = `${group}-other`;
      const other = await member();
      expect(other.leader).toBeUndefined();
      await other.win();
    });
  });

  describe('values', () => {
    it('reach those who watch them, present and later ones', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      const odd = 'a:b/{c} ü\u0000*';
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'first'), value(odd, 2, 'odd')] });
      await two.session.watch(['k', odd, 'absent']);
      await eventually('present values', () => two.text('k') === 'first' && two.text(odd) === 'odd');
      await one.session.write(fence, { epoch, guard: 2, values: [value('k', 3, 'second'), value('unwatched', 4, 'no')] });
      await eventually('a later value', () => two.text('k') === 'second');
      await two.session.barrier();
      expect(two.values.at(-1)).toEqual({ key: 'k', epoch, sequence: 3, bytes: bytes('second') });
      two.session.unwatch(['k']);
      stop();
    });

    it('are bytes of any kind and of a good size', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      const large = Buffer.alloc(Math.min(one.link.engine.limits.valueBytes, 1024 * 1024), Buffer.from([0, 255, 13, 10, 128]));
      await two.session.watch(['large', 'none']);
      await one.session.write(fence, {
        epoch,
        guard: 1,
        values: [{ key: 'large', sequence: 1, bytes: large }, value('none', 2, '')],
      });
      const got = await eventually('both', () => (two.values.length >= 2 ? two.values : undefined));
      expect(got.find(({ key }) => key === 'large')?.bytes?.equals(large)).toBe(true);
      expect(two.text('none')).toBe('');
      stop();
    });

    it('of a whole batch are written or refused together', async () => {
      const one = await member();
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      const { batchSize } = one.link.engine.limits;
      const values = Array.from({ length: batchSize }, (_, at) => value(`k${at}`, at + 1, String(at)));
      await expect(one.session.write(fence, { epoch, guard: 1, values })).resolves.toEqual({ deposed: false });
      await one.session.watch(values.map(({ key }) => key));
      await eventually('all values', () => new Set(one.values.map(({ key }) => key)).size === batchSize);
      stop();
    });

    it('of a batch that is sent again are written once', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      await two.session.watch(['k']);
      const batch = { epoch, guard: 5, values: [value('k', 1, 'first')] };
      await expect(one.session.write(fence, batch)).resolves.toEqual({ deposed: false });
      await expect(one.session.write(fence, batch)).resolves.toEqual({ deposed: false });
      await one.session.write(fence, { epoch, guard: 6, values: [value('k', 2, 'second')] });
      // A write that comes late: its guard is not higher than that of the batch before.
      await expect(one.session.write(fence, batch)).resolves.toBeDefined();
      await eventually('the newest value', () => two.text('k') === 'second');
      await two.session.barrier();
      expect(two.text('k')).toBe('second');
      const late = await member();
      await late.session.watch(['k']);
      await eventually('the value', () => late.text('k') !== undefined);
      expect(late.text('k')).toBe('second');
      stop();
    });

    it('of a deposed leader are refused, as are its claims and answers', async () => {
      const [one, two] = [await member({ ttlMs: 8_000 }), await member({ ttlMs: 8_000 })];
      const { fence, epoch } = await one.win();
      await two.session.call([{ number: 1, bytes: bytes('call') }]);
      await expect(one.session.take(fence, [{ member: two.member, number: 1 }])).resolves.toMatchObject({
        calls: [{ number: 1 }],
      });
      await one.session.resign(fence);
      await two.win();
      const ids = [{ member: two.member, number: 1 }];
      await expect(one.session.write(fence, { epoch, guard: 9, values: [value('k', 9, 'old')] })).resolves.toEqual({
        deposed: true,
      });
      await expect(one.session.take(fence, ids)).resolves.toEqual({ deposed: true });
      await expect(one.session.reply(fence, [{ ...ids[0]!, bytes: bytes('late') }])).resolves.toEqual({ deposed: true });
      await two.session.watch(['k']);
      await two.session.barrier();
      expect(two.values).toEqual([]);
      expect(two.replies).toEqual([]);
    });

    it('can be removed', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'x')] });
      await one.session.write(fence, { epoch, guard: 2, values: [{ key: 'k', sequence: 2, bytes: undefined }] });
      await two.session.watch(['k']);
      await two.session.barrier();
      expect(two.text('k')).toBeUndefined();
      stop();
    });

    it('that were missed in a cut are told after the cut', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      const stop = leading(one, fence);
      await two.session.watch(['k']);
      two.link.cut();
      await eventually('the cut is noticed', () => two.downs.length > 0);
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'meanwhile')] });
      two.link.restore();
      await eventually('the session is up again', () => two.ups > 1);
      await two.session.watch(['k']);
      await eventually('the value', () => two.text('k') === 'meanwhile');
      expect(two.downs[0]).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
      stop();
    });
  });

  describe('wishes', () => {
    const wish = (key: string, kind: 'subscription' | 'publication' = 'subscription') => ({
      kind,
      key,
      registration: bytes(`r ${key}`),
    });

    it('of all members are told whole, and then as they change', async () => {
      const [one, two] = [await member(), await member()];
      await two.session.want([wish('a'), wish('a', 'publication')], true);
      await one.session.serve();
      await eventually('wishes of before', () => one.wishes.size === 2);
      await two.session.want([wish('b')], false);
      await eventually('one more', () => one.wishes.size === 3);
      await two.session.want([wish('b')], false);
      await two.session.unwant([{ kind: 'publication', key: 'a' }]);
      await eventually('one less', () => one.wishes.size === 2);
      expect([...one.wishes.values()].map(({ key }) => key).sort()).toEqual(['a', 'b']);
      expect(one.wishes.get(`${two.member} subscription b`)?.registration?.toString()).toBe('r b');
      await two.session.want([wish('c')], true);
      await eventually('others have ended', () => one.wishes.size === 1 && one.wishes.has(`${two.member} subscription c`));
    });

    it('end with the session', async () => {
      const [one, two] = [await member(), await member()];
      await two.session.want([wish('a')], true);
      await one.session.serve();
      await eventually('the wish', () => one.wishes.size === 1);
      await two.session.close();
      await eventually('no wish is left', () => one.wishes.size === 0);
    });

    it('end with a member that stays away too long', async () => {
      const [one, two] = [await member({ memberTtlMs: 3_000 }), await member({ memberTtlMs: 3_000 })];
      await two.session.want([wish('a')], true);
      await one.session.want([wish('mine')], true);
      await one.session.serve();
      await eventually('the wishes', () => one.wishes.size === 2);
      two.link.cut();
      await eventually('the wish is gone', () => one.wishes.size === 1, 20_000);
      expect([...one.wishes.values()].map(({ key }) => key)).toEqual(['mine']);
      two.link.restore();
      await eventually('the session is up again', () => two.ups > 1);
      await two.session.want([wish('a')], true);
      await eventually('the wish is back', () => one.wishes.size === 2);
    });
  });

  describe('calls', () => {
    it('are told to the one who serves, given to the leader, and answered', async () => {
      const [one, two] = [await member(), await member()];
      const { fence } = await one.win();
      const stop = leading(one, fence);
      await two.session.call([{ number: 1, bytes: bytes('before') }]);
      await one.session.serve();
      await two.session.call([{ number: 2, bytes: bytes('after') }]);
      await eventually('both calls', () => new Set(one.calls.map(({ number }) => number)).size === 2);
      const taken = await one.session.take(fence, [
        { member: two.member, number: 1 },
        { member: two.member, number: 2 },
      ]);
      expect(taken).toMatchObject({
        deposed: false,
        calls: [
          { member: two.member, number: 1, bytes: bytes('before') },
          { member: two.member, number: 2, bytes: bytes('after') },
        ],
      });
      const replies = [1, 2].map((number) => ({ member: two.member, number, bytes: bytes(`answer ${number}`) }));
      await expect(one.session.reply(fence, replies)).resolves.toEqual({ deposed: false });
      await eventually('both answers', () => two.replies.length >= 2);
      expect(two.replies).toEqual(replies);
      stop();
    });

    it('that are given or taken again are one call, answered once', async () => {
      const [one, two] = [await member(), await member()];
      const { fence } = await one.win();
      const stop = leading(one, fence);
      const call = [{ number: 1, bytes: bytes('call') }];
      const ids = [{ member: two.member, number: 1 }];
      await two.session.call(call);
      await two.session.call(call);
      await expect(one.session.take(fence, ids)).resolves.toMatchObject({ calls: [{ number: 1 }] });
      await expect(one.session.take(fence, ids)).resolves.toMatchObject({ calls: [{ number: 1 }] });
      const reply = [{ ...ids[0]!, bytes: bytes('answer') }];
      await one.session.reply(fence, reply);
      await two.session.call(call); // the number is known: no new call, although the first is answered
      await expect(one.session.take(fence, ids)).resolves.toEqual({ deposed: false, calls: [] });
      await expect(one.session.reply(fence, reply)).resolves.toEqual({ deposed: false });
      await eventually('the answer', () => two.replies.length > 0);
      await two.session.barrier();
      expect(two.replies).toHaveLength(1);
      stop();
    });

    it('that a deposed leader has claimed are lost, and no other can claim them', async () => {
      const [one, two] = [await member({ ttlMs: 8_000 }), await member({ ttlMs: 8_000 })];
      const first = await one.win();
      await two.session.call([1, 2].map((number) => ({ number, bytes: bytes('call') })));
      const ids = [1, 2].map((number) => ({ member: two.member, number }));
      await one.session.take(first.fence, [ids[0]!]);
      await expect(two.session.lostSince(first.fence, [1, 2])).resolves.toEqual([]);
      await one.session.resign(first.fence);
      await expect(two.session.lostSince(undefined, [1, 2])).resolves.toEqual([1]);
      const second = await two.win();
      await expect(two.session.lostSince(second.fence, [1, 2])).resolves.toEqual([1]);
      await expect(two.session.take(second.fence, ids)).resolves.toMatchObject({ calls: [{ number: 2 }] });
    });

    it('that nobody has claimed can be withdrawn', async () => {
      const [one, two] = [await member(), await member()];
      const { fence } = await one.win();
      const stop = leading(one, fence);
      await two.session.call([1, 2].map((number) => ({ number, bytes: bytes('call') })));
      const ids = [1, 2].map((number) => ({ member: two.member, number }));
      await one.session.take(fence, [ids[0]!]);
      await expect(two.session.withdraw([1, 2])).resolves.toEqual([2]);
      await expect(one.session.take(fence, [ids[1]!])).resolves.toEqual({ deposed: false, calls: [] });
      stop();
    });

    it('have their answers also after a cut', async () => {
      const [one, two] = [await member(), await member()];
      const { fence } = await one.win();
      const stop = leading(one, fence);
      await two.session.call([{ number: 1, bytes: bytes('call') }]);
      two.link.cut();
      await eventually('the cut is noticed', () => two.downs.length > 0);
      const ids = [{ member: two.member, number: 1 }];
      await one.session.take(fence, ids);
      await one.session.reply(fence, [{ ...ids[0]!, bytes: bytes('answer') }]);
      two.link.restore();
      await eventually('the answer', () => two.replies.length > 0);
      expect(two.replies[0]?.bytes.toString()).toBe('answer');
      stop();
    });
  });

  describe('a session', () => {
    it('comes up when its server can be reached, and says before that it cannot', async () => {
      const link = await bed.link();
      link.cut();
      const one = Witness.open(link, group, { verbTimeoutMs: 1_000 });
      open.push(one);
      await eventually('why it is down', () => one.downs.length > 0);
      await expect(one.session.campaign(one.candidate())).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
      await expect(one.session.barrier()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
      expect(one.ups).toBe(0);
      link.restore();
      await eventually('it is up', () => one.ups > 0);
      await one.session.barrier();
      await expect(one.session.health()).resolves.toMatchObject({ version: expect.any(String) as string });
    });

    it('goes on after a restart of the server that lost nothing', async () => {
      const [one, two] = [await member({ ttlMs: 20_000 }), await member({ ttlMs: 20_000 })];
      const { fence, epoch } = await one.win();
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'kept')] });
      await two.session.call([{ number: 1, bytes: bytes('call') }]);
      await bed.restart({ isEmpty: false });
      await eventually('all are up again', () => one.ups > 1 && two.ups > 1);
      await expect(one.session.renew(fence)).resolves.toBe(true);
      await two.session.watch(['k']);
      await eventually('the value', () => two.text('k') === 'kept');
      await expect(two.session.lostSince(fence, [1])).resolves.toEqual([]);
      await one.session.serve();
      await eventually('the call', () => one.calls.length > 0);
    });

    it('goes on after a restart of the server that lost all data', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      await two.session.call([{ number: 1, bytes: bytes('call') }]);
      await bed.restart({ isEmpty: true });
      await eventually('all are up again', () => one.ups > 1 && two.ups > 1);
      await expect(one.session.renew(fence)).resolves.toBe(false);
      await expect(two.session.lostSince(fence, [1])).resolves.toEqual([1]);
      if (bed.waitsAfterLoss) {
        const outcome = await two.session.campaign(two.candidate({ highestEpoch: epoch }));
        expect(outcome).toMatchObject({ won: false, leader: undefined });
      }
      const again = await one.win({ highestEpoch: epoch, isIncumbent: true });
      expect(again.epoch).toBeGreaterThan(epoch);
      expect(again.fence).not.toBe(fence);
      await eventually('the leader is known', () => two.leader?.fence === again.fence);
    });

    it('tells nothing after its end, and closes twice', async () => {
      const [one, two] = [await member(), await member()];
      const { fence, epoch } = await one.win();
      await two.session.watch(['k']);
      await two.session.close();
      await two.session.close();
      const told = two.leaders.length;
      await one.session.write(fence, { epoch, guard: 1, values: [value('k', 1, 'x')] });
      await one.session.resign(fence);
      await one.session.barrier();
      expect(two.values).toEqual([]);
      expect(two.leaders).toHaveLength(told);
      await expect(two.session.barrier()).rejects.toThrow();
    });
  });
}
