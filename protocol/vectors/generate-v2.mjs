// Writes v2.json: golden bytes of wire version 2 and of structured values. Run `node protocol/vectors/generate-v2.mjs`; the same
// input gives the same file. Every byte is put together here by hand, after README.md: the tested codec has no part in its own
// vectors.

import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const good = [];
const malformed = [];
const values = [];
const malformedValues = [];
const jsonValues = [];
const malformedJsonValues = [];
const proofs = [];

const hex = (bytes) => ({ hex: Buffer.from(bytes).toString('hex') });
const u16 = (number) => Buffer.from([number >> 8, number & 255]);
const u32 = (number) => Buffer.from([number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255]);
const latin1 = (text) => Buffer.from(text, 'latin1');
const utf16 = (text) => Buffer.from(text, 'utf16le');
/** Bytes, preceded by the length. */
const sized = (bytes) => Buffer.concat([u16(bytes.length), bytes]);
const list = (...parts) => Buffer.concat(parts.flatMap((part) => [u32(part.length), part]));

// ---- frames -------------------------------------------------------------------------------------------------------

const WIDE = 0x8000;

function frame(type, flags, id, ...body) {
  const bytes = Buffer.concat(body);
  return Buffer.concat([Buffer.from([2, type]), u16(flags), u32(id), u32(bytes.length), bytes]);
}

function say(name, message, ...parts) {
  good.push({ name, hex: frame(...parts).toString('hex'), message });
}

const none = Buffer.alloc(0);
const [a, b] = [Buffer.from('first'), Buffer.from([0, 255])];
const envelope = (id) => ({ id, timeoutMs: 0 });
const key = '{"dataId":"service.a"}';

say(
  'topic-subscribe',
  { type: 'topic-subscribe', id: 1, key, payload: hex(a) },
  1,
  0,
  1,
  u32(key.length),
  latin1(key),
  a,
);
say(
  'topic-subscribe to undefined',
  { type: 'topic-subscribe', id: 2, key: 'undefined', payload: hex(none) },
  1,
  0,
  2,
  u32(9),
  latin1('undefined'),
);
say(
  'topic-subscribe: a key of Latin-1 takes one byte a character',
  { type: 'topic-subscribe', id: 3, key: 'caffè', payload: hex(b) },
  1,
  0,
  3,
  u32(5),
  latin1('caffè'),
  b,
);
say(
  'topic-subscribe: a key beyond Latin-1 takes two',
  { type: 'topic-subscribe', id: 4, key: '配置 🚃', payload: hex(b) },
  1,
  WIDE,
  4,
  u32(10),
  utf16('配置 🚃'),
  b,
);
say('plain-subscribe to one key', { type: 'plain-subscribe', id: 5, keys: [key] }, 21, 0, 5, latin1(key));
say(
  'plain-subscribe to three',
  { type: 'plain-subscribe', id: 6, keys: [key, '"x"', '{}'] },
  21,
  0,
  6,
  latin1(`${key}\n"x"\n{}`),
);
say(
  'plain-subscribe: one key beyond Latin-1 makes all of them so, half a pair too',
  { type: 'plain-subscribe', id: 7, keys: ['"x"', '"a\ud800"'] },
  21,
  WIDE,
  7,
  utf16('"x"\n"a\ud800"'),
);
say('topic-unsubscribe', { type: 'topic-unsubscribe', id: 5 }, 2, 0, 5);
say('topics: one', { type: 'topics', id: 5, topics: [1] }, 3, 0, 5, u32(1));
say(
  'topics: for three subscriptions, the largest number',
  { type: 'topics', id: 6, topics: [1, 7, 2 ** 32 - 1] },
  3,
  0,
  6,
  u32(1),
  u32(7),
  u32(2 ** 32 - 1),
);
say('topics: none', { type: 'topics', id: 6, topics: [] }, 3, 0, 6);
say(
  'key-failure: a subscription',
  { type: 'key-failure', verb: 'subscribe', key, payload: hex(a) },
  22,
  0,
  0,
  u32(key.length),
  latin1(key),
  a,
);
say(
  'key-failure: a publication with a key beyond Latin-1',
  { type: 'key-failure', verb: 'publish', key: '配置', payload: hex(b) },
  22,
  WIDE | 1,
  0,
  u32(4),
  utf16('配置'),
  b,
);
say(
  'key-failure: no key, and an error that could not be encoded',
  { type: 'key-failure', verb: 'publish', key: '', payload: hex(none) },
  22,
  1,
  0,
  u32(0),
);
say('topic-event', { type: 'topic-event', topic: 1, payload: hex(a) }, 4, 0, 1, a);
say('topic-event: undefined', { type: 'topic-event', topic: 1, payload: hex(none) }, 4, 0, 1);

