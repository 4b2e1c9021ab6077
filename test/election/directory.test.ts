// The rules of who leads what, without sockets: every step and every answer.

import type { Candidacy } from '../../protocol/candidacy';
import type { ChannelId } from '../../protocol/message';
import { Directory, type Asker, type Leadership } from '../../src/election/directory';

/** What was said since the last look. */
let said: string[];

beforeEach(() => {
  said = [];
});

function look(): string[] {
  return said.splice(0);
}

const config: ChannelId = { name: 'config', identity: '', isStrict: false };
const strict = (identity: string): ChannelId => ({ name: 'config', identity, isStrict: true });

function asker(name: string, candidacy: Candidacy, { channel = config, term = 0 } = {}): Asker {
  return {
    channel,
    candidacy,
    term,
    serve: (leader) => void said.push(`${name}: served by ${leader.port} in term ${leader.term}`),
    appoint: (newTerm, isSucceeding) => void said.push(`${name}: ${isSucceeding ? 'succeeds' : 'leads'} in term ${newTerm}`),
    refuse: (code) => void said.push(`${name}: ${code}`),
    wait: (code) => void said.push(`${name}: waits, ${code}`),
  };
}

function leader(port: number, term: number, channel: ChannelId = config): Leadership {
  return { channel, term, port, isHere: false, tellSucceeded: (onSilent) => (said.push(`${port}: gives way`), onSilent()) };
}

