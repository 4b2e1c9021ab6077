// Writes v1.json: golden bytes of wire version 1. Run `node protocol/vectors/generate.mjs`; the same input gives the same file.
// Entries from 'cluster-client' are written by the leader and the follower of package cluster-client, driven here without
// sockets; entries from 'trunkline' carry the additions of trunkline and are put together by the packet classes of that package:
// the tested codec has no part in its own vectors. The meaning of each frame (`message`) is stated here by hand.

import { Buffer } from 'node:buffer';
import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const Follower = require('cluster-client/lib/follower.js');
const Leader = require('cluster-client/lib/leader.js');
const Packet = require('cluster-client/lib/protocol/packet.js');
const Response = require('cluster-client/lib/protocol/response.js');
const Request = require('cluster-client/lib/protocol/request.js');
const legacy = require('cluster-client/lib/utils.js');
const transcode = require('cluster-client/lib/default_transcode.js');

const CHANNEL = 'demo';
const TIMEOUT_MS = 3000;
const PREFIX = '$$inner$$__';
const SILENT_LOGGER = { debug() {}, info() {}, warn() {}, error() {} };
const hex = (bytes) => ({ hex: Buffer.from(bytes).toString('hex') });
const value = (given) => hex(transcode.encode(given));
const list = (...parts) => Buffer.concat(parts.flatMap((part) => [int32(part.length), part]));

const good = [];
const malformed = [];

// ---- the follower of cluster-client -------------------------------------------------------------------------------

/** A real follower, whose frames are recorded instead of sent. */
class RecordingFollower extends Follower {
  frames = [];

  _connect() {}

  send({ data }) {
    this.frames.push(data);
  }
}

function followerWrites(name, id, act, message, options = {}) {
  const follower = new RecordingFollower({
    name: CHANNEL,
    port: 7777,
    descriptors: new Map([['announce', { type: 'delegate', to: 'publish' }]]),
    transcode,
    responseTimeout: TIMEOUT_MS,
    formatKey: legacy.formatKey,
    logger: SILENT_LOGGER,
    ...options,
  });
  legacy.setId(id - 1);
  const written = act(follower);
  const frame = Buffer.isBuffer(written) ? written : follower.frames.at(-1);
  good.push({ name, from: 'cluster-client', hex: frame.toString('hex'), message: { ...message, id, timeoutMs: TIMEOUT_MS } });
}

followerWrites('register_channel', 1, (follower) => follower._registerChannel(), { type: 'register', channel: CHANNEL });
followerWrites(
  'register_channel with a name beyond ASCII',
  2,
  (follower) => follower._registerChannel(),
  { type: 'register', channel: '配置 ☂ 𝕏' },
  { name: '配置 ☂ 𝕏' },
);

const registrations = {
  'an object': { dataId: 'service.a', group: 'DEFAULT' },
  'a string': 'service.a',
  'a number': 42,
  null: null,
  'an array': ['a', 1, false, null],
  'text beyond ASCII': { 名前: 'caffè – 配置', emoji: '🚃', quote: '"\\\u0000\u2028' },
  nesting: { a: { b: [{ c: { d: ['e', { f: null }] } }] }, empty: {}, none: [] },
  'fields that JSON drops': { kept: 1, dropped: undefined, at: new Date(0) },
};
let nextId = 10;
for (const [shape, registration] of Object.entries(registrations)) {
  const key = PREFIX + legacy.formatKey(registration);
  const carried = JSON.parse(JSON.stringify(registration));
  followerWrites(`subscribe: ${shape}`, nextId++, (follower) => follower.subscribe(registration, () => {}), {
    type: 'subscribe',
    key,
    registration: carried,
  });
  followerWrites(`unSubscribe: ${shape}`, nextId++, (follower) => follower.unSubscribe(registration), {
    type: 'unsubscribe',
    key,
    registration: carried,
  });
}
followerWrites('subscribe: no registration at all', nextId++, (follower) => follower.subscribe(undefined, () => {}), {
  type: 'subscribe',
  key: `${PREFIX}undefined`,
});

