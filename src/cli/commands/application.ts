// The application of a `trunkline start`, in the master process: the start, and everything that the control socket may ask for.

import { realpathSync, writeFileSync } from 'node:fs';
import { assertCanStart, supervise, type ProcessStatus, type Supervised } from '../../supervisor/start-cluster';
import { TrunklineError } from '../../errors';
import { fact } from '../../facts';
import type { HostViewSource } from '../../host-view';
import { jsonForm } from '../../json-form';
import { defaultLogger, type Logger } from '../../logger';
import { CommandFailure, EXIT } from '../command-failure';
import { claim, type Facts } from '../place/claim';
import { openDashboard, readValue, type OwnDashboard } from './dashboard-command';
import type { ApplicationStatus, Command, CommandResult } from '../control/control-protocol';
import { ControlServer, type Controlled } from '../control/control-server';
import type { Report } from '../show/events';
import { remember } from '../place/known-places';
import type { Place } from '../place/place';
import { birthOf } from '../place/processes';
import type { ResolvedSupervisorOptions } from '../../supervisor/host/options';
import type { StartOptions } from './start-settings';
import type { Rotation } from '../logs/rotating-log';
import { progressOf, stepsOf } from '../show/start-progress';
import { packageVersion } from '../manifest';
import { Upkeep, type UpkeepSettings } from '../upkeep/upkeep';

export interface MasterSettings {
  readonly options: StartOptions;
  readonly place: Place;
  /** Whether the application runs without pid file and control socket when the files cannot be made. */
  readonly mayLackFiles: boolean;
  /** Why pid file and control socket cannot be made, if that is known before the start. */
  readonly missing?: string | undefined;
  readonly logs?: Facts['logs'];
  /** How the logs are rotated; undefined: every process writes into them itself. */
  readonly rotation?: Rotation | undefined;
  /** The configuration file that tells of the application. */
  readonly configuration?: string | undefined;
  readonly upkeep: UpkeepSettings;
  readonly dashboard?: OwnDashboard | undefined;
}

const STARTING = 'the application is still starting; try again when it is ready';

export class Application implements Controlled {
  readonly #settings: MasterSettings;
  readonly #report: Report;
  readonly #reopenLogs: () => Promise<void>;
  readonly #startedAt = new Date();
  #facts: Facts | undefined;
  #processes: readonly ProcessStatus[] = [];
  #starting: Promise<Supervised | undefined> | undefined;
  #running: Supervised | undefined;
  #isStopping = false;
  #reloads = 0;
  #upkeep: Upkeep | undefined;
  /** Reports the progress of the start. Does nothing before and after the start. */
  #onProgress: () => void = () => undefined;

  /** @param reopenLogs opens the logs anew, where another process writes them */
  constructor(settings: MasterSettings, report: Report, reopenLogs?: () => Promise<void>) {
    this.#settings = settings;
    this.#reopenLogs = reopenLogs ?? (() => Promise.reject(new Error(this.#whyNotReopened)));
    this.#report = report;
  }

  /**
   * Becomes the master. The process ends when the application has stopped.
   * @returns whether the application is ready; false: the application was stopped before
   * @throws CommandFailure, TrunklineError; nothing is left then
   */
  async start(): Promise<boolean> {
    const { place } = this.#settings;
    const options: ResolvedSupervisorOptions = {
      ...this.#settings.options,
      logger: this.#logger(),
      onChange: (processes) => this.#onChange(processes),
    };
    const { workers, programs } = options;
    assertCanStart();
    const server = new ControlServer(this);
    const missing = await this.#claim(server);
    // Once: the last word on a signal is the supervisor's, and when that is done, the system's.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT']) process.once(signal, () => this.#noteStop());
    process.on('SIGUSR2', () => {
      this.#reopenLogs().catch((error: unknown) =>
        this.#report({ event: 'log', level: 'warn', message: `SIGUSR2: ${(error as Error).message}` }),
      );
    });
    const hasAgent = programs.kind === 'framework' || programs.agent !== undefined;
    const startedAt = performance.now();
    this.#report({ event: 'starting', pid: process.pid, name: place.name, workers, hasAgent });
    if (missing !== undefined) {
      const message = `${missing}; this application goes on without control socket and pid file: only signals reach it`;
      this.#report({ event: 'log', level: 'warn', message });
    }
    this.#onProgress = () =>
      this.#report({ event: 'progress', progress: progressOf(this.#processes, workers, performance.now() - startedAt) });
    this.#onProgress();
    try {
      this.#starting = supervise(options);
      this.#running = await this.#starting;
    } catch (error) {
      server.close();
      throw error;
    } finally {
      this.#endProgress();
    }
    if (!this.#running) {
      server.close();
      return false;
    }
    const { status } = this;
    const tookMs = performance.now() - startedAt;
    this.#report({ event: 'ready', status, tookMs, steps: stepsOf(status.processes, tookMs) });
    this.#beginUpkeep();
    await openDashboard(this, this.#running.ended, this.#settings.dashboard, this.#report);
    return true;
  }

  /** Takes the place. @returns why the application has no place, if a place is optional @throws CommandFailure */
  async #claim(server: ControlServer): Promise<string | undefined> {
    const { place, logs, mayLackFiles, missing, configuration } = this.#settings;
    if (missing !== undefined) return missing;
    const { baseDir, title } = this.#settings.options;
    const [pid, startedAt] = [process.pid, this.#startedAt.toISOString()];
    try {
      const facts = {
        pid,
        birth: birthOf(pid),
        baseDir,
        folders: [realpathSync(baseDir)],
        startedAt,
        title,
        logs,
        configuration,
      };
      process.once('exit', await claim(place, facts, () => server.listen(place.socket)));
      this.#facts = facts;
    } catch (error) {
      if (mayLackFiles && error instanceof CommandFailure && error.isAboutFiles) return error.message;
      throw error;
    }
    process.once('exit', remember(place));
    return undefined;
  }

