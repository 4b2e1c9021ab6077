// One attempt of the election, for each way in which a process may lead.

import type { LeadWish } from '../../protocol/message';
import { HeldPort } from '../../src/election/held-port';
import { PortRace } from '../../src/election/port-race';
import type { Term } from '../../src/election/term';
import { meetingAt } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const channel = { name: 'channel', identity: '', isStrict: false };
let port: number;
const releases: (() => Promise<void>)[] = [];

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(releases.splice(0).map((release) => release()));
});

async function campaign(lead: LeadWish, seenTerm = 0): Promise<Term> {
  const term = await new PortRace(meetingAt(port), channel).campaign(seenTerm, lead);
  if (term.kind === 'leader') releases.push(() => term.lease.release());
  return term;
}

async function takePort(): Promise<void> {
  const lease = await HeldPort.hold(meetingAt(port), (reception) => reception.claim(channel, 0));
  releases.push(() => lease!.release());
}

const follower = (isPortHeld: boolean): object => ({ kind: 'follower', endpoint: { host: '127.0.0.1', port }, isPortHeld });

test.each<[LeadWish]>([['may'], ['must'], ['succeeds']])('who %s leads on a free port', async (lead) => {
  expect(await campaign(lead)).toMatchObject({ kind: 'leader', lease: { term: 1 } });
  expect(await canBind(port)).toBe(false);
});

test('who never leads follows on a free port, and does not bind it', async () => {
  expect(await campaign('never')).toEqual(follower(false));
  expect(await canBind(port)).toBe(true);
});

test.each<[LeadWish]>([['may'], ['must'], ['succeeds']])(
  'who %s follows on a taken port, and knows that it is taken',
  async (lead) => {
    await takePort();
    expect(await campaign(lead)).toEqual(follower(true));
  },
);

test('of many that compete at once, one leads', async () => {
  const terms = await Promise.all(Array.from({ length: 20 }, () => campaign('may')));
  expect(terms.filter(({ kind }) => kind === 'leader')).toHaveLength(1);
});

test('a new term is newer than the one that was seen before', async () => {
  expect(await campaign('may', 7)).toMatchObject({ lease: { term: 8 } });
});