describe('at the cluster port', () => {
  let directory: Directory;

  beforeEach(() => {
    directory = new Directory(true);
  });

  test.each<[Candidacy, string]>([
    ['follows', 'a: waits, no-leader'],
    ['competes', 'a: leads in term 1'],
    ['leads', 'a: leads in term 1'],
    ['succeeds', 'a: leads in term 1'],
  ])('nobody leads; it %s: %s', (candidacy, answer) => {
    directory.ask(asker('a', candidacy));
    expect(look()).toEqual([answer]);
  });

  test.each<[Candidacy, string]>([
    ['follows', 'a: served by 1000 in term 3'],
    ['competes', 'a: served by 1000 in term 3'],
    ['leads', 'a: led-elsewhere'],
    ['succeeds', 'a: succeeds in term 4'],
  ])('another one leads; it %s: %s', (candidacy, answer) => {
    directory.enter(leader(1000, 3));
    directory.ask(asker('a', candidacy));
    expect(look()).toEqual([answer]);
  });

  test.each<[Candidacy, string]>([
    ['follows', 'a: waits, hand-off'],
    ['competes', 'a: succeeds in term 4'],
    ['leads', 'a: succeeds in term 4'],
    ['succeeds', 'a: succeeds in term 4'],
  ])('the leader has resigned; it %s: %s', (candidacy, answer) => {
    const old = leader(1000, 3);
    directory.enter(old);
    directory.resign(old);
    directory.ask(asker('a', candidacy));
    expect(look()).toEqual([answer]);
  });

  test.each<[Candidacy, string]>([
    ['follows', 'b: waits, hand-off'],
    ['competes', 'b: waits, hand-off'],
    ['leads', 'b: waits, hand-off'],
    ['succeeds', 'b: waits, hand-off'],
  ])('another one is appointed and has not announced itself; it %s: %s', (candidacy, answer) => {
    directory.ask(asker('a', 'competes'));
    look();
    directory.ask(asker('b', candidacy));
    expect(look()).toEqual([answer]);
  });

  test('everybody who waits is served when the appointed leader announces itself, in the order in which they came', () => {
    directory.ask(asker('early', 'follows'));
    directory.ask(asker('a', 'competes'));
    directory.ask(asker('b', 'competes'));
    directory.ask(asker('c', 'leads'));
    look();
    expect(directory.enter(leader(1000, 1))).toBe(true);
    expect(look()).toEqual(['early: served by 1000 in term 1', 'b: served by 1000 in term 1', 'c: led-elsewhere']);
  });

  test('when the leader leaves, the first who may lead is appointed, and the others hear that they wait', () => {
    const first = leader(1000, 1);
    directory.enter(first);
    directory.resign(first);
    directory.ask(asker('worker', 'follows'));
    look();
    directory.leave(first);
    expect(look()).toEqual(['worker: waits, no-leader']);
    directory.ask(asker('a', 'competes'));
    expect(look()).toEqual(['a: leads in term 2']);
  });

  test('an appointee that goes makes room for the next', () => {
    const a = asker('a', 'competes');
    directory.ask(a);
    directory.ask(asker('worker', 'follows'));
    directory.ask(asker('b', 'competes'));
    look();
    directory.withdraw(a);
    expect(look()).toEqual(['worker: waits, no-leader', 'b: leads in term 2']);
    directory.withdraw(a); // once more changes nothing
    expect(look()).toEqual([]);
  });

  test('an appointee that announces itself after it was given up is taken if nobody has a newer term', () => {
    const a = asker('a', 'competes');
    directory.ask(a);
    directory.withdraw(a);
    expect(directory.enter(leader(1000, 1))).toBe(true);
    look();
    expect(directory.enter(leader(2000, 1))).toBe(false);
  });

  test('when the next one was appointed meanwhile, it serves until that one announces itself', () => {
    const a = asker('a', 'competes');
    directory.ask(a);
    directory.ask(asker('b', 'competes'));
    directory.ask(asker('worker', 'follows'));
    directory.withdraw(a);
    look();
    expect(directory.enter(leader(1000, 1))).toBe(true);
    expect(look()).toEqual(['worker: served by 1000 in term 1']);
    expect(directory.enter(leader(2000, 2))).toBe(true);
    expect(look()).toEqual(['1000: gives way']);
  });

  test('who waited and has gone is not served', () => {
    const gone = asker('gone', 'follows');
    directory.ask(gone);
    look();
    directory.withdraw(gone);
    directory.enter(leader(1000, 1));
    expect(look()).toEqual([]);
  });

  test('terms only grow: over what the directory knows, and over what the asker has seen', () => {
    directory.ask(asker('a', 'competes', { term: 8 }));
    expect(look()).toEqual(['a: leads in term 9']);
    const nine = leader(1000, 9);
    directory.enter(nine);
    directory.leave(nine);
    directory.ask(asker('b', 'competes', { term: 2 }));
    expect(look()).toEqual(['b: leads in term 10']);
  });

  test('a newer term supersedes the present leader, an older or equal one does not', () => {
    directory.enter(leader(1000, 3));
    expect(directory.enter(leader(2000, 2))).toBe(false);
    expect(directory.enter(leader(2000, 3))).toBe(false);
    expect(look()).toEqual([]);
    expect(directory.enter(leader(2000, 4))).toBe(true);
    expect(look()).toEqual(['1000: gives way']);
    directory.ask(asker('a', 'competes'));
    expect(look()).toEqual(['a: served by 2000 in term 4']);
  });

  test('of equal terms the leader elsewhere led before, where this process has just come to the port', () => {
    directory.enter({ ...leader(1000, 1), isHere: true });
    expect(directory.enter(leader(2000, 1))).toBe(true);
    expect(look()).toEqual(['1000: gives way']);
    expect(directory.enter(leader(3000, 1))).toBe(false);
  });

  test('later it did not', () => {
    directory.settled();
    directory.enter({ ...leader(1000, 1), isHere: true });
    expect(directory.enter(leader(2000, 1))).toBe(false);
  });

  test('what a superseded leader still says changes nothing', () => {
    const old = leader(1000, 3);
    directory.enter(old);
    directory.enter(leader(2000, 4));
    look();
    directory.resign(old);
    directory.leave(old);
    directory.ask(asker('a', 'competes'));
    expect(look()).toEqual(['a: served by 2000 in term 4']);
  });

  test('a leader that announces itself anew goes on, and the end of its first connection changes nothing', () => {
    const [before, after] = [leader(1000, 3), leader(1000, 3)];
    directory.enter(before);
    expect(directory.enter(after)).toBe(true);
    directory.leave(before);
    directory.ask(asker('a', 'competes'));
    expect(look()).toEqual(['a: served by 1000 in term 3']);
    directory.leave(after);
    directory.ask(asker('b', 'competes'));
    expect(look()).toEqual(['b: leads in term 4']);
  });

  test('two clients of this process with the same term are not the same leader, although they listen on one port', () => {
    directory.enter({ ...leader(1000, 3), isHere: true });
    expect(directory.enter({ ...leader(1000, 3), isHere: true })).toBe(false);
    expect(directory.enter({ ...leader(1000, 4), isHere: true })).toBe(true);
    expect(look()).toEqual(['1000: gives way']);
  });

  test('who asks while a leader that was replaced may still deliver waits; who wants to succeed need not', () => {
    let onSilent!: () => void;
    directory.enter({ ...leader(1000, 3), tellSucceeded: (callback) => (onSilent = callback) });
    directory.enter(leader(2000, 4));
    for (const candidacy of ['follows', 'competes', 'leads'] as const) directory.ask(asker(candidacy, candidacy));
    expect(look()).toEqual(['follows: waits, hand-off', 'competes: waits, hand-off', 'leads: led-elsewhere']);
    onSilent();
    expect(look()).toEqual(['follows: served by 2000 in term 4', 'competes: served by 2000 in term 4']);
    onSilent(); // the connection ends too
    directory.ask(asker('next', 'succeeds'));
    expect(look()).toEqual(['next: succeeds in term 5']);
  });

  test('one that waits for a silent leader is served by whoever leads when it is silent', () => {
    const whenSilent: (() => void)[] = [];
    const slow = (port: number, term: number): Leadership => ({
      ...leader(port, term),
      tellSucceeded: (callback) => void whenSilent.push(callback),
    });
    for (const term of [3, 4, 5]) directory.enter(slow(1000 * term, term));
    directory.ask(asker('a', 'follows'));
    whenSilent[0]!();
    expect(look()).toEqual(['a: waits, hand-off', 'a: waits, hand-off']);
    whenSilent[1]!();
    expect(look()).toEqual(['a: served by 5000 in term 5']);
  });

  test('that it does so while its successor gets ready does not end the appointment', () => {
    const before = leader(1000, 3);
    directory.enter(before);
    directory.ask(asker('a', 'succeeds'));
    look();
    expect(directory.enter(leader(1000, 3))).toBe(true);
    directory.ask(asker('b', 'succeeds'));
    expect(look()).toEqual(['b: waits, hand-off']);
    expect(directory.enter(leader(2000, 4))).toBe(true);
    expect(look()).toEqual(['1000: gives way', 'b: succeeds in term 5']);
  });

  test('that it does so after its first connection was missed does not end it either', () => {
    const before = leader(1000, 3);
    directory.enter(before);
    directory.ask(asker('a', 'succeeds'));
    directory.leave(before);
    look();
    expect(directory.enter(leader(1000, 3))).toBe(true);
    expect(directory.enter(leader(2000, 4))).toBe(true);
    expect(look()).toEqual(['1000: gives way']);
  });

  test('the present leader serves those who come until its successor is ready', () => {
    directory.enter(leader(1000, 1));
    directory.ask(asker('next', 'succeeds'));
    look();
    directory.ask(asker('worker', 'follows'));
    expect(look()).toEqual(['worker: served by 1000 in term 1']);
    directory.enter(leader(2000, 2));
    expect(look()).toEqual(['1000: gives way']);
  });

  test('a successor that goes leaves the present leader in its place', () => {
    directory.enter(leader(1000, 1));
    const next = asker('next', 'succeeds');
    directory.ask(next);
    directory.withdraw(next);
    look();
    directory.ask(asker('worker', 'competes'));
    expect(look()).toEqual(['worker: served by 1000 in term 1']);
  });

  test('the successor of a leader that resigned and left is waited for', () => {
    const old = leader(1000, 1);
    directory.enter(old);
    directory.resign(old);
    directory.ask(asker('next', 'competes'));
    directory.ask(asker('other', 'competes'));
    look();
    directory.leave(old);
    expect(look()).toEqual(['next: leads in term 2', 'other: waits, hand-off']);
    directory.enter(leader(2000, 2));
    expect(look()).toEqual(['other: served by 2000 in term 2']);
  });

  test('the successor of one that was only replaced by itself is not told that nobody serves', () => {
    const [before, after] = [leader(1000, 3), leader(1000, 3)];
    directory.enter(before);
    directory.ask(asker('next', 'succeeds'));
    directory.enter(after);
    look();
    directory.leave(before);
    expect(look()).toEqual([]);
    directory.leave(after);
    expect(look()).toEqual(['next: leads in term 4']);
  });

  test('a place in this process is free only when nobody leads or is about to', () => {
    expect(directory.vacancy(config, 0)).toBe(1);
    expect(directory.vacancy(config, 4)).toBe(5);
    const a = asker('a', 'competes');
    directory.ask(a);
    expect(directory.vacancy(config, 0)).toBeUndefined();
    directory.withdraw(a);
    expect(directory.vacancy(config, 0)).toBe(2);
    const present = leader(1000, 2);
    directory.enter(present);
    directory.resign(present);
    expect(directory.vacancy(config, 0)).toBeUndefined();
    directory.leave(present);
    expect(directory.vacancy(config, 0)).toBe(3);
  });

  test('channels of other names have nothing to do with each other', () => {
    directory.enter(leader(1000, 1));
    directory.ask(asker('a', 'competes', { channel: { ...config, name: 'registry' } }));
    expect(look()).toEqual(['a: leads in term 1']);
  });

  test('strict channels of one name with another identity have a leader each', () => {
    directory.enter(leader(1000, 1, strict('red')));
    directory.ask(asker('red', 'competes', { channel: strict('red') }));
    directory.ask(asker('blue', 'competes', { channel: strict('blue') }));
    expect(look()).toEqual(['red: served by 1000 in term 1', 'blue: leads in term 2']);
    expect(directory.enter(leader(2000, 2, strict('blue')))).toBe(true);
    expect(look()).toEqual([]);
    directory.ask(asker('red', 'competes', { channel: strict('red') }));
    directory.ask(asker('blue', 'leads', { channel: strict('blue') }));
    expect(look()).toEqual(['red: served by 1000 in term 1', 'blue: led-elsewhere']);
  });

  test.each([
    ['one that is not strict, with another identity', { name: 'config', identity: 'blue', isStrict: false }],
    ['one that takes any identity', config],
  ])('where one side is not strict the name alone decides: %s is served', (_, channel) => {
    directory.enter(leader(1000, 1, strict('red')));
    directory.ask(asker('a', 'competes', { channel }));
    expect(look()).toEqual(['a: served by 1000 in term 1']);
  });

  test('among several the leader of the same identity is preferred', () => {
    directory.enter(leader(1000, 1, strict('red')));
    directory.enter(leader(2000, 2, strict('blue')));
    directory.ask(asker('a', 'competes', { channel: { name: 'config', identity: 'blue', isStrict: false } }));
    expect(look()).toEqual(['a: served by 2000 in term 2']);
  });

  test('a leader leaves those of another identity in their places', () => {
    const red = leader(1000, 1, strict('red'));
    directory.enter(red);
    directory.enter(leader(2000, 2, strict('blue')));
    directory.leave(red);
    directory.ask(asker('blue', 'competes', { channel: strict('blue') }));
    expect(look()).toEqual(['blue: served by 2000 in term 2']);
  });
});

