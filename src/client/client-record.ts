// What a client has done and had so far, in all of its roles together: for a look at the host (process-report.ts).

import type { ClientView, FailoverView } from '../host-view';
import type { ClientReport } from '../process-report';
import type { Role } from '../roles/role';
import { CallCounter } from './call-counts';
import type { ClientStatus } from './status';

export class ClientRecord {
  readonly #id = Math.random().toString(36).slice(2);
  readonly calls = new CallCounter();
  /** Values that roles which are over have received. */
  #valuesBefore = 0;
  #failovers = { count: 0, totalMs: 0, last: undefined as FailoverView | undefined };

  /** A role is over, or another role is in its place. */
  roleEnded(role: Role): void {
    this.#valuesBefore += role.valuesReceived;
  }

  failedOver(durationMs: number, cause: string): void {
    const { count, totalMs } = this.#failovers;
    const last = { at: Date.now(), durationMs: Math.round(durationMs), cause };
    this.#failovers = { count: count + 1, totalMs: totalMs + last.durationMs, last };
  }

  report(
    status: ClientStatus,
    counts: Pick<ClientView, 'subscriptions' | 'publications'>,
    role: Role | undefined,
    withKeys: boolean,
  ): ClientReport {
    const { channel, state, term, port, reason } = status;
    const led = role?.report?.(withKeys);
    const view: ClientView = {
      id: this.#id,
      channel,
      state,
      role: status.role,
      term,
      port,
      reason,
      ...counts,
      calls: this.calls.view,
      valuesReceived: this.#valuesBefore + (role?.valuesReceived ?? 0),
      upstream: status.upstream,
      failovers: this.#failovers,
    };
    return { view, localPort: role?.localPort, led };
  }

  /** Another text when the report would say something new. */
  stamp(
    { state, term, reason, upstream }: ClientStatus,
    counts: Pick<ClientView, 'subscriptions' | 'publications'>,
    role: Role | undefined,
  ): string {
    const { subscriptions, publications } = counts;
    const values = this.#valuesBefore + (role?.valuesReceived ?? 0);
    const own = [
      state,
      upstream.state,
      upstream.error,
      role?.kind,
      term,
      reason?.message,
      subscriptions,
      publications,
      this.calls.changes,
      values,
    ].join(' ');
    return `${own} ${this.#failovers.count} ${role?.stamp?.() ?? ''}`;
  }
}
