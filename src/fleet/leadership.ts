// One host's part in the election between hosts: campaigns when nobody leads, renews while leading, and stops by the clock of this process when
// renewals are not answered. Candidates do not poll: the engine tells when nobody leads.

import { TrunklineError } from '../errors';
import type { Clock, Timer } from '../time';
import type { EngineSession, Epoch, Fence, Leader, LeaderRecord } from './engine';
import { isDead } from './process-identity';
import { trust } from './trust';

export interface Term {
  readonly fence: Fence;
  readonly epoch: Epoch;
}

export interface LeadershipHooks {
  onWon(term: Term): void;
  /** Leadership goes on under another fence and epoch: the engine had lost its data, and nobody else has led. */
  onRenamed(term: Term): void;
  onLost(why: TrunklineError): void;
  /** Who leads, as far as this host knows; never this host. */
  onLeader(leader: Leader | undefined): void;
}

export interface LeadershipSetup {
  readonly session: Pick<EngineSession, 'campaign' | 'renew' | 'resign' | 'release'>;
  readonly record: LeaderRecord;
  readonly group: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly hooks: LeadershipHooks;
}

/** A leader stops when this part of the TTL has passed since the last answered renewal was sent: before another can win. */
const OWN_PART = 0.7;
/** Candidates that hear at once that nobody leads do not all campaign in the same moment, ms. */
const SPREAD_MS = 15;

export class Leadership {
  readonly #setup: LeadershipSetup;
  #term: Term | undefined;
  /** When leadership ends by the own clock. */
  #deadline = 0;
  #leader: Leader | undefined;
  /** Whether the engine has said who leads since the session came up. */
  #isKnown = false;
  #highestEpoch = 0;
  #isCampaigning = false;
  #isStopped = false;
  #notBefore = 0;
  readonly #timers = new Map<'campaign' | 'renewal' | 'deadline' | 'neighbour', Timer>();

  constructor(setup: LeadershipSetup) {
    this.#setup = setup;
  }

  /** The own leadership; undefined when there is none, or the time has passed on the own clock. */
  get term(): Term | undefined {
    return this.#term && (!trust.checksItself || this.#setup.clock.now() < this.#deadline) ? this.#term : undefined;
  }

  get highestEpoch(): Epoch {
    return this.#highestEpoch;
  }

