// The race for the port where `listen` is shared by default (workers of node:cluster), and among threads of a process.

import { eventually } from '../support/eventually';
import { Crew, type Member, type Readiness, type ReportedValue } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

const WORKERS = 4;
const crew = new Crew();

afterEach(() => crew.stop());

const ofWorkers = (host: Member, type: string): (Readiness & { worker: number })[] =>
  host.messages.filter((message) => message.type === type) as never[];

/** Workers that became ready as the leader, in order. */
const leaders = (host: Member): number[] =>
  ofWorkers(host, 'ready')
    .filter(({ isLeader }) => isLeader)
    .map(({ worker }) => worker);

test.each([
  ['workers of node:cluster', 'cluster-primary'],
  ['worker threads', 'thread-host'],
])('among %s exactly one leads, and exactly one other after it is gone', async (_, fixture) => {
  const port = await freePort();
  const host = crew.start({ options: { port }, subscribe: ['config'] }, fixture, { WORKERS });
  await eventually('all are ready', () => ofWorkers(host, 'ready').length === WORKERS);
  expect(leaders(host)).toHaveLength(1);
  await eventually('all have a value', () => new Set(ofWorkers(host, 'value').map(({ worker }) => worker)).size === WORKERS);
  const values = host.messages.filter(({ type }) => type === 'value') as ReportedValue[];
  expect(new Set(values.map(({ value }) => value.pid)).size).toBe(1);

  const [first] = leaders(host) as [number];
  const pid = ofWorkers(host, 'started').find(({ worker }) => worker === first)!.pid;
  host.send({ type: 'kill', worker: first, pid });
  await eventually('the others are ready again', () => ofWorkers(host, 'ready').length === 2 * WORKERS - 1);
  expect(leaders(host)).toHaveLength(2);
  expect(leaders(host)[1]).not.toBe(first);
});

test('a client in the primary shares the port with those in its workers', async () => {
  const port = await freePort();
  const host = crew.start({ options: { port }, subscribe: ['config'] }, 'cluster-primary', { WORKERS: 2 });
  const outside = crew.start({ options: { port }, subscribe: ['config'] });
  await eventually('all are ready', async () => (await outside.ready()) && ofWorkers(host, 'ready').length === 2);
  const leading = leaders(host).length + ((await outside.status()).isLeader ? 1 : 0);
  expect(leading).toBe(1);
});
