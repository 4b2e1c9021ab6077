// `npm run bench:supervisor`: what a supervisor does, the peers by turns. Ends with 1 when something failed, or with
// --check when a target is missed; with 2 when the command line is wrong. Ctrl-C leaves nothing behind.

import { loadavg } from 'node:os';
import { ArgumentsError } from '../arguments';
import { describeMachine, machineLine } from '../machine';
import { parseArguments, USAGE, type Arguments } from './arguments';
import { agentKilled, workerKilled } from './measures/killed';
import type { TimeMeasure } from './measures/measure';
import { measureReload, RELOAD, RELOAD_PEERS } from './measures/reload';
import { start, startShared } from './measures/start';
import { installPackages } from './packages';
import type { Peer } from './peers/peer';
import { Results } from './results';
import { Stage } from './stage';

const TIMES: readonly TimeMeasure[] = [start, startShared, agentKilled, workerKilled];
const NAMES = [...TIMES.map(({ name }) => name), RELOAD];

async function main(argv: readonly string[]): Promise<number> {
  let given: Arguments;
  try {
    given = parseArguments(argv, NAMES);
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (given.help) {
    console.log(`${USAGE}\n\nmeasures: ${NAMES.join(', ')}`);
    return 0;
  }
  Stage.execPath = given.node;
  const versions = installPackages();
  // What else the machine was doing.
  const load = `load average ${loadavg()[0]!.toFixed(1)} at the start`;
  const results = new Results();
  const failures = await run(results, given);
  report(results, failures, given, { versions, load });
  return failures.length > 0 || (given.check && results.missed.length > 0) ? 1 : 0;
}

/** @returns sentences about what failed; the rest goes on */
async function run(results: Results, { only, rounds, scale }: Arguments): Promise<string[]> {
  const failures: string[] = [];
  const canKeepCode = Stage.canKeepCode();
  const inTurns = async (name: string, peers: readonly Peer[], measure: (peer: Peer) => Promise<void>): Promise<void> => {
    if (only && !only.includes(name)) return;
    for (let round = 1; round <= rounds; round++) {
      for (const peer of peers) {
        if (peer.needsCompileCache && !canKeepCode) continue;
        console.error(`${name}: round ${round} of ${rounds}: ${peer.name}`);
        await measure(peer).catch((error: Error) => failures.push(`${name}: ${peer.name}: ${error.message}`));
      }
    }
  };
  for (const measure of TIMES) {
    await inTurns(measure.name, measure.peers, async (peer) => {
      results.addTime(measure, peer, await measure.measure(peer, scale));
    });
  }
  await inTurns(RELOAD, RELOAD_PEERS, async (peer) => {
    results.addReload(peer, await measureReload(peer, scale));
  });
  return failures;
}

function report(
  results: Results,
  failures: readonly string[],
  { rounds, scale, node }: Arguments,
  run: { versions: Record<string, string>; load: string },
): void {
  const machine = describeMachine(node);
  const measured =
    scale === 'quick'
      ? 'Quick run: the figures mean nothing.'
      : `Median and range of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`;
  const line = machineLine({ ...machine, versions: { ...machine.versions, ...run.versions } });
  const paragraphs = [
    ...results.tables,
    `${measured} ${line}; ${run.load}.`,
    ...results.missed.map((text) => `TARGET MISSED: ${text}`),
    ...failures.map((text) => `FAILED: ${text}`),
  ];
  console.log(paragraphs.join('\n\n'));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void Stage.closeAll().finally(() => process.exit(130));
  });
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
