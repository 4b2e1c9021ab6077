// The election as one host sees the election, by the clock of the test, at an engine whose answers the test gives.

import type { Candidate, CampaignOutcome } from '../../src/fleet/engine';
import { Leadership, type Term } from '../../src/fleet/leadership';
import { ManualClock } from '../../src/testing/manual-clock';

const TTL_MS = 3_000;
/** A host stops this long after the last answered renewal was sent, ms. */
const OWN_MS = 2_100;
const RECORD = { member: 'm', host: 'a', machine: 'x', pid: 1, startedAt: 't', fingerprint: {} };

type Answer<T> = (value: T) => Promise<void>;

/** A clock that goes on while no timer of the process runs. */
class FreezingClock extends ManualClock {
  frozenMs = 0;

  override now(): number {
    return super.now() + this.frozenMs;
  }
}

/** One host: verbs that the engine was asked, each with a function that answers. */
class OneHost {
  readonly clock = new FreezingClock();
  readonly campaigns: Answer<CampaignOutcome>[] = [];
  readonly renewals: Answer<boolean>[] = [];
  readonly resigned: string[] = [];
  readonly won: Term[] = [];
  readonly lost: string[] = [];
  readonly leadership: Leadership;

  constructor() {
    this.leadership = new Leadership({
      session: {
        campaign: (_candidate: Candidate) => answered(this.campaigns),
        renew: () => answered(this.renewals),
        resign: (fence) => Promise.resolve(void this.resigned.push(fence)),
        release: () => Promise.resolve(false),
      },
      ...{ record: RECORD, group: 'shop', ttlMs: TTL_MS, clock: this.clock },
      hooks: {
        onWon: (term) => void this.won.push(term),
        onRenamed: () => undefined,
        onLost: (why) => void this.lost.push(why.message),
        onLeader: () => undefined,
      },
    });
  }

  /** The engine says that nobody leads; the host campaigns. @returns when the campaign was sent */
  nobodyLeads(): number {
    this.leadership.up();
    this.leadership.hear(undefined);
    while (this.campaigns.length === 0) this.clock.advance(1);
    return this.clock.now();
  }

  /** @returns when the campaign was sent */
  async wins(): Promise<number> {
    const sentAt = this.nobodyLeads();
    await this.campaigns.shift()!({ won: true, fence: 'f', epoch: 7 });
    return sentAt;
  }
}

/** A verb that waits in a list for an answer. The answer resolves when all that follows from the answer has happened. */
function answered<T>(waiting: Answer<T>[]): Promise<T> {
  return new Promise((resolve) => {
    waiting.push(async (value) => {
      resolve(value);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    });
  });
}

it('a host at a silent engine stops 0.7 TTL after its campaign was sent', async () => {
  const host = new OneHost();
  const sentAt = await host.wins();
  host.clock.advance(sentAt + OWN_MS - 1 - host.clock.now());
  expect(host.leadership.term).toEqual({ fence: 'f', epoch: 7 });
  expect(host.lost).toEqual([]);
  host.clock.advance(1);
  expect(host.leadership.term).toBeUndefined();
  expect(host.lost).toEqual([expect.stringContaining('no renewal was answered for 2100 ms')]);
});

it('an answered renewal counts from when the renewal was sent, not from the answer', async () => {
  const host = new OneHost();
  await host.wins();
  while (host.renewals.length === 0) host.clock.advance(1);
  const sentAt = host.clock.now();
  host.clock.advance(900);
  await host.renewals.shift()!(true);
  host.clock.advance(sentAt + OWN_MS - 1 - host.clock.now());
  expect(host.lost).toEqual([]);
  host.clock.advance(1);
  expect(host.lost).toHaveLength(1);
});

it('a host leads on while its renewals are answered', async () => {
  const host = new OneHost();
  await host.wins();
  for (let ms = 0; ms < 10 * TTL_MS; ms += 50) {
    host.clock.advance(50);
    await host.renewals.shift()?.(true);
  }
  expect(host.lost).toEqual([]);
  expect(host.leadership.term).toEqual({ fence: 'f', epoch: 7 });
});

it('a campaign whose answer comes after the own deadline is resigned', async () => {
  const host = new OneHost();
  host.nobodyLeads();
  host.clock.advance(OWN_MS);
  await host.campaigns.shift()!({ won: true, fence: 'f', epoch: 7 });
  expect(host.won).toEqual([]);
  expect(host.resigned).toEqual(['f']);
  expect(host.leadership.term).toBeUndefined();
});

it('an answer that comes after a freeze does not bring leadership back, and no timer is needed to see so', async () => {
  const host = new OneHost();
  await host.wins();
  while (host.renewals.length === 0) host.clock.advance(1);
  host.clock.frozenMs = 2 * TTL_MS;
  expect(host.leadership.term).toBeUndefined();
  await host.renewals.shift()!(true);
  expect(host.leadership.term).toBeUndefined();
  host.clock.advance(1);
  expect(host.lost).toHaveLength(1);
});
