// The order of what etcd says: revisions, except after a loss of data. Then etcd counts from a smaller revision again, and what is said
// after that is newer all the same.

export class RevisionOrder {
  #offset = 0;
  #highest = 0;

  of(revision: bigint): number {
    const order = this.#offset + Number(revision);
    this.#highest = Math.max(this.#highest, order);
    return order;
  }

  /** From now on the store counts revisions from the beginning again. */
  rewind(): void {
    this.#offset = this.#highest;
  }
}
