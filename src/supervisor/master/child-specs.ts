// What is started in each slot: program, environment, ports.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../facts';
import { secretFolderOf, whyNotUsable } from '../../private-folder';
import { formatSeat, formatSeatSecret, grantSecret, SEAT_SECRET_VARIABLE, SEAT_VARIABLE } from '../../seat';
import type { ChildTask, Program } from '../messaging/messages';
import type { ResolvedSupervisorOptions } from '../host/options';
import type { ChildSpec } from './child-handle';
import { compileCacheFolder, COMPILE_CACHE_VARIABLE } from '../host/compile-cache';
import { freePort } from '../../free-port';
import { InspectPorts } from './inspect-ports';

const SECRET_BYTES = 32;

export class ChildSpecs {
  readonly #options: ResolvedSupervisorOptions;
  readonly #inspectPorts: InspectPorts | undefined;
  /** Where the shared clients of the application meet. */
  readonly clusterPort: number;
  /** Where workers take what the master hands over, when connections are sticky. */
  readonly stickyPort: number | undefined;
  /**
   * The secret that the processes of the application share; undefined: the file of this user, or the secret that the user sets.
   */
  readonly #secret: string | undefined;
  /** Where children keep compiled code. */
  readonly #compileCache: string | undefined;

  private constructor(
    options: ResolvedSupervisorOptions,
    ports: { clusterPort: number; stickyPort: number | undefined; inspect: InspectPorts | undefined },
  ) {
    this.#options = options;
    this.#inspectPorts = ports.inspect;
    this.clusterPort = ports.clusterPort;
    this.stickyPort = ports.stickyPort;
    this.#secret = needsSecret(options) ? randomBytes(SECRET_BYTES).toString('hex') : undefined;
    if (this.#secret !== undefined) grantSecret(this.clusterPort, this.#secret);
    this.#compileCache = options.compileCache ? compileCacheFolder(options.env) : undefined;
  }

  /** Chooses the ports of the application. */
  static async prepare(options: ResolvedSupervisorOptions): Promise<ChildSpecs> {
    return new ChildSpecs(options, {
      clusterPort: options.clusterPort ?? (await freePort()),
      stickyPort: options.sticky ? await freePort() : undefined,
      inspect: await InspectPorts.find(options),
    });
  }

  /** The port that the master reserves. */
  get mastersPort(): number | undefined {
    return this.#options.sticky ? this.#options.port : undefined;
  }

  get hasAgent(): boolean {
    const { programs } = this.#options;
    return programs.kind === 'framework' || programs.agent !== undefined;
  }

  /** What Agent, Application and the listeners of `egg-ready` are given. */
  get programOptions(): Readonly<Record<string, unknown>> {
    const { programs, workers, port } = this.#options;
    return {
      ...(programs.kind === 'framework' ? programs.options : { workers, port }),
      clusterPort: this.clusterPort,
      ...(this.stickyPort !== undefined && { stickyWorkerPort: this.stickyPort }),
      ...(this.#inspectPorts && { isDebug: true }),
    };
  }

  /**
   * @param index of the slot; 0 is the agent's @param start counts the starts of the slot @param isSucceeding starts next to a
   * child that still occupies the slot
   */
  of(name: string, index: number, start: number, isSucceeding: boolean): ChildSpec {
    const {
      baseDir,
      workingFolder,
      blockedTimeoutMs,
      hardMaxMemoryBytes,
      nodeArgs,
      ports,
      profileDir,
      programs,
      require,
      startMode,
      title,
    } = this.#options;
    const kind = index === 0 ? 'agent' : 'worker';
    const port = ports[index - 1];
    const stickyPort = kind === 'worker' ? this.stickyPort : undefined;
    const applicationPort = stickyPort ?? port ?? this.#options.port;
    const task: ChildTask = {
      name,
      kind,
      masterPid: process.pid,
      ...(title !== undefined && programs.kind === 'files' && { title: `${title}: ${name}` }),
      program: this.#programOf(kind, port),
      baseDir,
      require,
      inherits: isSucceeding && kind === 'worker',
      clusterPort: this.clusterPort,
      stickyPort,
      blockedTimeoutMs,
      // In a folder where everybody may write nobody shall know the name before.
      profileFile: join(
        profileDir,
        `trunkline-${process.pid}-${name.replace(' ', '-')}-${start}-${randomBytes(8).toString('hex')}.cpuprofile`,
      ),
      // All workers compile the same code: one of them writes it.
      ...(this.#compileCache !== undefined && { compileCache: index <= 1 ? 'written' : 'kept' }),
    };
    return {
      task,
      startMode,
      env: this.#envOf(index, isSucceeding, port, stickyPort),
      // What the arguments of node name is there; the release in which the master was started may have been removed.
      workingFolder: [workingFolder, baseDir].find((folder) => existsSync(folder)),
      nodeArgs,
      inspectPort: this.#inspectPorts?.of(index, start),
      hardMaxMemoryBytes,
      isReadyWhenListening: kind === 'worker' && programs.kind === 'files',
      // Port 0 is any port.
      applicationPort: kind === 'worker' && applicationPort ? applicationPort : undefined,
      mastersPort: this.mastersPort,
    };
  }

  #envOf(index: number, isSucceeding: boolean, port: number | undefined, stickyPort: number | undefined): NodeJS.ProcessEnv {
    const leads = isSucceeding ? 'succeeds' : 'leads';
    const candidacy = index === 0 ? leads : this.hasAgent ? 'follows' : 'competes';
    const { instanceVariable } = this.#options;
    const env: NodeJS.ProcessEnv = {
      ...this.#options.env,
      [instanceVariable]: String(index - 1),
      ...(this.#options.startMode === 'process' && { PWD: this.#options.baseDir }),
      ...(port !== undefined && { PORT: String(port) }),
      ...(stickyPort !== undefined && { PORT: String(stickyPort), HOST: '127.0.0.1' }),
      ...(this.#compileCache !== undefined && { [COMPILE_CACHE_VARIABLE]: this.#compileCache }),
      [SEAT_VARIABLE]: formatSeat({ candidacy, clusterPort: this.clusterPort }),
      ...(this.#secret !== undefined && { [SEAT_SECRET_VARIABLE]: formatSeatSecret(this.clusterPort, this.#secret) }),
    };
    if (index === 0) delete env[instanceVariable]; // of the master, which another supervisor may have numbered
    return env;
  }

  #programOf(kind: 'agent' | 'worker', port: number | undefined): Program {
    const { programs } = this.#options;
    if (programs.kind === 'files') return { file: kind === 'agent' ? programs.agent! : programs.app, args: programs.args };
    return { framework: programs.path, options: { ...this.programOptions, ...(port !== undefined && { port }) } };
  }
}

/**
 * Only the application knows a port that the master has chosen, and therefore needs no secret in a file. At a port that the user
 * gives, processes outside of the application may take part: such processes use the file of this user, as long as a file is
 * possible.
 */
function needsSecret({ clusterPort, env }: ResolvedSupervisorOptions): boolean {
  if (env.TRUNKLINE_SECRET) return false;
  if (clusterPort === undefined) return true;
  const uid = process.geteuid?.();
  const user = { uid, runtimeFolder: env.XDG_RUNTIME_DIR, temporaryFolder: env.TMPDIR ?? temporaryFolder() };
  return whyNotUsable(secretFolderOf(user), uid) !== undefined;
}
