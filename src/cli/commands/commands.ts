// The commands for a running application: each finds the master, sends a request over the control socket, and shows the answer.

import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { findOccupant, readFacts, type Occupant } from '../place/claim';
import type { HostView } from '../../host-view';
import { CommandFailure } from '../command-failure';
import { NoAnswer, type ControlClient } from '../control/control-client';
import { SILENCE_MS, type ApplicationStatus, type Command, type CommandResult } from '../control/control-protocol';
import { formatDuration } from '../../quantities';
import { showAgain, type Output } from '../show/output';
import type { Place } from '../place/place';
import { birthOf, isAlive } from '../place/processes';
import { channelsTable } from '../show/channels-view';
import { stoppedText } from '../show/start-view';
import { statusTable } from '../show/status-view';

const POLL_MS = 20;
/** A master that has stopped all processes is gone within this time, ms. */
const GONE_MS = 10_000;
/** Children end within about a second when the master is killed; after this time, ms, the children are killed too. */
const ORPHANS_MS = 3_000;
/** How long a process that is about to be killed may take to name the children, ms. */
const LAST_WORDS_MS = 500;
const WATCH_MS = 1_000;

export async function status(place: Place, json: boolean, stdout: Output): Promise<void> {
  const showProgram = (pid: number): void => {
    const text = json
      ? JSON.stringify({ name: place.name, state: 'running', pid, isControlled: false })
      : programText(place, pid);
    stdout.write(`${text}\n`);
  };
  const show = async (client: ControlClient): Promise<void> => {
    stdout.write(`${await statusText(client, place, json, stdout)}\n`);
  };
  await withMaster(place, show, showProgram);
}

/** Processes, and under them the channels of their shared clients. */
async function statusText(client: ControlClient, { name }: Place, json: boolean, stdout: Output): Promise<string> {
  const { status: now } = await client.request({ command: 'status' });
  const view = now.state === 'running' ? await viewIfKnown(client) : undefined;
  if (json) return JSON.stringify({ name, ...now, ...(view && { channels: view.channels, events: view.events }) });
  const channels = view && channelsTable(view, stdout);
  return `${statusTable(name, now, stdout)}${channels === undefined ? '' : `\n\n${channels}`}`;
}

/** @returns undefined when the master is of a version without views, or begins to stop */
async function viewIfKnown(client: ControlClient): Promise<HostView | undefined> {
  try {
    return await client.view();
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    return undefined;
  }
}

/** Until the application has ended. */
export async function watch(place: Place, json: boolean, stdout: Output): Promise<void> {
  await withMaster(place, async (client) => {
    for (;;) {
      const text = await statusText(client, place, json, stdout);
      showAgain(text, json, stdout);
      if ((await Promise.race([client.closed.then(() => 'ended'), wait(WATCH_MS)])) === 'ended')
        throw CommandFailure.notRunning(`${place.name} has ended`);
    }
  });
}

/** `restart`, `reload`, `scale`. */
export async function change(place: Place, command: Command, stdout: Output): Promise<void> {
  await withMaster(place, async (client) => {
    const startedAt = performance.now();
    const { status: now } = await ask(client, command, stdout);
    const missing = now.processes.filter(({ state }) => state !== 'ready');
    if (missing.length > 0) {
      const reasons = missing.map(
        ({ name, state, lastEnd }) => `${name} is ${state}${lastEnd === undefined ? '' : `: ${lastEnd}`}`,
      );
      throw CommandFailure.failed(`${command.command} is done, but ${reasons.join('; ')}`);
    }
    const workers = now.processes.filter(({ name }) => name !== 'agent').length;
    stdout.write(`${command.command} done after ${formatDuration(performance.now() - startedAt)} · ${workers} workers ready\n`);
  });
}

/** Resolves when the logs are open anew. */
export async function reopenLogs(place: Place, stdout: Output): Promise<void> {
  await withMaster(place, async (client) => {
    await client.request({ command: 'reopen-logs' });
    stdout.write(`the logs of ${place.name} are open anew\n`);
  });
}

/** Resolves when the master is gone. @throws CommandFailure also when something had to be killed */
export async function stop(place: Place, stdout: Output): Promise<void> {
  await withMaster(place, async (client) => {
    const startedAt = performance.now();
    const { status: now, forced } = await ask(client, { command: 'stop' }, stdout);
    const gone = await Promise.race([client.closed.then(() => true), wait(GONE_MS, false, { ref: false })]);
    const end = performance.now() + GONE_MS;
    while (gone && isAlive(now.pid) && performance.now() < end) await wait(POLL_MS);
    if (!gone || isAlive(now.pid)) {
      throw CommandFailure.failed(
        `every process has stopped, but the master, pid ${now.pid}, has not ended; trunkline stop --force ends it`,
      );
    }
    if (forced) throw CommandFailure.failed(stoppedText(true));
    stdout.write(`stopped after ${formatDuration(performance.now() - startedAt)}\n`);
  });
}

