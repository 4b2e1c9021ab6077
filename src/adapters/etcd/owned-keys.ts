// The keys that exist as long as this client: all hang on a lease that is renewed in time. A lease that is gone all the same, because this
// process or the line to etcd was stopped for too long, is replaced by a new lease, and the keys are written again.

import type { EtcdGateway } from '../../etcd/etcd-gateway';
import { reasonOf } from '../../etcd/etcd-failure';
import { backgroundClock, delay, type Timer } from '../../time';
import type { OwnedEntry } from '../registry';
import type { Standing } from '../standing';

/** Renewals in the time to live of the lease. */
const RENEWALS = 3;
/** After a failure, ms. */
const RETRY_MS = 500;
/** The withdrawal at the end is not waited for any longer, ms: the keys go with the lease. */
const REVOKE_MS = 2_000;

export class OwnedKeys {
  readonly #gateway: EtcdGateway;
  readonly #ttlSeconds: number;
  readonly #standing: Standing;
  /** What is to stand in etcd. */
  readonly #wanted = new Map<string, string>();
  /** The last work on each key. Work on a key waits for earlier work on the key. */
  readonly #work = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #lease: Promise<string> | undefined;
  #renewal: Timer | undefined;

  constructor(gateway: EtcdGateway, ttlSeconds: number, standing: Standing) {
    this.#gateway = gateway;
    this.#ttlSeconds = ttlSeconds;
    this.#standing = standing;
  }

  publish({ key, text }: OwnedEntry): Promise<void> {
    this.#wanted.set(key, text);
    return this.#settle(key);
  }

  /** Does nothing if another text was published for the key since. */
  async unPublish({ key, text }: OwnedEntry): Promise<void> {
    if ((this.#wanted.get(key) ?? text) !== text) return;
    this.#wanted.delete(key);
    await this.#settle(key);
  }

  /** Withdraws all keys. */
  async close(): Promise<void> {
    this.#closing.abort();
    backgroundClock.clearTimeout(this.#renewal);
    this.#wanted.clear();
    try {
      const lease = await this.#lease;
      // The signal bounds the time at all endpoints together.
      if (lease !== undefined) await this.#gateway.revokeLease(lease, { signal: AbortSignal.timeout(REVOKE_MS) });
    } catch {
      // etcd is away: the lease ends without this client
    }
  }

  /** Makes etcd have what is wanted for the key, after all earlier work on the key. */
  #settle(key: string): Promise<void> {
    const work = (this.#work.get(key) ?? Promise.resolve())
      .catch(() => undefined) // the earlier caller is told
      .then(() => (this.#wanted.has(key) ? this.#write(key) : this.#remove(key)));
    this.#work.set(key, work);
    const forget = (): void => {
      if (this.#work.get(key) === work) this.#work.delete(key);
    };
    work.then(forget, forget);
    return work;
  }

  /** A write whose answer was lost must not come after a later write: therefore every write requires the revision that was read. */
  async #write(key: string): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const lease = await this.#leaseOfNow();
      const present = await this.#gateway.get(key);
      const value = this.#wanted.get(key);
      if (value === undefined) return this.#remove(key);
      if (present?.lease === lease && present.value.toString() === value) return;
      try {
        const condition = { key, modRevision: present?.modRevision ?? 0n };
        const { succeeded } = await this.#gateway.txn({ if: [condition], then: [{ put: { key, value, lease } }] });
        if (succeeded) return;
      } catch (error) {
        if (reasonOf(error) !== 'lease-not-found') throw error;
        this.#onLost(lease);
      }
    }
  }

  /** A key that another client has written meanwhile hangs on another lease, and stays. */
  async #remove(key: string): Promise<void> {
    const lease = await this.#lease?.catch(() => undefined);
    if (lease === undefined) return;
    await this.#gateway.txn({ if: [{ key, lease }], then: [{ delete: { key } }] });
  }

  #leaseOfNow(): Promise<string> {
    if (!this.#lease) {
      const lease = this.#grant();
      this.#lease = lease;
      lease.catch(() => {
        if (this.#lease === lease) this.#lease = undefined; // the next who needs a lease asks again
      });
    }
    return this.#lease;
  }

  async #grant(): Promise<string> {
    const { lease, ttlSeconds } = await this.#gateway.grantLease(this.#ttlSeconds, { signal: this.#closing.signal });
    this.#renewIn((ttlSeconds * 1_000) / RENEWALS, lease);
    return lease;
  }

  #renewIn(delayMs: number, lease: string): void {
    if (this.#closing.signal.aborted) return;
    backgroundClock.clearTimeout(this.#renewal);
    this.#renewal = backgroundClock.setTimeout(() => void this.#renew(lease), delayMs);
  }

  async #renew(lease: string): Promise<void> {
    const intervalMs = (this.#ttlSeconds * 1_000) / RENEWALS;
    try {
      const ttlSeconds = await this.#gateway.keepLeaseAlive(lease, { timeoutMs: intervalMs });
      this.#standing.set(this, undefined);
      if (ttlSeconds === 0) this.#onLost(lease);
      else this.#renewIn(intervalMs, lease);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#standing.set(this, error as Error);
      this.#renewIn(RETRY_MS, lease);
    }
  }

  /** The lease is gone, and all keys with the lease. Every caller that notices tells, and the first counts. */
  #onLost(lease: string): void {
    const held = this.#lease;
    void held?.then(
      (present) => {
        if (present !== lease || this.#lease !== held) return;
        this.#lease = undefined;
        backgroundClock.clearTimeout(this.#renewal);
        void this.#restore();
      },
      () => undefined, // no lease was held
    );
  }

  async #restore(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await Promise.all([...this.#wanted.keys()].map((key) => this.#settle(key)));
        this.#standing.set(this, undefined);
        return;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#standing.set(this, error as Error);
        await delay(backgroundClock, RETRY_MS, this.#closing.signal);
      }
    }
  }
}
