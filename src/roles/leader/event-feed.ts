// What a follower gets of the values of subscribed keys. A follower that reads gets everything. A follower that does not read is
// owed the newest value of each key and gets that value when reading again, or is disconnected where nothing may be skipped
// (`delivery: 'every'`). In both cases the follower costs the leader at most the limit of the outbox.

import { outboxChannel, type OutboxMessage } from '../../telemetry';
import type { Connection } from '../../transport/connection';
import type { ChannelSpec } from '../role';

type FeedSpec = Pick<ChannelSpec, 'name' | 'clock' | 'logger' | 'maxOutboxBytes' | 'delivery'>;
type FeedConnection = Pick<Connection, 'remotePort' | 'outboxBytes' | 'isDrained' | 'whenDrained'>;

/** What sends the values of one key to the follower. */
interface ValueSender {
  /** Sends a value, no matter how much waits. */
  send(payload: Buffer): void;
}

/**
 * Log lines about the same follower are at least this far apart, ms: a follower that is always a little too slow falls behind
 * often.
 */
const LOG_INTERVAL_MS = 60_000;

export class EventFeed {
  readonly #spec: FeedSpec;
  readonly #connection: FeedConnection;
  readonly #onTooSlow: () => void;
  /**
   * The newest values of the keys that are owed, in the order in which the keys fell behind. The hub keeps these values anyway.
   */
  readonly #owed = new Map<ValueSender, Buffer>();
  #skippedEvents = 0;
  /** The number of skipped values in the last log line. */
  #skippedBefore = 0;
  #loggedAt = -Infinity;
  #isLogged = false;

  /** @param onTooSlow nothing may be skipped and there is no room: called for each value then */
  constructor(spec: FeedSpec, connection: FeedConnection, onTooSlow: () => void) {
    this.#spec = spec;
    this.#connection = connection;
    this.#onTooSlow = onTooSlow;
  }

  /** Values that were replaced by newer values before being sent. */
  get skippedEvents(): number {
    return this.#skippedEvents;
  }

  deliver(subscriber: ValueSender, payload: Buffer): void {
    // Behind what is owed everything is owed: so a busy key does not keep the others waiting.
    const isRoom = this.#connection.outboxBytes + payload.length <= this.#spec.maxOutboxBytes;
    if (isRoom && this.#owed.size === 0) subscriber.send(payload);
    else this.#owe(subscriber, payload);
  }

  /** The key was unsubscribed: nothing is owed any more. */
  forget(subscriber: ValueSender): void {
    this.#owed.delete(subscriber);
  }

  /** What is owed is not sent any more. */
  forgetAll(): void {
    this.#owed.clear();
  }

  #owe(subscriber: ValueSender, payload: Buffer): void {
    const isFirst = this.#owed.size === 0;
    if (isFirst && this.#connection.isDrained) {
      subscriber.send(payload); // larger than the limit, and nothing else waits
      return;
    }
    if (this.#spec.delivery === 'every') {
      this.#onTooSlow();
      return;
    }
    if (this.#owed.has(subscriber)) this.#skippedEvents++;
    this.#owed.set(subscriber, payload);
    if (!isFirst) return;
    this.tell('behind');
    this.#logBegin();
    this.#connection.whenDrained(this.#catchUp);
  }

  #catchUp = (): void => {
    for (const [subscriber, payload] of this.#owed) {
      if (!this.#connection.isDrained) {
        this.#connection.whenDrained(this.#catchUp);
        return;
      }
      this.#owed.delete(subscriber);
      subscriber.send(payload);
    }
    this.tell('caught up');
    this.#logEnd();
  };

  /** Tells subscribers of the telemetry how the follower reads. */
  tell(state: OutboxMessage['state']): void {
    if (!outboxChannel.hasSubscribers) return;
    const { remotePort, outboxBytes } = this.#connection;
    outboxChannel.publish({ channel: this.#spec.name, state, remotePort, outboxBytes, skippedEvents: this.#skippedEvents });
  }

  #logBegin(): void {
    const { name, clock, logger, maxOutboxBytes } = this.#spec;
    if (clock.now() - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#loggedAt = clock.now();
    this.#isLogged = true;
    const { remotePort } = this.#connection;
    logger.warn(
      `${name}: a follower reads too slowly, it gets only the newest value of each key until it has caught up, ` +
        `remotePort=${remotePort} maxOutboxBytes=${maxOutboxBytes}`,
    );
  }

  #logEnd(): void {
    if (!this.#isLogged) return;
    this.#isLogged = false;
    const { name, logger } = this.#spec;
    const skipped = this.#skippedEvents - this.#skippedBefore;
    this.#skippedBefore = this.#skippedEvents;
    logger.info(`${name}: a slow follower has caught up, remotePort=${this.#connection.remotePort} skippedEvents=${skipped}`);
  }
}
