// `trunkline doctor`: checks what an application needs of the machine. A line for each finding, with advice.

import { accessSync, constants } from 'node:fs';
import os from 'node:os';
import { loopback } from '../../endpoint';
import { fact, openFilesLimit } from '../../facts';
import { OPTION_DECLARATIONS } from '../../options';
import { secretFolderOf, whyNotUsable } from '../../private-folder';
import { formatBytes } from '../../quantities';
import { compileCacheFolder, wantsCompileCache } from '../../supervisor/host/compile-cache';
import { containerLimits, workersFor, type ContainerLimits } from '../../supervisor/host/container-limits';
import { isFree } from '../../free-port';
import { systemClock } from '../../time';
import { dial } from '../../transport/dialer';
import { FIRST_WORD_MS } from '../../transport/introduction';
import { findOccupant } from '../place/claim';
import { CommandFailure, reasonOf } from '../command-failure';
import { programText } from './commands';
import { aboutEgg } from './egg-packages';
import type { Output, Style } from '../show/output';
import type { Place } from '../place/place';
import { openStateFolder, type User } from '../place/state-folder';
import { oldestNode, packageVersion } from '../manifest';

export interface Finding {
  /** `wrong`: the application will not work; `warning`: may not work. */
  readonly level: 'ok' | 'warning' | 'wrong';
  readonly text: string;
}

/** Each connection is an open file; systems give 1024 where nobody has asked for more. */
const MIN_OPEN_FILES = 4_096;

/** @returns whether nothing is wrong @param env of the applications to come */
export async function doctor(
  place: Place,
  baseDir: string,
  user: User,
  env: NodeJS.ProcessEnv,
  stdout: Output,
): Promise<boolean> {
  const findings = [
    aboutNode(process.versions.node),
    { level: 'ok', text: `trunkline ${packageVersion()}` } as const,
    aboutStateFolder(place.stateFolder, user.uid),
    aboutSecrets(user),
    ...aboutCompiledCode(env),
    ...(await aboutApplication(place)),
    ...aboutFramework(baseDir),
    await aboutClusterPort(env.NODE_CLUSTER_CLIENT_PORT),
    aboutLimits(containerLimits()),
    aboutOpenFiles(openFilesLimit() ?? openFilesInReport()),
  ];
  for (const { level, text } of findings) stdout.write(`${stdout.style(STYLE_OF[level], level.padEnd(7))}  ${text}\n`);
  return !findings.some(({ level }) => level === 'wrong');
}

function aboutFramework(baseDir: string): Finding[] {
  const text = aboutEgg(baseDir);
  return text === undefined ? [] : [{ level: 'ok', text }];
}

const STYLE_OF: Readonly<Record<Finding['level'], Style>> = { ok: 'green', warning: 'yellow', wrong: 'red' };

export function aboutNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const oldest = oldestNode();
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split('.').map(Number);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  if (isNewEnough) return { level: 'ok', text: `Node.js ${version}` };
  return { level: 'wrong', text: `Node.js ${version} is too old: install ${oldest} or newer` };
}

