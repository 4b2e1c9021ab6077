import { EVENT_ROOM, v2Codec } from '../../../protocol/v2';
import { structuredTranscode, ValueCodec } from '../../../protocol/value-codec';
import { Topics } from '../../../src/roles/leader/topics';

test('an event is encoded once for all followers of a key', () => {
  const topics = new Topics(false);
  const [first, second] = [topics.join('a'), topics.join('a')];
  const payload = Buffer.from('value');
  const frame = first.frameOf(payload);
  expect(second.frameOf(payload)).toBe(frame);
  expect(v2Codec.decode(frame)).toEqual({ type: 'topic-event', topic: first.number, payload });
  expect(first.frameOf(Buffer.from('value'))).not.toBe(frame); // a different value, even if equal
});

describe('where values have room before them', () => {
  const values = new ValueCodec(structuredTranscode);
  const decoded = (frame: Buffer) => v2Codec.decode(frame);

  test('the frame of an event is made in place, without a copy of the value', () => {
    const topic = new Topics(true).join('a');
    const payload = values.encode({ list: ['value'] }, EVENT_ROOM);
    const before = Buffer.from(payload);
    const frame = topic.frameOf(payload);
    expect(frame.buffer).toBe(payload.buffer);
    expect(decoded(frame)).toEqual({ type: 'topic-event', topic: topic.number, payload: before });
    expect(values.decode(payload)).toEqual({ list: ['value'] });
  });

  test('a second key with the same value gets a frame of its own, and the first one keeps its frame', () => {
    const topics = new Topics(true);
    const [a, b] = [topics.join('a'), topics.join('b')];
    const payload = values.encode('value', EVENT_ROOM);
    const frames = [a, b, a].map((topic) => topic.frameOf(payload));
    expect(frames.map(decoded)).toEqual([a, b, a].map(({ number }) => ({ type: 'topic-event', topic: number, payload })));
  });

  test('no value at all has no room', () => {
    const topic = new Topics(true).join('a');
    const frame = topic.frameOf(values.encode(undefined, EVENT_ROOM));
    expect(decoded(frame)).toEqual({ type: 'topic-event', topic: topic.number, payload: Buffer.alloc(0) });
  });

  test('values of neighbouring memory are not touched', () => {
    const topic = new Topics(true).join('a');
    const payloads = ['first', 'second', 'third'].map((value) => values.encode(value, EVENT_ROOM));
    for (const payload of payloads) topic.frameOf(payload);
    expect(payloads.map((payload) => values.decode(payload))).toEqual(['first', 'second', 'third']);
  });

  test('a transcode of the user leaves none', () => {
    const custom = new ValueCodec({ encode: (value) => Buffer.from(String(value)), decode: String });
    expect(custom.leavesRoom).toBe(false);
    expect(custom.encode('value', EVENT_ROOM)).toEqual(Buffer.from('value'));
  });
});

test('keys have different numbers, and a number is never used again', () => {
  const topics = new Topics(false);
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
  const topic = new Topics(false).join('a');
  const decode = jest.fn((bytes: Buffer): unknown => ({ id: String(bytes) }));
  const formatKey = (registration: unknown) => (registration as { id: string }).id;
  const of = (text: string) => topic.registrationOf(Buffer.from(text), { decode } as never, formatKey);
  expect(of('x')).toMatchObject({ registration: { id: 'x' }, key: 'x' });
  expect(of('x').key).toBe('x');
  expect(decode).toHaveBeenCalledTimes(1);
  expect(of('y')).toMatchObject({ registration: { id: 'y' }, key: 'y' });
});

test('a key that says its registration is read as JSON', () => {
  const topic = new Topics(false).join('{"id":"x"}');
  const decode = jest.fn(() => ({ id: 'y' }));
  const formatKey = (registration: unknown) => (registration as { id: string }).id;
  expect(topic.registrationOf(undefined, { decode } as never, formatKey)).toMatchObject({ registration: { id: 'x' }, key: 'x' });
  expect(topic.registrationOf(Buffer.from('bytes'), { decode } as never, formatKey)).toMatchObject({ registration: { id: 'y' } });
  expect(() => new Topics(false).join('no JSON').registrationOf(undefined, { decode } as never, formatKey)).toThrow(SyntaxError);
});
