// Registrations, publications and arguments are taken at the moment of the call, in every role, no matter what the user or the
// upstream client does with the objects afterwards.

import co from 'co';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { upstreamClass, type UpstreamListener } from '../support/fake-upstream';
import { ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

/** An upstream client that changes received objects, and reads arguments late. */
function carelessClass() {
  const Registry = upstreamClass();
  return class Careless extends Registry {
    readonly said: string[] = [];

    override subscribe(registration: unknown, listener: UpstreamListener): void {
      this.said.push(`subscribe ${JSON.stringify(registration)}`);
      listener(JSON.stringify(registration));
      spoil(registration);
    }

    override unSubscribe(registration: unknown): void {
      this.said.push(`unSubscribe ${JSON.stringify(registration)}`);
      spoil(registration);
    }

    override publish(registration: unknown): void {
      this.said.push(`publish ${JSON.stringify(registration)}`);
      spoil(registration);
    }

    override unPublish(registration: unknown): void {
      this.said.push(`unPublish ${JSON.stringify(registration)}`);
    }

    async readLate(argument: unknown): Promise<string> {
      await new Promise((resolve) => setImmediate(resolve));
      return JSON.stringify(argument);
    }

    *generateLate(argument: unknown): Generator<unknown, string> {
      return (yield this.readLate(argument)) as string;
    }

    callBackLate(argument: unknown, callback: (error: Error | null, text: string) => void): void {
      setImmediate(() => callback(null, JSON.stringify(argument)));
    }

    async notedLate(argument: unknown): Promise<void> {
      this.said.push(`noted ${await this.readLate(argument)}`);
    }
  };
}

function spoil(registration: unknown): void {
  if (typeof registration === 'object' && registration !== null) Object.assign(registration, { id: 'spoilt', type: 'sub' });
}

class Registration {
  id = '';
  labels = { zone: '' };
}

const objects: [string, () => { id: string; labels?: { zone: string } }][] = [
  ['a plain object', () => ({ id: '' })],
  ['a nested object', () => ({ id: '', labels: { zone: '' } })],
  ['an instance of a class', () => new Registration()],
];

const set = (registration: { id: string; labels?: { zone: string } }, id: string): void => {
  registration.id = id;
  if (registration.labels) registration.labels.zone = id;
};

let open: object[] = [];

afterEach(async () => {
  await Promise.all(open.map((client) => cluster.close(client)));
  open = [];
});

describe.each(ROLES)('%s', (role) => {
  let port: number;
  let Careless: ReturnType<typeof carelessClass>;

  beforeEach(async () => {
    Careless = carelessClass();
    port = await freePort();
  });

  function build(options: ClientOptions) {
    const client = cluster(Careless, { port, logger: recordingLogger(), ...options })
      .delegate('readLate', 'invoke', { idempotent: true })
      .delegate('callBackLate')
      .delegate('unPublish')
      .delegate('notedLate', 'invokeOneway')
      .create();
    client.on('error', () => undefined);
    open.push(client);
    return client;
  }

  const upstream = () => Careless.last as InstanceType<typeof Careless>;

  /** A client that is not ready yet. */
  function create() {
    if (role === 'single') return build({ singleMode: true });
    if (role === 'follower') build({ isLeader: true });
    return build({ isLeader: role === 'leader' });
  }

  const parsed = (text: unknown) => JSON.parse(text as string) as { id: string; labels?: { zone: string } };

  describe.each(['before ready', 'when ready'] as const)('%s', (moment) => {
    const client = async () => {
      const created = create();
      if (moment === 'when ready') await created.ready();
      return created;
    };

    it.each(objects)(
      '%s that is used again in a loop makes a subscription and a publication of its own each time',
      async (_, make) => {
        const tested = await client();
        const seen: Record<string, unknown[]> = { a: [], b: [], c: [] };
        const registration = make();
        for (const id of ['a', 'b', 'c']) {
          set(registration, id);
          tested.subscribe(registration, (value) => seen[id]!.push(value));
          tested.publish(registration);
        }
        set(registration, 'changed');
        await eventually('all values', () => Object.values(seen).every(({ length }) => length > 0));
        for (const [id, values] of Object.entries(seen)) {
          for (const value of values) expect(parsed(value)).toEqual(registration.labels ? { id, labels: { zone: id } } : { id });
        }
        await eventually('all publications', () => upstream().said.length === 6);
        expect(
          upstream()
            .said.filter((text) => text.includes('publish'))
            .map((text) => parsed(text.slice(8)).id),
        ).toEqual(['a', 'b', 'c']);
      },
    );

    it('arguments count as they are at the call: promise, callback, generator and one-way', async () => {
      const tested = await client();
      const argument = { id: 'said', inside: [new Map([['k', { v: 1 }]])], plain: { v: 1 } };
      const expected = JSON.stringify(argument);
      const calls = [
        tested.readLate(argument),
        new Promise((resolve) => {
          tested.callBackLate(argument, (_error, text) => resolve(text));
        }),
        co(tested.generateLate(argument) as unknown as () => Iterator<unknown>),
      ];
      tested.notedLate(argument);
      argument.id = 'changed';
      argument.plain.v = 2;
      argument.inside.length = 0;
      expect(await Promise.all(calls)).toEqual([expected, expected, expected]);
      await eventually('the one-way call', () => upstream().said.includes(`noted ${expected}`));
    });
  });

  it('a new upstream client, and one that is told to stop, get what was said, whatever the one before did with it', async () => {
    const tested = create();
    await tested.ready();
    const registration = { id: 'a' };
    const listener = (): void => undefined;
    tested.subscribe(registration, listener);
    tested.publish(registration);
    registration.id = 'changed';
    const asked = ['subscribe {"id":"a"}', 'publish {"id":"a"}'];
    await eventually('both', () => upstream().said.length === 2);
    const [first] = Careless.instances;
    first!.emit('close');
    await eventually('both again', () => Careless.instances.length === 2 && upstream().said.length === 2);
    expect(upstream().said).toEqual(asked);
    tested.unSubscribe({ id: 'a' }, listener);
    await eventually('the end of the subscription', () => upstream().said.length === 3);
    expect(upstream().said[2]).toBe('unSubscribe {"id":"a"}');
  });

  it('a value whose parts cannot be read is refused, and nothing else happens', async () => {
    const tested = create();
    await tested.ready();
    const errors: unknown[] = [];
    tested.on('error', (error) => errors.push(error));
    const thrown: unknown[] = [null, undefined, 'text', new Error('no')];
    for (const reason of thrown) {
      const bad = {
        get part(): never {
          throw reason;
        },
      };
      await expect(tested.readLate(bad)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
      expect(() => tested.subscribe(bad, () => undefined)).toThrow(
        expect.objectContaining({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' }),
      );
      expect(() => tested.publish(bad)).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' }));
      tested.notedLate(bad);
    }
    await eventually('all errors', () => errors.length === thrown.length);
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
    await expect(tested.readLate('still there')).resolves.toBe('"still there"');
  });

  it('a result, a value or a toJSON that throws what is no error is an ordinary refusal', async () => {
    const tested = create();
    await tested.ready();
    const errors: unknown[] = [];
    for (const each of open as (typeof tested)[]) each.on('error', (error) => errors.push(error));
    let push!: UpstreamListener;
    upstream().subscribe = (_registration, listener) => (push = listener);
    const seen: unknown[] = [];
    tested.subscribe('key', (value) => seen.push(value));
    await eventually('the upstream subscription', () => push !== undefined);
    for (const reason of [null, undefined]) {
      class Bad {
        toJSON(): never {
          throw reason; // eslint-disable-line @typescript-eslint/only-throw-error -- as users may
        }
      }
      push({ at: new Bad() });
      if (role === 'follower') {
        upstream().readLate = async () => ({ at: new Bad() }) as never;
        await expect(tested.readLate(1)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
      }
    }
    push('good');
    await eventually('the good value', () => seen.length > 0);
    expect(seen).toEqual(['good']);
    expect(
      errors.filter((error) => (error as { code?: string }).code === 'ERR_TRUNKLINE_NOT_ENCODABLE').length,
    ).toBeGreaterThanOrEqual(2);
  });
});

it('a follower that takes over asks for what was said, not for what became of the object; a repeated call says the same', async () => {
  const Careless = carelessClass();
  const port = await freePort();
  const build = (isLeader?: true) => {
    const client = cluster(Careless, { port, logger: recordingLogger(), identity: 'ignore', ...(isLeader && { isLeader }) })
      .delegate('readLate', 'invoke', { idempotent: true })
      .create();
    client.on('error', () => undefined);
    open.push(client);
    return client;
  };
  const leader = build(true);
  await leader.ready();
  const follower = build();
  await follower.ready();
  const registration = { id: '' };
  for (const id of ['a', 'b']) {
    registration.id = id;
    follower.subscribe(registration, () => undefined);
    follower.publish(registration);
  }
  registration.id = 'changed';
  const [first] = Careless.instances as InstanceType<typeof Careless>[];
  await eventually('all upstream', () => first!.said.length === 4);
  // The call never gets an answer and is lost with the leader.
  first!.readLate = () => new Promise(() => undefined);
  const argument = { v: 1 };
  const repeated = follower.readLate(argument);
  argument.v = 2;
  await leader.close();
  await expect(repeated).resolves.toBe('{"v":1}');
  const next = Careless.last as InstanceType<typeof Careless>;
  await eventually('all upstream again', () => next.said.length === 4);
  expect(next.said.sort()).toEqual(['publish {"id":"a"}', 'publish {"id":"b"}', 'subscribe {"id":"a"}', 'subscribe {"id":"b"}']);
});

it('registrations that only one process can tell apart are served where the upstream client is, and refused elsewhere with their place', async () => {
  const Registry = upstreamClass();
  const port = await freePort();
  const create = (isLeader: boolean) => cluster(Registry, { port, isLeader, logger: recordingLogger() }).create();
  const leader = create(true);
  const follower = create(false);
  open.push(leader, follower);
  const errors: unknown[] = [];
  follower.on('error', (error) => errors.push(error));
  await Promise.all([leader.ready(), follower.ready()]);
  class Secret {
    #id = 1;
    id(): number {
      return this.#id;
    }
  }
  const registrations = [{ filters: [() => 1] }, { [Symbol('a')]: 1 }, { of: new Secret() }, { of: new Secret() }];
  for (const registration of registrations)
    for (const client of [leader, follower]) client.subscribe(registration, () => undefined);
  expect(Registry.last.subscribed).toHaveLength(4);
  await eventually('all refusals', () => errors.length === 4);
  expect(errors.map((error) => (error as Error).message.replace(/^.* cannot be encoded: /, ''))).toEqual([
    expect.stringMatching('^a function at filters\\[0\\] is known in this process only'),
    expect.stringMatching('^a symbol is known'),
    expect.stringMatching('^an object whose state cannot be read \\(Secret\\) at of is known'),
    expect.stringMatching('^an object whose state'),
  ]);
});

it('a value with a pattern that this engine does not know says so, in the listener, the result and the arguments', async () => {
  const Registry = upstreamClass();
  const port = await freePort();
  const create = (isLeader: boolean) => cluster(Registry, { port, isLeader, logger: recordingLogger() }).create();
  const leader = create(true);
  const follower = create(false);
  open.push(leader, follower);
  const errors: unknown[] = [];
  follower.on('error', (error) => errors.push(error));
  await Promise.all([leader.ready(), follower.ready()]);
  // A newer engine could have written what the pattern becomes on the wire.
  const unknown = (): object => ({ pattern: Object.defineProperty(/a/, 'source', { value: '(newer' }) });
  const said = {
    code: 'ERR_TRUNKLINE_NOT_DECODABLE',
    message: expect.stringContaining('does not know the pattern /(newer/') as string,
  };
  await expect(follower.echo(unknown())).rejects.toMatchObject(said);
  Registry.last.echo = () => Promise.resolve(unknown());
  await expect(follower.echo(1)).rejects.toMatchObject({ ...said, cause: { source: '(newer', flags: '' } });
  follower.subscribe('key', () => undefined);
  await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
  Registry.last.push('key', unknown());
  await eventually('the error', () => errors.length > 0);
  expect(errors[0]).toMatchObject(said);
});