  /** The session works: a renewal first, if this host leads. */
  up(): void {
    this.#isKnown = false;
    if (this.#term) void this.#renew();
  }

  down(): void {
    this.#isKnown = false;
    this.#stop('campaign', 'neighbour');
    this.#leader = undefined;
  }

  /** What the engine says. */
  hear(leader: Leader | undefined): void {
    this.#isKnown = true;
    if (leader) this.see(leader.epoch);
    if (this.#term) {
      if (leader?.fence === this.#term.fence || !trust.checksItself) return;
      if (leader && leader.member !== this.#setup.record.member) this.#lose('another host has won leadership');
      // A key that is gone: lost data, or the own campaign that is still on its way.
      else if (!leader) void this.#renew();
      if (this.#term) return;
    }
    this.#leader = leader;
    if (leader?.member === this.#setup.record.member) {
      // Left over from before a loss that only the own clock has seen. A new campaign gets a new fence.
      if (!this.#isCampaigning) void this.#attempt(() => this.#setup.session.resign(leader.fence));
      return;
    }
    this.#setup.hooks.onLeader(leader);
    if (leader) this.#watchNeighbour(leader);
    else this.#campaignIn(Math.random() * SPREAD_MS);
  }

  /** An epoch that this host has seen, of a leader or of a value. */
  see(epoch: Epoch): void {
    this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
  }

  /** Gives leadership up, and does not campaign before a time has passed. */
  async yield(pauseMs: number, why: string): Promise<void> {
    const term = this.#term;
    if (!term) return;
    this.#notBefore = this.#setup.clock.now() + pauseMs;
    this.#lose(why);
    await this.#attempt(() => this.#setup.session.resign(term.fence));
  }

  /** No campaign from now on; what this host leads, it goes on leading until `resign`. */
  retire(): void {
    this.#isStopped = true;
    this.#stop('campaign', 'neighbour');
  }

  /** Never rejects. */
  async resign(): Promise<void> {
    this.retire();
    const term = this.#term;
    this.#term = undefined;
    this.#stop('renewal', 'deadline');
    if (term) await this.#attempt(() => this.#setup.session.resign(term.fence));
  }

  /** A fenced verb was refused: another host leads, or the engine has lost the key. */
  deposed(fence: Fence): void {
    if (this.#term?.fence !== fence) return;
    if (trust.checksItself) void this.#renew();
    else this.#lose('the engine has refused a verb of a leader');
  }

  #campaignIn(delayMs: number): void {
    const { clock } = this.#setup;
    const pauseMs = Math.max(delayMs, this.#notBefore - clock.now());
    this.#start('campaign', pauseMs, () => void this.#campaign());
  }

  async #campaign(): Promise<void> {
    const { session, record, clock, ttlMs } = this.#setup;
    if (this.#isCampaigning || this.#term || this.#isStopped || this.#leader || !this.#isKnown) return;
    this.#isCampaigning = true;
    const sentAt = clock.now();
    const outcome = await session
      .campaign({ record, highestEpoch: this.#highestEpoch, isIncumbent: false })
      .catch(() => undefined); // the session says why it is down
    this.#isCampaigning = false;
    if (!outcome) this.#campaignIn(ttlMs / 10);
    else if (outcome.won) await this.#won(outcome, sentAt);
    else if (outcome.leader) this.hear(outcome.leader);
    else this.#campaignIn(outcome.waitMs);
  }

  async #won(term: Term, sentAt: number): Promise<void> {
    const { clock, hooks, session } = this.#setup;
    const isLate = clock.now() >= sentAt + this.#setup.ttlMs * OWN_PART;
    if (this.#isStopped || isLate) {
      await this.#attempt(() => session.resign(term.fence));
      return;
    }
    this.#take(term, sentAt);
    hooks.onWon(term);
  }

  #take({ fence, epoch }: Term, sentAt: number): void {
    this.#term = { fence, epoch };
    this.#leader = undefined;
    this.see(epoch);
    this.#stop('neighbour', 'campaign');
    this.#extend(sentAt);
    this.#renewLater(this.#setup.ttlMs / 3);
  }

  #renewLater(delayMs: number): void {
    this.#start('renewal', delayMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { session, clock, ttlMs } = this.#setup;
    const term = this.#term;
    if (!term) return;
    this.#renewLater(ttlMs / 3);
    const sentAt = clock.now();
    try {
      const isLeading = await session.renew(term.fence);
      if (this.#term !== term) return;
      if (isLeading) this.#extend(sentAt);
      else if (trust.checksItself) await this.#claimAgain(term);
    } catch {
      if (this.#term === term) this.#renewLater(ttlMs / 10);
    }
  }

  /** The key is gone. If the engine has lost its data, nobody else may lead yet, and this host goes on. */
  async #claimAgain(term: Term): Promise<void> {
    const { session, record, clock, hooks } = this.#setup;
    const sentAt = clock.now();
    if (sentAt < this.#deadline && !this.#isStopped) {
      const outcome = await session.campaign({ record, highestEpoch: this.#highestEpoch, isIncumbent: true });
      if (this.#term !== term) return;
      if (outcome.won && outcome.fence !== term.fence && this.term) {
        this.#take(outcome, sentAt);
        hooks.onRenamed(outcome);
        return;
      }
    }
    this.#lose('leadership has run out, or its key is gone');
  }

  #extend(sentAt: number): void {
    const { clock, ttlMs } = this.#setup;
    this.#deadline = Math.max(this.#deadline, sentAt + ttlMs * OWN_PART);
    if (!trust.checksItself) return;
    this.#start('deadline', this.#deadline - clock.now(), () => {
      this.#lose(`no renewal was answered for ${Math.round(ttlMs * OWN_PART)} ms`);
    });
  }

  #lose(what: string): void {
    const { group, hooks } = this.#setup;
    if (!this.#term) return;
    this.#term = undefined;
    this.#deadline = 0;
    this.#stop('renewal', 'deadline');
    hooks.onLost(
      new TrunklineError('ERR_TRUNKLINE_FLEET_WINNER_LOST', `fleet ${group}: this host leads no longer: ${what}`, { group }),
    );
    if (this.#isKnown && !this.#leader) this.#campaignIn(SPREAD_MS);
  }

  /** A leader whose process is dead on this machine does not cost the TTL. */
  #watchNeighbour(leader: Leader): void {
    const { record, session, ttlMs } = this.#setup;
    this.#stop('neighbour');
    if (leader.machine !== record.machine || this.#isStopped) return;
    if (isDead(leader, record)) void this.#attempt(() => session.release(leader));
    this.#start('neighbour', Math.max(25, ttlMs / 40), () => this.#watchNeighbour(leader));
  }

  /** What fails here is tried again in another way: the session is down, or the leadership runs out. */
  #attempt(verb: () => Promise<unknown>): Promise<void> {
    return verb().then(
      () => undefined,
      () => undefined,
    );
  }

  #start(name: 'campaign' | 'renewal' | 'deadline' | 'neighbour', delayMs: number, run: () => void): void {
    this.#stop(name);
    const timer = this.#setup.clock.setTimeout(run, Math.max(0, delayMs));
    timer.unref();
    this.#timers.set(name, timer);
  }

  #stop(...names: ('campaign' | 'renewal' | 'deadline' | 'neighbour')[]): void {
    for (const name of names) this.#setup.clock.clearTimeout(this.#timers.get(name));
  }
}
