#!/usr/bin/env node
// The program `trunkline`: all commands and options, each declared once. The only place of the command line that reads the
// environment.

import { userInfo } from 'node:os';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { fact, temporaryFolder } from '../facts';
import { pathAsGiven } from '../path-as-given';
import { CommandFailure, EXIT } from './command-failure';
import { change, kill, reopenLogs, status, stop, watch, withMaster } from './commands/commands';
import { topJson, topPlain, topScreen } from './commands/top';
import { ControlSource } from './control/control-source';
import { PortSource, type PortSourceOptions } from './control/port-source';
import type { HostViewSource } from '../host-view';
import { MAX_WORKERS } from '../supervisor/host/options';
import { dashboard, portDashboard, TOKEN_VARIABLE, type DashboardFlags } from './commands/dashboard-command';
import { doctor } from './commands/doctor';
import { findPlace, findPlaces } from './place/known-places';
import { list } from './commands/list';
import { logs } from './commands/logs';
import { portOrFailure, portStatus, watchPort } from './commands/port-status';
import { outputTo, whenOutputIsLost } from './show/output';
import { placeOf, type Place, type Selection } from './place/place';
import type { StartFlags } from './commands/settings';
import { start } from './commands/start';
import { PATH_OPTIONS, startup } from './commands/startup';
import { withStartOptions, writtenOptions } from './start-options';
import { stateFolderOf, type User } from './place/state-folder';
import { packageVersion } from './manifest';

interface StatusFlags {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly port?: number;
}

const DEFAULT_LINES = 20;
/** The operands of commands for running applications. */
const NAMES = ['[names...]', 'the applications with these names (titles)'] as const;

const stdout = outputTo(process.stdout, process.env);
const stderr = outputTo(process.stderr, process.env);
const user: User = {
  uid: process.geteuid?.(),
  runtimeDir: process.env.XDG_RUNTIME_DIR || undefined,
  tmp: temporaryFolder(),
};

const program = new Command('trunkline')
  .description('Starts an application of an agent and workers, keeps it alive, and controls it.')
  .version(packageVersion(), '-V, --version', 'show the version')
  .helpOption('-h, --help', 'show this help')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'trunkline: ')) })
  .addHelpText(
    'after',
    `
Exit codes: 0 done, 1 failed, 2 not understood, 3 not running.

Example:
  trunkline start app.js --agent agent.js --daemon && trunkline status`,
  );

withStartOptions(program.command('start'))
  .summary('start an application')
  .description(
    `Starts an application: a program for the workers and one for the agent, or a framework; or what a configuration file
(trunkline.config.js, .cjs, .mjs, .ts, .json, or the key "trunkline" of package.json) says. In the foreground until it is stopped
(Ctrl-C; a second one kills), or with --daemon in the background.

SIGHUP reloads the application. When the terminal of an application in the foreground is closed, it stops; under nohup,
a service manager, or as a daemon it has no terminal, and goes on.`,
  )
  .addHelpText('after', example('trunkline start app.js --agent agent.js --workers 4 --port 8080 -- --region north'))
  .action((given: string[], flags: StartFlags, command: Command) => {
    const { operands, args } = atDashes(given);
    const words = [...writtenOptions(command, []), ...(args.length > 0 ? ['--', ...args] : [])];
    const commandOf = (name: string): string[] => [process.argv[1]!, 'start', name, ...words];
    return start(operands, { ...flags, args }, { user, env: process.env, stdout, stderr, commandOf });
  });

withStartOptions(program.command('startup'))
  .summary('print a unit of systemd that starts the application')
  .description(
    `Prints a unit of systemd for what "trunkline start" with the same words would start, and changes nothing. It runs as the user
who calls this command.`,
  )
  .addHelpText('after', example('trunkline startup app.js --port 8080 | sudo tee /etc/systemd/system/shop.service'))
  .action((given: string[], flags: StartFlags, command: Command) => {
    const { operands, args } = atDashes(given);
    const [program, name] = [process.argv[1]!, fact(() => userInfo().username)];
    const written = writtenOptions(command, PATH_OPTIONS);
    return startup({ flags: { ...flags, args }, operands, written, program, user: name, env: process.env }, stdout);
  });

control('stop', 'stop the application, and wait until its master is gone')
  .argument(...NAMES)
  .option('--force', 'kill it at once')
  .addHelpText('after', example('trunkline stop shop'))
  .action((names: string[], flags: Selection & { force?: boolean }) =>
    each(names, flags, (place) => (flags.force ? kill : stop)(place, stdout)),
  );

control('restart', 'stop and start every process; requests are not served meanwhile')
  .argument(...NAMES)
  .option('--process <name>', 'only this process, e.g. "worker 2"; the others go on')
  .addHelpText('after', example('trunkline restart'))
  .action((names: string[], { process: only, ...flags }: Selection & { process?: string }) =>
    each(names, flags, (place) => change(place, { command: 'restart', ...(only !== undefined && { process: only }) }, stdout)),
  );

