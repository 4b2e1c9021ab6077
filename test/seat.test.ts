import { resolveOptions } from '../src/options';
import { formatSeat, parseSeat, SEAT_VARIABLE, takeSeat } from '../src/seat';

it.each(['leads', 'follows', 'competes'] as const)('a seat that %s is read back', (candidacy) => {
  const seat = { candidacy, clusterPort: 41_234 };
  expect(parseSeat(formatSeat(seat))).toEqual(seat);
});

it.each([undefined, '', 'leads', 'leads:', 'leads:x', 'rules:1', 'leads:1:2', 'leads:123456'])('%p is no seat', (text) => {
  expect(parseSeat(text)).toBeUndefined();
});

it.each([
  ['leads', true],
  ['follows', false],
  ['competes', undefined],
] as const)('a shared client whose process %s has isLeader %p and the port of the seat', (candidacy, isLeader) => {
  const env = { [SEAT_VARIABLE]: formatSeat({ candidacy, clusterPort: 41_234 }), NODE_CLUSTER_CLIENT_PORT: '5555' };
  expect(resolveOptions(undefined, 'Client', env)).toMatchObject({ port: 41_234, isLeader });
  expect(resolveOptions({ isLeader: null }, 'Client', env)).toMatchObject({ isLeader });
});

it('options of the user win over the seat', () => {
  const env = { [SEAT_VARIABLE]: 'follows:41234' };
  expect(resolveOptions({ port: 7, isLeader: true }, 'Client', env)).toMatchObject({ port: 7, isLeader: true });
});

it('a process that takes its seat keeps it, and what it starts inherits one that follows', () => {
  const env = { [SEAT_VARIABLE]: 'succeeds:41234' };
  takeSeat(env);
  try {
    expect(env[SEAT_VARIABLE]).toBe('follows:41234');
    expect(resolveOptions(undefined, 'Client', env)).toMatchObject({ isLeader: true, candidacy: 'succeeds' });
  } finally {
    Reflect.deleteProperty(globalThis, Symbol.for('trunkline#seat'));
  }
  expect(resolveOptions(undefined, 'Client', env)).toMatchObject({ isLeader: false, candidacy: 'follows' });
});
