// The agent leads, and holds the only PriceClient of the host.

import type { Agent } from 'egg';
import { PriceClient, type PriceTag, type Prices } from './app/lib/price-client.js';

export default class AgentBoot {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  async willReady(): Promise<void> {
    const prices = this.#agent.cluster(PriceClient).create() as Prices;
    this.#agent.messenger.on('price', (tag: PriceTag) => prices.publish(tag));
    await prices.ready();
  }
}