control('reload', 'replace every process by a new one, without losing a request')
  .argument(...NAMES)
  .addHelpText('after', example('trunkline reload'))
  .action((names: string[], flags: Selection) => each(names, flags, (place) => change(place, { command: 'reload' }, stdout)));

control('scale', 'have so many workers from now on')
  .argument('<workers>', `1 to ${MAX_WORKERS}`, workers)
  .argument('[name]', 'the application with this name')
  .addHelpText('after', example('trunkline scale 8'))
  .action((count: number, name: string | undefined, flags: Selection) =>
    change(placeOfControl(flags, name), { command: 'scale', workers: count }, stdout),
  );

control('status', 'show the processes of the application')
  .argument(...NAMES)
  .option('--json', 'as JSON, an object a line for each application')
  .option('--watch', 'again every second, until the application ends')
  .option('--port <port>', 'instead: all processes that meet at this cluster port, whoever has started them', portNumber)
  .addHelpText('after', example('trunkline status --watch'))
  .action(async (names: string[], { json = false, port, ...flags }: Selection & StatusFlags) => {
    if (port !== undefined) {
      if (names.length > 0) throw CommandFailure.usage('--port is for processes without a name; give either');
      const options = atPort(port);
      if (flags.watch) await watchPort(options, json, stdout, interruption());
      else await portStatus(options, json, stdout);
    } else if (flags.watch && names.length < 2) await watch(placeOfControl(flags, names[0]), json, stdout);
    else if (flags.watch) throw CommandFailure.usage('--watch is for a single application');
    else await each(names, { ...flags, json }, (place) => status(place, json, stdout));
  });

program
  .command('list')
  .summary('show every application of this user')
  .description('Shows every application of this user that `trunkline start` has started, whatever its folder.')
  .option('--json', 'as JSON')
  .addHelpText('after', example('trunkline list'))
  .action(({ json = false }: { json?: boolean }) => list(user, json, stdout));

control('dashboard', 'show the application in a browser, live')
  .argument('[name]', 'the application with this name')
  .option('-p, --port <port>', 'where the dashboard listens; 0: a free port (default: 7780)')
  .option('--host <address>', 'the address; one that others can reach needs a token (default: 127.0.0.1)')
  .option('--token [token]', `what a viewer has to know, who may act then; better in ${TOKEN_VARIABLE}; without one: a new one`)
  .option('--values', 'also show the last values of keys; needs a token')
  .option('--cluster-port <port>', 'instead: all processes that meet at this cluster port, whoever has started them', portNumber)
  .addHelpText('after', example('trunkline dashboard --token'))
  .action((name: string | undefined, { clusterPort, ...flags }: Selection & DashboardFlags & { clusterPort?: number }) => {
    const { port, host, token, values, ...selection } = flags;
    const given = { port, host, token, values } as DashboardFlags;
    const known = process.env[TOKEN_VARIABLE] || undefined;
    if (clusterPort === undefined) return dashboard(placeOfControl(selection, name), given, known, stdout, interruption());
    if (name !== undefined) throw CommandFailure.usage('--cluster-port is for processes without a name; give either');
    return portDashboard(atPort(clusterPort), given, known, stdout, interruption());
  });

control('top', 'show processes, channels and rates live, on this terminal')
  .argument('[name]', 'the application with this name')
  .option('--json', 'one JSON object a line, the first at once')
  .option('--port <port>', 'instead: all processes that meet at this cluster port, whoever has started them', portNumber)
  .addHelpText('after', example('trunkline top'))
  .action(async (name: string | undefined, { json, port, ...flags }: Selection & { json?: boolean; port?: number }) => {
    if (port !== undefined && name !== undefined)
      throw CommandFailure.usage('--port is for processes without a name; give either');
    const { title, source } = port === undefined ? await ofMaster(placeOfControl(flags, name)) : await ofPort(port);
    if (json) await topJson(source, stdout, interruption());
    else if (!stdout.isTty || !process.stdin.isTTY) await topPlain(title, source, stdout, interruption());
    else await topScreen(title, source, { input: process.stdin, output: process.stdout }, stdout, interruption());
  });

interface Shown {
  readonly title: string;
  readonly source: HostViewSource;
}

/** Asks once, so that what is wrong is said while it can be read. */
async function ofMaster(place: Place): Promise<Shown> {
  await withMaster(place, () => Promise.resolve());
  return { title: place.name, source: new ControlSource(place.socket) };
}

/** Asks once, as `ofMaster`. */
async function ofPort(port: number): Promise<Shown> {
  const source = new PortSource(atPort(port));
  await portOrFailure(() => source.read());
  return { title: `cluster port ${port}`, source };
}

function atPort(port: number): PortSourceOptions {
  return {
    port,
    secret: process.env.TRUNKLINE_SECRET || undefined,
    runtimeFolder: process.env.XDG_RUNTIME_DIR || undefined,
  };
}

