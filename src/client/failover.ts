// The life of a channel in one process: campaign, enter the role that the term gives, serve until it ends, again.
// Everything that can happen to a process's place in the host goes through the one loop in `#run`.

import type { Election } from '../election/term';
import { formatEndpoint, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { FIRST_WORD_MS, foreignPort } from '../roles/foreign-port';
import { joinLeader } from '../roles/join-leader';
import { Leader } from '../roles/leader';
import type { ChannelSpec, Role, RoleHooks } from '../roles/role';
import { SharedSingle } from '../roles/shared-single';
import type { Connection } from '../transport/connection';
import { Backoff, delay, patientTimeout, type Patience } from '../time';

export interface FailoverEvents {
  /** A role is there and ready; everything that this process has asked for must be asked of it now. */
  onEnter(role: Role): void;
  /** The role is over, another one is sought. */
  onLeave(): void;
  /** This process is not ready, and this is why. It is tried again in the background. */
  onSetback(error: unknown): void;
  /** The role has recovered from a setback. */
  onRecovery(): void;
}

/** Between tries to reach a leader that is not there yet, ms: a late leader is found within this time. */
const ABSENT_MIN_MS = 10;
const ABSENT_MAX_MS = 50;
/** Between tries after a refusal, ms. */
const REFUSED_MIN_MS = 50;
const REFUSED_MAX_MS = 500;

export class Failover {
  readonly #spec: ChannelSpec;
  readonly #election: Election;
  readonly #maxWaitMs: number;
  readonly #hooks: Pick<RoleHooks, 'onError' | 'onUpstream'>;
  readonly #events: FailoverEvents;
  readonly #life = new AbortController();
  readonly #absent = new Backoff(ABSENT_MIN_MS, ABSENT_MAX_MS);
  readonly #refused = new Backoff(REFUSED_MIN_MS, REFUSED_MAX_MS);
  #role: Role | undefined;
  #running: Promise<void> | undefined;
  /** Since when the port is held by somebody who does not answer; undefined when nothing points to it. */
  #unansweredSince: number | undefined;
  #lastAbsence: Error | undefined;
  #waitsForUpstream = false;
  /** Where a leader is sought, and the connection on which its answer is awaited. */
  #endpoint: Endpoint | undefined;
  #dialled: Connection | undefined;

  constructor(
    spec: ChannelSpec,
    election: Election,
    maxWaitMs: number,
    hooks: Pick<RoleHooks, 'onError' | 'onUpstream'>,
    events: FailoverEvents,
  ) {
    this.#spec = spec;
    this.#election = election;
    this.#maxWaitMs = maxWaitMs;
    this.#hooks = hooks;
    this.#events = events;
  }

  /** The present role; undefined while there is none. */
  get role(): Role | undefined {
    return this.#role;
  }

  start(): void {
    this.#running ??= this.#run(this.#life.signal);
  }

  /** Ends the present role or the search for one. Idempotent. */
  async close(): Promise<void> {
    this.#life.abort();
    await this.#role?.close();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let waiting = this.#limitWaiting();
    while (!signal.aborted) {
      const role = await this.#tryToEnter(signal);
      if (!role) continue;
      if (signal.aborted) {
        await role.close(); // closed while the role was on its way here
        break;
      }
      waiting.cancel();
      this.#role = role;
      this.#events.onEnter(role);
      const end = await role.ended;
      this.#role = undefined;
      if (signal.aborted) break;
      this.#events.onLeave();
      waiting = this.#limitWaiting();
      const why = end.reason === 'leader-lost' && end.error ? ` (${this.#withoutName(end.error.message)})` : '';
      this.#warn(`leader lost, a new one is sought${why}`);
    }
    waiting.cancel();
  }

  /** @returns a role that is ready; undefined when this try came to nothing, after a pause */
  async #tryToEnter(signal: AbortSignal): Promise<Role | undefined> {
    const hooks: RoleHooks = {
      ...this.#hooks,
      onReady: () => {
        if (this.#role) this.#events.onRecovery();
      },
      onSetback: (error) => {
        this.#setback(error, signal);
      },
    };
    try {
      const term = await this.#election.campaign();
      if (signal.aborted) {
        if (term.kind === 'leader') await term.lease.release();
        return undefined;
      }
      switch (term.kind) {
        case 'single':
          return await this.#serve(SharedSingle.join(this.#spec, hooks), signal);
        case 'leader': {
          const leader = new Leader(this.#spec, term.lease, hooks);
          leader.start();
          return await this.#serve(leader, signal);
        }
        case 'follower': {
          this.#endpoint = term.endpoint;
          this.#dialled = undefined;
          const outcome = await joinLeader(this.#spec, term.endpoint, hooks, signal, (connection) => {
            this.#dialled = connection;
          });
          if ('follower' in outcome) {
            this.#settled();
            return outcome.follower;
          }
          if ('absent' in outcome) {
            this.#lastAbsence = outcome.absent;
            if (term.isPortHeld || outcome.accepted) this.#unanswered(term.endpoint, signal);
            else this.#unansweredSince = undefined;
            await delay(this.#spec.clock, this.#absent.nextMs(), signal);
            return undefined;
          }
          throw outcome.refused;
        }
      }
    } catch (error) {
      this.#unansweredSince = undefined;
      this.#setback(error, signal);
      await delay(this.#spec.clock, this.#refused.nextMs(), signal);
      return undefined;
    }
  }

  /** Waits until a role of this process has its upstream client ready. */
  async #serve(role: Role & { readonly ready: Promise<void> }, signal: AbortSignal): Promise<Role | undefined> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else
        signal.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { once: true },
        );
    });
    this.#waitsForUpstream = true;
    await Promise.race([role.ready, aborted]);
    this.#waitsForUpstream = false;
    if (signal.aborted) {
      await role.close();
      return undefined;
    }
    this.#settled();
    return role;
  }

  #settled(): void {
    this.#absent.reset();
    this.#refused.reset();
    this.#unansweredSince = undefined;
    this.#lastAbsence = undefined;
  }

  #setback(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) this.#events.onSetback(error);
  }

  #unanswered(endpoint: Endpoint, signal: AbortSignal): void {
    const now = this.#spec.clock.now();
    this.#unansweredSince ??= now;
    if (now - this.#unansweredSince < FIRST_WORD_MS) return;
    this.#setback(foreignPort(this.#spec.name, endpoint, this.#lastAbsence?.message ?? 'gives no answer'), signal);
  }

  /** Our own errors begin with the channel, and so does the log line. */
  #withoutName(message: string): string {
    const prefix = `${this.#spec.name}: `;
    return message.startsWith(prefix) ? message.slice(prefix.length) : message;
  }

  #warn(message: string): void {
    try {
      this.#spec.logger.warn(`${this.#spec.name}: ${message}`);
    } catch (error) {
      this.#hooks.onError(error); // a logger of the user must not end the loop
    }
  }

  #limitWaiting(): Patience {
    return patientTimeout(this.#spec.clock, this.#maxWaitMs, () => {
      if (this.#waitsForUpstream) {
        // Slow is not failed: only the upstream client can tell the difference.
        this.#warn(`this process leads, but its upstream client has not been ready for ${this.#maxWaitMs} ms`);
        return;
      }
      const { name: channel } = this.#spec;
      const where = this.#endpoint && formatEndpoint(this.#endpoint);
      const isAnswered = (this.#dialled?.messagesHeard ?? 0) > 0;
      const why = isAnswered
        ? `the process that holds ${where} does not lead this channel, or its upstream client is not ready; ` +
          'create the channel there, or use another port'
        : `nobody leads on ${where}; start the process that does, or leave isLeader unset`;
      this.#setback(
        new TrunklineError(
          'ERR_TRUNKLINE_NO_LEADER',
          `${channel}: no ready leader for ${this.#maxWaitMs} ms: ${why}; waiting goes on`,
          {
            channel,
            port: this.#endpoint?.port,
            maxWaitTime: this.#maxWaitMs,
            cause: this.#lastAbsence,
          },
        ),
        this.#life.signal,
      );
    });
  }
}
