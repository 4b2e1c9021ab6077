// The life of a channel in one process: campaign, enter the role that the term gives, serve until the role ends, repeat.
// Everything that can happen to a process's place in the host goes through the loop in `#run`.

import type { Candidacy } from '../../protocol/candidacy';
import { Candidate, type Turn } from '../election/candidate';
import { PortRace } from '../election/port-race';
import type { ChannelLease, Meeting, Term } from '../election/term';
import type { Endpoint } from '../endpoint';
import { joinLeader, type JoinOutcome } from '../roles/follower/join-leader';
import { Leader } from '../roles/leader/leader';
import type { ChannelSpec, Role, RoleEnd, RoleHooks, Wanted } from '../roles/role';
import { SharedSingle } from '../roles/local/shared-single';
import { handoffChannel, roleChannel } from '../telemetry';
import { Backoff, delay, patientTimeout, type Patience } from '../time';
import { Search, type Phase } from './search';

export interface FailoverEvents {
  /**
   * A role is entered and ready; everything that this process has asked for must be asked of the new role now.
   * @param previous the role that this role replaces, which delivers nothing any more
   */
  onEnter(role: Role, previous: Role | undefined): void;
  /** The role is over, and another role is sought. */
  onLeave(role: Role): void;
  /** Reports why this process is not ready. The next try follows in the background. */
  onSetback(error: unknown): void;
  /** The role has recovered from a setback. */
  onRecovery(): void;
  /** The second role or a later one is entered. @param durationMs how long there was no role; 0 in a hand-off */
  onFailover(durationMs: number, cause: string): void;
  /** What is done to get a role has changed. */
  onPhase(): void;
}

/** Where the processes of the host meet, and how this process may lead. */
export interface Participation {
  readonly meeting: Meeting;
  readonly candidacy: Candidacy;
}

export interface FailoverOptions {
  readonly spec: ChannelSpec;
  /** Undefined: single mode. */
  readonly participation: Participation | undefined;
  readonly maxWaitMs: number;
  readonly hooks: Pick<RoleHooks, 'onError' | 'onUpstream' | 'onUpstreamState' | 'onAnswered'>;
  /** What this process has subscribed. */
  readonly wanted: () => Iterable<Wanted>;
  readonly events: FailoverEvents;
}

/** Between tries to reach a leader that is not there yet, ms: a late leader is found within this time. */
const ABSENT_MIN_MS = 2;
const ABSENT_MAX_MS = 50;
/** How long an appointed successor gets to be found when the port holder that has appointed it is gone, ms. */
const SUCCESSOR_MS = 1_000;
/** Between tries after a refusal, ms. */
const REFUSED_MIN_MS = 50;
const REFUSED_MAX_MS = 500;

export class Failover {
  readonly #options: FailoverOptions;
  readonly #spec: ChannelSpec;
  readonly #events: FailoverEvents;
  readonly #life = new AbortController();
  readonly #absent = new Backoff(ABSENT_MIN_MS, ABSENT_MAX_MS);
  readonly #refused = new Backoff(REFUSED_MIN_MS, REFUSED_MAX_MS);
  /** Undefined: single mode. */
  readonly #election: PortRace | undefined;
  readonly #candidate: Candidate | undefined;
  #turn: Turn | undefined;
  /** The leader or the port holder has said that there will be a successor, and the successor has not been found yet. */
  #isSuccessorAppointed = false;
  readonly #search: Search;
  #candidacy: Candidacy;
  #role: Role | undefined;
  #seenTerm = 0;
  /** When and why the last role was lost, until the next role. */
  #loss: { readonly at: number; readonly cause: string } | undefined;
  #running: Promise<void> | undefined;
  /** Roles that were replaced and still answer earlier requests. */
  readonly #retiring = new Map<Role, Promise<void>>();
  #waiting: Patience | undefined;
  /** Set while an appointed successor is given time to be found: this process does not compete meanwhile. */
  #successorWait: { readonly over: AbortController; readonly patience: Patience } | undefined;
  constructor(options: FailoverOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#events = options.events;
    const { spec, participation } = options;
    this.#search = new Search(spec, participation?.meeting.endpoint, () => this.#events.onPhase());
    this.#election = participation && new PortRace(participation.meeting, spec.id);
    this.#candidate = participation && new Candidate(participation.meeting.endpoint.port, spec.id, spec.scope);
    this.#candidacy = participation?.candidacy ?? 'competes';
  }

  /** The present role; undefined while there is none. */
  get role(): Role | undefined {
    return this.#role;
  }

  /** What is being done to get a role, and the last error. */
  get search(): { readonly phase: Phase; readonly error: unknown } {
    return this.#search;
  }

  start(): void {
    this.#running ??= this.#run(this.#life.signal);
  }

