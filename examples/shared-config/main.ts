// Four processes share a connection to a server of settings. The story: one process leads, a change made through another process
// reaches all, the leader is killed, a survivor takes over, nothing is lost. Run the demo with `npm start`. Read registry-settings.ts and
// store-settings.ts first, which show how a client is shared; the folder `stage` holds the staging of the demo.

import { Changes } from './stage/changes';
import { readCommandLine } from './stage/command-line';
import { chooseServer, type ConfigServer } from './stage/config-server';
import { Failure, NotInstalled } from './stage/failure';
import { Fleet } from './stage/fleet';
import { Keyboard } from './stage/keyboard';
import { Screen } from './stage/screen';
import { statusTable } from './stage/status-table';
import type { WorkerHandle } from './stage/worker-handle';

const WORKERS = 4;
const KEY = 'greeting';
const LIMIT_MS = 20_000;
/** A server of its own may take this long to start, ms: ZooKeeper needs a Java machine. */
const SERVER_MS = 40_000;
/** On a terminal somebody reads what has happened before the next thing happens, ms. In a pipe nobody waits. */
const READ_MS = 1_800;
/** How often the story stops to be read. */
const PAUSES = 5;
/** The server and the workers report on different channels: one channel may be later than the other by this much. */
const COUNT_LIMIT_MS = 3_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

interface Stage {
  readonly changes: Changes;
  readonly fleet: Fleet;
  readonly server: ConfigServer;
  readonly screen: Screen;
}

/** @returns the exit code */
async function main(): Promise<number> {
  const commandLine = readCommandLine(process.argv.slice(2));
  if (commandLine.run === 'nothing') {
    (commandLine.exitCode === 0 ? console.log : console.error)(commandLine.output);
    return commandLine.exitCode;
  }
  const interrupt = new AbortController();
  let interruptedBy: keyof typeof EXIT_CODES | undefined;
  // The reader has gone (`| head`): the story is over.
  process.stdout.on('error', () => {
    interruptedBy ??= 'SIGHUP';
    interrupt.abort();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      interrupt.abort();
    });
  }
  const screen = new Screen(process.stdout);
  const { registry } = commandLine;
  const limitMs = LIMIT_MS + (registry ? SERVER_MS : 0) + (screen.isTerminal ? PAUSES * READ_MS : 0);
  const changes = new Changes(interrupt.signal, limitMs);
  const server = chooseServer(registry, changes, process.env.ETCD_URL);
  const fleet = new Fleet(changes, WORKERS);
  changes.onChange(() => screen.show(statusTable(fleet, server)));
  const stage = { changes, fleet, server, screen };
  try {
    await raiseCurtain(stage);
    if (commandLine.run === 'story') await tellStory(stage);
    else await watch(stage);
    return 0;
  } catch (error) {
    if (interruptedBy) return commandLine.run === 'watch' && interruptedBy === 'SIGINT' ? 0 : EXIT_CODES[interruptedBy];
    if (error instanceof NotInstalled) {
      console.error(error.message);
      return 2;
    }
    if (!(error instanceof Failure)) throw error;
    console.error(`Failed: ${error.message}`);
    return 1;
  } finally {
    changes.relax();
    screen.close();
    await fleet.stop();
    await server.stop();
  }
}

async function raiseCurtain(stage: Stage): Promise<void> {
  const { fleet, server, screen } = stage;
  await server.start();
  screen.say(`${WORKERS} workers share one client of the ${server.name} at ${server.url}.`);
  await fleet.start(server.url, KEY);
  await change(stage, fleet.leader!, 'hello');
  const connections = await expectOneConnection(stage);
  screen.say(`Worker ${fleet.leader?.pid} leads, ${fleet.followers.length} follow; ${connections}`, 'good');
}

async function tellStory(stage: Stage): Promise<void> {
  const { fleet, screen } = stage;
  await letRead(stage);
  const changeMs = await changeThroughFollower(stage, 'good morning');
  await letRead(stage);
  const takeoverMs = await killLeader(stage);
  await letRead(stage);
  await changeThroughFollower(stage, 'good evening');
  await letRead(stage);
  await expectNothingLost(stage, 'good evening');
  await expectOneConnection(stage);
  await letRead(stage);
  screen.say(`Done: ${fleet.size} processes, one connection. A change was everywhere after ${changeMs} ms;`, 'strong');
  screen.say(`      when the leader was killed, everybody had data again after ${takeoverMs} ms.`, 'strong');
  screen.say('Look at processes live: npm run dashboard starts an application; open http://127.0.0.1:7780/ then.');
}

async function letRead({ changes, screen }: Stage): Promise<void> {
  if (screen.isTerminal) await changes.pause(READ_MS);
}

async function watch({ changes, fleet, screen }: Stage): Promise<void> {
  changes.relax();
  await new Keyboard(changes, fleet, screen).obey();
}

async function changeThroughFollower(stage: Stage, value: string): Promise<number> {
  const { fleet, screen } = stage;
  const writer = fleet.followers[0]!;
  const { version, tookMs } = await change(stage, writer, value);
  const readers = fleet.running.length;
  screen.say(
    `Follower ${writer.pid} set ${KEY} = ${value}: all ${readers} workers have version ${version} after ${tookMs} ms.`,
    'good',
  );
  return tookMs;
}

/** @returns after how many ms every survivor had data again */
async function killLeader(stage: Stage): Promise<number> {
  const { changes, fleet, screen } = stage;
  screen.say(`SIGKILL to the leader, worker ${fleet.leader?.pid}.`, 'bad');
  const killedAt = performance.now();
  const term = fleet.leader?.seenTerm(KEY) ?? 0;
  fleet.leader?.kill();
  // Only data of the new leader counts, not earlier data.
  await changes.until('data from a new leader', () => {
    const { leader, running } = fleet;
    return leader !== undefined && running.every((worker) => worker.seenTerm(KEY) > term);
  });
  const tookMs = since(killedAt);
  const connections = await expectOneConnection(stage);
  screen.say(
    `Worker ${fleet.leader?.pid} took over: all ${fleet.running.length} survivors have its data after ${tookMs} ms; ${connections}`,
    'good',
  );
  return tookMs;
}

/** Changes the value and waits until every worker has the new value. */
async function change(
  { changes, fleet }: Stage,
  writer: WorkerHandle,
  value: string,
): Promise<{ version: number; tookMs: number }> {
  const startedAt = performance.now();
  const { version } = await writer.set(KEY, value);
  await changes.until(`version ${version} in every worker`, () => {
    return fleet.running.every((worker) => worker.seen(KEY)?.version === version);
  });
  return { version, tookMs: since(startedAt) };
}

async function expectOneConnection({ changes, server }: Stage): Promise<string> {
  const isOne = (): boolean => server.connections === undefined || server.connections === 1;
  await changes.until(`${server.unit}: 1`, isOne, COUNT_LIMIT_MS);
  return `${server.unit}: ${server.connections ?? 'unknown'}.`;
}

async function expectNothingLost({ fleet, screen }: Stage, value: string): Promise<void> {
  for (const worker of fleet.running) {
    const setting = await worker.get(KEY);
    if (setting?.value !== value) throw new Failure(`worker ${worker.pid} reads ${KEY} = ${setting?.value} instead of ${value}`);
    if (worker.hasSeenOlder) throw new Failure(`worker ${worker.pid} has seen an older version after a newer one`);
  }
  screen.say(`Nothing is lost: each survivor reads ${KEY} = ${value}, and none ever saw an older version.`, 'good');
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}

main().then(
  (exitCode) => (process.exitCode = exitCode),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