control('logs', 'show the end of what a daemon has written')
  .argument(...NAMES)
  .option('-f, --follow', 'and what it goes on to write')
  .option('--reopen', 'instead: open the files anew, after another program has renamed them')
  .option('-n, --lines <number>', 'how many lines of each file', lines, DEFAULT_LINES)
  .addHelpText('after', example('trunkline logs --follow -n 100'))
  .action((names: string[], flags: Selection & { follow?: boolean; lines: number; reopen?: boolean }) => {
    if (flags.reopen) return each(names, flags, (place) => reopenLogs(place, stdout));
    return logs(placesOfControl(flags, names), flags.lines, flags.follow ?? false, stdout, interruption(['SIGINT']));
  });

control('doctor', 'look for what may keep an application from working')
  .addHelpText('after', example('trunkline doctor'))
  .action(async (flags: Selection) => {
    // The rules of the folder are among the findings.
    const given = asGiven(flags);
    const isWell = await doctor(placeOf(given, stateFolderOf(user)), given.baseDir ?? '.', user, process.env, stdout);
    if (!isWell) process.exitCode = EXIT.failed;
  });

/** A command for an application that may run. */
function control(name: string, summary: string): Command {
  return program
    .command(name)
    .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}. Without an option: that of the working directory.`)
    .summary(summary)
    .option('--pid-file <file>', 'the application with this pid file')
    .option('--title <title>', 'the application with this title')
    .option('--base-dir <folder>', 'the application of this folder');
}

/** Aborted when the user, or a service manager, has seen enough. */
function interruption(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): AbortSignal {
  const end = new AbortController();
  for (const signal of signals) process.once(signal, () => end.abort());
  return end.signal;
}

/** Words behind `--` are for the program; words before it are programs or names. */
function atDashes(given: string[]): { operands: string[]; args: string[] } {
  const dashes = process.argv.indexOf('--');
  const behind = dashes === -1 ? 0 : process.argv.length - dashes - 1;
  const end = given.length - behind;
  return { operands: given.slice(0, end), args: given.slice(end) };
}

/** Paths that begin in the working folder, which may have been entered by a link. */
function asGiven<T extends Selection>(flags: T): T {
  const { PWD } = process.env;
  const baseDir = pathAsGiven(flags.baseDir ?? '.', PWD);
  return { ...flags, baseDir, ...(flags.pidFile !== undefined && { pidFile: pathAsGiven(flags.pidFile, PWD) }) };
}

function placeOfControl(flags: Selection, name?: string): Place {
  return findPlace(selectionOf(flags, name), user, process.env.PWD);
}

/** The applications that are named, or those that the options select. */
function placesOfControl(flags: Selection, names: readonly string[]): Place[] {
  if (names.length === 0) return [...findPlaces(asGiven(flags), user, process.env.PWD)];
  return [...new Set(names)].map((name) => placeOfControl(flags, name));
}

/** @throws CommandFailure when an option selects the application too */
function selectionOf(flags: Selection, name: string | undefined): Selection {
  if (name === undefined) return asGiven(flags);
  const other = flags.title === undefined ? (flags.pidFile === undefined ? undefined : '--pid-file') : '--title';
  if (other !== undefined) throw CommandFailure.usage(`the name ${name} and ${other} exclude each other`);
  return { title: name };
}

/** Does the same to each application; a failure keeps nobody from the others. @throws CommandFailure the last failure */
async function each(
  names: readonly string[],
  flags: Selection & { readonly json?: boolean | undefined },
  act: (place: Place) => Promise<void>,
): Promise<void> {
  let failure: CommandFailure | undefined;
  const places = placesOfControl(flags, names);
  for (const place of places) {
    try {
      if (places.length > 1 && !flags.json) stdout.write(`${stdout.style('bold', place.name)}\n`);
      await act(place);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      if (failure) show(failure);
      failure = error;
    }
  }
  if (failure) throw failure;
}

function show(failure: CommandFailure): void {
  stderr.write(`${stderr.style('red', 'trunkline:')} ${failure.message}\n`);
}

function example(line: string): string {
  return `\nExample:\n  ${line}`;
}

function workers(text: string): number {
  const count = lines(text);
  if (count >= 1 && count <= MAX_WORKERS) return count;
  throw new InvalidArgumentError(`It must be from 1 to ${MAX_WORKERS}.`);
}

function portNumber(text: string): number {
  const port = lines(text);
  if (port >= 1 && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be from 1 to 65535.');
}

function lines(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

async function main(): Promise<void> {
  // A command that only shows something ends when nobody reads the output; an application goes on without a reader.
  whenOutputIsLost(() => {
    if (process.argv[2] !== 'start') process.exit();
  });
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
    } else if (error instanceof CommandFailure) {
      process.exitCode = error.exitCode;
      show(error);
    } else {
      throw error;
    }
  }
}

void main();
