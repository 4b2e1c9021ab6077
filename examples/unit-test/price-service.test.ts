// How to test code that uses a shared client: `singleMode: true` needs no port and no other process, and the upstream client is
// a fake that the test controls.

import { once } from 'node:events';
import { Base } from 'sdk-base';
import { close } from 'trunkline';
import type { Price, PriceFeed, PriceListener } from './price-feed';
import { PriceService, sharePriceFeed, type SharedPriceFeed } from './price-service';

class FakeFeed extends Base implements PriceFeed {
  /** The instance that the shared client has created. */
  static latest: FakeFeed;
  readonly #listeners = new Map<string, PriceListener>();

  constructor() {
    super();
    FakeFeed.latest = this;
    this.ready(true);
  }

  subscribe({ symbol }: { symbol: string }, listener: PriceListener): void {
    this.#listeners.set(symbol, listener);
  }

  unSubscribe({ symbol }: { symbol: string }): void {
    this.#listeners.delete(symbol);
  }

  async quote(_symbol: string, pieces: number): Promise<number> {
    return Promise.resolve(pieces * 100);
  }

  /** As if the server had sent a price. */
  push(price: Price): void {
    this.#listeners.get(price.symbol)?.(price);
  }
}

describe('PriceService', () => {
  let feed: SharedPriceFeed;
  let service: PriceService;

  beforeEach(async () => {
    feed = sharePriceFeed(FakeFeed, { singleMode: true });
    service = new PriceService(feed);
    await feed.ready();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await close(feed);
  });

  it('knows the price that was pushed last', async () => {
    service.follow('ABC');
    FakeFeed.latest.push({ symbol: 'ABC', cents: 250 });
    FakeFeed.latest.push({ symbol: 'ABC', cents: 260 });
    await delivered();
    expect(service.priceOf('ABC')).toBe(260);
  });

  it('subscribes at the upstream client once for each symbol', () => {
    const subscribe = jest.spyOn(FakeFeed.prototype, 'subscribe');
    service.follow('ABC');
    service.follow('ABC');
    expect(subscribe).toHaveBeenCalledTimes(1);
  });

  it('passes a quote of the server on', async () => {
    const quote = jest.spyOn(FakeFeed.prototype, 'quote');
    await expect(service.quote('ABC', 3)).resolves.toBe(300);
    expect(quote).toHaveBeenCalledWith('ABC', 3);
  });

  it('works with a method of the shared client replaced', async () => {
    jest.spyOn(feed, 'quote').mockResolvedValue(42);
    await expect(service.quote('ABC', 3)).resolves.toBe(42);
  });

  it('estimates from the last price when the server gives no quote', async () => {
    jest.spyOn(FakeFeed.prototype, 'quote').mockRejectedValue(new Error('closed on Sundays'));
    await expect(service.quote('ABC', 3)).rejects.toThrow('closed on Sundays');
    service.follow('ABC');
    FakeFeed.latest.push({ symbol: 'ABC', cents: 250 });
    await delivered();
    await expect(service.quote('ABC', 3)).resolves.toBe(750);
  });

  it('hears of errors of the upstream client through the shared client', async () => {
    const heard = once(feed, 'error');
    const trouble = new Error('connection lost');
    FakeFeed.latest.emit('error', trouble);
    await expect(heard).resolves.toEqual([trouble]);
  });
});

/** Values are delivered asynchronously, in single mode too. */
function delivered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
