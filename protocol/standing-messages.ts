// Messages about how things stand: what a process knows of its shared clients, and how a leader's upstream client is.

/** Asks what a process knows of its shared clients, and of those of the processes that have connected to the process. */
export interface Look {
  readonly type: 'look';
  readonly id: number;
  /** How many processes further the question goes. */
  readonly hops: number;
}

export interface LookResult {
  readonly type: 'look-result';
  readonly id: number;
  /** A list of reports as JSON; any text from a peer. */
  readonly text: string;
}

/** Leader → follower: how the upstream client stands, at each change, and after `joined` where all is not well. No answer. */
export interface UpstreamState {
  readonly type: 'upstream-state';
  /** `degraded`: the client works, and says that something is wrong. `connecting`: there is no client that is ready. */
  readonly state: 'ok' | 'degraded' | 'connecting';
  /** How long ago the state began, ms. */
  readonly ageMs: number;
  /** Why, as a structured error-value; no bytes: not known. */
  readonly payload: Buffer;
}
