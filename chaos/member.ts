// A process of a run: creates channels, uses the channels as a user would at random, and reports everything to the driver. The
// other end is member-handle.ts.

import { CHANNELS } from './channels';
import { block, ClientLife, ON_ONE_HOST, type Surroundings } from './client-life';
import { fleetKind, standingWatch } from './fleet/membership';
import { FLEET_CHANNEL } from './fleet/plan';
import { now, type Happening, type HistoryEntry } from './history';
import type { MemberSetup, Order, Report } from './orders';
import { Random } from './random';
import { RunningTime } from './running-time';
import { TelemetryWatch } from './telemetry-watch';

const setup = JSON.parse(process.argv[2]!) as MemberSetup;
const random = new Random(setup.seed);
const plans = setup.fleet ? [FLEET_CHANNEL] : CHANNELS;
const kind = setup.fleet ? fleetKind(setup.fleet) : ON_ONE_HOST;

/** Time between two actions of a user on a channel, ms. */
const ACT_MS = [100, 600] as const;
const MEMORY_MS = 500;
/** Sockets that were closed are gone after this time, ms. */
const LEAVE_MS = 3_000;

let entries: HistoryEntry[] = [];

function record(happening: Happening): void {
  entries.push({ at: now(), ...happening });
  if (entries.length === 1) setImmediate(report);
}

/** Everything from one turn of the event loop goes in a single message. */
function report(): void {
  if (process.connected) process.send!({ entries } satisfies Report, () => undefined);
  entries = [];
}

const telemetry = new TelemetryWatch((message) => record({ kind: 'telemetry', pid: process.pid, message }));

const lives = new Map<string, ClientLife>();
let lastLife = 0;
const renewing = new Set<Promise<void>>();
let isLeaving = false;
let isCalm = false;
let blockMs = 0;

const lookAtFleet = setup.fleet && standingWatch(setup.fleet.host, record);
const running = new RunningTime(() => {
  lookAtFleet?.();
  for (const life of lives.values()) life.look();
});

function create(channel: string): void {
  const around: Surroundings = {
    kind,
    slot: setup.slot,
    port: setup.ports[channel]!,
    upstreamPort: setup.upstreamPort,
    random,
    record,
    ranMs: () => running.ms,
    onDelivery: () => {
      const ms = blockMs;
      blockMs = 0;
      if (!ms) return;
      record({ kind: 'fault', fault: 'block', detail: `a listener blocks for ${ms} ms`, pid: process.pid, until: now() + ms });
      block(ms);
    },
  };
  lives.set(
    channel,
    new ClientLife(
      plans.find(({ name }) => name === channel)!,
      `${channel}-${++lastLife}`,
      around,
    ),
  );
}

async function renew(channel: string, pauseMs: number): Promise<void> {
  const life = lives.get(channel);
  if (!life) return; // is being renewed already
  lives.delete(channel);
  const closing = life.close();
  renewing.add(closing);
  await closing;
  renewing.delete(closing);
  setTimeout(() => {
    if (!isLeaving) create(channel);
  }, pauseMs).unref();
}

/** A client that is closed keeps no process alive. */
async function leave(): Promise<void> {
  isLeaving = true;
  isCalm = true;
  await Promise.all([...lives.values()].map((life) => life.close()));
  await Promise.all(renewing);
  lives.clear();
  telemetry.finish();
  process.removeAllListeners('disconnect');
  process.removeAllListeners('SIGINT');
  report();
  process.disconnect();
  setTimeout(() => {
    console.error(`all clients are closed, and these are still there: ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit(1);
  }, LEAVE_MS).unref();
}

function act(channel: string): void {
  setTimeout(() => act(channel), random.whole(...ACT_MS)).unref();
  if (!isCalm) lives.get(channel)?.act();
}

process.on('message', (order: Order) => {
  switch (order.order) {
    case 'block':
      blockMs = order.ms;
      return;
    case 'renew':
      if (!isLeaving) void renew(order.channel, order.pauseMs);
      return;
    case 'calm':
      isCalm = order.isCalm || isLeaving;
      return;
    case 'leave':
      void leave();
      return;
    case 'probe':
      for (const life of lives.values()) life.call();
  }
});
process.once('disconnect', () => process.exit());
process.on('SIGINT', () => undefined); // of a terminal, which signals every process: the driver ends the members
process.on('unhandledRejection', (reason) => {
  record({
    kind: 'unhandled',
    pid: process.pid,
    message: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
  });
});

record({ kind: 'started', pid: process.pid, slot: setup.slot });
for (const plan of plans) {
  if (!plan.isFor(setup.slot)) continue;
  create(plan.name);
  act(plan.name);
}
setInterval(() => {
  const leads = [...lives.values()].filter((life) => life.leads).length;
  record({ kind: 'memory', pid: process.pid, rssBytes: process.memoryUsage.rss(), leads });
}, MEMORY_MS).unref();