const call = { type: 'call', ...envelope(7), method: 'getConfig', args: [], oneway: false };
const method = Buffer.concat([u16(9), latin1('getConfig')]);
say('call without arguments, promise', { ...call, style: 'promise' }, 5, 2, 7, method);
say('call with one argument, callback', { ...call, style: 'callback', args: [hex(a)] }, 5, 4, 7, method, list(a));
say(
  'call with trailing undefined arguments',
  { ...call, style: 'promise', args: [hex(b), hex(none), hex(none)] },
  5,
  2,
  7,
  method,
  list(b, none, none),
);
say('call without a style', call, 5, 0, 7, method);
say('call, one-way', { ...call, oneway: true, style: 'promise' }, 5, 3, 7, method);
say('a publication that is repeated', { ...call, oneway: true, style: 'promise', replay: true }, 5, 11, 7, method);
say(
  'call of a method beyond Latin-1',
  { ...call, method: '☂', style: 'promise', args: [hex(a)] },
  5,
  WIDE | 2,
  7,
  u16(2),
  utf16('☂'),
  list(a),
);
say('call-result', { type: 'call-result', ...envelope(7), values: [hex(a)] }, 6, 0, 7, list(a));
say('call-result: undefined', { type: 'call-result', ...envelope(7), values: [hex(none)] }, 6, 0, 7, list(none));
say('call-result: no value', { type: 'call-result', ...envelope(7), values: [] }, 6, 0, 7);
say(
  'call-result: three values',
  { type: 'call-result', ...envelope(7), values: [hex(a), hex(none), hex(b)] },
  6,
  0,
  7,
  list(a, none, b),
);
say('call-failure', { type: 'call-failure', ...envelope(7), payload: hex(a) }, 7, 0, 7, a);
say('call-failure: nothing could be encoded', { type: 'call-failure', ...envelope(7), payload: hex(none) }, 7, 0, 7);
say('ping', { type: 'ping', ...envelope(1) }, 8, 0, 1);
say('ping with the largest id of ours', { type: 'ping', ...envelope(2 ** 30 - 1) }, 8, 0, 2 ** 30 - 1);
say('pong', { type: 'pong', ...envelope(1) }, 9, 0, 1);
say(
  'goaway',
  { type: 'goaway', code: 'closing', sentence: 'the leader closes' },
  10,
  0,
  0,
  u32(0xffffffff),
  u16(7),
  latin1('closing'),
  latin1('the leader closes'),
);
say(
  'goaway with a hint',
  { type: 'goaway', code: 'closing', sentence: '关闭', retryAfterMs: 250 },
  10,
  WIDE,
  0,
  u32(250),
  u16(14),
  utf16('closing'),
  utf16('关闭'),
);
say(
  'refusal',
  { type: 'refusal', id: 3, code: 'no-common-codec', sentence: 'no common codec', payload: hex(none) },
  11,
  0,
  3,
  sized(latin1('no-common-codec')),
  sized(latin1('no common codec')),
);
say(
  'refusal with more about it',
  { type: 'refusal', id: 3, code: 'upstream-failed', sentence: '无法连接', payload: hex(b) },
  11,
  WIDE,
  3,
  sized(utf16('upstream-failed')),
  sized(utf16('无法连接')),
  b,
);
say('refusal without words', { type: 'refusal', id: 0, code: '', sentence: '', payload: hex(none) }, 11, 0, 0, u16(0), u16(0));
say(
  'chunk, the first',
  { type: 'chunk', stream: 5, totalBytes: 300_000, isLast: false, part: hex(a) },
  12,
  1,
  5,
  u32(300_000),
  a,
);
say('chunk, one between', { type: 'chunk', stream: 5, isLast: false, part: hex(a) }, 12, 0, 5, a);
say('chunk, the last', { type: 'chunk', stream: 5, isLast: true, part: hex(b) }, 12, 2, 5, b);
say('chunk, the only one', { type: 'chunk', stream: 5, totalBytes: 2, isLast: true, part: hex(b) }, 12, 3, 5, u32(2), b);

const proof = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 8));
say('prove', { type: 'prove', proof: hex(proof) }, 13, 0, 0, proof);
say('prove: the shortest', { type: 'prove', proof: hex(proof.subarray(0, 16)) }, 13, 0, 0, proof.subarray(0, 16));
say('prove: the longest', { type: 'prove', proof: hex([...proof, ...proof]) }, 13, 0, 0, proof, proof);

