// Why a process has no role yet: where it looks for a leader, what it has heard there, and what the user is told about it.

import type { Candidacy } from '../../protocol/candidacy';
import type { UnknownCode, WaitCode } from '../../protocol/codes';
import { formatEndpoint, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { foreignPort } from '../roles/foreign-port';
import type { ChannelSpec } from '../roles/role';
import type { Connection } from '../transport/connection';
import { FIRST_WORD_MS } from '../transport/introduction';

/** What a client does until the client is ready. */
export type Phase = 'connecting' | 'waiting for a leader' | 'waiting for upstream' | 'refused';

export class Search {
  readonly #spec: ChannelSpec;
  /** The cluster port; undefined in single mode. */
  readonly #meetingPoint: Endpoint | undefined;
  readonly #onPhase: () => void;
  #phase: Phase = 'connecting';
  #setback: unknown;
  #absence: Error | undefined;
  /** The last report that there is no leader. */
  #overdue: { readonly error: TrunklineError; readonly maxWaitMs: number } | undefined;
  /** Where a leader is sought, and the connection on which the answer is awaited. */
  #endpoint: Endpoint | undefined;
  #dialled: Connection | undefined;
  /** What the process that holds the port says about the channels at the port; undefined when it has said nothing about them. */
  #waitSentence: string | undefined;
  /** Since when the holder of the port does not answer; undefined when there is no sign of such a holder. */
  #unansweredSince: number | undefined;

  /** @param onPhase called when the phase has changed */
  constructor(spec: ChannelSpec, meetingPoint: Endpoint | undefined, onPhase: () => void) {
    this.#spec = spec;
    this.#meetingPoint = meetingPoint;
    this.#onPhase = onPhase;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Why the last try came to nothing. */
  get error(): unknown {
    // What is known of the absence may have changed since the report.
    if (this.#overdue && this.#setback === this.#overdue.error) return this.#noLeader(this.#overdue.maxWaitMs);
    return this.#setback ?? this.#absence;
  }

  /** Whether the process where a leader was sought last speaks the protocol. */
  get isAnswered(): boolean {
    return (this.#dialled?.messagesHeard ?? 0) > 0;
  }

  seeksAt(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.#dialled = undefined;
    this.#waitSentence = undefined;
  }

  dialled(connection: Connection): void {
    this.#dialled = connection;
  }

  waits(why: WaitCode | UnknownCode, sentence: string): void {
    this.#waitSentence = sentence;
    this.#enter(why === 'upstream' ? 'waiting for upstream' : 'waiting for a leader');
  }

  /** Nobody has answered at the endpoint. */
  absent(error: Error, candidacy: Candidacy): void {
    this.#absence = error;
    this.#enter(candidacy === 'follows' ? 'waiting for a leader' : 'connecting');
  }

  /** This process may be ready as soon as its upstream client is. */
  leads(): void {
    this.#enter('waiting for upstream');
  }

  note(error: unknown, phase: Phase): void {
    this.#setback = error;
    this.#enter(phase);
  }

  /** The reason is kept for as long as there is no newer one. */
  noteIfFirst(error: unknown): void {
    this.#setback ??= error;
  }

  /** The port is not held by a process that keeps silent. */
  answered(): void {
    this.#unansweredSince = undefined;
  }

  /**
   * The port is held, and its holder has not answered this time.
   * @returns the error to report when this has gone on for too long
   */
  unanswered(): TrunklineError | undefined {
    const now = this.#spec.clock.now();
    this.#unansweredSince ??= now;
    if (now - this.#unansweredSince < FIRST_WORD_MS) return undefined;
    return foreignPort(this.#spec.name, this.#meetingPoint!, this.#absence?.message ?? 'gives no answer');
  }

  /** A role is found. */
  found(): void {
    this.answered();
    this.#absence = undefined;
    this.#setback = undefined;
    this.#enter('connecting');
  }

  /**
   * The client has not been ready for that long.
   * @returns the error to report; undefined when there is a better one already, or when only the upstream client is slow
   */
  overdue(maxWaitMs: number): TrunklineError | undefined {
    if (this.#phase === 'refused') return undefined;
    if (this.#phase === 'waiting for upstream' && this.#endpoint === undefined) {
      // Slow is not failed: only the upstream client can tell the difference.
      const { name, logger } = this.#spec;
      logger.warn(`${name}: this process leads, but its upstream client has not been ready for ${maxWaitMs} ms`);
      return undefined;
    }
    this.#overdue = { error: this.#noLeader(maxWaitMs), maxWaitMs };
    return this.#overdue.error;
  }

  #noLeader(maxWaitMs: number): TrunklineError {
    const { name: channel } = this.#spec;
    const endpoint = this.#endpoint ?? this.#meetingPoint;
    return new TrunklineError(
      'ERR_TRUNKLINE_NO_LEADER',
      `${channel}: no ready leader for ${maxWaitMs} ms: ${this.#whyNobody(endpoint && formatEndpoint(endpoint))}; waiting goes on`,
      { channel, port: endpoint?.port, maxWaitTime: maxWaitMs, cause: this.#absence },
    );
  }

  #enter(phase: Phase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#onPhase();
  }

  #whyNobody(where: string | undefined): string {
    if (this.#phase === 'waiting for upstream') return `the upstream client of the leader at ${where} is not ready`;
    if (!this.isAnswered) return `nobody leads on ${where}; start the process that does, or leave isLeader unset`;
    if (this.#waitSentence === undefined) {
      return (
        `the process that holds ${where} pings, but says nothing about the channel: it is one of cluster-client 3.x that has other channels, ` +
        'or another program; create the channel in a process that may lead, or choose another port'
      );
    }
    return (
      `the process that holds ${where} knows no leader of this channel (it says: ${this.#waitSentence}); ` +
      'create the channel where it may lead, or leave isLeader unset'
    );
  }
}
