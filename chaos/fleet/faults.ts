// What goes wrong in a fleet: an entry for each kind of fault, chosen by weight.

import type { FaultProxy } from '../../src/testing/fault-proxy';
import type { Crew, Member } from '../crew';
import { healProxy } from '../faults';
import { now, type EntryOf, type Recorder } from '../history';
import type { Random } from '../random';
import type { ChaosUpstream } from '../upstream/server';
import type { EngineServer } from './engine-server';
import { FLEET_CHANNEL, hostOf } from './plan';

/** A host, with a way to the engine that faults can hit. */
export interface Way {
  readonly host: string;
  /** The cluster port of the host. */
  readonly port: number;
  readonly folder: string;
  readonly proxy: FaultProxy;
}

export interface FleetStage {
  readonly crew: Crew;
  readonly server: ChaosUpstream;
  readonly engine: EngineServer;
  readonly ways: readonly Way[];
  readonly random: Random;
  readonly record: Recorder;
}

interface FaultPlan {
  readonly weight: number;
  readonly make: (stage: FleetStage) => void;
}

/** Shorter and longer than leadership lasts, ms. */
const FREEZE_MS = [100, 6_000] as const;
const LINK_MS = [200, 5_000] as const;
const ENGINE_MS = [100, 4_000] as const;
const RESETS = [3, 15] as const;
const RESET_EVERY_MS = 60;

const PLANS: readonly FaultPlan[] = [
  { weight: 4, make: (stage) => somebody(stage, (member, detail) => member.kill(detail)) },
  { weight: 4, make: (stage) => somebody(stage, (member, detail) => freeze(stage, [member], detail)) },
  { weight: 2, make: (stage) => somebody(stage, (member) => block(stage, member)) },
  { weight: 2, make: (stage) => somebody(stage, (member, detail) => renew(stage, member, detail)) },
  { weight: 2, make: (stage) => somebody(stage, (member, detail) => void (member.isLeaving || member.leave(detail))) },
  { weight: 3, make: (stage) => wholeHost(stage, (members, detail) => members.forEach((member) => member.kill(detail))) },
  { weight: 3, make: (stage) => wholeHost(stage, (members, detail) => freeze(stage, members, detail)) },
  { weight: 3, make: (stage) => holdTheLink(stage, 'link-cut') },
  { weight: 3, make: (stage) => holdTheLink(stage, 'link-swallow') },
  { weight: 2, make: (stage) => holdTheLink(stage, 'link-slow') },
  { weight: 2, make: (stage) => holdTheLink(stage, 'link-hold') },
  { weight: 2, make: (stage) => resetTheLink(stage) },
  { weight: 2, make: (stage) => freezeEngine(stage) },
  { weight: 2, make: (stage) => killEngine(stage) },
  { weight: 2, make: (stage) => restartUpstream(stage) },
];

export function makeFault(stage: FleetStage): void {
  stage.random.weighted(PLANS).make(stage);
}

/** Undoes all faults that do not end by plan. A restart of the engine goes on. */
export function endFaults({ crew, ways, engine }: FleetStage): void {
  crew.heal();
  engine.resume();
  for (const { proxy } of ways) healProxy(proxy);
}

/** The process with the upstream client, or any process. */
function somebody({ crew, server, random }: FleetStage, strike: (member: Member, detail: string) => void): void {
  const winner = crew.withPid(server.pidsOf(FLEET_CHANNEL.name)[0]);
  const { members } = crew;
  const isWinner = random.chance(0.5) && winner !== undefined;
  const member = isWinner ? winner : members.length > 0 ? random.pick(members) : undefined;
  if (member) strike(member, isWinner ? 'the winner' : 'anybody');
}

/** All processes of the winner's host, or of any host. */
function wholeHost(stage: FleetStage, strike: (members: readonly Member[], detail: string) => void): void {
  const host = someHost(stage);
  strike(
    stage.crew.members.filter(({ slot }) => hostOf(slot) === host),
    `the whole host ${host}`,
  );
}