const channel = { name: 'registry', identity: 'sha256:1f', isStrict: false };
const named = Buffer.concat([sized(latin1('registry')), sized(latin1('sha256:1f'))]);
const codecs = ['structured', 'serialize-json'];
const listed = sized(latin1('structured,serialize-json'));
['follows', 'competes', 'leads', 'succeeds'].forEach((candidacy, number) => {
  say(
    `join: ${candidacy}`,
    { type: 'join', id: 3, channel, candidacy, term: 7, codecs },
    14,
    number << 1,
    3,
    u32(7),
    named,
    listed,
  );
});
say(
  'join a strict channel',
  { type: 'join', id: 2 ** 30 - 1, channel: { ...channel, isStrict: true }, candidacy: 'leads', term: 2 ** 32 - 1, codecs: ['custom'] },
  14,
  1 | (2 << 1),
  2 ** 30 - 1,
  u32(2 ** 32 - 1),
  named,
  sized(latin1('custom')),
);
say(
  'join: the least',
  { type: 'join', id: 1, channel: { name: '', identity: '', isStrict: false }, candidacy: 'follows', term: 0, codecs: [] },
  14,
  0,
  1,
  u32(0),
  u16(0),
  u16(0),
  u16(0),
);
say(
  'join: a name beyond Latin-1 makes all texts wide',
  { type: 'join', id: 1, channel: { name: '配置', identity: 'x', isStrict: false }, candidacy: 'competes', term: 0, codecs },
  14,
  WIDE | 2,
  1,
  u32(0),
  sized(utf16('配置')),
  sized(utf16('x')),
  sized(utf16('structured,serialize-json')),
);
const leastJoin = { type: 'join', id: 1, channel: { name: 'n', identity: '', isStrict: false }, candidacy: 'follows', term: 0, codecs: [] };
const leastJoinBody = [u32(0), sized(latin1('n')), u16(0), u16(0)];
say(
  'join with keys',
  { type: 'join', id: 3, channel, candidacy: 'competes', term: 7, codecs, keys: [key, '"x"', '{}'] },
  14,
  8 | 2,
  3,
  u32(7),
  named,
  listed,
  latin1(`${key}\n"x"\n{}`),
);
say('join with one key', { ...leastJoin, keys: [key] }, 14, 8, 1, ...leastJoinBody, latin1(key));
say('join with an empty key', { ...leastJoin, keys: [''] }, 14, 8, 1, ...leastJoinBody);
say(
  'join: a key beyond Latin-1 makes all texts wide',
  { ...leastJoin, keys: ['"x"', '"配置"', '"a\ud800"'] },
  14,
  WIDE | 8,
  1,
  u32(0),
  sized(utf16('n')),
  u16(0),
  u16(0),
  utf16('"x"\n"配置"\n"a\ud800"'),
);
say(
  'joined',
  { type: 'joined', id: 3, term: 7, codec: 'structured', identity: 'sha256:1f', parts: hex(none) },
  15,
  0,
  3,
  u32(7),
  sized(latin1('structured')),
  sized(latin1('sha256:1f')),
);
say(
  'joined by one that serves streams',
  { type: 'joined', id: 3, term: 7, codec: 'structured', identity: '', parts: hex(none), streams: true },
  15,
  1,
  3,
  u32(7),
  sized(latin1('structured')),
  u16(0),
);
say(
  'joined by one that tells of its upstream client',
  { type: 'joined', id: 3, term: 7, codec: 'structured', identity: '', parts: hex(none), streams: true, states: true },
  15,
  3,
  3,
  u32(7),
  sized(latin1('structured')),
  u16(0),
);
say(
  'joined by one that was made with something else',
  { type: 'joined', id: 3, term: 7, codec: 'structured', identity: 'π', parts: hex(b) },
  15,
  WIDE,
  3,
  u32(7),
  sized(utf16('structured')),
  sized(utf16('π')),
  b,
);
say('shared-methods', { type: 'shared-methods', methods: ['get', 'watch as subscribe'] }, 23, 0, 0, latin1('get\nwatch as subscribe'));
say(
  'call-signals: an argument and two properties',
  {
    type: 'call-signals',
    id: 9,
    places: [
      { signal: 0, argument: 1 },
      { signal: 1, argument: 0, property: 'signal' },
      { signal: 0, argument: 0, property: '' },
    ],
  },
  24,
  0,
  9,
  Buffer.of(0, 0),
  u16(1),
  u16(0),
  Buffer.of(1, 1),
  u16(0),
  u16(6),
  latin1('signal'),
  Buffer.of(0, 1),
  u16(0),
  u16(0),
);
say(
  'call-signals: a name beyond Latin-1',
  { type: 'call-signals', id: 9, places: [{ signal: 15, argument: 65_535, property: '信号' }] },
  24,
  WIDE,
  9,
  Buffer.of(15, 1),
  u16(65_535),
  u16(4),
  utf16('信号'),
);
say('call-signals: none', { type: 'call-signals', id: 9, places: [] }, 24, 0, 9);
say('abort', { type: 'abort', id: 9, signal: 1, payload: hex(a) }, 25, 0, 9, Buffer.of(1), a);
say('abort: the reason could not be encoded', { type: 'abort', id: 9, signal: 0, payload: hex(none) }, 25, 0, 9, Buffer.of(0));
const opened = { type: 'stream-open', id: 11, creditBytes: 262_144, method: 'scan', args: [hex(a)] };
say('stream-open', opened, 26, 0, 11, u32(262_144), sized(latin1('scan')), list(a));
say('stream-open without arguments', { ...opened, args: [] }, 26, 0, 11, u32(262_144), sized(latin1('scan')));
say(
  'stream-open: a method beyond Latin-1, arguments without bytes',
  { ...opened, creditBytes: 2 ** 32 - 1, method: '扫描', args: [hex(none), hex(none)] },
  26,
  WIDE,
  11,
  u32(2 ** 32 - 1),
  sized(utf16('扫描')),
  list(none, none),
);
say('stream-credit', { type: 'stream-credit', id: 11, bytes: 131_072 }, 27, 0, 11, u32(131_072));
say('stream-stop: return', { type: 'stream-stop', id: 11, how: 'return', payload: hex(none) }, 28, 0, 11);
say('stream-stop: return of a value', { type: 'stream-stop', id: 11, how: 'return', payload: hex(a) }, 28, 0, 11, a);
say('stream-stop: throw', { type: 'stream-stop', id: 11, how: 'throw', payload: hex(b) }, 28, 1, 11, b);
for (const [name, number] of [
  ['stream-item', 29],
  ['stream-done', 30],
  ['stream-failure', 31],
]) {
  say(name, { type: name, id: 11, answersStop: false, payload: hex(a) }, number, 0, 11, a);
  say(`${name} without bytes`, { type: name, id: 11, answersStop: false, payload: hex(none) }, number, 0, 11);
  say(`${name} that answers a stop`, { type: name, id: 11, answersStop: true, payload: hex(b) }, number, 1, 11, b);
}
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
say(
  'call-context: a trace context',
  {
    type: 'call-context',
    id: 9,
    fields: [
      { name: 'traceparent', value: traceparent },
      { name: 'tracestate', value: '' },
    ],
  },
  40,
  0,
  9,
  sized(latin1('traceparent')),
  sized(latin1(traceparent)),
  sized(latin1('tracestate')),
  sized(latin1('')),
);
say(
  'call-context: a value beyond Latin-1',
  { type: 'call-context', id: 9, fields: [{ name: 'baggage', value: 'π' }] },
  40,
  WIDE,
  9,
  sized(utf16('baggage')),
  sized(utf16('π')),
);
say('call-context: none', { type: 'call-context', id: 9, fields: [] }, 40, 0, 9);
say('upstream-state: well', { type: 'upstream-state', state: 'ok', ageMs: 0, payload: hex(none) }, 41, 0, 0, u32(0));
say(
  'upstream-state: degraded, with a reason',
  { type: 'upstream-state', state: 'degraded', ageMs: 1_500, payload: hex(a) },
  41,
  1,
  0,
  u32(1_500),
  a,
);
say(
  'upstream-state: connecting, for longer than the number can say',
  { type: 'upstream-state', state: 'connecting', ageMs: 2 ** 32 - 1, payload: hex(b) },
  41,
  2,
  0,
  u32(2 ** 32 - 1),
  b,
);
say('look at one process', { type: 'look', id: 3, hops: 0 }, 42, 0, 3, u32(0));
say('look at all', { type: 'look', id: 4, hops: 2 }, 42, 0, 4, u32(2));
say('look-result: none', { type: 'look-result', id: 3, text: '[]' }, 43, 0, 3, Buffer.from('[]'));
say(
  'look-result beyond Latin-1',
  { type: 'look-result', id: 3, text: '[{"pid":7,"clients":["配置"]}]' },
  43,
  0,
  3,
  Buffer.from('[{"pid":7,"clients":["配置"]}]'),
);
say('redirect', { type: 'redirect', id: 3, term: 7, port: 43_210 }, 16, 0, 3, u32(7), u16(43_210));
say('redirect: the highest port', { type: 'redirect', id: 3, term: 1, port: 65_535 }, 16, 0, 3, u32(1), u16(65_535));
say('appoint', { type: 'appoint', id: 3, term: 8, isSucceeding: false }, 17, 0, 3, u32(8));
say('appoint beside a leader', { type: 'appoint', id: 3, term: 8, isSucceeding: true }, 17, 1, 3, u32(8));
say('announce', { type: 'announce', channel, term: 8, port: 43_210 }, 18, 0, 0, u32(8), u16(43_210), named);
say(
  'announce a strict channel',
  { type: 'announce', channel: { name: '配置', identity: 'x', isStrict: true }, term: 8, port: 1 },
  18,
  WIDE | 1,
  0,
  u32(8),
  u16(1),
  sized(utf16('配置')),
  sized(utf16('x')),
);
say('resign', { type: 'resign' }, 19, 0, 0);
say(
  'wait',
  { type: 'wait', id: 3, code: 'no-leader', sentence: 'nobody leads' },
  20,
  0,
  3,
  sized(latin1('no-leader')),
  latin1('nobody leads'),
);
say(
  'wait: words beyond Latin-1',
  { type: 'wait', id: 3, code: 'upstream', sentence: '请稍候' },
  20,
  WIDE,
  3,
  sized(utf16('upstream')),
  utf16('请稍候'),
);

