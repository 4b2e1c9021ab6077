// How this process deals with the other processes of the host, whatever it does for a channel: the part that the meeting at a port
// and the channel share.

import type { Logger } from '../logger';
import type { ProcessScope } from '../process-scope';
import type { Clock } from '../time';

export interface PeerSettings {
  readonly connectTimeoutMs: number;
  /** Undefined: silent connections are not ended. */
  readonly heartbeatIntervalMs: number | undefined;
  /** Whether processes of cluster-client 3.x are served, and followed. */
  readonly allowsLegacyPeers: boolean;
  readonly clock: Clock;
  /** True: no socket and no port keeps the process alive, because the owner of the settings decides that. */
  readonly isBackground?: boolean | undefined;
  readonly logger: Logger;
  /** Undefined: the whole process. */
  readonly scope?: ProcessScope | undefined;
}