  /** Ends the present role or the search for a role. Idempotent. */
  async close(): Promise<void> {
    this.#life.abort();
    this.#waiting?.cancel();
    this.#endSuccessorWait();
    await this.#role?.close();
    await this.#running;
    await Promise.all([...this.#retiring].flatMap(([role, retired]) => [role.close(), retired]));
    this.#candidate?.leave();
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#limitWaiting();
    while (!signal.aborted) {
      const role = await this.#tryToEnter(signal);
      if (!role) continue;
      if (signal.aborted) {
        await role.close(); // closed before the role was entered
        return;
      }
      this.#enter(role, signal);
      this.#isSuccessorAppointed = await Promise.race([role.ended.then(() => false), role.handOffBegun.then(() => true)]);
    }
  }

  #enter(role: Role, signal: AbortSignal): void {
    const previous = this.#role;
    // The role before must be silent before the next role says anything.
    if (previous) this.#retire(previous);
    this.#waiting?.cancel();
    this.#role = role;
    this.#settled();
    this.#tellRole(role, previous !== undefined);
    // Leaders of cluster-client 3.x have no terms; term 1 records that such a leader existed.
    this.#seenTerm = Math.max(this.#seenTerm, role.term, 1);
    void role.ended.then((end) => {
      if (this.#role === role) this.#onEnded(role, end, signal);
    });
    void role.handOffBegun.then(() => this.#tellHandoff('begun', role));
    // Another process was told to take over: a process that must lead would only take the channel back.
    if (role.isLeader)
      void role.handOffBegun.then(() => {
        this.#candidacy = 'competes';
        if (!signal.aborted) this.#candidate?.succeeded();
      });
    this.#events.onEnter(role, previous);
    role.begin?.();
  }

  #retire(role: Role): void {
    this.#retiring.set(
      role,
      role.retire().finally(() => {
        this.#retiring.delete(role);
        this.#tellHandoff('ended', role);
      }),
    );
  }

  #tellRole({ kind, term }: Role, isHandoff: boolean): void {
    const loss = this.#loss;
    this.#loss = undefined;
    if (isHandoff) this.#events.onFailover(0, 'hand-off');
    else if (loss) this.#events.onFailover(this.#spec.clock.now() - loss.at, loss.cause);
    if (!roleChannel.hasSubscribers) return;
    const durationMs = loss && this.#spec.clock.now() - loss.at;
    const cause = isHandoff ? 'hand-off' : loss?.cause;
    roleChannel.publish({ channel: this.#spec.name, role: kind, term, durationMs, cause });
  }

  #tellHandoff(phase: 'begun' | 'ended', { kind, term }: Role): void {
    if (handoffChannel.hasSubscribers) handoffChannel.publish({ channel: this.#spec.name, phase, role: kind, term });
  }

  #onEnded(role: Role, end: RoleEnd, signal: AbortSignal): void {
    this.#role = undefined;
    if (signal.aborted) return;
    if ('error' in end) this.#search.noteIfFirst(end.error);
    const why = end.reason === 'leader-lost' && end.error ? ` (${this.#withoutName(end.error.message)})` : '';
    const cause = `leader lost${why}`;
    this.#loss = { at: this.#spec.clock.now(), cause };
    if (roleChannel.hasSubscribers) {
      roleChannel.publish({ channel: this.#spec.name, role: undefined, term: role.term, durationMs: undefined, cause });
    }
    this.#events.onLeave(role);
    this.#limitWaiting();
    this.#warn(`leader lost, a new one is sought${why}`);
  }

  /** @returns a role that is ready; undefined when this try came to nothing, after a pause */
  async #tryToEnter(signal: AbortSignal): Promise<Role | undefined> {
    try {
      if (!this.#election) return await this.#serve(SharedSingle.join(this.#spec, this.#hooks(signal)), signal);
      const turn = await this.#candidate!.takeTurn(this.#candidacy, signal);
      this.#turn = turn;
      const candidacy = this.#successorWait ? 'follows' : turn.candidacy;
      const term = this.#isSuccessorAppointed
        ? this.#election.concede()
        : await this.#election.campaign(this.#seenTerm, candidacy, signal);
      if (signal.aborted) {
        if (term.kind === 'leader') await term.lease.release();
        return undefined;
      }
      return term.kind === 'leader' ? await this.#leadOn(term.lease, signal) : await this.#follow(term, candidacy, signal);
    } catch (error) {
      return await this.#pauseAfter(error, 'refused', signal);
    } finally {
      this.#turn?.end();
    }
  }

  async #pauseAfter(refusal: unknown, phase: Phase, signal: AbortSignal): Promise<undefined> {
    this.#search.answered();
    if (this.#role) this.#search.note(refusal, phase);
    else this.#setback(refusal, signal, phase);
    this.#turn?.end();
    await delay(this.#spec.clock, this.#refused.nextMs(), signal);
    return undefined;
  }

  async #follow(term: Extract<Term, { kind: 'follower' }>, candidacy: Candidacy, signal: AbortSignal): Promise<Role | undefined> {
    const successorWait = this.#successorWait?.over.signal;
    const join = (endpoint: Endpoint): Promise<JoinOutcome> => {
      this.#search.seeksAt(endpoint);
      return joinLeader({
        spec: this.#spec,
        meeting: this.#options.participation!.meeting,
        endpoint,
        candidacy,
        seenTerm: this.#seenTerm,
        hooks: this.#hooks(signal),
        wanted: this.#options.wanted,
        signal: successorWait ? AbortSignal.any([signal, successorWait]) : signal,
        onDialled: (connection) => {
          this.#search.dialled(connection);
        },
        onWait: (why, sentence) => {
          this.#isSuccessorAppointed = why === 'hand-off';
          this.#search.waits(why, sentence);
        },
      });
    };
    let outcome = await join(term.endpoint);
    const { isAnswered } = this.#search;
    if ('redirected' in outcome) {
      this.#isSuccessorAppointed = false;
      outcome = await join(outcome.redirected);
    }
    const isSuccessorAppointed = this.#isSuccessorAppointed;
    this.#isSuccessorAppointed = false;
    if ('follower' in outcome) return outcome.follower;
    if ('refused' in outcome) {
      return await this.#pauseAfter(outcome.refused, outcome.isUpstream ? 'waiting for upstream' : 'refused', signal);
    }
    if ('appointed' in outcome) {
      const lease = await this.#election!.accept(outcome.appointed);
      if (lease) return await this.#leadOn(lease, signal);
    }
    if ('absent' in outcome) {
      this.#search.absent(outcome.absent, candidacy);
      if (isSuccessorAppointed && candidacy !== 'follows') this.#awaitSuccessor();
      if (!isAnswered && (term.isPortHeld || outcome.accepted)) {
        const foreign = this.#search.unanswered();
        if (foreign && !this.#role) this.#setback(foreign, signal, 'refused');
      } else this.#search.answered();
    }
    this.#turn?.end();
    await delay(this.#spec.clock, this.#absent.nextMs(), signal);
    return undefined;
  }

  /** The port holder is gone, and has appointed another process before: two that lead would be two upstream clients. */
  #awaitSuccessor(): void {
    this.#endSuccessorWait();
    const over = new AbortController();
    const patience = patientTimeout(this.#spec.clock, SUCCESSOR_MS, () => {
      this.#endSuccessorWait();
    });
    this.#successorWait = { over, patience };
  }

  #endSuccessorWait(): void {
    this.#successorWait?.patience.cancel();
    this.#successorWait?.over.abort();
    this.#successorWait = undefined;
  }

  #leadOn(lease: ChannelLease, signal: AbortSignal): Promise<Role | undefined> {
    this.#search.answered();
    const leader = new Leader(this.#spec, lease, this.#hooks(signal));
    this.#turn?.leads(leader.ended);
    leader.start();
    return this.#serve(leader, signal);
  }

  /** Waits until the upstream client of a role of this process is ready. */
  async #serve(role: Role & { readonly ready: Promise<void> }, signal: AbortSignal): Promise<Role | undefined> {
    let onAborted!: () => void;
    const aborted = new Promise<void>((resolve) => {
      onAborted = resolve;
    });
    signal.addEventListener('abort', onAborted, { once: true });
    if (signal.aborted) onAborted();
    let isReady = false;
    this.#search.leads();
    // Another process may be told to lead meanwhile, and be ready first.
    await Promise.race([role.ready.then(() => (isReady = true)), role.handOffBegun, aborted]);
    signal.removeEventListener('abort', onAborted);
    if (isReady && !signal.aborted) return role;
    await role.close();
    // If the lost port was the cluster port, the port belongs to the present leader now.
    await delay(this.#spec.clock, this.#absent.nextMs(), signal);
    return undefined;
  }

  /** Hooks for a role that is about to be entered, perhaps while the previous role still works. */
  #hooks(signal: AbortSignal): RoleHooks {
    const before = this.#role;
    // A role in place must not suffer from what happens to the next role.
    const isPresent = (): boolean => this.#role === undefined || this.#role !== before;
    return {
      ...this.#options.hooks,
      onReady: () => {
        if (this.#role && isPresent()) this.#events.onRecovery();
      },
      onSetback: (error) => {
        if (isPresent()) this.#setback(error, signal, 'waiting for upstream');
      },
    };
  }

  #settled(): void {
    this.#endSuccessorWait();
    this.#absent.reset();
    this.#refused.reset();
    this.#search.found();
  }

  #setback(error: unknown, signal: AbortSignal, phase: Phase): void {
    this.#search.note(error, phase);
    if (!signal.aborted) this.#events.onSetback(error);
  }

  /** Our own errors begin with the channel, and so does the log line. */
  #withoutName(message: string): string {
    const prefix = `${this.#spec.name}: `;
    return message.startsWith(prefix) ? message.slice(prefix.length) : message;
  }

  #warn(message: string): void {
    this.#spec.logger.warn(`${this.#spec.name}: ${message}`);
  }

  #limitWaiting(): void {
    const { maxWaitMs } = this.#options;
    this.#waiting = patientTimeout(this.#spec.clock, maxWaitMs, () => {
      const error = this.#search.overdue(maxWaitMs);
      if (error) this.#setback(error, this.#life.signal, this.#search.phase);
    });
  }
}
