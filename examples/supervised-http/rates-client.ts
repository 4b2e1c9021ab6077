// The upstream client: exchange rates that a server would push. Runs in the agent only.

import { Base } from 'sdk-base';

export interface Rate {
  readonly currency: string;
  readonly perEuro: number;
  /** The process that got the rates from upstream. */
  readonly via: number;
}

const START = { CHF: 0.94, USD: 1.08 } as const;

export class RatesClient extends Base {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor() {
    super();
    this.ready(true);
  }

  subscribe({ currency }: { currency: keyof typeof START }, listener: (rate: Rate) => void): void {
    let perEuro: number = START[currency];
    const push = (): void => {
      perEuro *= 1 + (Math.random() - 0.5) / 1_000;
      listener({ currency, perEuro, via: process.pid });
    };
    push();
    this.#timers.set(currency, setInterval(push, 1_000));
  }

  unSubscribe({ currency }: { currency: string }): void {
    clearInterval(this.#timers.get(currency));
  }

  override async close(): Promise<void> {
    for (const timer of this.#timers.values()) clearInterval(timer);
    await super.close();
  }
}
