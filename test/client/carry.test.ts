// Single mode with `carry: 'copy'` fails where a follower would: each case runs in single mode by reference, in single mode with
// copies, and as a follower, and the last two agree.

import cluster from '../../src/index';
import type { ClientOptions } from '../../src/options';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { createIn } from '../support/in-role';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

class Money {
  constructor(readonly cents: number) {}
  get text(): string {
    return `${this.cents / 100} EUR`;
  }
}

class Prices {
  readonly kept = { list: [1, 2] };
  async take(value: unknown): Promise<string> {
    return Promise.resolve(typeof value);
  }
  async keep(): Promise<{ list: number[] }> {
    return Promise.resolve(this.kept);
  }
  async money(): Promise<Money> {
    return Promise.resolve(new Money(250));
  }
  async giveFunction(): Promise<unknown> {
    return Promise.resolve(() => 1);
  }
  async fail(): Promise<never> {
    await Promise.resolve();
    throw Object.assign(new RangeError('out of stock'), { code: 'E_STOCK', retry: () => 1 });
  }
  async *scan(): AsyncGenerator<unknown, string> {
    yield await Promise.resolve(new Money(1));
    return 'end';
  }
  async *scanFunctions(): AsyncGenerator<unknown, void> {
    yield await Promise.resolve(() => 1);
  }
  async waits(signal: AbortSignal, _options: { deadline: Date }): Promise<unknown> {
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));
  }
  close(): void {}
}

type Way = 'reference' | 'copy' | 'follower';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function shared(way: Way) {
  const build = (own: ClientOptions) => {
    const client = cluster(Prices, { ...own, name: `carry-${way}`, logger: recordingLogger() }).create();
    open.push(client);
    return client;
  };
  if (way !== 'follower') return build({ singleMode: true, carry: way });
  const port = await freePort();
  const client = await createIn('follower', (own) => build({ ...own, port }));
  await client.ready();
  return client;
}

type Client = Awaited<ReturnType<typeof shared>>;
const outcome = async (of: Promise<unknown>): Promise<unknown> =>
  of.catch((error: Error & { code?: string; retry?: unknown }) => [error.name, error.code, typeof error.retry]);

const cases: Record<string, (client: Client) => Promise<unknown>> = {
  'a function among the arguments': (client) => outcome(client.take({ onChange: () => 1 })),
  'a method of a class': async (client) => (await client.money()).text,
  'a result that is changed later': async (client) => {
    (await client.keep()).list.push(3);
    return (await client.keep()).list;
  },
  'a result that is a function': (client) => outcome(client.giveFunction()),
  'an error with a method': (client) => outcome(client.fail()),
  'an item of a class': async (client) => {
    for await (const item of client.scan()) return (item as Money).text;
    return 'nothing';
  },
  'an item that is a function': (client) =>
    outcome(
      (async () => {
        for await (const item of client.scanFunctions()) return typeof item;
        return 'nothing';
      })(),
    ),
};

describe.each(Object.entries(cases))('%s', (_name, run) => {
  it('copies are as those of a follower, and references are not', async () => {
    const [reference, copy, follower] = [
      await run(await shared('reference')),
      await run(await shared('copy')),
      await run(await shared('follower')),
    ];
    expect(copy).toEqual(follower);
    expect(reference).not.toEqual(copy);
  });
});

it('an AbortSignal still reaches the method, and the rest is carried', async () => {
  const client = await shared('copy');
  const over = new AbortController();
  const waiting = client.waits(over.signal, { deadline: new Date(0) });
  await new Promise(setImmediate);
  over.abort('enough');
  expect(await waiting).toBe('enough');
});

it('the end of a stream is carried too', async () => {
  const stream = (await shared('copy')).scan();
  expect(await stream.next()).toEqual({ done: false, value: { cents: 1 } });
  expect(await stream.next()).toEqual({ done: true, value: 'end' });
});

it('subscriptions and publications that cannot be carried are refused', async () => {
  const heard: unknown[] = [];
  class Registry {
    subscribe(_key: unknown, listener: (value: unknown) => void): void {
      listener(1);
    }
    publish(registration: unknown): void {
      heard.push(registration);
    }
    close(): void {}
  }
  const client = cluster(Registry, {
    singleMode: true,
    carry: 'copy',
    logger: recordingLogger(),
    formatKey: () => 'key',
  }).create();
  open.push(client);
  await client.ready();
  const failed = new Promise((resolve) => client.once('error', resolve));
  client.subscribe({ filter: () => true }, () => undefined);
  expect(await failed).toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
  client.publish({ at: new Date(0) });
  expect(heard).toEqual([{ at: new Date(0) }]);
});

it('is read from the environment, and checked', () => {
  expect(() => cluster(Prices, { carry: 'clone' as never })).toThrow("carry must be 'reference' or 'copy'");
});
