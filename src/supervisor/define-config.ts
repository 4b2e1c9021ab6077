// What a configuration file of the command line may say, typed for editors. The command line reads the file; a program that calls
// startCluster gives options itself.

import type { FrameworkOptions, ProgramOptions } from './host/options';

/** Options of startCluster that are functions of one process, or that the command line needs for itself. */
type NotInFiles = 'logger' | 'onChange' | 'pidFile' | 'title';

/** An application in a configuration file: the options of startCluster, and those of `trunkline start`. */
export interface ApplicationConfiguration
  extends Partial<Omit<ProgramOptions, NotInFiles>>, Pick<FrameworkOptions, 'https' | 'debugPort' | 'reusePort'> {
  /** Name or folder of the framework, where `app` is not given. */
  framework?: string | undefined;
  /** More options for the Agent and the Application of a framework, untouched. */
  frameworkOptions?: Readonly<Record<string, unknown>> | undefined;
  /** The port of this host where the dashboard of the application is shown. Default: none. */
  dashboard?: number | undefined;
  /** A log of a daemon that is larger begins anew. Bytes, or as `10MB`. Default: none. */
  logMaxSize?: number | string | undefined;
  /** A log of a daemon begins anew each hour, day or week; `external`: another program renames the file. Default: never. */
  logRotate?: 'hourly' | 'daily' | 'weekly' | 'external' | undefined;
  /** How many old logs are kept. Default 7. */
  logKeep?: number | undefined;
  /** Reload when files change, for development: `true` for all files of `baseDir`, or the folders and files to watch. */
  watch?: boolean | string | readonly string[] | undefined;
  /** Names or paths of files and folders that are not watched; `node_modules`, logs and dot files never are. */
  watchIgnore?: string | readonly string[] | undefined;
  /** Reload at these times: an expression of cron, such as `0 4 * * *`. Needs the package croner. */
  cronRestart?: string | undefined;
  /** A file for the process id; the control socket is next to this file. Default: in the folder of the user's applications. */
  pidFile?: string | undefined;
  /** Where a daemon writes. Default: in the folder of the user's applications. */
  stdout?: string | undefined;
  /** Where a daemon writes errors. Default: in the folder of the user's applications. */
  stderr?: string | undefined;
}

/** A configuration file with a single application. */
export interface SingleConfiguration extends ApplicationConfiguration {
  /** The name by which commands find the application, and the process title. */
  title?: string | undefined;
}

/** A configuration file with several applications. Everything next to `applications` counts where an application says nothing. */
export interface SeveralConfiguration extends ApplicationConfiguration {
  /** The applications by name, which is the process title too. */
  applications: Readonly<Record<string, ApplicationConfiguration>>;
}

export type Configuration = SingleConfiguration | SeveralConfiguration;

/** Returns the configuration unchanged: editors know the type of what is written in the call. */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration;
}