const invocations = [
  ['invoke without arguments', []],
  ['invoke with one argument', [{ dataId: 'service.a', n: 1.5, ok: true }]],
  ['invoke with three arguments', ['text', undefined, [1, null, new Date(0)]]],
  ['invoke with an argument beyond ASCII', ['caffè 🚃 ^|%+']],
];
for (const [name, args] of invocations) {
  followerWrites(name, nextId++, (follower) => follower.invoke('getConfig', args, () => {}), {
    type: 'call',
    method: 'getConfig',
    args: args.map(value),
    oneway: false,
  });
}
followerWrites('invoke, one-way', nextId++, (follower) => follower.invoke('report', ['x']), {
  type: 'call',
  method: 'report',
  args: [value('x')],
  oneway: true,
});
followerWrites(
  'publish is a one-way invoke of the publish method',
  nextId++,
  (follower) => follower.publish({ dataId: 'service.a', host: '10.0.0.1' }),
  {
    type: 'call',
    method: 'announce',
    args: [value({ dataId: 'service.a', host: '10.0.0.1' })],
    oneway: true,
  },
);
followerWrites(
  'invoke with an argument that has no bytes',
  nextId++,
  (follower) => follower.invoke('getConfig', [undefined, 1], () => {}),
  {
    type: 'call',
    method: 'getConfig',
    args: [hex([]), hex(Buffer.from('1'))],
    oneway: false,
  },
  { transcode: { ...transcode, encode: (given) => Buffer.from(JSON.stringify(given) ?? '') } },
);
followerWrites('heartbeat', nextId, (follower) => follower.heartBeatPacket, { type: 'ping' });
followerWrites('heartbeat with the largest id', 2 ** 30 - 1, (follower) => follower.heartBeatPacket, { type: 'ping' });
followerWrites(
  'heartbeat after the wrap-around of ids',
  1,
  (follower) => {
    legacy.setId(2 ** 30 - 1);
    return follower.heartBeatPacket;
  },
  { type: 'ping' },
);
followerWrites(
  'subscribe_result_res',
  700,
  (follower) => {
    const event = {
      id: 700,
      isResponse: false,
      timeout: TIMEOUT_MS,
      connObj: { type: 'subscribe_result', key: `${PREFIX}"k"` },
      data: transcode.encode(1),
    };
    follower._handleRequest(event);
  },
  { type: 'event-ack' },
);

// ---- the leader of cluster-client ---------------------------------------------------------------------------------

/** What the leader of cluster-client writes in answer to a request, or when the upstream client gives a value. */
async function leaderWrites(name, { request, upstream = {}, value: pushed, options = {} }, message) {
  const frames = [];
  const client = Object.assign(new EventEmitter(), upstream);
  let listener;
  client.subscribe = (registration, given) => (listener = given);
  const leader = new Leader({
    name: CHANNEL,
    server: new EventEmitter(),
    createRealClient: () => client,
    descriptors: new Map([['subscribe', { type: 'delegate', to: 'subscribe' }]]),
    transcode,
    responseTimeout: TIMEOUT_MS,
    formatKey: legacy.formatKey,
    isBroadcast: true,
    isCheckHeartbeat: false,
    logger: SILENT_LOGGER,
    ...options,
  });
  leader.on('error', () => {}); // the leader also emits each failure that is sent
  const connection = { key: 40000, send: (packet) => frames.push(packet.encode()) };
  leader._connections.set(connection.key, connection);
  const { id } = request;
  leader._handleRequest({ ...request, timeout: TIMEOUT_MS }, new Response({ id, timeout: TIMEOUT_MS }), connection);
  if (pushed) {
    legacy.setId(message.id - 1);
    listener(pushed.value);
  }
  for (let turn = 0; turn < 5 && frames.length === 0; turn++) await setImmediate();
  if (frames.length !== 1) throw new Error(`${name}: ${frames.length} frames`);
  good.push({ name, from: 'cluster-client', hex: frames[0].toString('hex'), message: { id, ...message, timeoutMs: TIMEOUT_MS } });
}

/** An error whose stack does not depend on where this file lies. */
function fixedError(message, fields) {
  return Object.assign(new Error(message), fields, { stack: `Error: ${message}\n    at upstream (upstream.js:1:1)` });
}
const sentError = ({ message, stack, name, code }) => ({ message, stack, name, code });

