// How to test code that uses a shared client: `mockUpstream` makes a class without the code of the real one, and the test plays
// the server behind the class. In single mode there is no port and no other process; a group has several members, which fail over.

import { once } from 'node:events';
import { close } from 'trunkline';
import { leakCheck, mockUpstream, sharedGroup, waitFor, type MockUpstream } from 'trunkline/testing';
import { PriceFeed } from './price-feed';
import { PriceService, sharePriceFeed, type SharedPriceFeed } from './price-service';

let server: MockUpstream<typeof PriceFeed>;
let check: () => Promise<void>;

beforeEach(() => {
  check = leakCheck();
  server = mockUpstream(PriceFeed);
});
afterEach(() => check());

describe('PriceService', () => {
  let feed: SharedPriceFeed;
  let service: PriceService;

  beforeEach(async () => {
    feed = sharePriceFeed(server.Class, { singleMode: true, carry: 'copy' });
    service = new PriceService(feed);
    await feed.ready();
  });

  afterEach(() => close(feed));

  it('knows the price that was pushed last', async () => {
    service.follow('ABC');
    server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 250 });
    server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 260 });
    await waitFor(() => service.priceOf('ABC') === 260);
  });

  it('subscribes at the server once for each symbol', () => {
    service.follow('ABC');
    service.follow('ABC');
    expect(server.subscriptions).toEqual([{ what: 'subscribe', registration: { symbol: 'ABC' } }]);
  });

  it('passes a quote of the server on', async () => {
    server.answer('quote', (_symbol, pieces) => pieces * 100);
    await expect(service.quote('ABC', 3)).resolves.toBe(300);
    expect(server.callsOf('quote')).toEqual([['ABC', 3]]);
  });

  it('estimates from the last price when the server gives no quote', async () => {
    server.failNext('quote', new Error('closed on Sundays'));
    await expect(service.quote('ABC', 3)).rejects.toThrow('closed on Sundays');
    service.follow('ABC');
    server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 250 });
    await waitFor(() => service.priceOf('ABC') === 250);
    server.failNext('quote');
    await expect(service.quote('ABC', 3)).resolves.toBe(750);
  });

  it('keeps the last price while the connection is lost, and has the newest one after that', async () => {
    service.follow('ABC');
    server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 250 });
    await waitFor(() => service.priceOf('ABC') === 250);
    const told = once(feed, 'error');
    const trouble = new Error('connection lost');
    server.disconnect(trouble);
    await expect(told).resolves.toEqual([trouble]);
    server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 270 });
    expect(service.priceOf('ABC')).toBe(250);
    await waitFor(() => service.priceOf('ABC') === 270);
  });

  it('works with a method of the shared client replaced', async () => {
    jest.spyOn(feed, 'quote').mockResolvedValue(42);
    await expect(service.quote('ABC', 3)).resolves.toBe(42);
  });
});

it('prices go on when the process that holds the connection is killed', async () => {
  const group = await sharedGroup(server.Class, { create: (Feed, options) => sharePriceFeed(Feed, options) });
  const services = new Map(group.members.map((member) => [member, new PriceService(member.client)]));
  for (const service of services.values()) service.follow('ABC');
  server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 250 });
  await waitFor(() => [...services.values()].every((service) => service.priceOf('ABC') === 250));
  await group.killLeader();
  await group.leader();
  server.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 260 });
  const living = group.members.map((member) => services.get(member)!);
  await waitFor(() => living.every((service) => service.priceOf('ABC') === 260));
  await group.close();
});
