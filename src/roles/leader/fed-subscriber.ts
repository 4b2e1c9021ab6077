// A key of a follower, on the side of the leader: how a value is sent in either wire version. The feed decides when.

import type { Connection } from '../../transport/connection';
import type { EventFeed } from './event-feed';
import type { PeerValues } from '../peer-values';
import type { Subscriber } from '../role';
import type { Topic } from './topics';

export abstract class FedSubscriber implements Subscriber {
  readonly #feed: EventFeed;

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  deliver(payload: Buffer): void {
    this.#feed.deliver(this, payload);
  }

  /** Sends a value, no matter how much waits. */
  abstract send(payload: Buffer): void;
}

/** The follower that all of these topics share. */
export interface TopicPeer {
  readonly connection: Connection;
  readonly values: PeerValues;
  /** Tells the follower that the upstream client has refused a key. */
  readonly onRefused: (key: string, error: Error) => void;
}

/** In version 2. */
export class TopicSubscriber extends FedSubscriber {
  readonly topic: Topic;
  readonly #peer: TopicPeer;

  constructor(feed: EventFeed, peer: TopicPeer, topic: Topic) {
    super(feed);
    this.#peer = peer;
    this.topic = topic;
  }

  refuse(error: Error): void {
    this.#peer.onRefused(this.topic.key, error);
  }

  send(payload: Buffer): void {
    this.#peer.connection.sendEvent(this.topic.frameOf(this.#peer.values.toPeer(payload)));
  }
}

/** In version 1, which names the key with each event. */
export class KeySubscriber extends FedSubscriber {
  readonly #send: (payload: Buffer) => void;

  constructor(feed: EventFeed, send: (payload: Buffer) => void) {
    super(feed);
    this.#send = send;
  }

  send(payload: Buffer): void {
    this.#send(payload);
  }
}