const registerRequest = { id: 100, connObj: { type: 'register_channel', channelName: CHANNEL } };
await leaderWrites(
  'register_channel_res, accepted',
  { request: registerRequest },
  {
    type: 'register-result',
    payload: value({ success: true }),
  },
);
const refusal = fixedError('upstream is not reachable', { code: 'ECONNREFUSED' });
await leaderWrites(
  'register_channel_res, refused',
  { request: registerRequest, upstream: { ready: (callback) => process.nextTick(callback, refusal) } },
  {
    type: 'register-result',
    payload: value({ success: false, error: sentError(refusal) }),
  },
);

const subscribeRequest = (id, reg) => ({ id, connObj: { type: 'subscribe', key: PREFIX + legacy.formatKey(reg), reg } });
const events = [
  [
    'subscribe_result',
    { dataId: 'service.a' },
    [
      { host: '10.0.0.1', weight: 100 },
      { host: '10.0.0.2', weight: 0.5 },
    ],
  ],
  ['subscribe_result: text beyond ASCII', { 名前: '配置' }, 'caffè 🚃'],
  ['subscribe_result: undefined', 'k', undefined],
  ['subscribe_result: bytes', 'k', Buffer.from([0, 127, 255])],
];
let eventId = 110;
for (const [name, registration, pushed] of events) {
  const id = ++eventId;
  await leaderWrites(
    name,
    { request: subscribeRequest(id, registration), value: { value: pushed } },
    {
      type: 'event',
      id: id + 1000,
      key: PREFIX + legacy.formatKey(registration),
      payload: value(pushed),
    },
  );
}

const invokeRequest = (id) => ({ id, connObj: { type: 'invoke', method: 'getConfig', argLength: 0, oneway: false } });
const calling = (callback) => ({ getConfig: callback });
await leaderWrites(
  'invoke_result',
  { request: invokeRequest(120), upstream: calling((done) => done(null, { a: [1, 'x'] })) },
  {
    type: 'call-result',
    values: [value({ a: [1, 'x'] })],
  },
);
await leaderWrites(
  'invoke_result: undefined',
  { request: invokeRequest(121), upstream: calling((done) => done()) },
  {
    type: 'call-result',
    values: [value(undefined)],
  },
);
await leaderWrites(
  'invoke_result: null',
  { request: invokeRequest(122), upstream: calling(() => Promise.resolve(null)) },
  {
    type: 'call-result',
    values: [value(null)],
  },
);
await leaderWrites(
  'invoke_result: a value that has no bytes',
  {
    request: invokeRequest(123),
    upstream: calling((done) => done()),
    options: { transcode: { ...transcode, encode: () => Buffer.alloc(0) } },
  },
  { type: 'call-result', values: [hex([])] },
);
const failures = [
  ['invoke_result: failure', fixedError('no such config')],
  ['invoke_result: failure with a string code', fixedError('no such config', { name: 'ConfigError', code: 'E_NO_CONFIG' })],
  ['invoke_result: failure with a number code', fixedError('no such config', { code: 404 })],
];
let failureId = 130;
for (const [name, error] of failures) {
  const payload = value({ stack: error.stack, name: error.name, message: error.message, code: error.code });
  await leaderWrites(
    name,
    { request: invokeRequest(failureId++), upstream: calling((done) => done(error)) },
    { type: 'call-failure', payload },
  );
}
await leaderWrites('heartbeat_res', { request: { id: 140, connObj: { type: 'heartbeat' } } }, { type: 'pong' });

// ---- our additions ------------------------------------------------------------------------------------------------

let lastOwnId = 200;

function ours(name, PacketClass, { connObj, data, timeout = TIMEOUT_MS }, message) {
  const id = ++lastOwnId;
  const frame = new PacketClass({ id, timeout, connObj, data }).encode();
  good.push({ name, from: 'trunkline', hex: frame.toString('hex'), message: { ...message, id, timeoutMs: timeout } });
}

