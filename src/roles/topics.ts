// The numbers by which version 2 names the keys of a channel, and the frame of the newest value of each: it is the same for
// every follower, so it is made once.

import { v2Codec } from '../../protocol/v2';
import type { PeerValues } from './peer-values';
import type { ChannelSpec } from './role';

interface KnownRegistration {
  readonly payload: Buffer;
  readonly registration: unknown;
  readonly key: string;
}

export class Topic {
  readonly number: number;
  readonly key: string;
  /** Followers that have subscribed to it. */
  followers = 0;
  #payload: Buffer | undefined;
  #frame: Buffer | undefined;
  #known: KnownRegistration | undefined;

  constructor(number: number, key: string) {
    this.number = number;
    this.key = key;
  }

  /**
   * The registration that these bytes mean, and its key in this process. Followers of one application write the same bytes for the
   * same registration, so only the first is decoded.
   */
  registrationOf(payload: Buffer, values: PeerValues, formatKey: ChannelSpec['formatKey']): KnownRegistration {
    if (!this.#known?.payload.equals(payload)) {
      const registration = values.decode(payload);
      this.#known = { payload: Buffer.from(payload), registration, key: formatKey(registration) };
    }
    return this.#known;
  }

  frameOf(payload: Buffer): Buffer {
    if (payload !== this.#payload || !this.#frame) {
      this.#payload = payload;
      this.#frame = v2Codec.encode({ type: 'topic-event', topic: this.number, payload });
    }
    return this.#frame;
  }
}

/** Those of a channel. A number is never used again. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  #lastNumber = 0;

  /** One follower more. */
  join(key: string): Topic {
    let topic = this.#topics.get(key);
    if (!topic) {
      topic = new Topic(++this.#lastNumber, key);
      this.#topics.set(key, topic);
    }
    topic.followers++;
    return topic;
  }

  leave(topic: Topic): void {
    if (--topic.followers === 0) this.#topics.delete(topic.key);
  }
}
