// `npm run bench`: runs the workloads, the peers by turns, and prints the tables. Ends with 1 when something was not
// delivered, with 2 when the command line is wrong.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ArgumentsError, parseArguments, USAGE, type Arguments } from './arguments';
import { benchFleet } from './fleet/main';
import { describeMachine, machineLine } from './machine';
import type { PeerName } from './peers/peer';
import { Results } from './results';
import { Crew } from './crew';
import { callMany, callOne, firstCalls } from './workloads/call';
import { eventLarge, eventSmall, firstEvents } from './workloads/event';
import { failover, firstFailover } from './workloads/failover';
import { growthPoints } from './workloads/growth';
import { lateLeader } from './workloads/late-leader';
import { loading, memory } from './workloads/loading';
import { subscribe, subscribeCold } from './workloads/subscribe';
import type { Workload } from './workloads/workload';

const BASIC: readonly Workload[] = [callMany, callOne, eventSmall, eventLarge, subscribe, subscribeCold, failover, lateLeader];
const FIRST: readonly Workload[] = [...firstEvents, ...firstCalls, subscribeCold, firstFailover];
const STARTS: readonly Workload[] = [loading, ...memory];
const ALL: readonly Workload[] = [...new Set([...BASIC, ...FIRST, ...STARTS, ...growthPoints])];

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--fleet')) return benchFleet(argv.filter((argument) => argument !== '--fleet'));
  let given: Arguments;
  try {
    given = parseArguments(
      argv,
      ALL.map(({ name }) => name),
    );
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (given.help) {
    console.log(`${USAGE}\n\nworkloads: ${ALL.map(({ name }) => name).join(', ')}`);
    return 0;
  }
  Crew.execPath = given.node;
  const workloads = select(given);
  const peers = given.peers.filter(isThere);
  const results = await run(workloads, { ...given, peers });
  report(workloads, results, given);
  return results.problems.length > 0 ? 1 : 0;
}

function select({ only, growth, cold }: Arguments): readonly Workload[] {
  if (only) return ALL.filter(({ name }) => only.includes(name));
  if (cold) return [...FIRST, ...STARTS];
  return growth ? [...BASIC, ...growthPoints] : BASIC;
}

/** The server of the peer `redis` is a separate program. */
function isThere(peer: PeerName): boolean {
  if (peer !== 'redis' || spawnSync('redis-server', ['--version']).status === 0) return true;
  console.error('redis: left out, because the program redis-server is not installed');
  return false;
}

/** Within a round the peers follow each other: a slow minute of the machine then affects all peers. */
async function run(workloads: readonly Workload[], { rounds, peers, scale }: Arguments): Promise<Results> {
  const results = new Results();
  for (const workload of workloads) {
    for (let round = 1; round <= rounds; round++) {
      for (const peer of peers) {
        if (!workload.peers.includes(peer)) continue;
        console.error(`${workload.name}: round ${round} of ${rounds}: ${peer}`);
        results.add(workload, peer, await workload.measure(peer, scale));
      }
    }
  }
  return results;
}

function report(workloads: readonly Workload[], results: Results, { rounds, scale, json, cold, node }: Arguments): void {
  const machine = describeMachine(node);
  const first = cold ? workloads.filter((workload) => FIRST.includes(workload)) : [];
  const starts = workloads.filter((workload) => STARTS.includes(workload));
  const basic = workloads.filter((workload) => ![first, starts, growthPoints].some((others) => others.includes(workload)));
  const growth = workloads.filter((workload) => growthPoints.includes(workload));
  const paragraphs: string[] = [];
  if (basic.length > 0) paragraphs.push(results.workloadTable(basic));
  if (first.length > 0) paragraphs.push(results.firstTable(first));
  if (starts.length > 0) paragraphs.push(results.loadingTable(starts));
  if (growth.length > 0) paragraphs.push(results.growthTable(growth));
  const measured =
    scale === 'quick'
      ? 'Quick run: the figures mean nothing.'
      : `Median and range of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`;
  paragraphs.push(`${measured} Ratios: above 1 is better. CPU per operation. ${machineLine(machine)}.`);
  paragraphs.push(
    ...results.errors.map((text) => `Error reported by a peer: ${text}`),
    ...results.problems.map((text) => `NOT DELIVERED: ${text}`),
  );
  if (results.problems.length === 0) paragraphs.push('Delivery check: everything arrived, with the right last value.');
  console.log(paragraphs.join('\n\n'));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, rounds, scale, workloads: results }, null, 2)}\n`);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
