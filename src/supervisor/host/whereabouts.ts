// Where startCluster cannot work: the children would be asked to start further children, or cannot be started at all.

import cluster from 'node:cluster';
import { TrunklineError } from '../../errors';
import { missingFlag } from '../../permission';

/** What startCluster finds out about the surrounding process. */
export interface Whereabouts {
  /** A master has started this process or thread as an agent or a worker. */
  readonly isSupervised: boolean;
  readonly isClusterWorker: boolean;
  /** The program lies in the executable (`node:sea`), and every child would run the program again. */
  readonly isSingleExecutable: boolean;
}

/** @throws TrunklineError ERR_TRUNKLINE_CANNOT_SUPERVISE */
export function assertCanSupervise(whereabouts: Whereabouts): void {
  const reason = objectionTo(whereabouts);
  if (reason !== undefined) throw new TrunklineError('ERR_TRUNKLINE_CANNOT_SUPERVISE', `startCluster: ${reason}`);
}

function objectionTo({ isSupervised, isClusterWorker, isSingleExecutable }: Whereabouts): string | undefined {
  if (isSupervised)
    return (
      'this process is itself the agent or a worker that startCluster has started; call startCluster in a program of its own, ' +
      'and give it the others as app and agent'
    );
  if (isClusterWorker)
    return (
      'this process is a worker of node:cluster, which cannot start workers of its own; start it as an ordinary process ' +
      '(in PM2: exec_mode fork, one instance)'
    );
  if (isSingleExecutable)
    return 'this program is a single executable, and every process that it started would run the same program again; run it with node';
  return undefined;
}

/** What surrounds a call of startCluster in this process. @param isSupervised see Whereabouts */
export function ownWhereabouts(isSupervised: boolean): Whereabouts {
  return { isSupervised, isClusterWorker: cluster.isWorker, isSingleExecutable: isSingleExecutable() };
}

function isSingleExecutable(): boolean {
  // Other runtimes than Node.js do not have the module.
  const sea = process.getBuiltinModule('node:sea') as typeof import('node:sea') | undefined;
  return sea?.isSea() ?? false;
}

/**
 * What the permission model of Node.js (`node --permission`) forbids.
 * @returns what works less well, as a sentence for the log
 * @throws TrunklineError ERR_TRUNKLINE_CANNOT_SUPERVISE
 */
export function assertMayStart(startMode: 'process' | 'worker_threads', missing = missingFlag): string | undefined {
  const [noChild, noWorker] = [missing('child'), missing('worker')];
  const needed = missing('net') ?? (startMode === 'process' ? noChild : noWorker);
  if (needed !== undefined) {
    const reason = `this process runs under the permission model of Node.js without ${needed}, which startMode '${startMode}' needs`;
    throw new TrunklineError('ERR_TRUNKLINE_CANNOT_SUPERVISE', `startCluster: ${reason}; start node with ${needed}`);
  }
  if (noWorker === undefined) return undefined;
  return (
    `startCluster: the permission model of Node.js denies threads (${noWorker} is missing), so no stack or profile is kept of ` +
    'a process that blocks, and a process whose master was killed ends only when its event loop turns'
  );
}

/** @returns what a runtime that is not Node.js lacks, as a sentence for the log */
export function lackOfRuntime(versions: Readonly<Record<string, string | undefined>> = process.versions): string | undefined {
  if (versions.bun === undefined) return undefined;
  return (
    `startCluster: Bun ${versions.bun} does not publish the diagnostics channels net.server.socket and http.server.request.start ` +
    'of Node.js, so a worker that stops or is reloaded cannot see its requests and cuts them off; run the application with Node.js'
  );
}
