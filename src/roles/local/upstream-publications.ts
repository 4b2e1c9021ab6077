// The publications that the upstream client has, by key, with a lane for each key. The ledger (publication-ledger.ts) holds the
// wishes; this file brings each wish to the upstream client.

import { KeyLane, type LaneSource, type KeyHooks } from './key-lane';
import type { Upstream } from './upstream';

interface Wish {
  readonly registration: unknown;
}

export class UpstreamPublications {
  readonly #source: LaneSource<Wish>;
  readonly #lanes = new Map<string, KeyLane<Wish>>();
  #isRetrying = true;
  #onSettled: () => void = () => undefined;

  constructor(upstream: Upstream, hooks: KeyHooks) {
    this.#source = {
      clock: hooks.clock,
      endsFirst: false, // a publication replaces the previous publication
      ask: (verb, { registration }) => upstream.ask(verb === 'begin' ? 'publish' : 'unPublish', [registration]),
      refused: (verb, key, error, retryMs) => hooks.refused(verb === 'begin' ? 'publish' : 'unPublish', key, error, retryMs),
      overtaken: (verb, key) => {
        hooks.overtaken(verb === 'begin' ? 'publish' : 'unPublish', key);
      },
      idle: (lane) => {
        if (this.#lanes.get(lane.key) === lane) this.#lanes.delete(lane.key);
      },
      rested: () => {
        this.#onSettled();
      },
    };
  }

  publish(key: string, registration: unknown): void {
    this.#lane(key).want({ registration });
  }

  withdraw(key: string): void {
    this.#lanes.get(key)?.want(undefined);
  }

  /**
   * Withdraws a publication by a call that the user makes of `unPublish`.
   * @param run settles when the call has ended; never throws
   * @param isWanted whether another consumer has published the same key
   */
  withdrawByCall(key: string, run: () => Promise<unknown> | undefined, isWanted: boolean): void {
    this.#lane(key).call(run, isWanted);
  }

  /** Why a publication does not stand; undefined as long as no error is known. */
  setbackOf(key: string): Error | undefined {
    return this.#lanes.get(key)?.setback;
  }

  /** Resolves when no verb is under way: at once, or the next time. */
  get settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled = () => {
        for (const lane of this.#lanes.values()) if (lane.isBusy) return;
        this.#onSettled = () => undefined;
        resolve();
      };
      this.#onSettled();
    });
  }

  /** Another upstream client has the publications from now on: what this one refuses is not tried again. */
  stopRetrying(): void {
    this.#isRetrying = false;
    for (const lane of this.#lanes.values()) lane.stopRetrying();
  }

  /** The upstream client is gone. */
  forget(): void {
    const lanes = [...this.#lanes.values()];
    this.#lanes.clear();
    for (const lane of lanes) lane.forget();
    this.#onSettled();
  }

  #lane(key: string): KeyLane<Wish> {
    let lane = this.#lanes.get(key);
    if (lane) return lane;
    lane = new KeyLane(key, this.#source);
    if (!this.#isRetrying) lane.stopRetrying();
    this.#lanes.set(key, lane);
    return lane;
  }
}
