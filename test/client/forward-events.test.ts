import { EventEmitter } from 'node:events';
import { forwardEvents } from '../../src/client/forward-events';

it('emits everything on the targets too, after the own listeners, but not bookkeeping', () => {
  const [from, to] = [new EventEmitter(), new EventEmitter()];
  const log: unknown[] = [];
  from.on('change', (value) => log.push(['from', value]));
  to.on('change', (value) => log.push(['to', value]));
  to.on('newListener', () => log.push('newListener of to'));
  forwardEvents(from, to);
  from.on('other', () => undefined);
  expect(from.emit('change', 1)).toBe(true);
  expect(from.emit('nobody')).toBe(false);
  expect(log).toEqual([
    ['from', 1],
    ['to', 1],
  ]);
});

it('an error without a listener at the source does not throw there', () => {
  const [from, to] = [new EventEmitter(), new EventEmitter()];
  const errors: unknown[] = [];
  to.on('error', (error) => errors.push(error));
  const stop = forwardEvents(from, to);
  from.emit('error', 'first');
  stop();
  from.emit('error', 'late');
  expect(errors).toEqual(['first']);
});

it('gives late errors to the one who ended the last forwarding, until there is another', () => {
  const [from, to] = [new EventEmitter(), new EventEmitter()];
  const [late, errors]: unknown[][] = [[], []];
  to.on('error', (error) => errors!.push(error));
  forwardEvents(from, to)((error) => late!.push(error));
  from.emit('error', 'after the end');
  const stop = forwardEvents(from, to);
  from.emit('error', 'forwarded again');
  expect([late, errors]).toEqual([['after the end'], ['forwarded again']]);
  stop();
  from.emit('error', 'to nobody');
  expect([late, errors]).toEqual([['after the end'], ['forwarded again']]);
  expect(from.listenerCount('error')).toBe(1);
});

it('ends for each target on its own and restores the source at last', () => {
  const [from, a, b] = [new EventEmitter(), new EventEmitter(), new EventEmitter()];
  const emit = from.emit;
  const log: string[] = [];
  a.on('x', () => log.push('a'));
  b.on('x', () => log.push('b'));
  const [stopA, stopB] = [forwardEvents(from, a), forwardEvents(from, b)];
  from.emit('x');
  stopA();
  from.emit('x');
  stopB();
  stopB();
  from.emit('x');
  expect(log).toEqual(['a', 'b', 'b']);
  expect(from.emit).toBe(emit);
  expect(Object.hasOwn(from, 'emit')).toBe(false);
});

it('a listener that throws becomes an error event of its target; the source and the others go on', async () => {
  const [from, bad, good] = [new EventEmitter(), new EventEmitter(), new EventEmitter()];
  const log: unknown[] = [];
  bad.on('x', () => {
    throw new Error('in a listener');
  });
  bad.on('error', (error: Error) => log.push(error.message));
  good.on('x', () => log.push('good'));
  forwardEvents(from, bad);
  forwardEvents(from, good);
  expect(() => from.emit('x')).not.toThrow();
  await new Promise(process.nextTick);
  expect(log).toEqual(['good', 'in a listener']);
});

it('leaves what is no emitter alone', () => {
  const plain = { emit: 1 };
  forwardEvents(plain, new EventEmitter())();
  expect(plain).toEqual({ emit: 1 });
});
