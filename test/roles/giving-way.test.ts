// Publications while one leader gives way to another: a publish and an unPublish of one key reach the server in the right order only if
// the upstream client of the leader before has ended its verbs when that of the next one begins.

import { structuredTranscode, ValueCodec } from '../../protocol/value-codec';
import type { ChannelLease } from '../../src/election/term';
import { Leader } from '../../src/roles/leader/leader';
import type { ChannelSpec, RoleHooks } from '../../src/roles/role';
import type { ChannelDoor } from '../../src/transport/listener';
import { ManualClock } from '../../src/testing/manual-clock';
import { upstreamClass } from '../support/fake-upstream';
import { recordingLogger } from '../support/recording-logger';

/** Promise reactions run. */
const settled = (): Promise<void> => new Promise(setImmediate);

class Lease implements ChannelLease {
  readonly term = 1;
  readonly succeeded: Promise<void>;
  succeed!: () => void;
  door: ChannelDoor | undefined;
  isSilent = false;

  constructor(readonly isSucceeding: boolean) {
    this.succeeded = new Promise((resolve) => (this.succeed = resolve));
  }

  open(door: ChannelDoor): void {
    this.door = door;
  }
  silent(): void {
    this.isSilent = true;
  }
  ready = (): void => undefined;
  resign = (): void => undefined;
  release = (): Promise<void> => Promise.resolve();
}

async function lead({ isSucceeding = false, delivery = 'latest' } = {}) {
  const verbs: string[] = [];
  const ends: { resolve(): void; reject(): void }[] = [];
  class Registry extends upstreamClass() {
    #verb(name: string): Promise<void> {
      verbs.push(name);
      return new Promise((resolve, reject) => {
        ends.push({
          resolve,
          reject: () => {
            reject(new Error('refused'));
          },
        });
      });
    }
    override publish(registration: unknown): Promise<void> {
      return this.#verb(`publish ${String(registration)}`);
    }
    override unPublish(registration: unknown): Promise<void> {
      return this.#verb(`unPublish ${String(registration)}`);
    }
  }
  const clock = new ManualClock();
  const values = new ValueCodec(structuredTranscode);
  const spec = {
    name: 'config',
    createUpstream: () => new Registry(),
    methods: { publish: 'publish', unPublish: 'unPublish' },
    callable: new Set(['publish', 'unPublish']),
    values,
    legacyValues: values,
    formatKey: String,
    isBroadcast: true,
    delivery,
    logger: recordingLogger(),
    clock,
  } as unknown as ChannelSpec;
  const lease = new Lease(isSucceeding);
  const hooks: RoleHooks = {
    onError: () => undefined,
    onReady: () => undefined,
    onSetback: () => undefined,
    onUpstream: () => () => undefined,
  };
  const leader = new Leader(spec, lease, hooks);
  leader.start();
  await leader.ready;
  await settled();
  const close = async (): Promise<void> => {
    const closed = leader.close();
    for (let isClosed = false; !isClosed;) {
      isClosed = await Promise.race([closed.then(() => true), settled().then(() => false)]);
      clock.advance(1_000);
    }
  };
  return { clock, verbs, ends, lease, leader, close };
}

it('a leader that was succeeded is silent at once when nothing is under way', async () => {
  const { lease, close } = await lead();
  lease.succeed();
  await settled();
  expect(lease.isSilent).toBe(true);
  await close();
});

it.each(['latest', 'every'])(
  'a leader that was succeeded says that it is silent when its publications have ended (delivery: %s)',
  async (delivery) => {
    const { lease, leader, ends, verbs, close } = await lead({ delivery });
    leader.verbs.publish('a', { replay: false });
    leader.verbs.publish('b', { replay: false });
    void leader.verbs.call('unPublish', ['a'], 'promise');
    lease.succeed();
    await settled();
    ends[0]!.resolve();
    ends[1]!.resolve();
    await settled();
    expect(verbs).toEqual(['publish a', 'publish b', 'unPublish a']);
    expect(lease.isSilent).toBe(false);
    ends[2]!.resolve();
    await settled();
    expect(lease.isSilent).toBe(true);
    await close();
  },
);

it('a publication that does not end holds the next leader up for a bounded time', async () => {
  const { lease, leader, clock, close } = await lead();
  leader.verbs.publish('a', { replay: false });
  lease.succeed();
  await settled();
  clock.advance(150);
  await settled();
  expect(lease.isSilent).toBe(false);
  clock.advance(100);
  await settled();
  expect(lease.isSilent).toBe(true);
  await close();
});

it('a leader that was succeeded does not try again what its upstream client has refused', async () => {
  const { lease, leader, clock, ends, verbs, close } = await lead();
  leader.verbs.publish('before', { replay: false });
  ends[0]!.reject();
  await settled();
  lease.succeed();
  await settled();
  expect(lease.isSilent).toBe(true);
  leader.verbs.publish('after', { replay: false });
  ends[1]!.reject();
  await settled();
  clock.advance(60_000);
  await settled();
  expect(verbs).toEqual(['publish before', 'publish after']);
  await close();
});

it.each(['latest', 'every'])(
  'a leader that succeeds another one publishes when that one is silent (delivery: %s)',
  async (delivery) => {
    const { leader, verbs, clock, close } = await lead({ isSucceeding: true, delivery });
    leader.verbs.publish('a', { replay: false });
    leader.verbs.publish('b', { replay: true });
    void leader.verbs.call('unPublish', ['b'], 'promise').catch(() => undefined);
    expect(verbs).toEqual(['unPublish b']);
    clock.advance(250); // no follower comes
    await settled();
    expect(verbs).toEqual(['unPublish b', 'publish a']);
    await close();
  },
);
