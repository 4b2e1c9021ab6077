// What serving followers needs of the channel that is served. A Single gives it; anything that has values and runs methods could.

import type { CallStyle } from '../../../protocol/message';
import type { SessionHooks } from '../local/single';
import type { ChannelSpec, Verbs } from '../role';

/** Whether the channel can be served now. */
export interface ChannelReadiness {
  readonly isReady: boolean;
  /** Why not; undefined when ready, or while the first try is under way. */
  readonly setback: { readonly error: unknown } | undefined;
}

/** What one consumer asks of the channel. */
export interface HostedSession extends Pick<Verbs, 'subscribe' | 'unsubscribe' | 'publish'> {
  /** Exactly one of the two functions is called, once, perhaps before this method returns. */
  run(
    method: string,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    reject: (error: unknown) => void,
  ): unknown;
  /** Delivers nothing from this call on. */
  silence(): void;
  /** Withdraws all that was asked for. */
  leave(): void;
}

export interface HostedChannel {
  readonly spec: ChannelSpec;
  readonly readiness: ChannelReadiness;
  join(hooks: SessionHooks): HostedSession;
}
