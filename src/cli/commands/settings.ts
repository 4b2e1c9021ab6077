// From what is written after `trunkline start` to the options of startCluster.

import { resolve } from 'node:path';
import type { Mention } from '../../supervisor/host/option-error';
import type { SupervisorOptions } from '../../supervisor/host/options';
import { CommandFailure } from '../command-failure';

/** The flags as commander gives them. */
export interface StartFlags {
  agent?: string;
  workers?: string;
  port?: string;
  framework?: string;
  baseDir?: string;
  env?: string;
  title?: string;
  daemon?: boolean;
  stdout?: string;
  stderr?: string;
  pidFile?: string;
  require?: string[];
  nodeArgs?: string;
  startTimeout?: string;
  stopTimeout?: string;
  killTimeout?: string;
  maxMemory?: string;
  compileCache?: boolean;
  sticky?: string | true;
  dashboard?: string;
  json?: boolean;
  logMaxSize?: string;
  logRotate?: string;
  logKeep?: string;
  watch?: string | true;
  watchIgnore?: string;
  cronRestart?: string;
  /** A file; false: none, as `--no-config` says. Commander gives true where nothing is said. */
  config?: string | boolean;
  /** The arguments after `--`, for the program. */
  args?: string[];
}

/** What users know the options by. */
const FLAG_OF: Readonly<Record<string, string>> = {
  agent: '--agent',
  baseDir: '--base-dir',
  workers: '--workers',
  port: '--port',
  sticky: '--sticky',
  require: '--require',
  startTimeout: '--start-timeout',
  stopTimeout: '--stop-timeout',
  nodeArgs: '--node-args',
  maxMemory: '--max-memory',
  title: '--title',
  env: '--env',
  framework: '--framework',
  dashboard: '--dashboard',
  logMaxSize: '--log-max-size',
  logRotate: '--log-rotate',
  logKeep: '--log-keep',
  watch: '--watch',
  watchIgnore: '--watch-ignore',
  cronRestart: '--cron-restart',
  pidFile: '--pid-file',
  stdout: '--stdout',
  stderr: '--stderr',
};

/**
 * @param isConfigured whether a configuration file names the program of the workers
 * @throws CommandFailure that names the flag
 */
export function supervisorOptions(app: string | undefined, flags: StartFlags, isConfigured = false): SupervisorOptions {
  if (app !== undefined && flags.framework !== undefined)
    throw CommandFailure.usage(`a program (${app}) and --framework exclude each other`);
  if (app === undefined && flags.agent !== undefined && !isConfigured)
    throw CommandFailure.usage('--agent needs the program of the workers too, as in: trunkline start app.js --agent agent.js');
  // `--watch app.js` takes the program for a folder.
  if (app === undefined && flags.framework === undefined && typeof flags.watch === 'string' && !isConfigured)
    throw CommandFailure.usage(`--watch takes folders; write the program first: trunkline start ${flags.watch} --watch`);
  const ofLogs = (['logMaxSize', 'logRotate', 'logKeep'] as const).find((flag) => flags[flag] !== undefined);
  if (!flags.daemon && ofLogs !== undefined)
    throw CommandFailure.usage(`${FLAG_OF[ofLogs]} is for --daemon; in the foreground redirect the output`);
  if (!flags.daemon && (flags.stdout !== undefined || flags.stderr !== undefined))
    throw CommandFailure.usage('--stdout and --stderr are for --daemon; in the foreground redirect the output');
  const given = {
    app,
    agent: flags.agent,
    framework: flags.framework,
    baseDir: resolve(flags.baseDir ?? '.'),
    workers: workersOf(flags.workers),
    port: number('--port', flags.port),
    env: flags.env,
    title: flags.title,
    require: flags.require,
    nodeArgs: flags.nodeArgs === undefined ? undefined : words(flags.nodeArgs),
    startTimeout: number('--start-timeout', flags.startTimeout),
    stopTimeout: number('--stop-timeout', flags.stopTimeout) ?? number('--kill-timeout', flags.killTimeout),
    args: flags.args?.length ? flags.args : undefined,
    maxMemory: flags.maxMemory,
    compileCache: flags.compileCache === false ? false : undefined, // commander gives true where nothing is said
    sticky: stickyOf(flags.sticky),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** As users of the command line know the options of startCluster. */
export function asFlag(option: string, how: Mention): string {
  if (option === 'app') return how === 'subject' ? 'the program' : 'a program';
  return FLAG_OF[option] ?? option;
}

/** Splits a text into words as a shell would, with quotes. @throws CommandFailure */
export function words(text: string): string[] {
  const found: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const [word] = /^(?:[^\s"']+|"[^"]*"|'[^']*')+/.exec(rest) ?? [];
    if (word === undefined) throw CommandFailure.usage(`--node-args has a quote without its other: ${text}`);
    found.push(word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
    rest = rest.slice(word.length).trimStart();
  }
  return found;
}

/** @throws CommandFailure */
export function number(flag: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d{1,12}$/.test(given)) return Number(given);
  throw CommandFailure.usage(`${flag} must be a whole number, but is ${JSON.stringify(given)}`);
}

/** `max`, the default, is what the CPUs and the memory have room for. */
function workersOf(given: string | undefined): number | undefined {
  return given === 'max' ? undefined : number('--workers', given);
}

function stickyOf(given: string | true | undefined): true | { header: string } | undefined {
  if (given === undefined || given === true) return given;
  // `--sticky app.js` takes the program for the header.
  if (!/^[\w-]+$/.test(given)) {
    throw CommandFailure.usage(
      `--sticky takes the name of a header, not ${JSON.stringify(given)}; write the program first: trunkline start app.js --sticky`,
    );
  }
  return { header: given };
}
