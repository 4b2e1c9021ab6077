// An attempt of the election, for each way in which a process may lead.

import { once } from 'node:events';
import net from 'node:net';
import type { Candidacy } from '../../protocol/candidacy';
import { HeldPort } from '../../src/election/held-port';
import { PortRace } from '../../src/election/port-race';
import type { Term } from '../../src/election/term';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { meetingAt } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const channel = { name: 'channel', identity: '', isStrict: false };
let port: number;
let life: AbortController;
const releases: (() => Promise<void>)[] = [];

beforeEach(async () => {
  port = await freePort();
  life = new AbortController();
});

afterEach(async () => {
  await Promise.all(releases.splice(0).map((release) => release()));
});

async function campaign(candidacy: Candidacy, seenTerm = 0): Promise<Term> {
  const term = await new PortRace(meetingAt(port), channel).campaign(seenTerm, candidacy, life.signal);
  if (term.kind === 'leader') releases.push(() => term.lease.release());
  return term;
}

async function takePort(): Promise<void> {
  const lease = await HeldPort.hold(meetingAt(port), (reception) => reception.claim(channel, 0));
  releases.push(() => lease!.release());
}

const follower = (isPortHeld: boolean): object => ({ kind: 'follower', endpoint: { host: '127.0.0.1', port }, isPortHeld });

test.each<[Candidacy]>([['competes'], ['leads'], ['succeeds']])('who %s leads on a free port', async (candidacy) => {
  expect(await campaign(candidacy)).toMatchObject({ kind: 'leader', lease: { term: 1 } });
  expect(await canBind(port)).toBe(false);
});

test('who never leads follows on a free port, and does not bind it', async () => {
  expect(await campaign('follows')).toEqual(follower(false));
  expect(await canBind(port)).toBe(true);
});

test.each<[Candidacy]>([['competes'], ['leads'], ['succeeds']])(
  'who %s follows on a taken port, and knows that it is taken',
  async (candidacy) => {
    await takePort();
    expect(await campaign(candidacy)).toEqual(follower(true));
  },
);

test('of many that compete at once, one leads', async () => {
  const terms = await Promise.all(Array.from({ length: 20 }, () => campaign('competes')));
  expect(terms.filter(({ kind }) => kind === 'leader')).toHaveLength(1);
});

describe('the port of a leader that was lost', () => {
  test('is asked for once more after a moment, as the system closes the sockets of a dead process one after the other', async () => {
    const clock = new ManualClock();
    const dying = await HeldPort.hold(meetingAt(port), (reception) => reception.claim(channel, 0));
    releases.push(() => dying!.release());
    const race = new PortRace(meetingAt(port, { clock }), channel);
    const first = race.campaign(1, 'competes', life.signal);
    await eventually('it waits', () => clock.pending > 0);
    clock.advance(1);
    expect(await first).toEqual(follower(true));
    // The same loss brings it here again: it does not wait another time.
    expect(await race.campaign(1, 'competes', life.signal)).toEqual(follower(true));
    expect(clock.pending).toBe(0);
  });

  test('is not waited for by a process that closes', async () => {
    await takePort();
    const clock = new ManualClock();
    const campaigning = new PortRace(meetingAt(port, { clock }), channel).campaign(1, 'competes', life.signal);
    await eventually('it waits', () => clock.pending > 0);
    life.abort();
    expect(await campaigning).toEqual(follower(true));
    expect(clock.pending).toBe(0);
  });

  test('is its own if it is free then', async () => {
    const dying = net.createServer().listen({ port, host: '127.0.0.1' });
    await once(dying, 'listening');
    const clock = new ManualClock();
    const campaigning = new PortRace(meetingAt(port, { clock }), channel).campaign(1, 'competes', life.signal);
    await eventually('it waits', () => clock.pending > 0);
    await new Promise((resolve) => dying.close(resolve));
    clock.advance(1);
    const term = await campaigning;
    if (term.kind === 'leader') releases.push(() => term.lease.release());
    expect(term).toMatchObject({ kind: 'leader', lease: { term: 2 } });
  });
});

test('a new term is newer than the one that was seen before', async () => {
  expect(await campaign('competes', 7)).toMatchObject({ lease: { term: 8 } });
});
