// `npm run bench -- --fleet`: what a fleet costs its engine, next to as many independent connections to the same engine, and how long
// takeovers last. Ends with 1 when something failed, with 2 when the command line is wrong.

import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { ArgumentsError } from '../arguments';
import { describeMachine, machineLine } from '../machine';
import { parseFleetArguments, USAGE, type FleetArguments } from './arguments';
import { versionOf, type EngineName } from './engine-servers';
import { SIDES } from './orders';
import { measurePoint, type Point } from './point';
import { FleetResults } from './results';
import { ENDS, measureTakeover } from './takeover';

/** Above this number subscriptions take minutes to state on a machine with two cores. */
const MAX_SUBSCRIPTIONS: Readonly<Record<EngineName, number>> = {
  redis: 100_000,
  'etcd-grpc': 10_000,
  'etcd-gateway': 10_000,
};

export async function benchFleet(argv: readonly string[]): Promise<number> {
  let given: FleetArguments;
  try {
    given = parseFleetArguments(argv);
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    console.error(error.message);
    return 2;
  }
  if (given.help) {
    console.log(USAGE);
    return 0;
  }
  const load = `load average ${loadavg()[0]!.toFixed(1)} at the start`;
  const engines = given.engines.filter(isThere);
  const results = new FleetResults();
  const failures: string[] = [];
  if (given.parts.includes('values')) await measurePoints({ ...given, engines }, results, failures);
  if (given.parts.includes('takeover')) await measureTakeovers({ ...given, engines }, results, failures);
  report(results, failures, given, [...new Set(engines.map(versionOf)), load]);
  return failures.length > 0 ? 1 : 0;
}

function isThere(engine: EngineName): boolean {
  if (versionOf(engine) !== undefined) return true;
  console.error(`${engine}: left out, because the program of the server is not installed`);
  return false;
}

async function measurePoints(
  { engines, members, keys, rounds, isQuick }: FleetArguments,
  results: FleetResults,
  failures: string[],
): Promise<void> {
  const points = engines.flatMap((engine) =>
    members.flatMap((count) => keys.map((of): Point => ({ engine, members: count, keys: of }))),
  );
  for (const point of points) {
    const name = `${point.engine}, ${point.members} members, ${point.keys} keys`;
    const most = MAX_SUBSCRIPTIONS[point.engine];
    if (point.members * point.keys > most) {
      console.error(`${name}: left out, more than ${most} subscriptions`);
      continue;
    }
    for (let round = 1; round <= rounds; round++) {
      for (const side of SIDES) {
        console.error(`${name}: round ${round} of ${rounds}: ${side}`);
        await measurePoint(point, side, isQuick).then(
          (figures) => results.addPoint(point, side, figures),
          (error: Error) => failures.push(`${name}, ${side}: ${error.message}`),
        );
      }
    }
  }
}

async function measureTakeovers(
  { engines, rounds, isQuick }: FleetArguments,
  results: FleetResults,
  failures: string[],
): Promise<void> {
  for (const engine of engines) {
    for (const end of isQuick ? ENDS.slice(0, 1) : ENDS) {
      for (let round = 1; round <= rounds; round++) {
        console.error(`${engine}, ${end}: round ${round} of ${rounds}`);
        await measureTakeover(engine, end).then(
          (tookMs) => results.addTakeover(engine, end, tookMs),
          (error: Error) => failures.push(`${engine}, ${end}: ${error.message}`),
        );
      }
    }
  }
}

function report(
  results: FleetResults,
  failures: readonly string[],
  { rounds, isQuick, json }: FleetArguments,
  surroundings: readonly (string | undefined)[],
): void {
  const machine = describeMachine(process.execPath);
  const measured = isQuick
    ? 'Quick run: the figures mean nothing.'
    : `Median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}; values of 850 bytes.`;
  const paragraphs = [
    ...results.tables,
    `${measured} ${[machineLine(machine), ...surroundings].join('; ')}.`,
    ...results.disturbed.map((name) => `LEADERSHIP CHANGED: ${name}: the figures hold a takeover.`),
    ...failures.map((text) => `FAILED: ${text}`),
  ];
  console.log(paragraphs.join('\n\n'));
  if (json === undefined) return;
  const { points, takeovers } = results;
  writeFileSync(json, `${JSON.stringify({ machine, surroundings, rounds, isQuick, points, takeovers }, null, 2)}\n`);
}
