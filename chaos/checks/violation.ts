// A promise that was not kept, with the entries of the history that show this.

export type PromiseName =
  | 'never backwards'
  | 'eventually the same'
  | 'publications are repeated and withdrawn'
  | 'values arrive whole'
  | 'unsubscribed listeners hear nothing'
  | 'at most once'
  | 'every call settles'
  | 'the outcome of a call is true'
  | 'every row once, in order'
  | 'the end of a stream is true'
  | 'every stream ends'
  | 'one upstream client'
  | 'no call claimed by a deposed winner'
  | 'values go on'
  | 'every trace ends once'
  | 'nothing after close'
  | 'no crash'
  | 'bounded memory';

/** Which entries of the history matter. */
export interface About {
  readonly pids: readonly number[];
  readonly channel?: string | undefined;
  readonly clients?: readonly string[] | undefined;
  readonly subscription?: string | undefined;
  readonly publication?: string | undefined;
  readonly call?: string | undefined;
  readonly stream?: string | undefined;
}

export interface Violation {
  readonly promise: PromiseName;
  /** A sentence with the values. */
  readonly what: string;
  /** The interval that shows the violation. */
  readonly from: number;
  readonly to: number;
  readonly about: About;
}
