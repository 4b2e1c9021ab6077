// The numbers by which version 2 names the keys of a channel, and the frames of values: a frame is the same for every follower
// and is made once.

import { eventInPlace, v2Codec } from '../../../protocol/v2';
import type { PeerValues } from '../peer-values';
import type { ChannelSpec } from '../role';

/** The frame that was made last: a value goes to all followers in a row. */
interface LatestFrame {
  /** Whether values have room for the header of a frame: the frame is then no copy of the value. */
  readonly isInPlace: boolean;
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
  /** Followers that have subscribed to this topic. */
  followers = 0;
  readonly #latest: LatestFrame;
  #known: KnownRegistration | undefined;

  constructor(number: number, key: string, latest: LatestFrame) {
    this.number = number;
    this.key = key;
    this.#latest = latest;
  }

  /**
   * The registration that these bytes mean, and the key in this process. Followers of the same application write the same bytes
   * for the same registration, and only the first copy is decoded.
   * @param payload undefined: the key is the registration
   */
  registrationOf(payload: Buffer | undefined, values: PeerValues, formatKey: ChannelSpec['formatKey']): KnownRegistration {
    if (!this.#known || !isSame(this.#known.payload, payload)) {
      const registration: unknown = payload ? values.decode(payload) : JSON.parse(this.key);
      const key = formatKey(registration);
      // Nearly always the same text: a single string is enough.
      this.#known = { payload: payload && Buffer.from(payload), registration, key: key === this.key ? this.key : key };
    }
    return this.#known;
  }

  frameOf(payload: Buffer): Buffer {
    const latest = this.#latest;
    if (payload !== latest.payload || this !== latest.topic) {
      latest.frame = this.#newFrame(payload);
      latest.payload = payload;
      latest.topic = this;
    }
    return latest.frame;
  }

  #newFrame(payload: Buffer): Buffer {
    const inPlace = this.#latest.isInPlace && payload.length > 0 ? eventInPlace(this.number, payload) : undefined;
    return inPlace ?? v2Codec.encode({ type: 'topic-event', topic: this.number, payload });
  }
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a && b ? a.equals(b) : a === b;
}

/** All topics of a channel. Topic numbers are never reused. */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #latest: LatestFrame;
  #lastNumber = 0;

  /** @param isInPlace whether EVENT_ROOM bytes precede every value that is not empty */
  constructor(isInPlace: boolean) {
    this.#latest = { isInPlace, topic: undefined, payload: undefined, frame: Buffer.alloc(0) };
  }

  /** Counts an additional follower. */
  join(key: string): Topic {
    let topic = this.#topics.get(key);
    if (!topic) {
      // A key that is a slice of a message with a thousand keys would keep the whole text alive.
      const own = JSON.parse(JSON.stringify(key)) as string;
      topic = new Topic(++this.#lastNumber, own, this.#latest);
      this.#topics.set(own, topic);
    }
    topic.followers++;
    return topic;
  }

  leave(topic: Topic): void {
    if (--topic.followers === 0) this.#topics.delete(topic.key);
  }
}