function bad(name, bytes, error) {
  malformed.push({ name, hex: bytes.toString('hex'), error });
}

const ping = frame(8, 0, 1);
bad('version 0', Buffer.concat([Buffer.from([0]), ping.subarray(1)]), 'not a frame of this protocol');
bad('version 1', Buffer.concat([Buffer.from([1]), ping.subarray(1)]), 'not a frame of this protocol');
bad('version 3', Buffer.concat([Buffer.from([3]), ping.subarray(1)]), 'not a frame of this protocol');
bad('an HTTP request', latin1('GET / HTTP/1.1\r\n\r\n'), 'not a frame of this protocol');
bad('a body of 4 GiB', Buffer.concat([ping.subarray(0, 8), u32(0xffffffff)]), 'exceeds the limit');
bad('one byte beyond 256 KiB', Buffer.concat([ping.subarray(0, 8), u32(256 * 1024 - 12 + 1)]), 'exceeds the limit');
bad('type 0', frame(0, 0, 1), 'frame type 0');
bad('cut off inside the header', ping.subarray(0, 11), 'frame shorter than its header');
bad('cut off inside the body', frame(4, 0, 1, a).subarray(0, 14), 'wrong frame length');
bad('ping with a body', frame(8, 0, 1, a), 'ping with a body');
bad('pong with a body', frame(9, 0, 1, a), 'ping with a body');
bad('topic-subscribe without a body', frame(1, 0, 1), 'text without a length');
bad('topic-subscribe: half a length', frame(1, 0, 1, u16(0)), 'text without a length');
bad('topic-subscribe: a key of 4 GiB', frame(1, 0, 1, u32(0xffffffff), a), 'text ends early');
bad('topic-subscribe: half a character', frame(1, WIDE, 1, u32(3), a), 'half a character');
bad('key-failure without a body', frame(22, 0, 0), 'text without a length');
bad('key-failure: a key beyond the frame', frame(22, 1, 0, u32(6), a), 'text ends early');
bad('key-failure: half a character', frame(22, WIDE, 0, u32(3), a), 'half a character');
bad('call-signals: half a place', frame(24, 0, 1, Buffer.of(0, 0, 0)), 'the place of a signal ends early');
bad('call-signals: a name without a length', frame(24, 0, 1, Buffer.of(0, 0, 0, 0, 0)), 'text without a length');
bad('call-signals: a name beyond the frame', frame(24, 0, 1, Buffer.of(0, 1), u16(0), u16(2), latin1('x')), 'text ends early');
bad('call-signals: signal 16', frame(24, 0, 1, Buffer.of(16, 0), u16(0), u16(0)), 'signal 16');
bad('call-signals: a third kind of place', frame(24, 0, 1, Buffer.of(0, 2), u16(0), u16(0)), 'a place of no kind');
bad('call-signals: an argument with a name', frame(24, 0, 1, Buffer.of(0, 0), u16(0), u16(1), latin1('x')), 'a place of no kind');
bad(
  'call-signals: 17 places',
  frame(24, 0, 1, ...Array.from({ length: 17 }, () => Buffer.of(0, 0, 0, 0, 0, 0))),
  'too many places of signals',
);
bad('abort without a number', frame(25, 0, 1), 'abort of no signal');
bad('abort of signal 16', frame(25, 0, 1, Buffer.of(16), a), 'abort of no signal');
bad('stream-open without a body', frame(26, 0, 1), 'number ends early');
bad('stream-open without a method', frame(26, 0, 1, u32(1)), 'text without a length');
bad('stream-open: a method beyond the frame', frame(26, 0, 1, u32(1), u16(6), a), 'text ends early');
bad('stream-open: half a character', frame(26, WIDE, 1, u32(1), u16(1), latin1('x')), 'half a character');
bad('stream-open: half a length in the list', frame(26, 0, 1, u32(1), u16(0), list(a), u16(0)), 'list ends early');
bad('stream-open: a part that overruns the frame', frame(26, 0, 1, u32(1), u16(0), u32(6), a), 'list part ends early');
bad('stream-credit without a body', frame(27, 0, 1), 'number ends early');
bad('stream-credit: half a number', frame(27, 0, 1, u16(0)), 'number ends early');
bad('stream-credit: a byte after the end', frame(27, 0, 1, u32(1), b.subarray(1)), 'bytes after the end');
bad('call-context: a name beyond the frame', frame(40, 0, 1, u16(2), latin1('x')), 'text ends early');
bad('call-context: a name without a value', frame(40, 0, 1, sized(latin1('x'))), 'text without a length');
bad('call-context: a value beyond the frame', frame(40, 0, 1, sized(latin1('x')), u16(2), latin1('y')), 'text ends early');
bad('call-context: half a character', frame(40, WIDE, 1, sized(latin1('x')), sized(utf16('y'))), 'half a character');
bad('call-context: no name', frame(40, 0, 1, u16(0), sized(latin1('y'))), 'a field of a context without a name');
bad(
  'call-context: 17 fields',
  frame(40, 0, 1, ...Array.from({ length: 17 }, () => Buffer.concat([sized(latin1('x')), u16(0)]))),
  'too many fields of a context',
);
bad('look without a body', frame(42, 0, 1), 'number ends early');
bad('look: a byte after the end', frame(42, 0, 1, u32(1), b.subarray(1)), 'bytes after the end');
bad('upstream-state without a body', frame(41, 0, 0), 'number ends early');
bad('upstream-state: half a number', frame(41, 1, 0, u16(0)), 'number ends early');
bad('plain-subscribe: half a character', frame(21, WIDE, 1, a), 'half a character');
bad('plain-subscribe: 10,001 keys', frame(21, 0, 1, latin1('\n'.repeat(10_000))), 'too many keys');
bad('topic-unsubscribe with a body', frame(2, 0, 1, a), 'bytes after the end');
bad('topics: three bytes of a number', frame(3, 0, 1, a.subarray(0, 3)), 'a number ends early');
bad('call without a body', frame(5, 0, 1), 'text without a length');
bad('call: a method beyond the frame', frame(5, 0, 1, u16(6), a), 'text ends early');
bad('call: half a character', frame(5, WIDE, 1, u16(5), a), 'half a character');
for (const [name, type, before] of [
  ['call', 5, u16(0)],
  ['call-result', 6, none],
]) {
  bad(`${name}: half a length in the list`, frame(type, 0, 1, before, list(a), u16(0)), 'list ends early');
  bad(`${name}: a part that overruns the frame`, frame(type, 0, 1, before, u32(6), a), 'list part ends early');
  bad(`${name}: a part of 4 GiB`, frame(type, 0, 1, before, u32(0xffffffff), a), 'list part ends early');
}
bad('goaway without a body', frame(10, 0, 0), 'number ends early');
bad('goaway with a hint only', frame(10, 0, 0, u32(1)), 'text without a length');
bad('goaway: a code beyond the frame', frame(10, 0, 0, u32(1), u16(9), a), 'text ends early');
bad('goaway: half a character', frame(10, WIDE, 0, u32(1), u16(2), a), 'half a character');
bad('refusal without a body', frame(11, 0, 0), 'text without a length');
bad('refusal: a code beyond the frame', frame(11, 0, 0, u16(9), a), 'text ends early');
bad('refusal without a sentence', frame(11, 0, 0, sized(a)), 'text without a length');
bad('refusal: a sentence beyond the frame', frame(11, 0, 0, sized(a), u16(9), a), 'text ends early');
bad('refusal: half a character', frame(11, WIDE, 0, u16(0), sized(a)), 'half a character');
bad('a first chunk without a length', frame(12, 1, 1, u16(0)), 'first chunk without a length');
bad('prove without a body', frame(13, 0, 0), 'proof of 0 bytes');
bad('prove: too short', frame(13, 0, 0, proof.subarray(0, 15)), 'proof of 15 bytes');
bad('prove: too long', frame(13, 0, 0, proof, proof, u16(0).subarray(1)), 'proof of 65 bytes');
bad('join without a body', frame(14, 0, 1), 'number ends early');
bad('join: half a term', frame(14, 0, 1, u16(0)), 'number ends early');
bad('join without a name', frame(14, 0, 1, u32(1)), 'text without a length');
bad('join: a name beyond the frame', frame(14, 0, 1, u32(1), u16(0xffff), a), 'text ends early');
bad('join without an identity', frame(14, 0, 1, u32(1), sized(a)), 'text without a length');
bad('join: an identity beyond the frame', frame(14, 0, 1, u32(1), sized(a), u16(6), a), 'text ends early');
bad('join without codecs', frame(14, 0, 1, u32(1), named), 'text without a length');
bad('join: codecs beyond the frame', frame(14, 0, 1, u32(1), named, u16(6), a), 'text ends early');
bad('join: half a character', frame(14, WIDE, 1, u32(1), u16(0), sized(a), u16(0)), 'half a character');
bad('join: a byte after the end', frame(14, 0, 1, u32(1), named, listed, b.subarray(1)), 'bytes after the end');
bad('join with keys, without codecs', frame(14, 8, 1, u32(1), named), 'text without a length');
bad('join with keys: half a character', frame(14, WIDE | 8, 1, u32(1), u16(0), u16(0), u16(0), b.subarray(1)), 'half a character');
bad('join with 10,001 keys', frame(14, 8, 1, u32(1), named, listed, latin1('\n'.repeat(10_000))), 'too many keys');
bad('joined without a body', frame(15, 0, 1), 'number ends early');
bad('joined without a codec', frame(15, 0, 1, u32(1)), 'text without a length');
bad('joined: a codec beyond the frame', frame(15, 0, 1, u32(1), u16(6), a), 'text ends early');
bad('joined without an identity', frame(15, 0, 1, u32(1), sized(a)), 'text without a length');
bad('joined: half a character', frame(15, WIDE, 1, u32(1), sized(a), u16(0)), 'half a character');
bad('redirect without a body', frame(16, 0, 1), 'number ends early');
bad('redirect without a port', frame(16, 0, 1, u32(1)), 'number ends early');
bad('redirect: half a port', frame(16, 0, 1, u32(1), b.subarray(1)), 'number ends early');
bad('redirect to port 0', frame(16, 0, 1, u32(1), u16(0)), 'port 0');
bad('redirect: a byte after the end', frame(16, 0, 1, u32(1), u16(1), b.subarray(1)), 'bytes after the end');
bad('appoint without a body', frame(17, 0, 1), 'number ends early');
bad('appoint: half a term', frame(17, 0, 1, u16(1)), 'number ends early');
bad('appoint: a byte after the end', frame(17, 0, 1, u32(1), b.subarray(1)), 'bytes after the end');
bad('announce without a body', frame(18, 0, 0), 'number ends early');
bad('announce without a port', frame(18, 0, 0, u32(1)), 'number ends early');
bad('announce of port 0', frame(18, 0, 0, u32(1), u16(0), named), 'port 0');
bad('announce without a name', frame(18, 0, 0, u32(1), u16(1)), 'text without a length');
bad('announce: an identity beyond the frame', frame(18, 0, 0, u32(1), u16(1), sized(a), u16(6), a), 'text ends early');
bad('announce: half a character', frame(18, WIDE, 0, u32(1), u16(1), sized(a), u16(0)), 'half a character');
bad('announce: a byte after the end', frame(18, 0, 0, u32(1), u16(1), named, b.subarray(1)), 'bytes after the end');
bad('resign with a body', frame(19, 0, 0, a), 'bytes after the end');
bad('wait without a body', frame(20, 0, 1), 'text without a length');
bad('wait: a code beyond the frame', frame(20, 0, 1, u16(6), a), 'text ends early');
bad('wait: half a character', frame(20, WIDE, 1, u16(0), a), 'half a character');