const hello = { versions: [1] };
ours(
  'register_channel with a hello',
  Request,
  { connObj: { type: 'register_channel', channelName: CHANNEL, hello } },
  {
    type: 'register',
    channel: CHANNEL,
    hello,
  },
);
ours(
  'register_channel with a hello of several versions',
  Request,
  { connObj: { type: 'register_channel', channelName: CHANNEL, hello: { versions: [2, 1] } } },
  {
    type: 'register',
    channel: CHANNEL,
    hello: { versions: [2, 1] },
  },
);
ours(
  'register_channel_res with a hello',
  Response,
  { connObj: { type: 'register_channel_res', hello }, data: transcode.encode({ success: true }) },
  {
    type: 'register-result',
    payload: value({ success: true }),
    hello,
  },
);
const whole = { dataId: 'service.a', since: new Date(0), tag: Buffer.from([1, 2]) };
const key = `${PREFIX}{"dataId":"service.a","since":"1970-01-01T00:00:00.000Z","tag":{"data":[1,2],"type":"Buffer"}}`;
const reg = { dataId: 'service.a', since: '1970-01-01T00:00:00.000Z', tag: { data: [1, 2], type: 'Buffer' } };
ours(
  'subscribe with the whole registration',
  Request,
  { connObj: { type: 'subscribe', key, reg }, data: transcode.encode(whole) },
  {
    type: 'subscribe',
    key,
    registration: reg,
    payload: value(whole),
  },
);
const invoke = (fields) => ({ type: 'invoke', method: 'getConfig', ...fields });
const oneArgument = list(transcode.encode('x'));
for (const style of ['promise', 'callback']) {
  ours(
    `invoke, style ${style}`,
    Request,
    { connObj: invoke({ argLength: 1, oneway: false, style }), data: oneArgument },
    {
      type: 'call',
      method: 'getConfig',
      args: [value('x')],
      oneway: false,
      style,
    },
  );
}
ours(
  'a publication',
  Request,
  { connObj: { ...invoke({ argLength: 1, oneway: true, style: 'promise' }), method: 'publish' }, data: oneArgument },
  {
    type: 'call',
    method: 'publish',
    args: [value('x')],
    oneway: true,
    style: 'promise',
  },
);
ours(
  'a publication that is repeated',
  Request,
  {
    connObj: { ...invoke({ argLength: 1, oneway: true, style: 'promise', replay: true }), method: 'publish' },
    data: oneArgument,
  },
  {
    type: 'call',
    method: 'publish',
    args: [value('x')],
    oneway: true,
    style: 'promise',
    replay: true,
  },
);
ours(
  'invoke_result with no value',
  Response,
  { connObj: { type: 'invoke_result', success: true, resultLength: 0 } },
  {
    type: 'call-result',
    values: [],
  },
);
ours(
  'invoke_result with three values',
  Response,
  {
    connObj: { type: 'invoke_result', success: true, resultLength: 3 },
    data: list(transcode.encode(1), transcode.encode(undefined), Buffer.alloc(0)),
  },
  { type: 'call-result', values: [value(1), value(undefined), hex([])] },
);
const failure = {
  message: 'm',
  name: 'TypeError',
  stack: 's',
  cause: { error: { message: 'inner', name: 'Error' } },
  fields: { retryable: true },
};
ours(
  'invoke_result: failure with cause and own fields',
  Response,
  { connObj: { type: 'invoke_result', success: false }, data: transcode.encode(failure) },
  {
    type: 'call-failure',
    payload: value(failure),
  },
);
ours('heartbeat without a timeout', Request, { connObj: { type: 'heartbeat' }, timeout: 0 }, { type: 'ping' });

