// Messages about streams: a follower reads, with credit, what an async generator method yields in the leader.

/** Follower → leader: run an async generator method, and send what the generator yields as far as there is credit. */
export interface StreamOpen {
  readonly type: 'stream-open';
  readonly id: number;
  readonly method: string;
  readonly args: readonly Buffer[];
  /** The credit to begin with. */
  readonly creditBytes: number;
}

/** Follower → leader: the reader has taken items that cost so much; the credit of the stream grows by this. */
export interface StreamCredit {
  readonly type: 'stream-credit';
  readonly id: number;
  readonly bytes: number;
}

/** Follower → leader: the reader has called `return` or `throw`. Answered by an item, the end or a failure with `answersStop`. */
export interface StreamStop {
  readonly type: 'stream-stop';
  readonly id: number;
  readonly how: 'return' | 'throw';
  /** The value for `return`; an encoded error-value for `throw`. */
  readonly payload: Buffer;
}

interface StreamAnswer {
  readonly id: number;
  /** True: the answer to `stream-stop`. What comes before it was sent before the leader read that message. */
  readonly answersStop: boolean;
  readonly payload: Buffer;
}

/** Leader → follower: the generator has yielded this value. */
export interface StreamItem extends StreamAnswer {
  readonly type: 'stream-item';
}

/** Leader → follower: the generator has returned this value. The stream is over. */
export interface StreamDone extends StreamAnswer {
  readonly type: 'stream-done';
}

/** Leader → follower: the generator has thrown; `payload` is an encoded error-value. The stream is over. */
export interface StreamFailure extends StreamAnswer {
  readonly type: 'stream-failure';
}

export type StreamMessage = StreamOpen | StreamCredit | StreamStop | StreamItem | StreamDone | StreamFailure;