// ---- proofs -------------------------------------------------------------------------------------------------------

/** The bytes that are signed stand next to the signature, to help implementers whose signature differs. */
function prove(name, secret, role, port, dialerNonce, listenerNonce) {
  const signed = Buffer.concat([latin1(`trunkline v2 ${role}`), u16(port), dialerNonce, listenerNonce].map(sized));
  const signature = createHmac('sha256', secret).update(signed).digest();
  const fields = { secret, dialerNonce, listenerNonce, signed, proof: signature };
  proofs.push({ name, role, port, ...Object.fromEntries(Object.entries(fields).map(([key, bytes]) => [key, hex(bytes)])) });
}

const secret = latin1('a secret of this host');
const [dialerNonce, listenerNonce] = [Buffer.alloc(32, 0xd1), Buffer.alloc(32, 0x15)];
prove('of a listener', secret, 'listener', 7777, dialerNonce, listenerNonce);
prove('of a dialer', secret, 'dialer', 7777, dialerNonce, listenerNonce);
prove('for another port', secret, 'dialer', 7778, dialerNonce, listenerNonce);
prove('with the nonces changed over', secret, 'dialer', 7777, listenerNonce, dialerNonce);
prove('with another secret', latin1('a secret of thIs host'), 'dialer', 7777, dialerNonce, listenerNonce);
prove('with a bound between the nonces elsewhere', secret, 'dialer', 7777, dialerNonce.subarray(1), Buffer.concat([dialerNonce.subarray(0, 1), listenerNonce]));
prove('of a listener that has no nonce', secret, 'listener', 65_535, dialerNonce, none);