const secret = Buffer.from('000102030405060708090a0b0c0d0e0ff8f9fafbfcfdfeff', 'hex');
const nonce = 'AAECAwQFBgcICQoLDA0OD/j5+vv8/f7/';
ours(
  'register_channel that asks for a proof',
  Request,
  { connObj: { type: 'register_channel', channelName: CHANNEL, hello: { versions: [1, 2], nonce } } },
  {
    type: 'register',
    channel: CHANNEL,
    hello: { versions: [1, 2], nonce: hex(secret) },
  },
);
ours(
  'register_channel that says what it shares',
  Request,
  { connObj: { type: 'register_channel', channelName: CHANNEL, hello: { versions: [1, 2], nonce, methods: '0123456789abcdef' } } },
  {
    type: 'register',
    channel: CHANNEL,
    hello: { versions: [1, 2], nonce: hex(secret), methods: '0123456789abcdef' },
  },
);
ours(
  'register_channel_res with a whole hello and nothing else',
  Response,
  { connObj: { type: 'register_channel_res', hello: { versions: [1, 2], nonce, proof: '//79/Pv6+fgPDg0MCwoJCAcGBQQDAgEA' } } },
  {
    type: 'register-result',
    payload: hex(Buffer.alloc(0)),
    hello: { versions: [1, 2], nonce: hex(secret), proof: hex(Buffer.from(secret).reverse()) },
  },
);
ours(
  'register_channel_res of a listener that reads the keys of a join',
  Response,
  { connObj: { type: 'register_channel_res', hello: { versions: [1, 2], nonce, joinKeys: true, looks: true } } },
  {
    type: 'register-result',
    payload: hex(Buffer.alloc(0)),
    hello: { versions: [1, 2], nonce: hex(secret), joinKeys: true, looks: true },
  },
);

// ---- what is not a frame ------------------------------------------------------------------------------------------

/** Any 24 bytes in the layout of a header. */
function header({ version = 1, kind = 0, id = 1n, timeout = TIMEOUT_MS, connection = 0, application = 0 }) {
  const bytes = Buffer.alloc(24);
  bytes[0] = version;
  bytes[1] = kind;
  bytes.writeBigInt64BE(id, 4);
  bytes.writeInt32BE(timeout, 12);
  bytes.writeInt32BE(connection, 16);
  bytes.writeInt32BE(application, 20);
  return bytes;
}

function frameOf(json, data = Buffer.alloc(0), fields = {}) {
  const connection = Buffer.from(json);
  return Buffer.concat([header({ connection: connection.length, application: data.length, ...fields }), connection, data]);
}

function int32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
}

function bad(name, bytes, error) {
  malformed.push({ name, hex: bytes.toString('hex'), error });
}

const heartbeat = '{"type":"heartbeat"}';
bad('version 0', frameOf(heartbeat, undefined, { version: 0 }), 'not a frame of this protocol');
bad('version 2', frameOf(heartbeat, undefined, { version: 2 }), 'not a frame of this protocol');
bad('an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost:7777\r\n\r\n'), 'not a frame of this protocol');
bad('the first bytes of TLS', Buffer.from('16030100a5010000a10303', 'hex'), 'not a frame of this protocol');
bad('kind 2', frameOf(heartbeat, undefined, { kind: 2 }), 'frame kind 2');
bad('kind 255', frameOf(heartbeat, undefined, { kind: 255 }), 'frame kind 255');
bad('negative connection length', header({ connection: -1 }), 'negative length');
bad('negative application length', header({ connection: 20, application: -1 }), 'negative length');
bad('lengths that cancel each other out', header({ connection: -20, application: 20 }), 'negative length');
bad('a connection object of 2 GiB', header({ connection: 2 ** 31 - 1 }), 'exceeds the limit');
bad('application bytes of 2 GiB', header({ connection: 20, application: 2 ** 31 - 1 }), 'exceeds the limit');
bad('lengths whose sum is beyond int32', header({ connection: 2 ** 31 - 1, application: 2 ** 31 - 1 }), 'exceeds the limit');
bad('one byte beyond 256 MiB', header({ connection: 20, application: 256 * 1024 * 1024 - 24 - 20 + 1 }), 'exceeds the limit');
bad('no connection object', header({}), 'not JSON');
bad('no connection object, but application bytes', frameOf('', Buffer.from('x')), 'not JSON');
bad('a connection object that is not JSON', frameOf('{type:"heartbeat"}'), 'not JSON');
bad('a connection object that ends early', frameOf('{"type":"heartbeat"'), 'not JSON');
bad('a connection object that is not text', frameOf(Buffer.from([0xff, 0xfe, 0x00])), 'not JSON');
bad('two connection objects', frameOf(heartbeat + heartbeat), 'not JSON');
for (const json of [
  'null',
  '1',
  '"heartbeat"',
  'true',
  '[]',
  '["type"]',
  '{}',
  '{"type":1}',
  '{"type":null}',
  '{"Type":"heartbeat"}',
]) {
  bad(`connection object ${json}`, frameOf(json), 'has no type');
}
bad('channelName is a number', frameOf('{"type":"register_channel","channelName":1}'), 'channelName must be a string');
bad('channelName is missing', frameOf('{"type":"register_channel"}'), 'channelName must be a string');
for (const type of ['subscribe', 'unSubscribe', 'subscribe_result']) {
  bad(`${type}: key is an object`, frameOf(`{"type":"${type}","key":{},"reg":1}`), 'key must be a string');
  bad(`${type}: key is missing`, frameOf(`{"type":"${type}","reg":1}`), 'key must be a string');
}
bad('method is an array', frameOf('{"type":"invoke","method":["a"],"argLength":0}'), 'method must be a string');
bad('method is missing', frameOf('{"type":"invoke","argLength":0}'), 'method must be a string');

