// Requests that the user makes while the upstream client is being asked: events of the upstream client reach the user in the
// middle of a request.

import { AsyncLocalStorage } from 'node:async_hooks';
import cluster from '../../src';
import { Registrations } from '../../src/client/registrations';
import type { Verbs } from '../../src/roles/role';
import { eventually } from '../support/eventually';
import { FakeUpstream, upstreamClass, type UpstreamListener } from '../support/fake-upstream';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

/** Emits an event at once when asked. */
class Talkative extends FakeUpstream {
  static last: Talkative;

  constructor() {
    super();
    Talkative.last = this;
  }

  override subscribe(registration: unknown, listener: UpstreamListener): void {
    super.subscribe(registration, listener);
    this.emit('asked', registration);
  }
}

let client: ReturnType<typeof create>;
const seen: unknown[] = [];
const see = (value: unknown): void => void seen.push(value);

const create = () => cluster(Talkative, { singleMode: true, name: 'talkative', logger: recordingLogger() }).create();

beforeEach(() => {
  seen.length = 0;
});

afterEach(() => client.close());

const unexpected = (error: unknown): void => {
  throw error;
};

/** Pushes values in this order, and waits for the last value. */
async function pushed(...values: [registration: string, value: unknown][]): Promise<void> {
  client.subscribe('end', see);
  for (const [registration, value] of values) Talkative.last.push(registration, value);
  Talkative.last.push('end', 'end');
  await eventually('the last value', () => seen.includes('end'));
}

it('a listener that is taken back while it is being subscribed gets nothing', async () => {
  client = create();
  await client.ready();
  client.on<'asked'>('asked', (registration) => {
    if (registration === 'a') client.unSubscribe('a');
  });
  client.subscribe('a', see);
  await pushed(['a', 1]);
  expect(seen).toEqual(['end']);
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('a'));
});

it('a listener that is added while others are repeated to a new role gets each value once, and can be taken back', async () => {
  client = create();
  client.subscribe('a', () => undefined);
  client.on<'asked'>('asked', (registration) => {
    if (registration === 'a') client.subscribe('b', see);
  });
  await client.ready();
  await pushed(['b', 1]);
  expect(seen).toEqual([1, 'end']);
  client.unSubscribe('b');
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('b'));
});

it('a listener that is taken back while others are repeated to a new role is not repeated', async () => {
  client = create();
  client.subscribe('a', () => undefined);
  client.subscribe('a', see);
  client.on<'asked'>('asked', () => client.unSubscribe('a', see));
  await client.ready();
  await pushed(['a', 1]);
  expect(seen).toEqual(['end']);
});

it('a client that is closed while it subscribes leaves nothing open upstream', async () => {
  client = create();
  const other = create(); // keeps the upstream client alive
  await client.ready();
  client.on<'asked'>('asked', () => void client.close());
  client.subscribe('a', see);
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('a'));
  await other.close();
});

