// The streams that this follower reads of the leader. What has come and is not read yet waits here, as bytes, within the credit that
// the leader has; so a reader that does not read holds that much and no more.

import type { StreamDone, StreamFailure, StreamItem, StreamMessage, StreamStop } from '../../../protocol/stream-messages';
import { costOf } from '../../../protocol/v2-streams';
import { withOwnMemory } from '../peer-values';
import type { StreamReader, StreamStep } from '../role';

/** The credit of a stream, and so what may wait for the reader of one stream, bytes. One item more may be under way. */
export const STREAM_CREDIT_BYTES = 256 * 1024;
/** Streams that a follower may read at the same time: more than a program means to read. */
export const MAX_STREAMS = 1_000;

export interface FollowedStreamsOptions {
  readonly send: (message: StreamMessage) => void;
  /** @throws an error that names what cannot be read */
  readonly decode: (payload: Buffer, what: string, method: string) => unknown;
  readonly errorOf: (payload: Buffer, what: string, method: string) => unknown;
  readonly encodeValue: (value: unknown) => Buffer;
  readonly encodeError: (error: unknown) => Buffer;
  /** The leader has said the end of this stream. */
  readonly onEnd: (id: number) => void;
}

export class FollowedStreams {
  readonly #options: FollowedStreamsOptions;
  readonly #streams = new Map<number, FollowedStream>();
  #onSettled: (() => void) | undefined;

  constructor(options: FollowedStreamsOptions) {
    this.#options = options;
  }

  /** How many the leader has not ended. */
  get size(): number {
    return this.#streams.size;
  }

  has(id: number): boolean {
    return this.#streams.has(id);
  }

  /** Resolves when the leader has ended all. */
  get settled(): Promise<void> {
    if (this.#streams.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSettled = resolve;
    });
  }

  /** @param args encoded */
  open(id: number, method: string, args: readonly Buffer[]): StreamReader {
    const stream = new FollowedStream(this.#options, id, method);
    this.#streams.set(id, stream);
    this.#options.send({ type: 'stream-open', id, method, args, creditBytes: STREAM_CREDIT_BYTES });
    return stream;
  }

  onMessage(message: StreamItem | StreamDone | StreamFailure): void {
    const stream = this.#streams.get(message.id);
    if (!stream) return;
    if (message.type === 'stream-item') {
      stream.onItem(message);
      return;
    }
    this.#end(message.id);
    stream.onEnd(message);
  }

  /** No message can come any more. @param reason makes the error of a stream */
  failAll(reason: (method: string) => Error): void {
    for (const [id, stream] of this.#streams) {
      this.#end(id);
      stream.fail(reason(stream.method));
    }
  }

  #end(id: number): void {
    this.#streams.delete(id);
    this.#options.onEnd(id);
    if (this.#streams.size === 0) this.#onSettled?.();
  }
}

interface Waiting {
  readonly resolve: (step: StreamStep) => void;
  readonly reject: (error: unknown) => void;
}

/** How a stream has ended: told to the reader behind the items that wait. */
type End = { readonly returned: Buffer } | { readonly thrown: Buffer } | { readonly lost: Error };

class FollowedStream implements StreamReader {
  readonly method: string;
  readonly #options: FollowedStreamsOptions;
  readonly #id: number;
  /** Items that have come and were not read, the oldest first. */
  #items: Buffer[] = [];
  /** How many of the items were read: an array that loses its first element all the time is slow. */
  #read = 0;
  /** What was read and is not given back to the credit yet. */
  #consumedBytes = 0;
  #end: End | undefined;
  #isEndTold = false;
  /** What the reader has called and the leader has not answered: items that come before the answer are dropped. */
  #stop: { readonly how: StreamStop['how']; readonly given: unknown } | undefined;
  #waiting: Waiting | undefined;
  #isAbandoned = false;

  constructor(options: FollowedStreamsOptions, id: number, method: string) {
    this.#options = options;
    this.#id = id;
    this.method = method;
  }

  next(): Promise<StreamStep> {
    return this.#wait();
  }

