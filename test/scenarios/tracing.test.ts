// Traces that cross processes: each member has an SDK of OpenTelemetry of its own, and reports its spans.

import type { ReportedSpan } from '../fixtures/traced-member';
import { eventually } from '../support/eventually';
import { Crew, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

const crew = new Crew();
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(() => crew.stop());

/** The only span like that, of all members. */
async function span(what: string, matches: (span: ReportedSpan) => boolean, members: readonly Member[]): Promise<ReportedSpan> {
  const found = (): ReportedSpan[] =>
    members
      .flatMap(({ messages }) => messages)
      .filter(({ type }) => type === 'span')
      .map((message) => message.span as ReportedSpan)
      .filter(matches);
  await eventually(what, () => found().length > 0);
  expect(found()).toHaveLength(1);
  return found()[0]!;
}

test('a call in one process and the upstream work in another one are a single trace', async () => {
  const leader = crew.start({ options: { port, isLeader: true } }, 'traced-member');
  await leader.ready();
  const follower = crew.start({ options: { port, isLeader: false } }, 'traced-member');
  await follower.ready();
  await follower.call('echo', 'x');
  const both = [leader, follower];
  const caller = await span('the call', ({ kind }) => kind === 'client', both);
  const server = await span('the method', ({ kind }) => kind === 'server', both);
  const work = await span('the upstream work', ({ name }) => name === 'upstream work', both);
  expect(new Set([caller, server, work].map(({ traceId }) => traceId)).size).toBe(1);
  expect([caller.pid, server.pid, work.pid]).toEqual([follower.pid, leader.pid, leader.pid]);
  expect([caller.parent, server.parent, work.parent]).toEqual([undefined, caller.spanId, server.spanId]);
});

test('a call that is sent again after its leader was killed is one trace, and its span says so', async () => {
  const killed = crew.start({ options: { port } }, 'traced-member');
  await killed.ready();
  const survivor = crew.start({ options: { port } }, 'traced-member');
  await survivor.ready();
  const other = crew.start({ options: { port } }, 'traced-member');
  await other.ready();
  const answer = survivor.call('answeredOutside', killed.pid);
  await eventually('the call has come to the leader', async () => {
    const { value } = await other.call('stats');
    return (value as { answeredOutside: number }).answeredOutside === 1;
  });
  killed.kill('SIGKILL');
  expect((await answer).error).toBeUndefined();
  const isCall = ({ name }: ReportedSpan): boolean => name === 'registry/answeredOutside';
  const alive = [survivor, other];
  const caller = await span('the call', (each) => isCall(each) && each.kind === 'client', alive);
  const server = await span('the method', (each) => isCall(each) && each.kind === 'server', alive);
  expect(caller.events).toEqual([
    {
      name: 'trunkline.resend',
      attributes: { 'trunkline.role': caller.attributes['trunkline.role'], 'trunkline.resends': 1 },
    },
  ]);
  expect([server.traceId, server.parent]).toEqual([caller.traceId, caller.spanId]);
});

test('a member that does not trace serves those that do, and is served by them', async () => {
  const plain = crew.start({ options: { port, isLeader: true } });
  await plain.ready();
  const tracer = crew.start({ options: { port, isLeader: false } }, 'traced-member');
  await tracer.ready();
  expect((await tracer.call('echo', 'x')).value).toEqual({ pid: plain.pid, args: ['x'] });
  const caller = await span('the call', ({ name }) => name === 'registry/echo', [tracer]);
  expect(caller.kind).toBe('client');

  const otherPort = await freePort();
  const leader = crew.start({ options: { port: otherPort, isLeader: true } }, 'traced-member');
  await leader.ready();
  const follower = crew.start({ options: { port: otherPort, isLeader: false } });
  await follower.ready();
  await follower.call('echo', 'y');
  const server = await span('the method', ({ name }) => name === 'registry/echo', [leader]);
  expect([server.kind, server.parent]).toEqual(['server', undefined]);
});
