// The channels of node:diagnostics_channel on which clients publish what they do: in every role, in order, and with nothing private.

import diagnostics, { tracingChannel } from 'node:diagnostics_channel';
import { AsyncLocalStorage } from 'node:async_hooks';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import type { CallTrace, TelemetryMessages, UpstreamCallTrace } from '../../src/telemetry';
import { eventually } from '../support/eventually';
import { upstreamClass } from '../support/fake-upstream';
import { readyIn, ROLES } from '../support/in-role';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

let port: number;
const open: object[] = [];
const undo: (() => void)[] = [];
let Registry: ReturnType<typeof upstreamClass>;

beforeEach(async () => {
  port = await freePort();
  Registry = upstreamClass();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => cluster.close(client)));
  for (const each of undo.splice(0)) each();
});

function create(options: ClientOptions = {}) {
  const client = cluster(Registry, { name: 'registry', port, logger: recordingLogger(), ...options })
    .delegate('throwAtOnce')
    .delegate('withCallback')
    .delegate('unPublish', 'invokeOneway')
    .create();
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

/** Everything that is published on a plain channel until the end of the test. */
function published<Name extends keyof TelemetryMessages>(name: Name): TelemetryMessages[Name][] {
  const messages: TelemetryMessages[Name][] = [];
  const onMessage = (message: unknown): void => void messages.push(message as TelemetryMessages[Name]);
  diagnostics.subscribe(name, onMessage);
  undo.push(() => diagnostics.unsubscribe(name, onMessage));
  return messages;
}

interface Step {
  readonly step: string;
  readonly message: Record<string, unknown>;
}

/** The steps that a tracing channel publishes, each with the message as it was then. */
function traced(name: 'trunkline:call' | 'trunkline:upstream-call'): Step[] {
  const steps: Step[] = [];
  const at = (step: string) => (message: object) => void steps.push({ step, message: { ...message } });
  const subscribers = {
    start: at('start'),
    end: at('end'),
    asyncStart: at('asyncStart'),
    asyncEnd: at('asyncEnd'),
    error: at('error'),
  };
  const channel = tracingChannel<unknown, CallTrace & UpstreamCallTrace>(name);
  channel.subscribe(subscribers);
  undo.push(() => channel.unsubscribe(subscribers));
  return steps;
}

const names = (steps: readonly Step[]): string[] => steps.map(({ step }) => step);
const SUCCEEDED = ['start', 'end', 'asyncStart', 'asyncEnd'];
const FAILED = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'];

describe.each(ROLES)('a %s', (role) => {
  const ready = () => readyIn(role, create);

  it('traces a call where it is made and where it runs', async () => {
    const client = await ready();
    const calls = traced('trunkline:call');
    const runs = traced('trunkline:upstream-call');
    await client.echo({ secret: 'x' });
    expect(names(calls)).toEqual(SUCCEEDED);
    expect(names(runs)).toEqual(SUCCEEDED);
    expect(calls[0]!.message).toEqual({ channel: 'registry', method: 'echo', oneway: false, role, resends: 0 });
    expect(calls[3]!.message.result).toEqual({ secret: 'x' });
    expect(runs[0]!.message).toEqual({ channel: 'registry', method: 'echo' });
  });

  it('traces a failure with the error', async () => {
    const client = await ready();
    const calls = traced('trunkline:call');
    const runs = traced('trunkline:upstream-call');
    await expect(client.fail()).rejects.toThrow('no such thing');
    expect(names(calls)).toEqual(FAILED);
    expect(names(runs)).toEqual(FAILED);
    expect(calls.at(-1)!.message.error).toMatchObject({ message: 'no such thing', code: 42 });
  });

  it('traces a method that throws at once, and one with a callback', async () => {
    const client = await ready();
    const runs = traced('trunkline:upstream-call');
    await expect(client.throwAtOnce()).rejects.toThrow();
    expect(names(runs).sort()).toEqual([...FAILED].sort());
    runs.length = 0;
    const results = await new Promise((resolve) => void client.withCallback(1, (...args: unknown[]) => resolve(args)));
    expect(results).toBeDefined();
    expect(names(runs)).toEqual(SUCCEEDED);
  });

  it('runs the method in the store that a subscriber has bound to the start', async () => {
    const store = new AsyncLocalStorage<string>();
    const { start } = tracingChannel<string, UpstreamCallTrace>('trunkline:upstream-call');
    start.bindStore(store, (message) => message.method);
    undo.push(() => start.unbindStore(store));
    const seen: unknown[] = [];
    Registry.prototype.echo = async (value: unknown): Promise<unknown> => {
      await Promise.resolve();
      seen.push(store.getStore());
      return value;
    };
    const client = await ready();
    await client.echo(1);
    expect(seen).toEqual(['echo']);
  });

  it('tells of values, without the values', async () => {
    const client = await ready();
    const events = published('trunkline:event');
    const values: unknown[] = [];
    client.subscribe({ id: 'a' }, (value: unknown) => void values.push(value));
    await eventually('it is subscribed', () => Registry.instances.at(-1)?.upstreamListeners.size === 1);
    Registry.instances.at(-1)!.push({ id: 'a' }, 'hidden');
    await eventually('the value has come', () => values.length > 0);
    const from = role === 'follower' ? 'leader' : 'upstream';
    const own = events.filter((event) => event.from === from);
    expect(own).toEqual([{ channel: 'registry', key: '{"id":"a"}', bytes: expect.any(Number) as number, from }]);
    expect(JSON.stringify(events)).not.toContain('hidden');
  });

  it('tells of the upstream client and of the role', async () => {
    const roles = published('trunkline:role');
    const upstream = published('trunkline:upstream');
    await ready();
    expect(upstream.map(({ state }) => state)).toEqual(['created', 'ready']);
    expect(roles.at(-1)).toEqual({ channel: 'registry', role, term: 1, durationMs: undefined, cause: undefined });
    await Promise.all(open.splice(0).map((client) => cluster.close(client)));
    expect(upstream.at(-1)).toMatchObject({ state: 'closed' });
  });
});

test('a call without an answer is traced until it is made', async () => {
  const client = create({ singleMode: true });
  await client.ready();
  const calls = traced('trunkline:call');
  client.unPublish({ id: 'a' });
  expect(names(calls)).toEqual(['start', 'end']);
  expect(calls[0]!.message).toMatchObject({ method: 'unPublish', oneway: true });
});

test('a leader that closes hands over, and each step is told', async () => {
  const leader = create();
  await leader.ready();
  const follower = create();
  await follower.ready();
  const handoffs = published('trunkline:handoff');
  const roles = published('trunkline:role');
  await cluster.close(leader);
  await eventually('the follower leads', () => follower.status().role === 'leader');
  expect(roles).toContainEqual({ channel: 'registry', role: 'leader', term: 2, durationMs: undefined, cause: 'hand-off' });
  await eventually('the old role has ended', () => handoffs.some(({ phase }) => phase === 'ended'));
  expect(handoffs).toContainEqual({ channel: 'registry', phase: 'begun', role: 'follower', term: 1 });
  expect(handoffs).toContainEqual({ channel: 'registry', phase: 'ended', role: 'follower', term: 1 });
});
