// Mocks of upstream classes: they are shared as the class would be, and the test plays the server.

import { EventEmitter } from 'node:events';
import { Base } from 'sdk-base';
import cluster from '../../src/index';
import { runGenerator } from '../../src/run-generator';
import { leakCheck } from '../../src/testing/leak-check';
import { manualClock } from '../../src/testing/manual-clock';
import { mockUpstream } from '../../src/testing/mock-upstream';
import { sharedGroup } from '../../src/testing/shared-group';
import { waitFor } from '../../src/testing/wait-for';
import { recordingLogger } from '../support/recording-logger';

interface Price {
  readonly symbol: string;
  readonly cents: number;
}

/** A class whose constructor must not run in a test. */
class PriceFeed extends Base {
  static readonly version = 7;
  field = async (): Promise<string> => Promise.resolve('real');
  constructor(readonly settings: { url: string }) {
    super();
    throw new Error('the real class connects');
  }
  subscribe(topic: { symbol: string }, listener: (price: Price) => void): void {
    listener({ ...topic, cents: 0 });
  }
  unSubscribe(_topic: { symbol: string }, _listener?: (price: Price) => void): void {}
  publish(_offer: { symbol: string; cents: number }): void {}
  unPublish(_offer: { symbol: string; cents: number }): void {}
  async quote(symbol: string, pieces: number): Promise<number> {
    return Promise.resolve(symbol.length * pieces);
  }
  *oldQuote(_symbol: string): Generator<unknown, number> {
    yield undefined;
    return 0;
  }
  async *history(_symbol: string): AsyncGenerator<number, void> {
    yield await Promise.resolve(0);
  }
  withCallback(_symbol: string, callback: (error: Error | null, price?: Price) => void): void {
    callback(null);
  }
}

class PlainFeed {
  async quote(symbol: string): Promise<number> {
    return Promise.resolve(symbol.length);
  }
}

const open: { close(): Promise<void> }[] = [];
let check: () => Promise<void>;
beforeEach(() => {
  check = leakCheck();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  await check();
});

function share(feed: ReturnType<typeof mockUpstream<typeof PriceFeed>>) {
  const client = cluster(feed.Class, { singleMode: true, logger: recordingLogger() })
    .delegate('withCallback')
    .create({ url: 'tcp://prices.example' });
  open.push(client);
  return client;
}