// ---- structured values --------------------------------------------------------------------------------------------

/** A structured value: form, body, text and binary data. `source` is the expression that the value is. */
function value(name, source, body, { text = '', wide = false, references = false, blobs = [] } = {}) {
  values.push({ name, source, hex: structured({ form: (wide ? 1 : 0) | (references ? 2 : 0), body, text, wide, blobs }) });
}

function structured({ form = 0, body, text = '', wide = false, blobs = [], bodyBytes, characters }) {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from([form, ...count(bodyBytes ?? bytes.length), ...count(characters ?? text.length)]),
    bytes,
    wide ? utf16(text) : latin1(text),
    ...blobs,
  ]).toString('hex');
}

function count(number) {
  const bytes = [];
  let rest = number;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function double(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(number);
  return [...bytes];
}

values.push({ name: 'undefined is no bytes', source: 'undefined', hex: '' });
value('null', 'null', [0xe0]);
value('false', 'false', [0xe2]);
value('true', 'true', [0xe3]);
value('0', '0', [0]);
value('127', '127', [127]);
value('128', '128', [0xe4, 0, 0, 0, 128]);
value('-1', '-1', [0xe4, 255, 255, 255, 255]);
value('the largest int32', '2 ** 31 - 1', [0xe4, 127, 255, 255, 255]);
value('beyond int32', '2 ** 31', [0xe5, ...double(2 ** 31)]);
value('-0', '-0', [0xe5, 128, 0, 0, 0, 0, 0, 0, 0]);
value('NaN', 'NaN', [0xe5, 127, 248, 0, 0, 0, 0, 0, 0]);
value('0.1', '0.1', [0xe5, ...double(0.1)]);
value('an empty string', "''", [0x80]);
value('a string', "'ab'", [0x82], { text: 'ab' });
value('a string of Latin-1', "'caffè'", [0x85], { text: 'caffè' });
value('a string of 63', "'x'.repeat(63)", [0xbf], { text: 'x'.repeat(63) });
value('a string of 64', "'x'.repeat(64)", [0xe6, 64], { text: 'x'.repeat(64) });
value('a string of 300', "'x'.repeat(300)", [0xe6, 0xac, 2], { text: 'x'.repeat(300) });
value('a string beyond Latin-1', "'配置'", [0x82], { text: '配置', wide: true });
value('half a pair', "'\\ud800'", [0x81], { text: '\ud800', wide: true });
value('an empty object', '({})', [0xe7, 0]);
value('an object', "({ a: 1, bc: 'x' })", [0xe7, 2, 1, 2, 1, 0x81], { text: 'abcx' });
value('objects of one shape', '[{ a: 1 }, { a: 2 }]', [0xeb, 2, 0xe7, 1, 1, 1, 0xc0, 2], { text: 'a' });
value('an object inside one of a shape that is used again', '[{ a: { a: 1 } }]', [0xeb, 1, 0xe7, 1, 1, 0xc0, 1], { text: 'a' });
value('a key __proto__', '({ ["__proto__"]: 1 })', [0xe7, 1, 9, 1], { text: '__proto__' });
value('an object without prototype', 'Object.assign(Object.create(null), { a: 1 })', [0xea, 1, 1, 1], { text: 'a' });
value(
  'an object of 33 properties is a dictionary',
  "Object.fromEntries(Array.from({ length: 33 }, (_, i) => ['k' + (i + 10), i]))",
  [0xe9, 33, ...Array.from({ length: 33 }, (_, i) => [3, i]).flat()],
  { text: Array.from({ length: 33 }, (_, i) => `k${i + 10}`).join('') },
);
value('an array', '[1, undefined, null]', [0xeb, 3, 1, 0xe1, 0xe0]);
value('an array with holes', '[1, , 3]', [0xec, 3, 2, 0, 1, 2, 3]);
value('a cycle', '(() => { const a = []; a.push(a); return a; })()', [0xeb, 1, 0xed, 0], { references: true });
value('a shared object', '(() => { const a = {}; return [a, a]; })()', [0xeb, 2, 0xe7, 0, 0xed, 1], { references: true });
value('a bigint', '258n', [0xee, 0, 2, 1, 2]);
value('a negative bigint', '-5n', [0xee, 1, 1, 5]);
value('the bigint 0', '0n', [0xee, 0, 1, 0]);
value('a date', 'new Date(5)', [0xef, ...double(5)]);
value('an invalid date', 'new Date(NaN)', [0xef, 127, 248, 0, 0, 0, 0, 0, 0]);
value('a regular expression', '/a+/gi', [0xf0, 2, 2], { text: 'a+gi' });
value('a map', "new Map([['k', 1]])", [0xf1, 1, 0x81, 1], { text: 'k' });
value('a set', 'new Set([1, 2])', [0xf2, 2, 1, 2]);
const bytes = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);
[
  'Buffer',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
].forEach((kind, number) => {
  const buffer = 'new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer';
  const source = { Buffer: `Buffer.from(${buffer})`, ArrayBuffer: buffer }[kind] ?? `new ${kind}(${buffer})`;
  value(`binary data: ${kind}`, source, [0xf3, number, 8], { blobs: [bytes] });
});
value('no binary data', 'Buffer.alloc(0)', [0xf3, 0, 0]);
value('two pieces of binary data, and text', "[Buffer.from([1]), 'x', Buffer.from([2])]", [0xeb, 3, 0xf3, 0, 1, 0x81, 0xf3, 0, 1], {
  text: 'x',
  blobs: [Buffer.from([1]), Buffer.from([2])],
});
value(
  'an error',
  "Object.assign(new RangeError('m'), { stack: 's', code: 7 })",
  [0xf4, 2, 6, 0x81, 0x81, 0xe9, 1, 4, 7],
  { text: 'mscode' },
);
value(
  'an error with another name and a cause',
  "Object.defineProperty(Object.assign(new Error('m', { cause: 1 }), { stack: 's' }), 'name', { value: 'N' })",
  [0xf4, 0, 15, 0x81, 0x81, 0x81, 1, 0xe9, 0],
  { text: 'Nms' },
);
value(
  'an error whose code is not enumerable',
  "Object.defineProperty(Object.assign(new Error('m'), { stack: 's' }), 'code', { value: 7 })",
  [0xf4, 0, 134, 0x81, 0x81, 7, 0xe9, 0],
  { text: 'ms' },
);
value(
  'a DOMException',
  "Object.defineProperty(new DOMException('m', 'AbortError'), 'stack', { value: 's' })",
  [0xf4, 9, 7, 0x8a, 0x81, 0x81, 0xe9, 0],
  { text: 'AbortErrorms' },
);
value(
  'an AggregateError',
  "Object.assign(new AggregateError([1], 'm'), { stack: 's' })",
  [0xf4, 7, 22, 0x81, 0x81, 0xeb, 1, 1, 0xe9, 0],
  { text: 'ms' },
);

