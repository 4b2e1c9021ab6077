import type { Message, V2Message } from '../../../protocol/message';
import { MAX_PLAIN_KEYS } from '../../../protocol/v2';
import { formatKey, isPlain } from '../../../src/format-key';
import { LegacyKeyRequests, TopicRequests, type Asked, type KeyRequestOptions } from '../../../src/roles/follower/key-requests';
import type { OpenKey } from '../../../src/roles/subscription-hub';

let sent: (Message | V2Message)[];
let errors: unknown[];

function options(values: object = {}): KeyRequestOptions {
  let id = 0;
  return {
    spec: { name: 'config', formatKey, isKeyEnough: isPlain, responseTimeoutMs: 3_000 } as never,
    connection: { nextId: () => ++id, send: (message: V2Message) => sent.push(message) } as never,
    values: { areFaithful: true, encode: (value: unknown) => Buffer.from(`encoded ${String(value)}`), ...values } as never,
    onError: (error) => errors.push(error),
  };
}

const keyOf = (registration: unknown): OpenKey<Asked> => ({ key: formatKey(registration), registration, state: undefined });
const endOfTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

beforeEach(() => {
  sent = [];
  errors = [];
});

afterEach(endOfTick); // what a test has not waited for is not the next one's

describe('in version 2', () => {
  const requests = (): TopicRequests => new TopicRequests(options());

  it('asks for the keys of one tick at once, with ids that follow each other', async () => {
    const asking = requests();
    for (const registration of ['a', { b: 1 }, 'c']) asking.open(keyOf(registration));
    expect(sent).toEqual([]);
    await endOfTick();
    asking.open(keyOf('d'));
    await endOfTick();
    expect(sent).toEqual([
      { type: 'plain-subscribe', id: 1, keys: ['"a"', '{"b":1}', '"c"'] },
      { type: 'plain-subscribe', id: 4, keys: ['"d"'] },
    ]);
  });

  it('splits very many keys, and long ones, without waiting for the end of the tick', async () => {
    const asking = requests();
    for (let i = 0; i < 1_001; i++) asking.open(keyOf(`key ${i}`));
    expect(sent).toMatchObject([{ id: 1, keys: { length: 1_000 } }]);
    await endOfTick();
    expect(sent).toMatchObject([{}, { id: 1_001, keys: { length: 1 } }]);
    for (let i = 0; i < 3; i++) asking.open(keyOf(String(i).repeat(40 * 1024)));
    expect(sent.slice(2)).toMatchObject([{ id: 1_002, keys: { length: 2 } }]);
    expect(1_000).toBeLessThanOrEqual(MAX_PLAIN_KEYS);
  });

  it('sends a registration that JSON would change as a value, in its place', async () => {
    const asking = requests();
    const map = new Map([['a', 1]]);
    for (const registration of ['a', map, 'b']) asking.open(keyOf(registration));
    await endOfTick();
    expect(sent).toEqual([
      { type: 'plain-subscribe', id: 1, keys: ['"a"'] },
      { type: 'topic-subscribe', id: 2, key: formatKey(map), payload: Buffer.from('encoded [object Map]') },
      { type: 'plain-subscribe', id: 3, keys: ['"b"'] },
    ]);
  });

  it('sends -0 as a value: JSON has none', () => {
    const asking = requests();
    asking.open(keyOf({ offset: -0 }));
    expect(sent).toMatchObject([{ type: 'topic-subscribe', key: '{"offset":0}' }]);
  });

  it('knows keys by the numbers that the leader gives them', async () => {
    const asking = requests();
    const [a, b] = [keyOf('a'), keyOf('b')];
    asking.open(a);
    asking.open(b);
    await endOfTick();
    asking.onTopics(1, [7, 9]);
    expect([7, 8, 9].map((topic) => asking.numbered(topic))).toEqual([a, undefined, b]);
  });

  it('knows no number of a key that was closed, before or after the leader has told it', async () => {
    const asking = requests();
    const [a, b] = [keyOf('a'), keyOf('b')];
    asking.open(a);
    asking.open(b);
    asking.close(a); // asked for first
    asking.onTopics(1, [7, 9]);
    asking.close(b);
    expect([7, 9].map((topic) => asking.numbered(topic))).toEqual([undefined, undefined]);
    expect(sent).toEqual([
      { type: 'plain-subscribe', id: 1, keys: ['"a"', '"b"'] },
      { type: 'topic-unsubscribe', id: 1 },
      { type: 'topic-unsubscribe', id: 2 },
    ]);
  });

  it('a key that is closed and opened again before the answer belongs to the second subscription', () => {
    const asking = requests();
    const [first, second] = [keyOf('a'), keyOf('a')];
    asking.open(first);
    asking.close(first);
    asking.open(second);
    asking.onTopics(1, [7]);
    expect(asking.numbered(7)).toBeUndefined(); // events with this number belong to the ended subscription
    asking.onTopics(2, [7]);
    expect(asking.numbered(7)).toBe(second);
  });

  it('reports a registration that cannot be encoded, and neither asks for it nor takes it back', async () => {
    const encode = () => {
      throw new TypeError('no');
    };
    const asking = new TopicRequests(options({ encode }));
    const bad = keyOf(new Map());
    asking.open(bad);
    asking.close(bad);
    await endOfTick();
    expect(sent).toEqual([]);
    expect(errors).toMatchObject([
      {
        code: 'ERR_TRUNKLINE_NOT_ENCODABLE',
        message: 'config: the registration Map([]) cannot be encoded: no; use plain values, or a transcode that keeps it',
        cause: { message: 'no' },
      },
    ]);
  });

  it('refuses a transcode that would make another registration of it', () => {
    const asking = new TopicRequests(options({ areFaithful: false, decode: () => ({}) }));
    asking.open(keyOf(new Map()));
    expect(errors).toMatchObject([{ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' }]);
  });
});

describe('in version 1', () => {
  it('each key goes for itself at once, as JSON with the prefix of cluster-client', () => {
    const asking = new LegacyKeyRequests(options());
    const registration: Record<string, unknown> = { b: 1, a: 2 };
    const key = keyOf(registration);
    asking.open(key);
    registration.b = 3; // an object of the user
    asking.close(key);
    const wire = { timeoutMs: 3_000, key: '$$inner$$__{"a":2,"b":1}', registration: { a: 2, b: 1 } };
    expect(sent).toEqual([
      { type: 'subscribe', id: 1, ...wire },
      { type: 'unsubscribe', id: 2, ...wire },
    ]);
  });

  it('knows keys by what the leader makes of the JSON, and refuses one that the leader could not tell from another', () => {
    const asking = new LegacyKeyRequests(options());
    const [date, text] = [keyOf({ at: new Date(0) }), keyOf({ at: new Date(0).toISOString() })];
    asking.open(date);
    asking.open(text);
    const key = '$$inner$$__{"at":"1970-01-01T00:00:00.000Z"}';
    expect(sent).toMatchObject([{ type: 'subscribe', key, registration: { at: new Date(0).toISOString() } }]);
    expect(errors).toMatchObject([{ code: 'ERR_TRUNKLINE_NOT_ENCODABLE', key: text.key }]);
    expect(asking.named(key)).toBe(date);
    asking.close(date);
    asking.close(text);
    expect(asking.named(key)).toBeUndefined();
    expect(sent).toMatchObject([{}, { type: 'unsubscribe', key }]);
    asking.open(text);
    expect(asking.named(key)).toBe(text);
  });

  it('what JSON would change goes as a value beside it', () => {
    const asking = new LegacyKeyRequests(options());
    asking.open(keyOf(new Map()));
    expect(sent).toMatchObject([{ type: 'subscribe', registration: { $map: [] }, payload: Buffer.from('encoded [object Map]') }]);
  });
});
