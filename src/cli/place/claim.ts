// Takes the place of an application, which has at most one master; and finds out who has the place. Files of a dead master are
// replaced; files that may belong to a living master are not touched.

import { lstatSync, readFileSync, rmSync, statSync, writeFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fact } from '../../facts';
import { CommandFailure, reasonOf } from '../command-failure';
import { ControlClient, type Unreachable } from '../control/control-client';
import { makeFolder } from '../../supervisor/host/make-folder';
import type { Place } from './place';
import { birthOf, isAlive } from './processes';

/** What a master leaves next to the pid file, for commands that come when the master cannot answer. */
export interface Facts {
  readonly pid: number;
  /** See `birthOf`. */
  readonly birth?: string | undefined;
  readonly baseDir: string;
  /** The folders, without links, to which `baseDir` has led at the start and at each reload. */
  readonly folders?: readonly string[] | undefined;
  readonly startedAt: string;
  /** The name by which commands find the application, also with a pid file elsewhere. */
  readonly title?: string | undefined;
  /** The file that tells of the application, and perhaps of others. */
  readonly configuration?: string | undefined;
  /** Where a daemon writes. */
  readonly logs?: { readonly stdout: string; readonly stderr: string } | undefined;
}

export type Occupant =
  | { readonly state: 'none' }
  /** Somebody listens. The connection is the caller's. */
  | { readonly state: 'there'; readonly pid: number | undefined; readonly client: ControlClient }
  /**
   * The process lives, but cannot be spoken to. `isOurs`: certainly the master. `isNoted`: a `trunkline start` has left facts;
   * without facts this may be the master of a program that has called startCluster with a pid file.
   */
  | {
      readonly state: 'mute';
      readonly pid: number;
      readonly isOurs: boolean;
      readonly isNoted: boolean;
      readonly why: Unreachable;
    };

/** A master that is being killed loses the socket a moment, ms, before the process id. */
const DYING_MS = 500;
/** Two that start at once wait for each other so long, ms. */
const LOCK_MS = 10_000;
const POLL_MS = 25;

export async function findOccupant(place: Place): Promise<Occupant> {
  assertOwn(place);
  for (const end = performance.now() + DYING_MS; ; await wait(POLL_MS)) {
    const client = await connect(place);
    const pid = readPid(place);
    if (client instanceof ControlClient) return { state: 'there', pid, client };
    if (pid === undefined || !isAlive(pid)) return { state: 'none' };
    const facts = readFacts(place);
    const isKnown = facts?.pid === pid && facts.birth !== undefined;
    if (isKnown && facts.birth !== birthOf(pid)) return { state: 'none' }; // the number is another process's by now
    if (performance.now() >= end) return { state: 'mute', pid, isOurs: isKnown, isNoted: facts?.pid === pid, why: client };
  }
}

/**
 * Takes the place for this process.
 * @param listen makes the control socket
 * @returns gives the place back; may be called in the last moment of the process
 * @throws CommandFailure when another master has the place, or the files cannot be written
 */
export async function claim(place: Place, facts: Facts, listen: () => Promise<void>): Promise<() => void> {
  const release = (): void => {
    if (readPid(place) === process.pid)
      for (const file of [place.socket, place.pidFile]) fact(() => rmSync(file, { force: true }));
  };
  try {
    makeFolder(dirname(place.pidFile));
    await lock(place);
  } catch (error) {
    throw asFailure(place, error);
  }
  let isFree = false;
  try {
    const occupant = await findOccupant(place);
    if (occupant.state === 'there') occupant.client.close();
    if (occupant.state !== 'none') throw alreadyRunning(place, occupant);
    removeLeftovers(place);
    isFree = true;
    // The pid file is made anew and never written through a link.
    writeFileSync(place.pidFile, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    writeFileSync(place.facts, JSON.stringify(facts), { flag: 'wx', mode: 0o600 });
    await listen();
  } catch (error) {
    if (isFree) removeLeftovers(place); // a full disk leaves an empty pid file
    throw asFailure(place, error);
  } finally {
    rmSync(place.lock, { force: true });
  }
  return release;
}

export function readPid({ pidFile }: Place): number | undefined {
  const text = read(pidFile);
  if (text === undefined || text.trim() === '') return undefined;
  const pid = Number(text);
  if (Number.isSafeInteger(pid) && pid > 0) return pid;
  throw CommandFailure.usage(`${pidFile} is not a pid file: it does not hold a number`);
}

export function readFacts({ facts }: Place): Facts | undefined {
  try {
    return JSON.parse(read(facts) ?? 'null') as Facts | undefined;
  } catch {
    return undefined; // half written, by a master that was killed
  }
}

/** Removes what a dead master has left. */
export function removeLeftovers(place: Place): void {
  const socket = lstatSync(place.socket, { throwIfNoEntry: false });
  if (socket && !socket.isSocket()) throw CommandFailure.failed(`${place.socket} is in the way: it is not a socket; remove it`);
  for (const file of [place.socket, place.pidFile, place.facts]) rmSync(file, { force: true });
}

async function connect({ socket }: Place): Promise<ControlClient | Unreachable> {
  try {
    return await ControlClient.connect(socket);
  } catch (error) {
    throw CommandFailure.failed(`the control socket ${socket} cannot be used: ${reasonOf(error)}`);
  }
}

/** Files of another user could name any process, and answer anything. The administrator may look at all files. */
function assertOwn(place: Place): void {
  const uid = process.getuid?.();
  if (uid === undefined || uid === 0) return;
  for (const file of [place.pidFile, place.socket, place.facts]) {
    const stat = statOf(file);
    if (stat && stat.uid !== uid) throw CommandFailure.failed(`${file} belongs to another user (${stat.uid}); it is not touched`);
  }
}

function statOf(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw CommandFailure.failed(`${file} cannot be looked at: ${reasonOf(error)}`);
  }
}

/** Held for a moment only. An old lock was left by a process that was killed in that moment. */
async function lock({ lock: file, name }: Place): Promise<void> {
  for (const end = performance.now() + LOCK_MS; ; await wait(POLL_MS)) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        rmSync(file, { force: true });
        throw error;
      }
    }
    const madeAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    const holder = Number(read(file) ?? 'NaN');
    if (madeAt !== undefined && Date.now() - madeAt > DYING_MS && !(holder > 0 && isAlive(holder))) rmSync(file, { force: true });
    if (performance.now() > end) throw CommandFailure.failed(`${name} is just being started by another process (pid ${holder})`);
  }
}

function alreadyRunning({ name, pidFile }: Place, occupant: Exclude<Occupant, { state: 'none' }>): CommandFailure {
  if (occupant.state === 'there') return CommandFailure.failed(`${name} is already running, pid ${occupant.pid ?? 'unknown'}`);
  const { pid, isOurs } = occupant;
  if (isOurs)
    return CommandFailure.failed(`${name} is already running, pid ${pid}, but cannot be reached; trunkline stop --force ends it`);
  return CommandFailure.failed(`${pidFile} names a living process, pid ${pid}; if that is something else, remove the file`);
}

function asFailure({ pidFile }: Place, error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  return CommandFailure.files(`cannot write beside ${pidFile}: ${reasonOf(error)}`);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
