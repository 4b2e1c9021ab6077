import { v2Codec } from '../../protocol/v2';
import { Topics } from '../../src/roles/topics';

test('an event is encoded once for all followers of a key', () => {
  const topics = new Topics();
  const [first, second] = [topics.join('a'), topics.join('a')];
  const payload = Buffer.from('value');
  const frame = first.frameOf(payload);
  expect(second.frameOf(payload)).toBe(frame);
  expect(v2Codec.decode(frame)).toEqual({ type: 'topic-event', topic: first.number, payload });
  expect(first.frameOf(Buffer.from('value'))).not.toBe(frame); // another value, even if it is equal
});

test('keys have different numbers, and a number is never used again', () => {
  const topics = new Topics();
  const a = topics.join('a');
  expect(topics.join('b').number).not.toBe(a.number);
  topics.join('a');
  topics.leave(a);
  expect(topics.join('a')).toBe(a); // somebody was still there
  topics.leave(a);
  topics.leave(a);
  expect(topics.join('a').number).toBeGreaterThan(2);
});

test('a registration that followers write with the same bytes is decoded once, another one under the same key for itself', () => {
  const topic = new Topics().join('a');
  const decode = jest.fn((bytes: Buffer): unknown => ({ id: String(bytes) }));
  const formatKey = (registration: unknown) => (registration as { id: string }).id;
  const of = (text: string) => topic.registrationOf(Buffer.from(text), { decode } as never, formatKey);
  expect(of('x')).toMatchObject({ registration: { id: 'x' }, key: 'x' });
  expect(of('x').key).toBe('x');
  expect(decode).toHaveBeenCalledTimes(1);
  expect(of('y')).toMatchObject({ registration: { id: 'y' }, key: 'y' });
});

test('a key that says its registration is read as JSON', () => {
  const topic = new Topics().join('{"id":"x"}');
  const decode = jest.fn(() => ({ id: 'y' }));
  const formatKey = (registration: unknown) => (registration as { id: string }).id;
  expect(topic.registrationOf(undefined, { decode } as never, formatKey)).toMatchObject({ registration: { id: 'x' }, key: 'x' });
  expect(topic.registrationOf(Buffer.from('bytes'), { decode } as never, formatKey)).toMatchObject({ registration: { id: 'y' } });
  expect(() => new Topics().join('no JSON').registrationOf(undefined, { decode } as never, formatKey)).toThrow(SyntaxError);
});
