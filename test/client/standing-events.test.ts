// The events `state`, `role` and `ready`: what changes for a client, told once.

import cluster from '../../src/index';
import type { ClientStatus } from '../../src/client/status';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

class Feed {
  static isDown = false;
  static readonly instances: Feed[] = [];
  #onClose: (() => void) | undefined;

  constructor() {
    Feed.instances.push(this);
  }
  async ready(): Promise<void> {
    if (Feed.isDown) throw new Error('no route to the feed');
    return Promise.resolve();
  }
  once(event: string, listener: () => void): void {
    if (event === 'close') this.#onClose = listener;
  }
  on(): void {
    return undefined;
  }
  fall(): void {
    this.#onClose?.();
  }
  async get(): Promise<string> {
    return Promise.resolve('value');
  }
}

let port: number;
const open: { close(): Promise<unknown> }[] = [];

function create(options: object = {}) {
  const told: string[] = [];
  const client = cluster(Feed, { name: 'feed', port, logger: recordingLogger(), ...options }).create();
  client.on('error', () => undefined);
  client.on('state', ({ state, reason }: ClientStatus) => told.push(reason ? `${state}: ${reason.message}` : state));
  client.on('role', ({ role, term }: { role?: string | undefined; term: number }) =>
    told.push(`${role ?? 'no role'} in term ${term}`),
  );
  client.on('ready', () => told.push('event ready'));
  open.push(client);
  return { client, told };
}

beforeEach(async () => {
  Feed.isDown = false;
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test('a client tells its role, and that it is ready; and that it is closed', async () => {
  const { client, told } = create({ isLeader: true });
  await client.ready();
  await eventually('the news', () => told.includes('event ready'));
  expect(told).toEqual(['waiting for upstream', 'leader in term 1', 'ready', 'event ready']);
  told.length = 0;
  await client.close();
  expect(told[0]).toMatch(/^no role/);
  expect(told[1]).toBe('closed');
  expect(told).toHaveLength(2);
});

test('a survivor tells its new role and is ready again', async () => {
  const leader = create();
  await leader.client.ready();
  const { client, told } = create();
  await client.ready();
  await eventually('the news', () => told.includes('event ready'));
  told.length = 0;
  await leader.client.close();
  await eventually('the next role', () => told.includes('leader in term 2'));
  await client.get();
  expect(client.status()).toMatchObject({ state: 'ready', role: 'leader', term: 2 });
});

test('a follower tells why it is not ready yet', async () => {
  const { told } = create({ isLeader: false });
  await eventually('the news', () => told.some((each) => each.startsWith('waiting for a leader: ')));
});

test('a failed start tells its reason', async () => {
  Feed.isDown = true;
  const { told } = create({ singleMode: true });
  await eventually('the news', () => told.some((each) => each.includes('no route to the feed')));
});

test('a listener that throws becomes an error event, and stops no other news', async () => {
  const { client, told } = create({ singleMode: true });
  const errors: unknown[] = [];
  client.on('error', (error: unknown) => errors.push(error));
  client.once('state', () => {
    throw new Error('a listener failed');
  });
  await client.ready();
  await eventually('the news', () => told.includes('event ready'));
  await eventually('the error', () => errors.length > 0);
  expect(errors).toEqual([expect.objectContaining({ message: 'a listener failed' })]);
});
