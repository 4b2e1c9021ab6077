// The table of channels under that of processes.

import { channelsTable } from '../../../src/cli/show/channels-view';
import type { FleetView } from '../../../src/fleet-view';
import type { ChannelView, HostView, ProcessView } from '../../../src/host-view';
import { fleetText } from '../../../src/view/fleet-text';
import { connectionsOf } from '../../../src/view/host-summary';

const plain = { style: (_: string, text: string) => text };
const process = (name: string, pid: number): ProcessView => ({
  pid,
  name,
  state: 'ready',
  readyForMs: undefined,
  restarts: 0,
  lastEnd: undefined,
  memoryBytes: undefined,
  eventLoopDelayMs: undefined,
  clients: [],
});
const channel: ChannelView = {
  channel: 'config',
  port: 7777,
  leaderPid: 101,
  term: 3,
  upstream: { state: 'ok', since: 1_000, error: undefined },
  followers: [],
  keys: [],
  keyCount: 4,
  publications: 0,
  valuesFromUpstream: 12,
  skippedValues: 0,
  lastFailover: undefined,
};
const view = (channels: readonly ChannelView[]): HostView => ({
  source: 'supervisor',
  at: 61_000,
  host: 'here',
  application: undefined,
  processes: [process('agent', 101), process('worker 1', 102)],
  channels,
  events: [],
});

test('a line for each channel, and one for what is wrong', () => {
  const follower = { pid: 102, outboxBytes: 2 * 2 ** 20, lagMs: 1_500, skippedValues: 7, lastHeardMs: 3 };
  const degraded: ChannelView = {
    ...channel,
    channel: 'registry',
    leaderPid: 555,
    upstream: { state: 'degraded', since: 60_000, error: 'no route\n at x' },
    followers: [follower],
    lastFailover: { at: 31_000, durationMs: 41, cause: 'leader lost' },
  };
  expect(channelsTable(view([channel, degraded]), plain)).toBe(
    [
      'CHANNEL   LEADER       TERM  FOLLOWERS  KEYS  VALUES  UPSTREAM            LAST FAILOVER',
      'config    agent (101)     3          0     4      12  ok for 1 min 0 s    -',
      'registry  pid 555         3          1     4      12  degraded for 1.0 s  30 s ago, 41 ms: leader lost',
      'registry: worker 1 (102) reads slowly: 2 MB wait for 1.5 s, 7 values skipped',
      'registry: upstream: no route',
    ].join('\n'),
  );
});

const fleet: FleetView = {
  group: 'shop',
  host: 'host-a',
  state: 'member',
  epoch: 7,
  winner: { host: 'host-b', pid: 41 },
  staleSince: undefined,
  stale: undefined,
  engine: { name: 'redis', version: '7.0.15', warnings: [] },
};

test('a channel of a fleet says how the host stands there, and what the engine warns of', () => {
  const stale: FleetView = {
    ...fleet,
    ...{ state: 'without engine', winner: undefined, staleSince: 57_000, stale: 'engine' },
    engine: { name: 'redis', version: '7.0.15', warnings: ['Redis keeps no append-only file.'] },
  };
  const table = channelsTable(
    view([
      { ...channel, fleet },
      { ...channel, fleet: stale },
    ]),
    plain,
  );
  expect(table!.split('\n').slice(3)).toEqual([
    'config: fleet shop: member, host-b (pid 41) leads, epoch 7',
    'config: fleet shop: without engine; values may be old for 4.0 s: the engine is silent',
    'config: fleet shop: Redis keeps no append-only file.',
  ]);
});

test.each<[Partial<FleetView>, string]>([
  [{ state: 'winner', winner: { host: 'host-a', pid: 5 } }, 'shop: winner, epoch 7'],
  [{ state: 'campaigning', winner: undefined, epoch: 0 }, 'shop: campaigning'],
  [
    { stale: 'upstream', staleSince: 60_000 },
    'shop: member, host-b (pid 41) leads, epoch 7; values may be old for 1.0 s: the upstream client says so',
  ],
])('a host in a fleet in words: %j', (given, text) => {
  expect(fleetText({ ...fleet, ...given }, 61_000)).toBe(text);
});

test('the upstream connection of a fleet is counted where the upstream client is', () => {
  const upstreamClient = { ...channel, channel: 'config of fleet shop' };
  expect(connectionsOf(view([{ ...channel, fleet }]))).toMatchObject({ led: 0, lost: 0 });
  expect(connectionsOf(view([{ ...channel, fleet: { ...fleet, state: 'winner' } }, upstreamClient]))).toMatchObject({
    led: 1,
    lost: 0,
  });
});

test('a channel without a leader says so, and no channel is no table', () => {
  const leaderless: ChannelView = {
    ...channel,
    leaderPid: undefined,
    upstream: { state: 'unknown', since: undefined, error: undefined },
  };
  expect(channelsTable(view([leaderless]), plain)).toContain('config   -          3          0     4      12  unknown');
  expect(channelsTable(view([]), plain)).toBeUndefined();
});
