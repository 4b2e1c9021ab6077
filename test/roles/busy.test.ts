// What a follower does when the leader does not read, does not answer, or announces to leave.

import { V2 } from '../../protocol/dialects';
import { structuredTranscode, ValueCodec } from '../../protocol/value-codec';
import { Follower } from '../../src/roles/follower/follower';
import { PeerValues } from '../../src/roles/peer-values';
import type { ChannelSpec } from '../../src/roles/role';
import type { Connection, ConnectionEnd, Receiver } from '../../src/transport/connection';
import { ManualClock } from '../../src/testing/manual-clock';

const values = new ValueCodec(structuredTranscode);
const spec = {
  name: 'config',
  methods: { publish: 'publish' },
  values,
  legacyValues: values,
  isBroadcast: true,
  maxOutboxBytes: 1_000,
  responseTimeoutMs: 3_000,
  clock: new ManualClock(),
} as unknown as ChannelSpec;

class FakeConnection {
  readonly dialect = V2;
  readonly sent: unknown[] = [];
  end!: (end: ConnectionEnd) => void;
  readonly closed = new Promise<ConnectionEnd>((resolve) => (this.end = resolve));
  receiver: Receiver = () => undefined;
  outboxBytes = 0;
  #lastId = 0;

  get backlogBytes(): number {
    return this.outboxBytes;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  send(message: unknown): void {
    this.sent.push(message);
  }
}

let connection: FakeConnection;
let follower: Follower;
let errors: unknown[];

beforeEach(() => {
  connection = new FakeConnection();
  errors = [];
  const hooks = {
    onError: (error: unknown) => void errors.push(error),
    onReady: () => undefined,
    onSetback: () => undefined,
    onUpstream: () => () => undefined,
  };
  follower = new Follower(spec, connection as unknown as Connection, 1, PeerValues.ofOurs(spec), hooks);
});

const busy = (method: string) => expect.objectContaining({ code: 'ERR_TRUNKLINE_BUSY', retryable: true, method }) as unknown;

test('more than the limit before the leader: calls, one-way calls and publications are not sent, and say so', async () => {
  connection.outboxBytes = spec.maxOutboxBytes + 1;
  await expect(follower.call('get', ['x'], 'promise')).rejects.toEqual(busy('get'));
  follower.notify('tell', ['x']);
  expect(errors).toEqual([busy('tell')]);
  expect(() => follower.publish('x', { replay: false })).toThrow(busy('publish') as Error);
  expect(connection.sent).toEqual([]);

  follower.publish('x', { replay: true }); // must not be lost because the leader has changed
  expect(connection.sent).toHaveLength(1);
  connection.outboxBytes = spec.maxOutboxBytes;
  void follower.call('get', ['x'], 'promise');
  expect(connection.sent).toHaveLength(2);
});

test('100,000 calls without an answer: the next is rejected at once, until one is answered', async () => {
  for (let i = 0; i < 100_000; i++) void follower.call('get', [], 'promise');
  await expect(follower.call('get', [], 'promise')).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_BUSY',
    waitingCalls: 100_000,
    message: expect.stringContaining('waitingCalls=100000') as string,
  });
  connection.receiver({ type: 'call-result', id: 1, timeoutMs: 0, values: [] });
  void follower.call('get', [], 'promise');
  expect(connection.sent).toHaveLength(100_001);
});

test('a leader that lets go of a follower which is too slow says so, and calls under way name it as the reason', async () => {
  const call = follower.call('get', ['x'], 'promise');
  connection.receiver({ type: 'goaway', code: 'too-slow', sentence: 'maxOutboxBytes=1000 were waiting' });
  connection.end({ reason: 'ended-by-peer' });
  await expect(call).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_LEADER_LOST',
    cause: { code: 'ERR_TRUNKLINE_TOO_SLOW', message: expect.stringContaining('maxOutboxBytes=1000') as string },
  });
  expect(await follower.ended).toMatchObject({ reason: 'leader-lost', error: { code: 'ERR_TRUNKLINE_TOO_SLOW' } });
});

test('a leader that hands over is left, and still answers what is under way', async () => {
  const call = follower.call('get', ['x'], 'promise');
  connection.receiver({ type: 'goaway', code: 'hand-off', sentence: 'this leader is going' });
  await follower.handOffBegun;
  expect(follower.isOver).toBe(false);
  connection.receiver({ type: 'call-result', id: 1, timeoutMs: 0, values: [values.encode('answer')] });
  await expect(call).resolves.toEqual(['answer']);
});
