// `npm run chaos`: proves the promises of the shared client under random faults. Ends with 1 when a promise was not kept, with 2
// when the command line is wrong, with 130 after Ctrl-C.

import { writeFileSync } from 'node:fs';
import { ArgumentsError, parseArguments, USAGE, type Arguments } from './arguments';
import { describeViolations, summary } from './report';
import { fleetScene } from './fleet/scene';
import { fleetSummary } from './fleet/summary';
import { oneHost } from './one-host';
import { Run } from './run';

async function main(argv: readonly string[]): Promise<number> {
  let given: Arguments;
  try {
    given = parseArguments(argv);
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (given.help) {
    console.log(USAGE);
    return 0;
  }
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.once('SIGTERM', () => interrupt.abort());
  const { seconds, processes, seed, onePort, fleet, forgetful } = given;
  const scene = fleet
    ? `--fleet ${fleet}${forgetful ? ' --forgetful' : ''}`
    : `--processes ${processes}${onePort ? ' --one-port' : ''}`;
  const again = `npm run chaos -- ${scene} --seconds ${seconds} --seed ${seed}`;
  console.log(again);
  const outcome = await new Run(given, fleet ? fleetScene(fleet, forgetful) : oneHost(onePort), interrupt.signal).run();
  if (given.history !== undefined) {
    writeFileSync(given.history, outcome.history.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }
  console.log(`\n${summary(outcome, fleet ? fleetSummary(outcome.history) : [])}\n`);
  if (outcome.violations.length > 0) {
    console.log(`${describeViolations(outcome)}\n\n${outcome.violations.length} violations; again with: ${again}`);
    return 1;
  }
  console.log(interrupt.signal.aborted ? 'Interrupted; no violation so far.' : 'Every promise was kept.');
  return interrupt.signal.aborted ? 130 : 0;
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