const lists = {
  argLength: (count) => `{"type":"invoke","method":"m","argLength":${count},"oneway":false}`,
  resultLength: (count) => `{"type":"invoke_result","success":true,"resultLength":${count}}`,
};
const onePart = list(Buffer.from('ab'));
for (const [field, json] of Object.entries(lists)) {
  for (const count of ['-1', '0.5', '1.5', '"1"', 'null', '{}', '[1]', 'true', '1e9', '9007199254740993', '1e400']) {
    bad(`${field} is ${count}`, frameOf(json(count), onePart), 'wrong length of a list');
  }
  bad(`${field} claims two, there are no bytes`, frameOf(json(2)), 'wrong length of a list');
  bad(`${field} claims two, there is one of four bytes`, frameOf(json(2), list(Buffer.from('abcd'))), 'list ends early');
  bad(
    `${field} claims two, the second has half a length`,
    frameOf(json(2), Buffer.concat([onePart, Buffer.alloc(2)])),
    'list ends early',
  );
  bad(
    `${field}: a part overruns the frame`,
    frameOf(json(1), Buffer.concat([int32(3), Buffer.from('ab')])),
    'list part ends early',
  );
  bad(`${field}: a part of 2 GiB`, frameOf(json(1), int32(2 ** 31 - 1)), 'list part ends early');
  bad(
    `${field}: a part of negative length`,
    frameOf(json(1), Buffer.concat([int32(-4), Buffer.from('abcd')])),
    'list part ends early',
  );
  bad(`${field} claims one, there are two`, frameOf(json(1), Buffer.concat([onePart, onePart])), 'bytes after the end of a list');
  bad(`${field} claims none, there is one`, frameOf(json(0), onePart), 'bytes after the end of a list');
}
bad('argLength is missing', frameOf('{"type":"invoke","method":"m"}'), 'wrong length of a list');
bad('an id of 2^53', frameOf(heartbeat, undefined, { id: 2n ** 53n }), 'id out of range');
bad('the largest id', frameOf(heartbeat, undefined, { id: 2n ** 63n - 1n }), 'id out of range');
bad('the most negative id', frameOf(heartbeat, undefined, { id: -(2n ** 63n) }), 'id out of range');
const complete = new Packet({
  id: 1,
  type: 0,
  timeout: TIMEOUT_MS,
  connObj: { type: 'subscribe_result', key: 'k' },
  data: transcode.encode('value'),
}).encode();
bad('cut off inside the header', complete.subarray(0, 23), 'frame shorter than its header');
bad('cut off after the header', complete.subarray(0, 24), 'wrong frame length');
bad('cut off inside the connection object', complete.subarray(0, 30), 'wrong frame length');
bad('cut off inside the application bytes', complete.subarray(0, complete.length - 1), 'wrong frame length');

const names = [...good, ...malformed].map(({ name }) => name);
const twice = names.find((name, index) => names.indexOf(name) !== index);
if (twice !== undefined) throw new Error(`two vectors are called ${twice}`);
writeFileSync(new URL('v1.json', import.meta.url), `${JSON.stringify({ good, malformed }, undefined, 2)}\n`);
