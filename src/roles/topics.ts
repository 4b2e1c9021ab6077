// The numbers by which version 2 names the keys of a channel, and the frames of their values: a frame is the same for every
// follower, so it is made once.

import { v2Codec } from '../../protocol/v2';
import type { PeerValues } from './peer-values';
import type { ChannelSpec } from './role';

/** The frame that was made last. A value goes to all followers in a row; a frame for each key would keep each value twice. */
interface LatestFrame {
  topic: Topic | undefined;
  payload: Buffer | undefined;
  frame: Buffer;
}

interface KnownRegistration {
  readonly payload: Buffer | undefined;
  readonly registration: unknown;
  readonly key: string;
}

export class Topic {
  readonly number: number;
  readonly key: string;
  /** Followers that have subscribed to it. */
  followers = 0;
  readonly #latest: LatestFrame;
  #known: KnownRegistration | undefined;

  constructor(number: number, key: string, latest: LatestFrame) {
    this.number = number;
    this.key = key;
    this.#latest = latest;
  }

  /**
   * The registration that these bytes mean, and its key in this process. Followers of one application write the same bytes for the
   * same registration, so only the first is decoded.
   * @param payload undefined: the key says it
   */
  registrationOf(payload: Buffer | undefined, values: PeerValues, formatKey: ChannelSpec['formatKey']): KnownRegistration {
    if (!this.#known || !isSame(this.#known.payload, payload)) {
      const registration: unknown = payload ? values.decode(payload) : JSON.parse(this.key);
      this.#known = { payload: payload && Buffer.from(payload), registration, key: formatKey(registration) };
    }
    return this.#known;
  }

  frameOf(payload: Buffer): Buffer {
    const latest = this.#latest;
    if (payload !== latest.payload || this !== latest.topic) {
      latest.frame = v2Codec.encode({ type: 'topic-event', topic: this.number, payload });
      latest.payload = payload;
      latest.topic = this;
    }
    return latest.frame;
  }
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a && b ? a.equals(b) : a === b;
}

/** Those of a channel. A number is never used again. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #latest: LatestFrame = { topic: undefined, payload: undefined, frame: Buffer.alloc(0) };
  #lastNumber = 0;

  /** One follower more. */
  join(key: string): Topic {
    let topic = this.#topics.get(key);
    if (!topic) {
      topic = new Topic(++this.#lastNumber, key, this.#latest);
      this.#topics.set(key, topic);
    }
    topic.followers++;
    return topic;
  }

  leave(topic: Topic): void {
    if (--topic.followers === 0) this.#topics.delete(topic.key);
  }
}