function badValue(name, parts, error) {
  malformedValues.push({ name, hex: Buffer.isBuffer(parts) ? parts.toString('hex') : structured(parts), error });
}

badValue('form 4', { form: 4, body: [0xe0] }, 'form 4');
badValue('nothing but a form', Buffer.from([0]), 'ends early');
badValue('no body', { body: [] }, 'ends early');
badValue('a body beyond the bytes', { body: [0xe0], bodyBytes: 2 }, 'ends early');
badValue('text beyond the bytes', { body: [0x81], characters: 1 }, 'ends early');
badValue('wide text of half the bytes', { form: 1, body: [0x82], text: 'ab' }, 'ends early');
badValue('text that nothing asks for', { body: [0xe0], text: 'a' }, 'after the end');
badValue('two values', { body: [0xe0, 0xe0] }, 'after the end');
badValue('binary data that nothing asks for', { body: [0xe0], blobs: [bytes] }, 'after the end');
badValue('a string longer than the text', { body: [0x82], text: 'a' }, 'text ends early');
badValue('a string of 4 GiB', { body: [0xe6, ...count(2 ** 32 - 1)], text: 'a' }, 'text ends early');
badValue('a count beyond 32 bits', { body: [0xe6, ...count(2 ** 32)] }, 'count');
badValue('a count that does not end', { body: [0xe6, 128, 128, 128, 128, 128, 128, 0] }, 'count');
for (let tag = 0xf5; tag <= 0xff; tag++) badValue(`tag ${tag}`, { body: [tag] }, `tag ${tag}`);
badValue('half an int32', { body: [0xe4, 1, 2] }, 'ends early');
badValue('half a number', { body: [0xe5, 1, 2, 3, 4, 5, 6, 7] }, 'ends early');
badValue('a shape that does not exist', { body: [0xc0] }, 'shape 0');
badValue('a shape of a large number', { body: [0xe8, ...count(2 ** 32 - 1)] }, 'shape 4294967295');
badValue('a shape of 33 keys', { body: [0xe7, 33, ...Array(66).fill(0)] }, 'too many shapes');
badValue(
  '1,025 shapes',
  { body: [0xeb, ...count(1025), ...Array.from({ length: 1025 }, () => [0xe7, 0]).flat()] },
  'too many shapes',
);
badValue('an array of 4 G elements', { body: [0xeb, ...count(2 ** 32 - 1), 1] }, 'ends early');
badValue('an object of 4 G properties', { body: [0xe9, ...count(2 ** 32 - 1), 0, 0] }, 'ends early');
badValue('a map of 4 G entries', { body: [0xf1, ...count(2 ** 32 - 1), 0, 0] }, 'ends early');
badValue('a set of 4 G elements', { body: [0xf2, ...count(2 ** 32 - 1), 0] }, 'ends early');
badValue('an index beyond the length of an array', { body: [0xec, 1, 1, 1, 0] }, 'beyond the length');
badValue('a reference that nothing allows', { body: [0xeb, 1, 0xed, 0] }, 'reference 0');
badValue('a reference to what has not begun', { form: 2, body: [0xeb, 1, 0xed, 1] }, 'reference 1');
badValue('a bigint with sign 2', { body: [0xee, 2, 1, 1] }, 'bigint');
badValue('a bigint of no bytes', { body: [0xee, 0, 0] }, 'bigint');
badValue('a bigint that ends early', { body: [0xee, 0, 9, 1] }, 'ends early');
badValue('a regular expression that is none', { body: [0xf0, 1, 0], text: '(' }, 'regular expression');
badValue('a regular expression with unknown flags', { body: [0xf0, 1, 1], text: 'aq' }, 'flags');
badValue('binary data of kind 15', { body: [0xf3, 15, 0] }, 'unknown kind');
badValue('binary data that ends early', { body: [0xf3, 0, 9], blobs: [bytes] }, 'binary data ends early');
badValue('binary data of 4 GiB', { body: [0xf3, 1, ...count(2 ** 32 - 1)], blobs: [bytes] }, 'binary data ends early');
badValue('half an element', { body: [0xf3, 8, 3], blobs: [bytes.subarray(0, 3)] }, 'not a value');
badValue('an error of class 10', { body: [0xf4, 10, 0, 0xe9, 0] }, 'unknown kind');
badValue('a pattern that this engine does not know', { body: [0xf0, 1, 1], text: 'az' }, 'does not know the pattern /a/z');
badValue('an error without fields', { body: [0xf4, 0, 0, 0xe0] }, 'without fields');
badValue(
  'nested 1,001 levels deep',
  { body: [...Array.from({ length: 1001 }, () => [0xeb, 1]).flat(), 0xe0] },
  'deeper than 1000',
);

