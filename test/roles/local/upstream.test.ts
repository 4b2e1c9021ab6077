// The life of the upstream client: failures of all kinds, and that there is a working client in the end.

import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import cluster from '../../../src';
import type { UpstreamClass } from '../../../src/client/upstream-class';
import { eventually } from '../../support/eventually';
import { upstreamClass, type FakeUpstream } from '../../support/fake-upstream';
import { canBind, freePort } from '../../support/ports';
import { recordingLogger } from '../../support/recording-logger';

let open: object[] = [];
let serial = 0;
afterEach(async () => {
  await Promise.all(open.map((client) => cluster.close(client)));
  open = [];
});

function single(upstream: UpstreamClass) {
  const client = cluster(upstream, { singleMode: true, name: `upstream-${++serial}`, logger: recordingLogger() }).create();
  const errors: Error[] = [];
  (client as unknown as EventEmitter).on('error', (error: Error) => errors.push(error));
  open.push(client);
  return { client: client as unknown as FakeUpstream, errors };
}

const becomesReady = (client: FakeUpstream) =>
  eventually('readiness', () =>
    client.ready().then(
      () => true,
      () => false,
    ),
  );

it('one that fails, then closes by itself and is slow to close, gets one successor that is left alone', async () => {
  const Base = upstreamClass();
  class Registry extends Base {
    constructor() {
      super({ notReady: true });
      const isFirst = Base.instances.length === 1;
      setImmediate(() => {
        this.ready(isFirst ? new Error('server down') : true);
        if (isFirst) setImmediate(() => this.emit('close'));
      });
    }
    override async close(): Promise<void> {
      if (Base.instances[0] === this) await wait(300); // slower than the first retry
      await super.close();
    }
  }
  const { client } = single(Registry);
  const seen: unknown[] = [];
  client.subscribe('key', (value) => seen.push(value));
  await becomesReady(client);
  await eventually('the subscription', () => Base.last.subscribed.length > 0);
  await wait(500); // longer than anything that was under way
  expect(Base.instances).toHaveLength(2);
  expect(Base.instances.map(({ closeCount }) => closeCount)).toEqual([1, 0]);
  Base.last.push('key', 'value');
  await eventually('the value', () => seen.length > 0);
});

it('async ready(callback) is ready when the callback says so, not when its promise resolves', async () => {
  const told: ((error?: Error) => void)[] = [];
  class Registry {
    async ready(callback: (error?: Error) => void): Promise<void> {
      told.push(callback);
    }
    async get(): Promise<string> {
      return Promise.resolve('value');
    }
    close(): void {
      return undefined;
    }
  }
  const { client } = single(Registry);
  let isReady = false;
  void client.ready().then(
    () => {
      isReady = true;
    },
    () => undefined,
  );
  await eventually('the question', () => told.length === 1);
  await wait(10);
  expect(isReady).toBe(false);
  told[0]!(new Error('not now'));
  await expect(client.ready()).rejects.toThrow('not now');
  await eventually('the second client', () => told.length === 2);
  told[1]!();
  await becomesReady(client);
});

it('async ready() without a callback is ready when its promise resolves', async () => {
  class Registry {
    async ready(): Promise<void> {
      await wait(5);
    }
  }
  await single(Registry).client.ready();
});

it('calls that do not end by themselves are ended when it closes by itself, and at once when the client is closed', async () => {
  const Registry = upstreamClass();
  const options = { singleMode: true, name: 'pending', logger: recordingLogger() };
  const client = cluster(Registry, options).delegate('never').create();
  open.push(client);
  client.on('error', () => undefined);
  await client.ready();
  const first = client.never();
  await eventually('the call', () => Registry.last.received.length === 1);
  Registry.last.emit('close');
  await expect(first).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_UPSTREAM_LOST' });
  await eventually('a new one', () => Registry.instances.length === 2 && client.ready().then(() => true, () => false)); // prettier-ignore
  const second = client.never();
  await eventually('the call', () => Registry.last.received.length === 1);
  await Promise.all([expect(second).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' }), client.close()]);
});

it('calls that a lost one has left under way end at once when the client is closed', async () => {
  const Registry = upstreamClass();
  const client = cluster(Registry, { singleMode: true, name: 'lost-and-closed', logger: recordingLogger() })
    .delegate('never')
    .create();
  client.on('error', () => undefined);
  await client.ready();
  const pending = client.never();
  await eventually('the call', () => Registry.last.received.length === 1);
  Registry.last.emit('close');
  await Promise.all([expect(pending).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' }), client.close()]);
});

it('a call while it is away says why it is away', async () => {
  const Registry = upstreamClass();
  const { client } = single(Registry);
  await client.ready();
  Registry.last.emit('error', new Error('server is shutting down'));
  Registry.last.emit('close');
  await expect(client.ready()).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_UPSTREAM_LOST',
    cause: expect.objectContaining({ message: 'server is shutting down' }) as Error,
  });
  await expect(client.echo(1)).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_UPSTREAM_LOST',
    cause: expect.objectContaining({ message: 'server is shutting down' }) as Error,
  });
});

