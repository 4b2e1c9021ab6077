// How an upstream client stands, and since when: the one form in which the leader keeps it, tells it to followers, and shows it.

import { readReason, writeReason } from '../../protocol/handshake';
import { messageOf } from '../../protocol/error-value';
import type { UpstreamState } from '../../protocol/standing-messages';
import type { UpstreamView } from '../host-view';

export class UpstreamStanding {
  readonly view: UpstreamView;
  readonly #error: unknown;

  /** @param since ms since 1970 */
  constructor(state: UpstreamState['state'], error?: unknown, since = Date.now()) {
    this.view = { state, since, error: error === undefined ? undefined : messageOf(error) };
    this.#error = error;
  }

  /** This standing with another beginning. @param since ms since 1970 */
  beginning(since: number | undefined): UpstreamStanding {
    return new UpstreamStanding(this.view.state as UpstreamState['state'], this.#error, since);
  }

  isLike({ view: { state, error } }: UpstreamStanding): boolean {
    return state === this.view.state && error === this.view.error;
  }

  get message(): UpstreamState {
    const { state, since } = this.view;
    const payload = this.#error === undefined ? NOTHING : writeReason(this.#error);
    return { type: 'upstream-state', state: state as UpstreamState['state'], ageMs: Date.now() - since!, payload };
  }

  static of({ state, ageMs, payload }: UpstreamState): UpstreamStanding {
    return new UpstreamStanding(state, reasonIn(payload), Date.now() - ageMs);
  }
}

/** What a follower knows where its leader does not tell. */
export const UNKNOWN_STANDING: UpstreamView = { state: 'unknown', since: undefined, error: undefined };

const NOTHING = Buffer.alloc(0);

function reasonIn(payload: Buffer): unknown {
  if (payload.length === 0) return undefined;
  try {
    return readReason(payload);
  } catch (error) {
    return error; // says that the reason cannot be read
  }
}
