// How a client of a store stands, from several sources of trouble that come and go independently: the client is well when none is left.

import type { StoreHealth } from './registry';

export class Standing {
  readonly #troubles = new Map<unknown, Error>();
  readonly #onChange: (health: StoreHealth) => void;
  #health: StoreHealth = { ok: true };

  /** @param onChange called when the client has come into trouble, has another trouble, or is well again */
  constructor(onChange: (health: StoreHealth) => void) {
    this.#onChange = onChange;
  }

  get health(): StoreHealth {
    return this.#health;
  }

  /** @param error undefined: this source has no trouble any more */
  set(source: unknown, error: Error | undefined): void {
    if (error) this.#troubles.set(source, error);
    else this.#troubles.delete(source);
    const [first] = this.#troubles.values();
    if (first?.message === this.#health.error?.message) return;
    this.#health = first ? { ok: false, error: first } : { ok: true };
    this.#onChange(this.#health);
  }
}