export function aboutLimits(limits: ContainerLimits): Finding {
  const { cpus, memoryBytes, source } = limits;
  const bytes = memoryBytes ?? fact(() => os.totalmem());
  const memory = bytes === undefined ? 'memory of unknown size' : `${formatBytes(bytes)} of memory`;
  const workers = workersFor(limits);
  const text = `${Number(cpus.toFixed(2))} CPUs and ${memory} (${source}): room for ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  return { level: 'ok', text };
}

/** @param limit undefined: none, or not known */
export function aboutOpenFiles(limit: number | undefined): Finding {
  if (limit === undefined) return { level: 'ok', text: 'open files: no limit' };
  if (limit >= MIN_OPEN_FILES) return { level: 'ok', text: `open files: ${limit} for each process` };
  return {
    level: 'warning',
    text: `open files: only ${limit} for each process, and each connection is one; raise it with ulimit -n or LimitNOFILE`,
  };
}

/** The limit of open files, from the report of Node.js. The report works without /proc, but takes many milliseconds. */
function openFilesInReport(): number | undefined {
  const report = fact(() => process.report.getReport()) as { userLimits?: { open_files?: { soft?: unknown } } } | undefined;
  const soft = report?.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : undefined;
}

/** A folder that is not safe stops every start. Without any folder an application runs in the foreground, controlled by signals. */
function aboutStateFolder(folder: string, uid: number | undefined): Finding {
  try {
    openStateFolder(folder, uid);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return { level: 'ok', text: `sockets and pid files: ${folder}` };
  } catch (error) {
    if (error instanceof CommandFailure && !error.isAboutFiles) return { level: 'wrong', text: error.message };
    const text = error instanceof CommandFailure ? error.message : `the folder ${folder} cannot be written: ${reasonOf(error)}`;
    return { level: 'warning', text: `${text}; without it trunkline start works in the foreground only` };
  }
}

/** Supervised applications have a separate secret, and only processes without a supervisor need the folder. */
function aboutSecrets({ runtimeDir, tmp, uid }: User): Finding {
  const folder = secretFolderOf({ uid, runtimeFolder: runtimeDir, temporaryFolder: tmp });
  const objection = whyNotUsable(folder, uid);
  if (objection === undefined) return { level: 'ok', text: `secrets: ${folder}` };
  const advice = 'processes without a supervisor need it, or TRUNKLINE_SECRET';
  return { level: 'warning', text: `the folder for secrets, ${folder}, cannot be used: ${objection}; ${advice}` };
}

/** @returns nothing where Node.js cannot keep compiled code, or the environment decides about it */
function aboutCompiledCode(env: NodeJS.ProcessEnv): Finding[] {
  if (!wantsCompileCache(env)) return [];
  const folder = compileCacheFolder(env);
  if (folder !== undefined) return [{ level: 'ok', text: `compiled code: ${folder}` }];
  const text = 'no compiled code is kept, so processes start slower: there is no folder where this user alone may write';
  return [{ level: 'warning', text: `${text}; set XDG_CACHE_HOME or NODE_COMPILE_CACHE to one` }];
}

async function aboutApplication(place: Place): Promise<Finding[]> {
  try {
    const occupant = await findOccupant(place);
    if (occupant.state === 'none') return [{ level: 'ok', text: `${place.name} is not running` }];
    if (occupant.state === 'mute') {
      if (!occupant.isNoted) return [{ level: 'ok', text: programText(place, occupant.pid) }];
      if (!occupant.isOurs)
        return [{ level: 'warning', text: `${place.pidFile} names a process that is no master of ours, pid ${occupant.pid}` }];
      return [
        { level: 'wrong', text: `${place.name}, pid ${occupant.pid}, cannot be reached: end it with trunkline stop --force` },
      ];
    }
    const { client, pid } = occupant;
    try {
      const { status } = await client.request({ command: 'status' });
      const ill = status.processes.filter(({ state }) => state === 'crash-loop').map(({ name }) => name);
      if (ill.length > 0)
        return [{ level: 'wrong', text: `${place.name}: ${ill.join(', ')} crash again and again; see trunkline logs` }];
      return [{ level: 'ok', text: `${place.name} is ${status.state}, pid ${status.pid}` }];
    } catch {
      return [{ level: 'wrong', text: `${place.name}, pid ${pid}, does not answer; trunkline stop --force ends it` }];
    } finally {
      client.close();
    }
  } catch (error) {
    return [{ level: 'wrong', text: (error as Error).message }];
  }
}

async function aboutClusterPort(configured: string | undefined): Promise<Finding> {
  const port = Number(configured ?? OPTION_DECLARATIONS.port.default);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return { level: 'wrong', text: `NODE_CLUSTER_CLIENT_PORT is no port: ${configured}; unset it, or set one from 1 to 65535` };
  const origin = configured === undefined ? 'the default without a supervisor' : 'NODE_CLUSTER_CLIENT_PORT';
  if (await isFree(port)) return { level: 'ok', text: `cluster port ${port} (${origin}): free` };
  if (await isLeader(port)) return { level: 'ok', text: `cluster port ${port} (${origin}): a leader of shared clients has it` };
  return {
    level: configured === undefined ? 'warning' : 'wrong',
    text: `cluster port ${port} (${origin}): held by another program; see lsof -i :${port}, or set NODE_CLUSTER_CLIENT_PORT to another`,
  };
}

/** A leader answers a ping at once. */
async function isLeader(port: number): Promise<boolean> {
  const dialled = await dial(loopback(port), FIRST_WORD_MS, systemClock, new AbortController().signal);
  if ('unreachable' in dialled) return false;
  const { connection } = dialled;
  return await new Promise<boolean>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      clearInterval(look);
      resolve(connection.messagesHeard > 0);
      void connection.close();
    };
    const timer = setTimeout(done, FIRST_WORD_MS);
    const look = setInterval(() => {
      if (connection.messagesHeard > 0) done();
    }, 10);
    void connection.closed.then(done);
    connection.ping(FIRST_WORD_MS);
  });
}
