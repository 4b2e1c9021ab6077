// Who on this host has published what. A publication that many processes repeat after a failover reaches the upstream client
// once, and a publication is withdrawn when all processes that published the key are gone.

import { formatKey } from '../../format-key';
import type { Clock, Timer } from '../../time';
import { LINGER_MS } from '../role';

interface OwnedPublication {
  registration: unknown;
  /** The registration as a string, from the first time that it is compared on. */
  content: string | undefined;
  readonly owners: Set<object>;
  linger: Timer | undefined;
}

export class PublicationLedger {
  readonly #clock: Clock;
  readonly #withdraw: (key: string) => void;
  readonly #publications = new Map<string, OwnedPublication>();
  #isKept = false;

  /** @param withdraw takes a publication back upstream; called when the publication has had no owner for LINGER_MS */
  constructor(clock: Clock, withdraw: (key: string) => void) {
    this.#clock = clock;
    this.#withdraw = withdraw;
  }

  /** @returns whether the publication is news for the upstream client: a new key, or other content under a known key */
  add(key: string, registration: unknown, owner: object): boolean {
    const known = this.#publications.get(key);
    if (!known) {
      this.#publications.set(key, { registration, content: undefined, owners: new Set([owner]), linger: undefined });
      return true;
    }
    this.#clock.clearTimeout(known.linger);
    known.linger = undefined;
    known.owners.add(owner);
    const before = known.content ?? formatKey(known.registration);
    known.content = formatKey(registration);
    known.registration = registration;
    return known.content !== before;
  }

  /**
   * The owner has taken the publication back.
   * @returns whether another owner still publishes the key
   */
  remove(key: string, owner: object): boolean {
    const publication = this.#publications.get(key);
    if (!publication) return false;
    publication.owners.delete(owner);
    if (publication.owners.size > 0) return true;
    this.#clock.clearTimeout(publication.linger);
    this.#publications.delete(key);
    return false;
  }

  /** The owners that have published the key. */
  ownersOf(key: string): Iterable<object> {
    return this.#publications.get(key)?.owners ?? [];
  }

  /** Nothing is withdrawn from here on: the next leader publishes everything. */
  keep(): void {
    this.#isKept = true;
    for (const { linger } of this.#publications.values()) this.#clock.clearTimeout(linger);
  }

  /** The owner is gone. Publications without another owner are withdrawn, unless published again soon. */
  disown(owner: object): void {
    if (this.#isKept) return;
    for (const [key, publication] of this.#publications) {
      if (!publication.owners.delete(owner) || publication.owners.size > 0) continue;
      publication.linger = this.#clock.setTimeout(() => {
        this.#publications.delete(key);
        this.#withdraw(key);
      }, LINGER_MS);
      publication.linger.unref();
    }
  }

  /** How many keys are published. */
  get size(): number {
    return this.#publications.size;
  }

  /** Every publication that stands: key and registration. */
  *registrations(): IterableIterator<[key: string, registration: unknown]> {
    for (const [key, { registration }] of this.#publications) yield [key, registration];
  }

  close(): void {
    for (const { linger } of this.#publications.values()) this.#clock.clearTimeout(linger);
    this.#publications.clear();
  }
}
