// A key or prefix of etcd, kept up to date in a watch of the adapter: read whole, then watched from the next revision on. When etcd cannot
// continue the watch (compacted, data lost), the range is read whole again, and the watch of the adapter tells the differences.

import { isUtf8 } from 'node:buffer';
import { TrunklineError } from '../../errors';
import type { EtcdGateway } from '../../etcd/etcd-gateway';
import type { EtcdEntry, EtcdEvent, KeyRange } from '../../etcd/etcd-types';
import type { EtcdWatch, WatchEnd } from '../../etcd/watches';
import { Backoff, backgroundClock, delay } from '../../time';
import type { StoredEntry } from '../registry';
import type { WatchedKeys } from '../watch-table';
import type { RevisionOrder } from './revision-order';
import type { Standing } from '../standing';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export class FollowedRange {
  /** Resolves when etcd has confirmed the watch for the first time; rejected when etcd refuses, and then the watch is over. */
  readonly confirmed: Promise<void>;
  readonly #gateway: EtcdGateway;
  readonly #watched: WatchedKeys;
  readonly #order: RevisionOrder;
  readonly #standing: Standing;
  readonly #closing = new AbortController();
  readonly #retry = new Backoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  #onConfirmed!: () => void;
  #onRefused!: (error: unknown) => void;
  #isConfirmed = false;
  #watch: EtcdWatch | undefined;

  /** @param watched gets all states */
  constructor(gateway: EtcdGateway, watched: WatchedKeys, order: RevisionOrder, standing: Standing) {
    this.#gateway = gateway;
    this.#watched = watched;
    this.#order = order;
    this.#standing = standing;
    this.confirmed = new Promise((resolve, reject) => {
      this.#onConfirmed = resolve;
      this.#onRefused = reject;
    });
    this.confirmed.catch(() => undefined); // the subscriber is told
    void this.#run();
  }

  /** Nothing is told any more. */
  close(): void {
    this.#closing.abort();
    this.#watch?.close();
    this.#standing.set(this, undefined);
    this.#onConfirmed();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const { revision, entries } = await this.#gateway.readAll(this.#range, { signal: this.#closing.signal });
        this.#watched.whole(entries.flatMap(storedOf), this.#order.of(revision));
        const end = await this.#follow(revision + 1n);
        if (end.kind === 'refused') throw end.error;
        if (end.kind === 'rewound') this.#order.rewind();
      } catch (error) {
        if (this.#isClosed) return;
        this.#standing.set(this, error as Error);
        if (!this.#isConfirmed && error instanceof TrunklineError && !error.retryable) {
          this.#onRefused(error);
          return;
        }
        await delay(backgroundClock, this.#retry.nextMs(), this.#closing.signal);
      }
    }
  }

  get #range(): KeyRange {
    return this.#watched.what;
  }

  /** @returns how the watch has ended; never after `close()` */
  #follow(fromRevision: bigint): Promise<WatchEnd> {
    return new Promise((resolve) => {
      this.#watch = this.#gateway.watch(
        { ...this.#range, fromRevision },
        {
          onOpen: () => this.#onOpen(),
          onEvents: (events) => events.forEach((event) => this.#tell(event)),
          onLost: (error) => this.#standing.set(this, error),
          onEnd: resolve,
        },
      );
    });
  }

  #onOpen(): void {
    this.#isConfirmed = true;
    this.#retry.reset();
    this.#standing.set(this, undefined);
    this.#onConfirmed();
  }

  #tell({ type, entry }: EtcdEvent): void {
    const [stored] = storedOf(entry);
    if (!stored) return;
    const order = this.#order.of(entry.modRevision);
    this.#watched.change({ key: stored.key, entry: type === 'put' ? stored : undefined, order });
  }
}

/** Keys are texts here: a key of other bytes, which no text can name, is left out. */
export function storedOf({ key, value, modRevision }: EtcdEntry): StoredEntry[] {
  return isUtf8(key) ? [{ key: key.toString(), version: Number(modRevision), bytes: value }] : [];
}