// ---- values as JSON text ------------------------------------------------------------------------------------------

function jsonValue(name, source, text) {
  jsonValues.push({ name, source, hex: Buffer.from(text).toString('hex') });
}

function badJson(name, text, error) {
  malformedJsonValues.push({ name, hex: Buffer.from(text).toString('hex'), error });
}

jsonValue('an empty object as JSON', '({})', '{}');
jsonValue('an empty array as JSON', '[]', '[]');
jsonValue('an object as JSON', "({ b: 1, a: 'x' })", '{"b":1,"a":"x"}');
jsonValue('what JSON knows', '[null, true, false, 0, -1, 0.1, 1e21]', '[null,true,false,0,-1,0.1,1e+21]');
jsonValue('nesting as JSON', '({ a: [{ b: {} }] })', '{"a":[{"b":{}}]}');
jsonValue('text beyond ASCII', "['caffè 配置 🚃']", '["caffè 配置 🚃"]');
jsonValue('half a pair as JSON', "['\\ud800']", '["\\ud800"]');
jsonValue('signs that JSON escapes', "['\\n\\u001f\"\\\\']", '["\\n\\u001f\\"\\\\"]');
jsonValue('keys that are numbers', '({ 10: 1, 2: 2, a: 3 })', '{"2":2,"10":1,"a":3}');

badJson('JSON text that ends early', '{"a":1', 'not JSON text');
badJson('JSON text with more behind it', '{}{}', 'not JSON text');
badJson('JSON text with a comma too many', '[1,]', 'not JSON text');
badJson('JSON text with NaN', '[NaN]', 'not JSON text');
badJson('JSON text that is not UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), 'not UTF-8');
badJson('JSON text with a surrogate as UTF-8', Buffer.from([0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d]), 'not UTF-8');
badJson('JSON text with a key __proto__', '{"__proto__":1}', '__proto__');
badJson('JSON text with a key __proto__ twice', '{"__proto__":{},"__proto__":{}}', '__proto__');
badJson('JSON text with an escaped underscore', '{"\\u005f_proto__":1}', '__proto__');
badJson('JSON text that is nested 1,001 levels deep', '['.repeat(1_001) + ']'.repeat(1_001), 'too deeply');

for (const kind of [[...good, ...malformed], [...values, ...malformedValues, ...jsonValues, ...malformedJsonValues], proofs]) {
  const names = kind.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two vectors are called ${twice}`);
}
const file = { good, malformed, values, malformedValues, jsonValues, malformedJsonValues, proofs };
writeFileSync(new URL('v2.json', import.meta.url), `${JSON.stringify(file, undefined, 2)}\n`);