it('is said to be lost as soon as it closes, also to a client that comes meanwhile', async () => {
  const Registry = upstreamClass();
  const options = { singleMode: true, name: 'lost', logger: recordingLogger() };
  const create = () => {
    const client = cluster(Registry, options).create();
    client.on('error', () => undefined);
    open.push(client);
    return client;
  };
  const client = create();
  await client.ready();
  Registry.last.emit('close');
  await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_UPSTREAM_LOST' });
  await expect(create().ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_UPSTREAM_LOST' });
  await becomesReady(client as unknown as FakeUpstream);
});

it('a key that nobody wants any more is not asked of the next one', async () => {
  const Base = upstreamClass();
  const gate = new EventEmitter();
  class Registry extends Base {
    constructor() {
      super({ notReady: true });
      if (Base.instances.length === 1) this.ready(true);
      else gate.once('open', () => this.ready(true));
    }
  }
  const { client } = single(Registry);
  await client.ready();
  client.subscribe('kept', () => undefined);
  client.subscribe('dropped', () => undefined);
  await eventually('both', () => Base.last.subscribed.length === 2);
  Base.last.emit('close');
  await eventually('the next one', () => Base.instances.length === 2);
  client.unSubscribe('dropped', undefined as never);
  await wait(1_100); // the linger time
  gate.emit('open');
  await becomesReady(client);
  expect(Base.last.subscribed).toEqual(['kept']);
});

it.each([
  ['refuses listeners', () => ({ on: () => { throw new Error('no listeners') }, emit: () => false, removeListener: () => undefined })], // prettier-ignore
  ['is frozen', () => Object.freeze(new EventEmitter())],
])('one that %s is a failed start, which leaves the port when the client closes', async (_, make) => {
  class Registry {
    constructor() {
      return make() as never;
    }
    async get(): Promise<number> {
      return Promise.resolve(1);
    }
  }
  const port = await freePort();
  const client = cluster(Registry, { port, logger: recordingLogger() }).create();
  client.on('error', () => undefined);
  await expect(client.ready()).rejects.toBeInstanceOf(Error);
  await client.close();
  expect(await canBind(port)).toBe(true);
});

it('close() waits for one that is being discarded', async () => {
  const Base = upstreamClass();
  class Registry extends Base {
    override async close(): Promise<void> {
      await wait(50);
      await super.close();
    }
  }
  const { client } = single(Registry);
  await client.ready();
  Base.last.emit('close');
  await cluster.close(client);
  expect(Base.instances.map(({ closeCount }) => closeCount)).toEqual([1]);
});

it('an idempotent call whose method fails with the code of a lost leader is rejected', async () => {
  class Registry {
    async get(): Promise<never> {
      await Promise.resolve();
      throw Object.assign(new Error('of another client'), { code: 'ERR_TRUNKLINE_LEADER_LOST' });
    }
  }
  const port = await freePort();
  const create = (isLeader: boolean) => {
    const client = cluster(Registry, { port, isLeader, logger: recordingLogger() })
      .delegate('get', 'invoke', { idempotent: true })
      .create();
    open.unshift(client);
    return client;
  };
  await expect(create(true).get()).rejects.toThrow('of another client');
  await expect(create(false).get()).rejects.toThrow('of another client');
});

it('a listener or callback that throws what has no text stops nobody', async () => {
  const Registry = upstreamClass();
  const { client, errors } = single(Registry);
  const seen: unknown[] = [];
  await client.ready();
  client.subscribe('key', () => {
    throw Object.create(null);
  });
  client.subscribe('key', (value) => seen.push(value));
  await eventually('the subscription', () => Registry.last.subscribed.length > 0);
  Registry.last.push('key', 1);
  await eventually('the value', () => seen.length === 1);
  expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_LISTENER_THREW' });
});

it('one whose close never finishes is given up, and that is said', async () => {
  class Registry extends upstreamClass() {
    override close(): Promise<void> {
      return new Promise(() => undefined);
    }
  }
  const { client, errors } = single(Registry);
  await client.ready();
  await cluster.close(client);
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_TRUNKLINE_CLOSE_TIMEOUT' })]);
});

it('what an upstream client gives instead of an Error is told', async () => {
  const Base = upstreamClass();
  class Registry extends Base {
    constructor() {
      super({ notReady: true });
      throw 'the quota is used up'; // eslint-disable-line @typescript-eslint/only-throw-error -- that is the point
    }
  }
  const { client } = single(Registry);
  await expect(client.ready()).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_UPSTREAM_FAILED',
    message: expect.stringMatching(/: the upstream client failed to start: the quota is used up$/) as string,
    cause: 'the quota is used up',
  });
  await client.close();
});
