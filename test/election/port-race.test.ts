// One attempt of the election, for each setting of isLeader.

import { claimChannel } from '../../src/election/held-port';
import { PortRace } from '../../src/election/port-race';
import { Unopposed, type Term } from '../../src/election/term';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

let port: number;
const releases: (() => Promise<void>)[] = [];

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(releases.splice(0).map((release) => release()));
});

async function campaign(race: PortRace): Promise<Term> {
  const term = await race.campaign();
  if (term.kind === 'leader') releases.push(() => term.lease.release());
  return term;
}

async function takePort(): Promise<void> {
  const lease = await claimChannel(port, 'channel');
  releases.push(() => lease!.release());
}

test.each([[true], [undefined]])('isLeader: %s leads on a free port', async (isLeader) => {
  expect(await campaign(new PortRace(port, 'channel', isLeader))).toMatchObject({
    kind: 'leader',
    number: 1,
    lease: { endpoint: { host: '127.0.0.1', port } },
  });
});

test('isLeader: false follows on a free port, and does not bind it', async () => {
  expect(await campaign(new PortRace(port, 'channel', false))).toEqual({
    kind: 'follower',
    number: 1,
    endpoint: { host: '127.0.0.1', port },
    isPortHeld: false,
  });
  expect((await campaign(new PortRace(port, 'channel', true))).kind).toBe('leader');
});

test('unset follows on a taken port, and knows that it is taken', async () => {
  await takePort();
  expect(await campaign(new PortRace(port, 'channel', undefined))).toMatchObject({ kind: 'follower', isPortHeld: true });
});

test('isLeader: true on a taken port is an error that names channel and port', async () => {
  await takePort();
  await expect(campaign(new PortRace(port, 'channel', true))).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_PORT_TAKEN',
    channel: 'channel',
    port,
    retryable: true,
  });
});

test('of many that compete at once, one leads', async () => {
  const terms = await Promise.all(Array.from({ length: 20 }, () => campaign(new PortRace(port, 'channel', undefined))));
  expect(terms.filter(({ kind }) => kind === 'leader')).toHaveLength(1);
});

test('terms are numbered upwards, whatever came out of the attempts', async () => {
  await takePort();
  const race = new PortRace(port, 'channel', undefined);
  const numbers = [await campaign(race), await campaign(race)].map(({ number }) => number);
  await releases.pop()!();
  numbers.push((await campaign(race)).number);
  expect(numbers).toEqual([1, 2, 3]);
});

test('without a network there is nobody to compete with', async () => {
  const election = new Unopposed();
  expect([await election.campaign(), await election.campaign()]).toEqual([
    { kind: 'single', number: 1 },
    { kind: 'single', number: 2 },
  ]);
});
