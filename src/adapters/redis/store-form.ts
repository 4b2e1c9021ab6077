// What the client needs of a form: how keys lie in Redis, and how changes are heard.

import type { StoredEntry, Watched, WriteOptions } from '../registry';
import type { WatchedKeys } from '../watch-table';
import type { RedisSession, Topic } from './redis-session';

export interface StoreForm {
  /**
   * Looks whether the server can serve this form.
   * @returns what the user should change so that the form works better: the predicate of a sentence about the server
   * @throws TrunklineError ERR_TRUNKLINE_STORE_LACKS, …_DENIED
   */
  check(session: RedisSession): Promise<string | undefined>;
  /** Where changes of a watch are heard. */
  topicOf(what: Watched): Topic;
  heard(session: RedisSession, channel: string, message: Buffer): void;
  /** What is heard from here on may be older than what was known, because the server may be another one. */
  beginAnew(): void;
  /** Reads the whole state of watches and gives it to them. */
  load(session: RedisSession, watches: readonly WatchedKeys[]): Promise<void>;
  /**
   * Work of every second, with the message that comes back: all that was changed before has been heard then.
   * @param owned the owned entries, as for `restore` @param probes whether to find out if writes still fail
   */
  pulse(session: RedisSession, owned: ReadonlyMap<string, string>, probes: boolean): Promise<PulseResult>;
  get(session: RedisSession, key: string): Promise<StoredEntry | null>;
  list(session: RedisSession, prefix: string): Promise<StoredEntry[]>;
  put(session: RedisSession, key: string, bytes: Buffer, options: WriteOptions): Promise<number>;
  delete(session: RedisSession, key: string, options: WriteOptions): Promise<boolean>;
  /** Writes an owned entry, whoever has the key. */
  own(session: RedisSession, key: string, text: string): Promise<void>;
  /** Writes owned entries again that are missing, and leaves alone what others have published since. */
  restore(session: RedisSession, entries: ReadonlyMap<string, string>): Promise<void>;
  /** Removes an owned entry, and leaves alone what others have published since. */
  disown(session: RedisSession, key: string, text: string): Promise<void>;
  /** Removes all that is owned. */
  leave(session: RedisSession, entries: ReadonlyMap<string, string>): Promise<void>;
}

export interface PulseResult {
  /** Whether all owned entries stand, as far as the pulse can tell; if not, they are to be restored. */
  readonly isOwned: boolean;
  /** Whether the server refuses writes for want of memory. */
  readonly isFull: boolean;
  /** Whether the store was emptied under the session, so that all watches must be read again. */
  readonly isNew: boolean;
}

/** Special characters of patterns in Redis are taken as they are. */
export function literal(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&');
}
