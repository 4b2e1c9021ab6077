// `npm run bench`: runs the workloads, the peers by turns, and prints the tables. Ends with 1 when something was not
// delivered, with 2 when the command line is wrong.

import { writeFileSync } from 'node:fs';
import { ArgumentsError, parseArguments, USAGE, type Arguments } from './arguments';
import { describeMachine, machineLine } from './machine';
import { Results } from './results';
import { callMany, callOne } from './workloads/call';
import { eventLarge, eventSmall } from './workloads/event';
import { failover } from './workloads/failover';
import { growthPoints } from './workloads/growth';
import { lateLeader } from './workloads/late-leader';
import { subscribe, subscribeCold } from './workloads/subscribe';
import type { Workload } from './workloads/workload';

const BASIC: readonly Workload[] = [callMany, callOne, eventSmall, eventLarge, subscribe, subscribeCold, failover, lateLeader];
const ALL: readonly Workload[] = [...BASIC, ...growthPoints];

async function main(argv: readonly string[]): Promise<number> {
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
  const workloads = select(given);
  const results = await run(workloads, given);
  report(workloads, results, given);
  return results.problems.length > 0 ? 1 : 0;
}

function select({ only, growth }: Arguments): readonly Workload[] {
  if (only) return ALL.filter(({ name }) => only.includes(name));
  return growth ? ALL : BASIC;
}

/** Within a round the peers follow each other, so that a slow minute of the machine meets all of them. */
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

function report(workloads: readonly Workload[], results: Results, { rounds, scale, json }: Arguments): void {
  const machine = describeMachine();
  const basic = workloads.filter((workload) => !growthPoints.includes(workload));
  const growth = workloads.filter((workload) => growthPoints.includes(workload));
  const paragraphs: string[] = [];
  if (basic.length > 0) paragraphs.push(results.workloadTable(basic));
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