describe('after a change of the holder', () => {
  let directory: Directory;

  beforeEach(() => {
    directory = new Directory(true, true);
  });

  test('nobody gets a channel that it has not lost, until the leaders of before have announced themselves', () => {
    directory.ask(asker('new', 'competes'));
    expect(look()).toEqual(['new: waits, no-leader']);
    directory.enter(leader(1000, 3));
    expect(look()).toEqual(['new: served by 1000 in term 3']);
  });

  test('who has lost its leader is appointed at once', () => {
    directory.ask(asker('new', 'competes'));
    directory.ask(asker('orphan', 'competes', { term: 3 }));
    expect(look()).toEqual(['new: waits, no-leader', 'orphan: leads in term 4']);
  });

  test('when all have had their time, the first who waits is appointed', () => {
    directory.ask(asker('worker', 'follows'));
    directory.ask(asker('a', 'competes'));
    directory.ask(asker('b', 'competes'));
    look();
    directory.settled();
    expect(look()).toEqual(['worker: waits, no-leader', 'a: leads in term 1', 'b: waits, hand-off']);
    directory.ask(asker('other', 'competes', { channel: { ...config, name: 'registry' } }));
    expect(look()).toEqual(['other: leads in term 1']);
  });

  test('a leader of before that comes later than its followers gives way to the newer term', () => {
    directory.ask(asker('orphan', 'competes', { term: 3 }));
    look();
    expect(directory.enter(leader(1000, 3))).toBe(true);
    directory.enter(leader(2000, 4));
    expect(look()).toEqual(['1000: gives way']);
    expect(directory.enter(leader(1000, 3))).toBe(false);
  });
});

