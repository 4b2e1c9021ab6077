import { EventEmitter } from 'node:events';
import { EarlyMessages } from '../../../src/supervisor/child/early-messages';

let source: EventEmitter;
let early: EarlyMessages;
let arrived: unknown[];

beforeEach(() => {
  [source, arrived] = [new EventEmitter(), []];
  early = new EarlyMessages(
    source,
    (message) => message === 'own',
    (message) => arrived.push(message),
  );
});

test('the program gets what came before it listened, in order, and what is not its own business not', () => {
  const seen: unknown[] = [];
  for (const message of ['first', 'own', 'second']) source.emit('message', message);
  early.replay(); // nobody listens yet
  source.on('message', (message) => seen.push(message));
  early.replay();
  source.emit('message', 'third');
  expect(seen).toEqual(['first', 'second', 'third']);
  expect(arrived).toEqual(['first', 'own', 'second', 'third']);
});

test('where nobody tells of a new listener, the next message brings the earlier ones', () => {
  const seen: unknown[] = [];
  source.emit('message', 'first');
  source.on('message', (message) => seen.push(message));
  source.emit('message', 'second');
  expect(seen).toEqual(['first', 'second']);
});

test('a listener that throws loses one message and not the others', () => {
  const seen: unknown[] = [];
  for (const message of [1, 2, 3]) source.emit('message', message);
  source.on('message', (message) => {
    seen.push(message);
    if (message === 1) throw new Error('of the program');
  });
  expect(() => early.replay()).toThrow('of the program');
  early.replay();
  expect(seen).toEqual([1, 2, 3]);
});

test('a program that never listens costs a bounded number of messages', () => {
  const seen: unknown[] = [];
  for (let i = 1; i <= 1_200; i++) source.emit('message', i);
  source.on('message', (message) => seen.push(message));
  early.replay();
  expect([seen.length, seen[0]]).toEqual([1_000, 201]);
});

test('listeners that were there before the program do not count, and those of what passes messages on do', () => {
  const relay = new EventEmitter();
  const relayed: unknown[] = [];
  source = new EventEmitter();
  source.on('message', (message) => relay.emit('message', message));
  early = new EarlyMessages(source, () => false, jest.fn(), relay);
  source.emit('message', 'first');
  relay.on('message', (message) => relayed.push(message));
  early.replay();
  expect(relayed).toEqual(['first']);
});