  return(value: unknown): Promise<StreamStep> {
    if (this.#isOver) return Promise.resolve({ done: true, value });
    return this.#ask('return', value, () => this.#options.encodeValue(value));
  }

  throw(error: unknown): Promise<StreamStep> {
    if (this.#isOver) return Promise.reject(error);
    return this.#ask('throw', error, () => this.#options.encodeError(error));
  }

  abandon(): void {
    this.#waiting = undefined;
    this.#drop();
    if (this.#isAbandoned || this.#end) return;
    this.#isAbandoned = true;
    this.#options.send({ type: 'stream-stop', id: this.#id, how: 'return', payload: NOTHING });
  }

  onItem({ answersStop, payload }: StreamItem): void {
    const cost = costOf(payload);
    if (this.#isAbandoned) return;
    if (this.#stop && !answersStop) {
      this.#consumed(cost);
      return;
    }
    if (answersStop) this.#stop = undefined;
    this.#items.push(withOwnMemory(payload));
    this.#serve();
  }

  onEnd({ type, answersStop, payload }: StreamDone | StreamFailure): void {
    const stop = this.#stop;
    this.#stop = undefined;
    if (stop && !answersStop) {
      // The generator ended by itself while the stop was under way: the reader gets what an ended generator gives.
      this.#end = { returned: NOTHING };
      this.#isEndTold = true;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (stop.how === 'return') waiting?.resolve({ done: true, value: stop.given });
      else waiting?.reject(stop.given);
      return;
    }
    this.#end = type === 'stream-done' ? { returned: payload } : { thrown: payload };
    this.#serve();
  }

  fail(error: Error): void {
    const stop = this.#stop;
    this.#end = { lost: error };
    // Who has stopped reading does not miss the rest.
    if (stop?.how === 'return') this.onEnd({ type: 'stream-done', id: this.#id, answersStop: false, payload: NOTHING });
    else this.#serve();
  }

  /** Whether the leader has told the end: nothing is asked of it any more. */
  get #isOver(): boolean {
    if (this.#end) {
      this.#drop();
      this.#isEndTold = true;
    }
    return this.#end !== undefined;
  }

  #ask(how: StreamStop['how'], given: unknown, encode: () => Buffer): Promise<StreamStep> {
    let payload: Buffer;
    try {
      payload = encode();
    } catch (error) {
      this.abandon();
      return Promise.reject(error);
    }
    this.#drop();
    this.#stop = { how, given };
    this.#options.send({ type: 'stream-stop', id: this.#id, how, payload });
    return this.#wait();
  }

  #wait(): Promise<StreamStep> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#serve();
    });
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const item = this.#items[this.#read];
    if (!item && !this.#end) return;
    this.#waiting = undefined;
    try {
      waiting.resolve(item ? { done: false, value: this.#take(item) } : this.#tellEnd());
    } catch (error) {
      if (item) this.abandon();
      waiting.reject(error);
    }
  }

  #take(item: Buffer): unknown {
    this.#read++;
    if (this.#read === this.#items.length) {
      this.#items = [];
      this.#read = 0;
    } else if (this.#read >= COMPACTED_ITEMS) {
      this.#items = this.#items.slice(this.#read);
      this.#read = 0;
    }
    this.#consumed(costOf(item));
    return this.#options.decode(item, `an item of ${this.method}`, this.method);
  }

  #tellEnd(): StreamStep {
    const end = this.#end!;
    if (this.#isEndTold) return { done: true, value: undefined };
    this.#isEndTold = true;
    if ('lost' in end) throw end.lost;
    const what = `the end of ${this.method}`;
    if ('thrown' in end) throw this.#options.errorOf(end.thrown, what, this.method);
    return { done: true, value: this.#options.decode(end.returned, what, this.method) };
  }

  /** Items that nobody reads any more. */
  #drop(): void {
    const items = this.#items.slice(this.#read);
    this.#items = [];
    this.#read = 0;
    this.#consumed(items.reduce((sum, item) => sum + costOf(item), 0));
  }

  #consumed(bytes: number): void {
    this.#consumedBytes += bytes;
    if (this.#end || this.#consumedBytes < STREAM_CREDIT_BYTES / 2) return;
    this.#options.send({ type: 'stream-credit', id: this.#id, bytes: this.#consumedBytes });
    this.#consumedBytes = 0;
  }
}

const NOTHING = Buffer.alloc(0);
/** Read items that still have a place in the array. */
const COMPACTED_ITEMS = 1_024;
