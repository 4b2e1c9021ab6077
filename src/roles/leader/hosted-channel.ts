// What serving followers needs of the channel that is served: the part of a Single, and of its sessions, that is used.

import type { Session, SessionHooks } from '../local/session';
import type { ChannelReadiness } from '../local/single';
import type { ChannelSpec } from '../role';
import type { UpstreamStanding } from '../upstream-standing';

/** What one consumer asks of the channel. */
export type HostedSession = Pick<Session, 'subscribe' | 'unsubscribe' | 'publish' | 'run' | 'stream' | 'silence' | 'leave'>;

export interface HostedChannel {
  readonly spec: ChannelSpec;
  readonly readiness: ChannelReadiness;
  readonly standing: UpstreamStanding;
  join(hooks: SessionHooks): HostedSession;
}