  get status(): ApplicationStatus {
    const running = this.#running;
    return {
      state: this.#isStopping ? 'stopping' : running ? 'running' : 'starting',
      pid: process.pid,
      baseDir: this.#settings.options.baseDir,
      version: packageVersion(),
      node: process.version,
      startedAt: this.#startedAt.toISOString(),
      uptimeMs: Date.now() - this.#startedAt.getTime(),
      clusterPort: running?.clusterPort,
      address: running?.address,
      undelivered: running?.undelivered ?? 0,
      processes: running?.status ?? this.#processes,
    };
  }

  /** @throws Error while the application is starting */
  get source(): HostViewSource {
    if (!this.#running) throw new Error(STARTING);
    return { read: () => this.#running!.view(), watch: (signal) => this.#running!.watch(signal) };
  }

  async run(command: Command): Promise<CommandResult> {
    if (command.command === 'stop') {
      return { ...(await this.stop()), status: this.status };
    }
    if (command.command === 'reopen-logs') {
      await this.#reopenLogs();
      return { status: this.status };
    }
    if (!this.#running) throw new Error(STARTING);
    if (this.#isStopping) throw new Error('the application is stopping');
    if (command.command === 'scale') await this.#running.scale(command.workers);
    else if (command.command === 'reload') await this.#reload(this.#running);
    else if (command.command === 'restart') await this.#running.restart(command.process);
    else if (command.command === 'value') return { status: this.status, value: jsonForm(await readValue(command)) };
    return { status: this.status };
  }

  get #whyNotReopened(): string {
    if (!this.#settings.logs) return 'the application runs in the foreground: its output is where it was started';
    return 'each process has opened the logs itself, and cannot open them anew: start the daemon with --log-rotate external, daily or another period, or with --log-max-size';
  }

  async #reload(running: Supervised): Promise<void> {
    this.#reloads++;
    try {
      await running.reload();
    } finally {
      this.#reloads--;
    }
    this.#noteFolder();
  }

  #beginUpkeep(): void {
    const { options, upkeep } = this.#settings;
    const isReloading = (): boolean => this.#reloads > 0;
    const application = {
      baseDir: options.baseDir,
      get isReloading() {
        return isReloading();
      },
      reload: () => this.#reload(this.#running!),
    };
    this.#upkeep = new Upkeep(application, upkeep, this.#report);
    this.#upkeep.start();
  }

  /** A shell that is in the present folder of the application must find the application after the next release too. */
  #noteFolder(): void {
    const folder = fact(() => realpathSync(this.#settings.options.baseDir));
    if (folder === undefined || !this.#facts || this.#facts.folders?.includes(folder)) return;
    this.#facts = { ...this.#facts, folders: [...(this.#facts.folders ?? []), folder] };
    fact(() => writeFileSync(this.#settings.place.facts, JSON.stringify(this.#facts)));
  }

  async stop(): Promise<{ forced: boolean }> {
    this.#noteStop();
    if (!this.#running) {
      process.kill(process.pid, 'SIGTERM'); // the supervisor gives up the start
      await this.#starting?.catch(() => undefined);
    }
    const { forced } = (await this.#running?.stop()) ?? { forced: process.exitCode === EXIT.failed };
    if (forced) process.exitCode = EXIT.failed;
    return { forced };
  }

  /** Somebody wants the application to end. */
  get wasStopped(): boolean {
    return this.#isStopping;
  }

  #noteStop(): void {
    this.#endProgress();
    this.#upkeep?.close();
    if (!this.#isStopping) this.#report({ event: 'stopping' });
    this.#isStopping = true;
  }

  #endProgress(): void {
    this.#onProgress = () => undefined;
  }

  /** During the start, progress is reported; afterwards each process that is new or in another state. */
  #onChange(processes: readonly ProcessStatus[]): void {
    const before = new Set(this.#processes.map(identity));
    this.#processes = processes;
    if (!this.#running) this.#onProgress();
    else
      for (const each of processes) {
        if (!before.has(identity(each))) this.#report({ event: 'process', process: each });
      }
  }

  #logger(): Logger {
    const log =
      (level: 'warn' | 'error') =>
      (message: string): void =>
        this.#report({ event: 'log', level, message });
    return { info: (message) => defaultLogger.info(message), warn: log('warn'), error: log('error') };
  }
}

/**
 * Runs an application in this process, which ends after the application. Failures are reported, and set the exit code.
 * @returns whether the application is ready
 */
export async function runMaster(application: Application, report: Report): Promise<boolean> {
  process.once('exit', () => {
    if (application.wasStopped) report({ event: 'stopped', forced: process.exitCode === EXIT.failed });
  });
  try {
    return await application.start();
  } catch (error) {
    if (application.wasStopped && !(error instanceof CommandFailure)) return false; // somebody has cancelled the start
    const code = error instanceof CommandFailure ? error.exitCode : EXIT.failed;
    process.exitCode = code;
    report({ event: 'failed', message: messageOf(error), code });
    return false;
  }
}

/** An error that the user cannot fix is reported with a stack. */
function messageOf(error: unknown): string {
  if (error instanceof CommandFailure || error instanceof TrunklineError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function identity({ name, pid, state }: ProcessStatus): string {
  return `${name} ${pid} ${state}`;
}
