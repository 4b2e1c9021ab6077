// What goes wrong: an entry for each kind of fault, chosen by weight.

import type { FaultProxy } from '../src/testing/fault-proxy';
import { CHANNELS, HEARTBEAT_MS, keysOf } from './channels';
import type { Crew, Member } from './crew';
import { now, type EntryOf, type Recorder } from './history';
import type { Random } from './random';
import type { ChaosUpstream } from './upstream/server';

export interface Stage {
  readonly crew: Crew;
  readonly server: ChaosUpstream;
  readonly proxy: FaultProxy;
  readonly random: Random;
  readonly record: Recorder;
}

interface FaultPlan {
  readonly weight: number;
  readonly make: (stage: Stage) => void;
}

const PLANS: readonly FaultPlan[] = [
  { weight: 5, make: (stage) => killSomebody(stage) },
  { weight: 5, make: (stage) => stopSomebody(stage) },
  { weight: 4, make: (stage) => blockSomebody(stage) },
  { weight: 5, make: (stage) => renewSomething(stage) },
  { weight: 2, make: (stage) => leaveWithSomebody(stage) },
  { weight: 2, make: (stage) => cutTheNet(stage) },
  { weight: 2, make: (stage) => slowTheNet(stage) },
  { weight: 1, make: (stage) => holdTheNet(stage) },
  { weight: 1, make: (stage) => swallowTheNet(stage) },
  { weight: 1, make: (stage) => restartUpstream(stage) },
  { weight: 1, make: (stage) => flood(stage) },
];

export function makeFault(stage: Stage): void {
  stage.random.weighted(PLANS).make(stage);
}

/** Undoes all faults that do not end by plan. */
export function endFaults({ crew, proxy }: Stage): void {
  crew.heal();
  healProxy(proxy);
}

/** Undoes all faults of a proxy. */
export function healProxy(proxy: FaultProxy): void {
  proxy.refusesNew = false;
  proxy.delayMs = 0;
  proxy.resume('toTarget');
  proxy.resume('toClient');
  proxy.stopSwallowing();
}

function killSomebody(stage: Stage): void {
  const [member, detail] = somebody(stage);
  member?.kill(detail);
}

function leaveWithSomebody(stage: Stage): void {
  const [member, detail] = somebody(stage);
  if (member && !member.isLeaving) member.leave(detail);
}

function stopSomebody(stage: Stage): void {
  const [member, detail] = somebody(stage);
  if (member && !member.isStopped) member.stop(stage.random.size(100, 8_000), detail);
}

function blockSomebody(stage: Stage): void {
  const [member] = somebody(stage);
  member?.order({ order: 'block', ms: stage.random.size(100, 3_000) });
}

function renewSomething(stage: Stage): void {
  const { random, record } = stage;
  const [member, detail] = somebody(stage);
  if (!member) return;
  const { name: channel } = random.pick(CHANNELS.filter(({ isFor }) => isFor(member.slot)));
  const pauseMs = random.whole(0, 500);
  record({ kind: 'fault', fault: 'renew', detail, pid: member.pid, channel, until: now() + pauseMs });
  member.order({ order: 'renew', channel, pauseMs });
}

/** The leader of a channel, or anybody. */
function somebody({ crew, server, random }: Stage): [member: Member | undefined, detail: string] {
  const { name } = random.pick(CHANNELS);
  const leader = crew.withPid(server.pidsOf(name)[0]);
  if (random.chance(0.5) && leader) return [leader, `the leader of ${name}`];
  const { members } = crew;
  return [members.length ? random.pick(members) : undefined, 'anybody'];
}

function cutTheNet(stage: Stage): void {
  const { proxy, random } = stage;
  const how = random.pick(['cut', 'reset', 'reset-within'] as const);
  told(stage, 'cut', how, 0);
  if (how === 'cut') proxy.cut();
  else if (how === 'reset') proxy.reset();
  else proxy.resetWithin(random.pick(['toTarget', 'toClient'] as const), random.size(1, 20_000));
}

function slowTheNet(stage: Stage): void {
  const { proxy, random } = stage;
  const delayMs = random.size(2, 100);
  proxy.delayMs = delayMs;
  told(stage, 'slow-net', `each chunk waits ${delayMs} ms`, random.size(200, 3_000), () => {
    proxy.delayMs = 0;
  });
}

function holdTheNet(stage: Stage): void {
  const { proxy, random } = stage;
  const direction = random.pick(['toTarget', 'toClient'] as const);
  proxy.pause(direction);
  told(stage, 'hold-net', `nothing goes ${direction}`, random.size(200, 3_000), () => {
    proxy.resume(direction);
  });
}

function swallowTheNet(stage: Stage): void {
  const { proxy, random } = stage;
  proxy.swallow();
  told(stage, 'swallow', 'half-open', random.size(200, 3_000), () => {
    proxy.stopSwallowing();
  });
}

function restartUpstream({ server, random, record }: Stage): void {
  if (!server.isUp) return;
  const downMs = random.size(50, 3_000);
  record({ kind: 'fault', fault: 'upstream-down', detail: '', until: now() + downMs });
  server.restart(downMs);
}

/**
 * More values than a slow consumer can take. A member does not run meanwhile, for less than the time after which a follower is
 * disconnected.
 */
function flood({ crew, server, random, record }: Stage): void {
  const plan = random.pick(CHANNELS);
  const leaders = server.pidsOf(plan.name);
  const followers = crew.members.filter((member) => plan.isFor(member.slot) && !leaders.includes(member.pid));
  const member = followers.length > 0 ? random.pick(followers) : undefined;
  if (member && !member.isStopped) member.stop(random.whole(HEARTBEAT_MS, 2 * HEARTBEAT_MS), 'a consumer of a flood');
  const changes = random.whole(50, 200);
  record({ kind: 'fault', fault: 'flood', detail: `${changes} large values at once`, channel: plan.name, until: now() });
  for (let count = 0; count < changes; count++) {
    server.change(plan.name, random.pick(keysOf(plan)), random.whole(50_000, 300_000));
  }
}

function told(
  { record }: Stage,
  fault: EntryOf<'fault'>['fault'],
  detail: string,
  ms: number,
  end: () => void = () => undefined,
): void {
  record({ kind: 'fault', fault, detail, channel: 'proxied', until: now() + ms });
  if (ms) setTimeout(end, ms).unref();
}