function someHost({ crew, server, random, ways }: FleetStage): string {
  const winner = crew.withPid(server.pidsOf(FLEET_CHANNEL.name)[0]);
  const any = random.pick(ways).host;
  return random.chance(0.5) && winner ? hostOf(winner.slot) : any;
}

function freeze({ random }: FleetStage, members: readonly Member[], detail: string): void {
  const ms = random.size(...FREEZE_MS);
  for (const member of members) if (!member.isStopped) member.stop(ms, detail);
}

function block({ random }: FleetStage, member: Member): void {
  member.order({ order: 'block', ms: random.size(100, 3_000) });
}

function renew({ random, record }: FleetStage, member: Member, detail: string): void {
  const pauseMs = random.whole(0, 500);
  record({ kind: 'fault', fault: 'renew', detail, pid: member.pid, channel: FLEET_CHANNEL.name, until: now() + pauseMs });
  member.order({ order: 'renew', channel: FLEET_CHANNEL.name, pauseMs });
}

type Held = 'link-cut' | 'link-swallow' | 'link-slow' | 'link-hold';

function holdTheLink(stage: FleetStage, fault: Held): void {
  const { random, ways, engine } = stage;
  const host = someHost(stage);
  const { proxy } = ways.find((way) => way.host === host)!;
  const direction = random.pick(['toTarget', 'toClient'] as const);
  const delayMs = random.size(5, 400);
  const compacts = random.chance(0.5);
  const how: Record<Held, { readonly detail: string; readonly begin: () => void; readonly end: () => void }> = {
    'link-cut': {
      detail: '',
      begin: () => {
        proxy.refusesNew = true;
        proxy.cut();
      },
      end: () => {
        proxy.refusesNew = false;
        // The host comes back to an engine that has no history of the cut.
        if (compacts) engine.compact();
      },
    },
    'link-swallow': { detail: '', begin: () => proxy.swallow(), end: () => proxy.stopSwallowing() },
    'link-slow': {
      detail: `each chunk waits ${delayMs} ms`,
      begin: () => (proxy.delayMs = delayMs),
      end: () => (proxy.delayMs = 0),
    },
    'link-hold': {
      detail: `nothing goes ${direction}`,
      begin: () => proxy.pause(direction),
      end: () => proxy.resume(direction),
    },
  };
  const { detail, begin, end } = how[fault];
  begin();
  told(stage, fault, { host, detail }, random.size(...LINK_MS), end);
}

function resetTheLink(stage: FleetStage): void {
  const { random, ways } = stage;
  const host = someHost(stage);
  const { proxy } = ways.find((way) => way.host === host)!;
  const resets = random.whole(...RESETS);
  const timer = setInterval(() => proxy.reset(), RESET_EVERY_MS);
  told(stage, 'link-resets', { host, detail: `${resets} resets` }, resets * RESET_EVERY_MS, () => clearInterval(timer));
}

function freezeEngine(stage: FleetStage): void {
  const { engine, random } = stage;
  const ms = random.size(...ENGINE_MS);
  if (!engine.isUp) return;
  engine.pause(ms);
  told(stage, 'engine-stop', { detail: '' }, ms);
}

function killEngine(stage: FleetStage): void {
  const { engine, random } = stage;
  const ms = random.size(...ENGINE_MS);
  if (!engine.isUp) return;
  engine.restart(ms);
  told(stage, 'engine-kill', { detail: '' }, ms);
}

function restartUpstream({ server, random, record }: FleetStage): void {
  const downMs = random.size(50, 3_000);
  if (!server.isUp) return;
  record({ kind: 'fault', fault: 'upstream-down', detail: '', until: now() + downMs });
  server.restart(downMs);
}

function told(
  { record }: FleetStage,
  fault: EntryOf<'fault'>['fault'],
  facts: { readonly host?: string; readonly detail: string },
  ms: number,
  end?: () => void,
): void {
  record({ kind: 'fault', fault, ...facts, until: now() + ms });
  if (end) setTimeout(end, ms).unref();
}