describe('what a mock looks like', () => {
  it('no code of the class runs, and the channel has its name', async () => {
    const feed = mockUpstream(PriceFeed);
    const client = share(feed);
    await client.ready();
    expect(client.status().channel).toBe('PriceFeed');
    expect(feed.log).toEqual([{ what: 'create', instance: 1, args: [{ url: 'tcp://prices.example' }] }]);
    expect(feed.Class.version).toBe(7);
  });

  it('methods are shared by their kind: promises, generators, streams, callbacks', async () => {
    const feed = mockUpstream(PriceFeed)
      .answer('quote', (symbol, pieces) => pieces * symbol.length)
      .answer('oldQuote', 5)
      .answer('history', [1, 2, 3])
      .answer('withCallback', (symbol) => ({ symbol, cents: 9 }));
    const client = share(feed);
    expect(await client.quote('ABC', 2)).toBe(6);
    expect(await runGenerator(client.oldQuote('ABC'), client)).toBe(5);
    const heard: number[] = [];
    for await (const cents of client.history('ABC')) heard.push(cents);
    expect(heard).toEqual([1, 2, 3]);
    expect(await client.withCallback('ABC')).toEqual({ symbol: 'ABC', cents: 9 });
    await new Promise<void>((resolve) =>
      client.withCallback('DE', (error, price) => {
        expect([error, price]).toEqual([null, { symbol: 'DE', cents: 9 }]);
        resolve();
      }),
    );
    expect(feed.calls.map(({ method, args }) => [method, ...args])).toEqual([
      ['quote', 'ABC', 2],
      ['oldQuote', 'ABC'],
      ['history', 'ABC'],
      ['withCallback', 'ABC'],
      ['withCallback', 'DE'],
    ]);
    expect(feed.callsOf('quote')).toEqual([['ABC', 2]]);
  });

  it('a method without an answer is an error that says how to give one', async () => {
    const client = share(mockUpstream(PriceFeed));
    await expect(client.quote('ABC', 1)).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_MOCK_UNANSWERED',
      method: 'quote',
      message: expect.stringContaining("mock.answer('quote'"),
    });
  });

  it('what the class does not have neither compiles nor runs', () => {
    const feed = mockUpstream(PriceFeed);
    const invalid = expect.objectContaining({ code: 'ERR_TRUNKLINE_MOCK_INVALID', method: 'qoute' });
    // @ts-expect-error -- a misspelt method
    expect(() => feed.answer('qoute', 1)).toThrow(invalid);
    // @ts-expect-error -- a misspelt method
    expect(() => feed.failNext('qoute')).toThrow(invalid);
    // @ts-expect-error -- a misspelt method
    expect(() => feed.delayNext('qoute')).toThrow(invalid);
    // @ts-expect-error -- a misspelt method
    expect(() => feed.callsOf('qoute')).toThrow(invalid);
    // @ts-expect-error -- an answer of another type
    feed.answer('quote', 'much');
    // @ts-expect-error -- a value of another type
    feed.push({ symbol: 'ABC' }, 'much');
    // @ts-expect-error -- a registration of another type
    feed.push('ABC', { symbol: 'ABC', cents: 1 });
    // @ts-expect-error -- an option that names no method
    expect(() => mockUpstream(PriceFeed, { subscribe: 'watch' })).toThrow('no method watch');
    expect(() => mockUpstream(5 as never)).toThrow('must be a class');
    // @ts-expect-error -- a class that cannot subscribe has no values
    expect(() => mockUpstream(PlainFeed).set('ABC', 1)).toThrow('no method subscribe');
  });

  it('a class that is no emitter cannot be lost or late, as in production', () => {
    const feed = mockUpstream(PlainFeed);
    expect(() => feed.disconnect()).toThrow('no emitter');
    expect(() => feed.holdReady()).toThrow('ready');
    expect(() => mockUpstream(PlainFeed, { ready: false })).toThrow(
      expect.objectContaining({ code: 'ERR_TRUNKLINE_MOCK_INVALID' }),
    );
  });

  it('a plain class works without a base', async () => {
    const feed = mockUpstream(PlainFeed).answer('quote', 3);
    const client = cluster(feed.Class, { singleMode: true, logger: recordingLogger() }).create();
    open.push(client);
    expect(await client.quote('ABC')).toBe(3);
  });

  it('verbs with other names are named', async () => {
    class Registry extends EventEmitter {
      watch(_service: string, _listener: (hosts: string[]) => void): void {}
      register(_host: { service: string }): void {}
    }
    const registry = mockUpstream(Registry, { subscribe: 'watch', publish: 'register' });
    const client = cluster(registry.Class, { singleMode: true, logger: recordingLogger() })
      .delegate('watch', 'subscribe')
      .delegate('register', 'publish')
      .create();
    open.push(client);
    await client.ready();
    const heard = new Promise<string[]>((resolve) => client.watch('shop', resolve));
    registry.set('shop', ['10.0.0.1']);
    expect(await heard).toEqual(['10.0.0.1']);
    client.register({ service: 'shop' });
    await waitFor(() => registry.published.length === 1);
    expect(registry.publications).toEqual([{ what: 'publish', registration: { service: 'shop' } }]);
  });
});

describe('values', () => {
  it('set is heard by subscribers of now and later, push by those of now', async () => {
    const feed = mockUpstream(PriceFeed);
    const client = share(feed);
    await client.ready();
    expect(feed.push({ symbol: 'ABC' }, { symbol: 'ABC', cents: 1 })).toBe(0);
    feed.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 2 });
    const heard: number[] = [];
    client.subscribe({ symbol: 'ABC' }, ({ cents }) => heard.push(cents));
    await waitFor(() => heard.length === 1);
    expect(feed.push({ symbol: 'ABC' }, { symbol: 'ABC', cents: 3 })).toBe(1);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([2, 3]);
    expect(feed.subscribed).toEqual([{ symbol: 'ABC' }]);
    client.unSubscribe({ symbol: 'ABC' });
    await waitFor(() => feed.subscribed.length === 0);
    expect(feed.subscriptions.map(({ what }) => what)).toEqual(['subscribe', 'unSubscribe']);
  });

  it('publications are recorded in order', async () => {
    const feed = mockUpstream(PriceFeed);
    const client = share(feed);
    await client.ready();
    const offers = [1, 2, 3].map((cents) => ({ symbol: `S${cents}`, cents }));
    for (const offer of offers) client.publish(offer);
    await waitFor(() => feed.published.length === 3);
    expect(feed.publications.map(({ registration }) => registration)).toEqual(offers);
  });
});