describe('at the port of an appointed leader', () => {
  let directory: Directory;

  beforeEach(() => {
    directory = new Directory(false);
  });

  test.each<[Candidacy]>([['follows'], ['competes'], ['leads'], ['succeeds']])(
    'who comes for what is led here is served; it %s',
    (candidacy) => {
      directory.enter(leader(1000, 3));
      directory.ask(asker('a', candidacy));
      expect(look()).toEqual(['a: served by 1000 in term 3']);
    },
  );

  test('who comes for anything else is sent back, and nobody is appointed', () => {
    const red = leader(1000, 3, strict('red'));
    directory.enter(red);
    directory.ask(asker('a', 'competes', { channel: strict('blue') }));
    directory.leave(red);
    directory.ask(asker('b', 'competes', { channel: strict('red') }));
    expect(look()).toEqual(['a: not-led-here', 'b: not-led-here']);
  });
});

describe('leaders of one process with other constructor arguments', () => {
  const loose = (identity: string, leadsApart?: boolean) => ({ name: 'config', identity, isStrict: false, leadsApart });
  const here = (channel: Leadership['channel'], term: number): Leadership => ({ ...leader(1000, term, channel), isHere: true });
  let directory: Directory;

  beforeEach(() => {
    directory = new Directory(true);
  });

  test('stand next to each other, and each serves those with its arguments', () => {
    expect(directory.enter(here(loose('red', true), 1))).toBe(true);
    expect(directory.vacancy(loose('blue', true), 0)).toBe(2);
    expect(directory.enter(here(loose('blue', true), 2))).toBe(true);
    for (const identity of ['red', 'blue', 'green']) directory.ask(asker(identity, 'follows', { channel: loose(identity) }));
    expect(look()).toEqual([
      'red: served by 1000 in term 1',
      'blue: served by 1000 in term 2',
      'green: served by 1000 in term 1',
    ]);
  });

  test('do not, where the client may follow', () => {
    directory.enter(here(loose('red', true), 1));
    expect(directory.vacancy(loose('blue'), 0)).toBeUndefined();
    expect(directory.vacancy(loose('red', true), 0)).toBeUndefined();
    expect(directory.vacancy(loose('', true), 0)).toBeUndefined();
  });

  test('are replaced one by one by those of another process', () => {
    for (const [term, identity] of ['red', 'blue'].entries()) directory.enter(here(loose(identity, true), term + 1));
    expect(directory.enter(leader(2000, 3, loose('blue')))).toBe(true);
    expect(directory.enter(leader(2000, 4, loose('red')))).toBe(true);
    expect(look()).toEqual(['1000: gives way', '1000: gives way']);
    directory.ask(asker('blue', 'follows', { channel: loose('blue') }));
    directory.ask(asker('red', 'follows', { channel: loose('red') }));
    expect(look()).toEqual(['blue: served by 2000 in term 3', 'red: served by 2000 in term 4']);
  });

  test('give way to a leader of another process with a newer term, as before', () => {
    directory.enter(leader(2000, 3, loose('blue')));
    expect(directory.vacancy(loose('red', true), 0)).toBeUndefined();
    expect(directory.enter(here(loose('red', true), 2))).toBe(false);
  });
});