/** Kills the master; the children end when noticing the loss, and are killed otherwise. */
export async function kill(place: Place, stdout: Output): Promise<void> {
  const occupant = await findOccupant(place);
  if (occupant.state === 'none') throw notRunning(place);
  const pid = victim(place, occupant);
  const processes = occupant.state === 'there' ? await processesOf(occupant.client) : [];
  const births = new Map([pid, ...processes].map((each) => [each, birthOf(each)]));
  const living = (): number[] => [...births.keys()].filter((each) => isAlive(each) && birthOf(each) === births.get(each));
  process.kill(pid, 'SIGKILL');
  const orphansEnd = performance.now() + ORPHANS_MS;
  while (living().length > 0 && performance.now() < orphansEnd) await wait(POLL_MS);
  for (const each of living()) process.kill(each, 'SIGKILL');
  for (const file of [place.socket, place.pidFile]) rmSync(file, { force: true });
  stdout.write(`killed · pid ${pid}\n`);
}

/** Only what is certainly the master of the application. */
function victim(place: Place, occupant: Exclude<Occupant, { state: 'none' }>): number {
  const facts = readFacts(place);
  const isSure = facts?.birth !== undefined && facts.pid === occupant.pid && facts.birth === birthOf(facts.pid);
  if (occupant.pid !== undefined && isSure) return occupant.pid;
  throw CommandFailure.failed(
    `it is not certain that pid ${occupant.pid ?? 'unknown'} is the master of ${place.name}; look at it, and kill it yourself`,
  );
}

/** What is known of the children of a master that perhaps does not answer. */
async function processesOf(client: ControlClient): Promise<number[]> {
  try {
    const answer = await Promise.race([client.request({ command: 'status' }), wait(LAST_WORDS_MS, undefined, { ref: false })]);
    return answer?.status.processes.flatMap(({ pid }) => pid ?? []) ?? [];
  } catch {
    return []; // the children notice the loss
  } finally {
    client.close();
  }
}

/** @param useProgram what to do with the master of a program, which has no control socket; default: fail */
export async function withMaster(
  place: Place,
  use: (client: ControlClient) => Promise<void>,
  useProgram?: (pid: number) => void,
): Promise<void> {
  const occupant = await findOccupant(place);
  if (occupant.state === 'none') throw notRunning(place);
  if (occupant.state === 'mute') {
    if (occupant.isNoted || !useProgram) throw mute(place, occupant);
    useProgram(occupant.pid);
    return;
  }
  const { client, pid } = occupant;
  try {
    await use(client);
  } catch (error) {
    if (!(error instanceof NoAnswer))
      throw error instanceof CommandFailure ? error : CommandFailure.failed((error as Error).message);
    if (pid !== undefined && isAlive(pid)) {
      throw CommandFailure.failed(
        `the master of ${place.name}, pid ${pid}, lives, but does not answer within ${SILENCE_MS / 1000} s; ` +
          'look whether it is stopped or blocked, or end it with trunkline stop --force. When it runs again (kill -CONT) it does what was asked',
      );
    }
    throw CommandFailure.notRunning(`the master of ${place.name} has ended before it was done`);
  } finally {
    client.close();
  }
}

/** Shows on a terminal which processes are being replaced. */
async function ask(client: ControlClient, command: Command, stdout: Output): Promise<CommandResult> {
  const states = new Map<string, string>();
  return await client.request(command, ({ processes }: ApplicationStatus) => {
    const isFirst = states.size === 0;
    for (const { name, pid, state } of processes) {
      const now = `${name} ${state}${pid === undefined ? '' : ` · pid ${pid}`}`;
      if (!isFirst && states.get(name) !== now) stdout.write(`${stdout.style('dim', now)}\n`);
      states.set(name, now);
    }
  });
}

function notRunning({ name, pidFile }: Place): CommandFailure {
  return CommandFailure.notRunning(
    `${name} is not running (no living master in ${pidFile}); --title or --pid-file choose another`,
  );
}

/** What is known of a process that a pid file names, and that no `trunkline start` has noted. */
export function programText({ name, pidFile }: Place, pid: number): string {
  return (
    `${name} runs, pid ${pid}, as ${pidFile} says, but was not started by trunkline start: it has no control socket. ` +
    `Signals tell a master of startCluster what to do: kill -HUP ${pid} reloads it, kill ${pid} stops it`
  );
}

function mute(place: Place, { pid, isOurs, isNoted, why }: Extract<Occupant, { state: 'mute' }>): CommandFailure {
  if (!isNoted) return CommandFailure.failed(programText(place, pid));
  if (!isOurs) return notRunning(place);
  const reason = why === 'busy' ? 'takes no more connections' : 'has lost its control socket';
  return CommandFailure.failed(
    `the master of ${place.name}, pid ${pid}, lives, but ${reason}; kill ${pid} stops it, trunkline stop --force kills it`,
  );
}
