// How a client stands, as plain data: what `client.status()` gives.

import { isError, safeString } from '../../protocol/error-value';
import type { FollowerSnapshot, Role } from '../roles/role';
import type { FleetView } from '../fleet-view';
import type { UpstreamView } from '../host-view';
import { UNKNOWN_STANDING } from '../roles/upstream-standing';
import type { Phase } from './search';

export interface ClientStatus {
  /** The option `name`. */
  readonly channel: string;
  /**
   * `ready`: calls are answered. `connecting`: a leader is sought. `waiting for a leader`: the processes at the port know no
   * leader yet. `waiting for upstream`: the upstream client of the leader is not ready. `refused`: the last try failed, `reason`
   * says why, and the next try follows. `closed`.
   */
  readonly state: 'ready' | Phase | 'closed';
  /** Undefined while there is none. */
  readonly role: Role['kind'] | undefined;
  /** The period of leadership that this process takes part in; 0: none, or the leader is a process of cluster-client 3.x. */
  readonly term: number;
  /** The cluster port; undefined in single mode. */
  readonly port: number | undefined;
  /** What stands in the way, or did at the last try. */
  readonly reason: { readonly code: string | undefined; readonly message: string } | undefined;
  /**
   * How the upstream client stands, in this process or in the leader: `ok`; `degraded` since a moment (ms since 1970), because of an
   * error, as the upstream class says; `connecting`: there is none that is ready; `unknown`: without a role, and under a leader of an
   * earlier version or of cluster-client 3.x. While it is not `ok`, values that are served may be stale.
   */
  readonly upstream: UpstreamView;
  /**
   * How this host stands in its fleet of hosts, in the process that leads on the host; undefined in followers, until
   * the client is ready for the first time, and for a class that is not of `fleet()`. Followers ask `fleetStatus()` of the client.
   */
  readonly fleet: FleetView | undefined;
  /** Streams that this client reads and that are under way. */
  readonly streams: number;
  /** In the leader: the followers of this leader. */
  readonly followers: readonly FollowerSnapshot[];
  /** In the leader: values of this term that followers did not get because newer values came before the followers read. */
  readonly skippedEvents: number;
}

export interface Standing {
  readonly channel: string;
  readonly port: number | undefined;
  readonly isClosed: boolean;
  readonly isReady: boolean;
  readonly role: Role | undefined;
  readonly search: { readonly phase: Phase; readonly error: unknown };
  readonly streams: number;
}

export function statusOf({ channel, port, isClosed, isReady, role, search, streams }: Standing): ClientStatus {
  const state = isClosed ? 'closed' : isReady ? 'ready' : role ? 'waiting for upstream' : search.phase;
  const isTold = state !== 'ready' && state !== 'closed' && search.error !== undefined;
  return {
    channel,
    state,
    role: isClosed ? undefined : role?.kind,
    term: role?.term ?? 0,
    port,
    reason: isTold ? reasonOf(search.error) : undefined,
    upstream: (isClosed ? undefined : role?.upstream) ?? UNKNOWN_STANDING,
    fleet: isClosed ? undefined : role?.fleet,
    streams,
    followers: role?.followers ?? [],
    skippedEvents: role?.skippedEvents ?? 0,
  };
}

function reasonOf(error: unknown): ClientStatus['reason'] {
  if (!isError(error)) return { code: undefined, message: safeString(error) };
  const { code } = error as { code?: unknown };
  return { code: code === undefined ? undefined : safeString(code), message: error.message };
}