describe('calls', () => {
  it('the next call fails, the one after that does not', async () => {
    const feed = mockUpstream(PriceFeed).answer('quote', 4).failNext('quote', new Error('closed on Sundays'));
    const client = share(feed);
    await expect(client.quote('ABC', 1)).rejects.toThrow('closed on Sundays');
    expect(await client.quote('ABC', 1)).toBe(4);
    feed.answerNext('quote', 5);
    expect(await client.quote('ABC', 1)).toBe(5);
    expect(await client.quote('ABC', 1)).toBe(4);
  });

  it('the next call waits until it is released, and others overtake it', async () => {
    const feed = mockUpstream(PriceFeed).answer('quote', (symbol) => symbol.length);
    const client = share(feed);
    const held = feed.delayNext('quote');
    const ended: string[] = [];
    const slow = client.quote('ABC', 1).then((value) => ended.push(`slow ${value}`));
    expect(await held.made).toEqual(['ABC', 1]);
    await client.quote('DE', 1).then((value) => ended.push(`fast ${value}`));
    held.release();
    await slow;
    expect(ended).toEqual(['fast 2', 'slow 3']);
    const failing = feed.delayNext('quote');
    const call = client.quote('ABC', 1);
    failing.fail(new Error('too late'));
    await expect(call).rejects.toThrow('too late');
  });

  it('a subscription that is refused is tried again', async () => {
    const clock = manualClock();
    const feed = mockUpstream(PriceFeed).failNext('subscribe', new Error('not today'));
    const client = clock.drive(() => share(feed));
    await client.ready();
    const refused = new Promise((resolve) => client.once('error', resolve));
    const heard: number[] = [];
    client.subscribe({ symbol: 'ABC' }, ({ cents }) => heard.push(cents));
    feed.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 1 });
    expect(await refused).toMatchObject({ code: 'ERR_TRUNKLINE_UPSTREAM_REFUSED' });
    expect(heard).toEqual([]);
    await clock.advanceAsync(1_000);
    expect(heard).toEqual([1]);
  });
});

describe('the connection', () => {
  it('after a loss a new instance is asked for everything again', async () => {
    const clock = manualClock();
    const feed = mockUpstream(PriceFeed);
    const client = clock.drive(() => share(feed));
    await client.ready();
    client.subscribe({ symbol: 'ABC' }, () => undefined);
    client.publish({ symbol: 'ABC', cents: 1 });
    await waitFor(() => feed.published.length === 1);
    feed.disconnect(new Error('reset by peer'));
    expect(feed.connected).toBe(0);
    expect(feed.published).toHaveLength(1);
    await clock.advanceAsync(1_000);
    expect(feed.instances).toBe(2);
    expect(feed.subscribed).toEqual([{ symbol: 'ABC' }]);
    expect(feed.publications).toHaveLength(2);
  });

  it('an expired session has lost its publications, until they are published again', async () => {
    const clock = manualClock();
    const feed = mockUpstream(PriceFeed);
    const client = clock.drive(() => share(feed));
    await client.ready();
    client.publish({ symbol: 'ABC', cents: 1 });
    await waitFor(() => feed.published.length === 1);
    feed.expire();
    expect(feed.published).toEqual([]);
    await clock.advanceAsync(1_000);
    expect(feed.published).toEqual([{ symbol: 'ABC', cents: 1 }]);
  });

  it('becomes ready late, or says why not', async () => {
    const clock = manualClock();
    const feed = mockUpstream(PriceFeed, { ready: false });
    const client = clock.drive(() => share(feed));
    let isReady = false;
    void client.ready().then(() => (isReady = true));
    await clock.advanceAsync(1_000);
    expect(isReady).toBe(false);
    feed.becomeReady();
    await client.ready();

    feed.holdReady();
    feed.disconnect();
    feed.failReady(new Error('the server is down'));
    await clock.advanceAsync(1_000);
    await expect(client.ready()).rejects.toThrow('the server is down');
    feed.becomeReady();
    await clock.advanceAsync(20_000);
    await client.ready();
  });

  it('events of the class reach the client, and its health its status', async () => {
    const feed = mockUpstream(PriceFeed);
    const client = share(feed);
    await client.ready();
    const error = new Error('a hiccup');
    const heard = new Promise((resolve) => client.once('error', resolve));
    feed.emit('error', error);
    expect(await heard).toBe(error);
    feed.emit('health', { ok: false, error: new Error('behind') });
    expect(client.status().upstream).toMatchObject({ state: 'degraded' });
  });

  it('the upstream client of a group moves when the leader is killed', async () => {
    const feed = mockUpstream(PriceFeed).answer('quote', 1);
    const group = await sharedGroup(feed.Class, { args: [{ url: 'x' }] });
    open.push(group);
    expect(feed.instances).toBe(1);
    const [follower] = await group.followers();
    const heard: number[] = [];
    follower!.client.subscribe({ symbol: 'ABC' }, ({ cents }) => heard.push(cents));
    feed.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 1 });
    await waitFor(() => heard.at(-1) === 1);
    await group.killLeader();
    await group.leader();
    await group.ready();
    feed.set({ symbol: 'ABC' }, { symbol: 'ABC', cents: 2 });
    await waitFor(() => heard.at(-1) === 2);
    expect(feed.instances).toBe(2);
    expect(feed.connected).toBe(1);
  });
});
