import { PublicationLedger } from '../../../src/roles/local/publication-ledger';
import { ManualClock } from '../../../src/testing/manual-clock';

const setup = () => {
  const clock = new ManualClock();
  const withdrawn: unknown[] = [];
  return { clock, withdrawn, ledger: new PublicationLedger(clock, (key) => withdrawn.push(key)) };
};

it('tells new and changed publications from repeated ones', () => {
  const { ledger } = setup();
  expect(ledger.add('k', { port: 1 }, 'a' as never)).toBe(true);
  expect(ledger.add('k', { port: 1 }, 'b' as never)).toBe(false);
  expect(ledger.add('k', { port: 2 }, 'b' as never)).toBe(true);
  expect([...ledger.registrations()]).toEqual([['k', { port: 2 }]]);
});

it('withdraws what only a gone owner had published, after a while', () => {
  const { ledger, clock, withdrawn } = setup();
  const [a, b] = [{}, {}];
  ledger.add('mine', 'mine', a);
  ledger.add('ours', 'ours', a);
  ledger.add('ours', 'ours', b);
  ledger.disown(a);
  expect(withdrawn).toEqual([]);
  clock.advance(1000);
  expect(withdrawn).toEqual(['mine']);
  expect([...ledger.registrations()]).toEqual([['ours', 'ours']]);
});

it('withdraws nothing when the owner comes back soon', () => {
  const { ledger, clock, withdrawn } = setup();
  const a = {};
  ledger.add('k', 'r', a);
  ledger.disown(a);
  clock.advance(500);
  expect(ledger.add('k', 'r', { again: true })).toBe(false);
  clock.advance(5000);
  expect(withdrawn).toEqual([]);
});

it('forgets what an owner took back itself', () => {
  const { ledger, clock, withdrawn } = setup();
  const a = {};
  ledger.add('k', 'r', a);
  ledger.remove('k', a);
  ledger.disown(a);
  clock.advance(5000);
  expect(withdrawn).toEqual([]);
  expect([...ledger.registrations()]).toEqual([]);
});