it('what one upstream client has refused is asked of that of the next leader, after a hand-off', async () => {
  const Base = upstreamClass();
  class Registry extends Base {
    #refuses = Base.instances.length === 1;
    override subscribe(registration: unknown, listener: UpstreamListener): void {
      if (this.#refuses) throw new Error('not here');
      super.subscribe(registration, listener);
    }
    override publish(registration: unknown): void {
      if (this.#refuses) throw new Error('not here');
      super.publish(registration);
    }
  }
  const port = await freePort();
  const make = () => cluster(Registry, { port, logger: recordingLogger() }).create();
  const first = make();
  first.on('error', () => undefined);
  await first.ready();
  client = make();
  const refused: unknown[] = [];
  client.on('error', (error: Error & { method: string }) => refused.push(error.method));
  await client.ready();
  client.publish('p');
  client.subscribe('s', see);
  await eventually('both refusals', () => refused.includes('publish') && refused.includes('subscribe'));
  await first.close();
  await eventually('both', () => Base.last.published.includes('p') && Base.last.subscribed.includes('s'));
  Base.last.push('s', 'a value');
  await eventually('the value', () => seen.includes('a value'));
});

it('a publication that was refused to its caller is not repeated to a new role', () => {
  const registrations = new Registrations(() => undefined, unexpected);
  const published: unknown[] = [];
  const verbs = (isBusy: boolean) =>
    ({
      publish: (registration: unknown) => {
        if (isBusy) throw new Error('busy');
        published.push(registration);
      },
    }) as never;
  registrations.publish('a', 'old', verbs(false));
  expect(() => registrations.publish('a', 'new', verbs(true))).toThrow('busy');
  expect(() => registrations.publish('b', 'b', verbs(true))).toThrow('busy');
  registrations.replay(verbs(false));
  expect(published).toEqual(['old', 'old']);
});

it('a publication that is said after a repeated unPublish stands at the next leader too', async () => {
  const log: string[] = [];
  const Registry = upstreamClass();
  class Logged extends Registry {
    static stuck: unknown;
    override publish(registration: unknown): void {
      log.push(`publish ${String(registration)}`);
    }
    override unPublish(registration: unknown): Promise<void> {
      log.push(`unPublish ${String(registration)}`);
      return this === Logged.stuck ? new Promise(() => undefined) : Promise.resolve();
    }
  }
  const port = await freePort();
  const build = () => {
    const built = cluster(Logged, { port, name: 'logged', logger: recordingLogger() })
      .delegate('unPublish', 'invoke', { idempotent: true })
      .create();
    built.on('error', () => undefined);
    return built;
  };
  const leader = build();
  client = leader;
  await leader.ready();
  Logged.stuck = Logged.last;
  const follower = build();
  await follower.ready();
  const repeated = follower.unPublish('a');
  follower.publish('a');
  await eventually('the first call', () => log.length === 1);
  await leader.close();
  await repeated;
  await eventually('all', () => log.at(-1) === 'publish a');
  await follower.echo('a fence');
  expect(log.at(-1)).toBe('publish a');
  await follower.close();
});

describe('what is published while a call takes the publication back', () => {
  const published: string[] = [];
  const verbs = (role: string) =>
    ({ publish: (registration: unknown) => published.push(`${String(registration)} to ${role}`) }) as unknown as Verbs;
  const [first, second] = [verbs('the first'), verbs('the second')];
  let present: Verbs | undefined;
  let registrations: Registrations;

  beforeEach(() => {
    published.length = 0;
    present = undefined;
    registrations = new Registrations(() => present, unexpected);
  });

  const enter = (role: Verbs): void => {
    present = role;
    registrations.replay(role);
  };

  it('is repeated to the next role when the call cannot be made', () => {
    present = first;
    const releases = [1, 2].map(() => registrations.holdBack('a'));
    registrations.publish('a', 'new', first);
    registrations.replay(first);
    releases[0]!();
    expect(published).toEqual([]);
    present = undefined;
    releases[1]!();
    enter(first);
    expect(published).toEqual(['new to the first']);
  });

  it('follows the call to the same role at once, and waits for its end in another one', () => {
    enter(first);
    const made = registrations.holdBack('a');
    const ended = registrations.takeBack('a', first);
    made();
    registrations.publish('a', 'new', first);
    expect(published.splice(0)).toEqual(['new to the first']);
    enter(second);
    registrations.publish('a', 'newer', second);
    registrations.publish('b', 'other', second);
    expect(published.splice(0)).toEqual(['other to the second']);
    ended();
    expect(published).toEqual(['newer to the second']);
  });

  it('waits for all such calls', () => {
    const ends = [registrations.takeBack('a', first), registrations.takeBack('a', first), registrations.takeBack('a', second)];
    enter(second);
    registrations.publish('a', 'new', second);
    ends[0]!();
    expect(published).toEqual([]);
    ends[1]!();
    expect(published.splice(0)).toEqual(['new to the second']);
    ends[2]!();
    expect(published).toEqual([]);
  });
});

it('a listener that takes itself back at the first of several values gets no other', async () => {
  client = create();
  await client.ready();
  const handle = client.subscribe('a', (value) => {
    seen.push(value);
    handle.unsubscribe();
  });
  await pushed(['a', 1], ['a', 2], ['a', 3]);
  expect(seen).toEqual([1, 'end']);
});

it('a listener that throws at one of several values gets the others', async () => {
  client = create();
  await client.ready();
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  client.subscribe('a', (value) => {
    see(value);
    if (value === 2) throw new Error('two');
  });
  await pushed(['a', 1], ['a', 2], ['a', 3]);
  expect(seen).toEqual([1, 2, 3, 'end']);
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_TRUNKLINE_LISTENER_THREW' })]);
});

it('every one of several values reaches a listener in the AsyncLocalStorage context of its subscribe call', async () => {
  client = create();
  await client.ready();
  const storage = new AsyncLocalStorage<string>();
  storage.run('of the subscription', () => client.subscribe('a', (value) => seen.push([value, storage.getStore()])));
  await storage.run('of the push', () => pushed(['a', 1], ['a', 2]));
  expect(seen).toEqual([[1, 'of the subscription'], [2, 'of the subscription'], 'end']);
});
