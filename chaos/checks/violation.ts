// A promise that was not kept, and what of the history belongs to it.

export type PromiseName =
  | 'never backwards'
  | 'eventually the same'
  | 'publications are repeated and withdrawn'
  | 'values arrive whole'
  | 'unsubscribed listeners hear nothing'
  | 'at most once'
  | 'every call settles'
  | 'the outcome of a call is true'
  | 'one upstream client'
  | 'nothing after close'
  | 'no crash'
  | 'bounded memory';

/** Which entries of the history have to do with it. */
export interface About {
  readonly pids: readonly number[];
  readonly channel?: string | undefined;
  readonly clients?: readonly string[] | undefined;
  readonly subscription?: string | undefined;
  readonly publication?: string | undefined;
  readonly call?: string | undefined;
}

export interface Violation {
  readonly promise: PromiseName;
  /** One sentence with the values. */
  readonly what: string;
  /** The interval that shows it. */
  readonly from: number;
  readonly to: number;
  readonly about: About;
}
