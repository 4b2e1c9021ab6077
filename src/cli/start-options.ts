// The operands and options of `trunkline start`, which other commands take too.

import type { Command } from 'commander';

export function withStartOptions(command: Command): Command {
  return command
    .argument('[app...]', 'the program of the workers, or names of applications of the configuration; without it all of these')
    .usage('[options] [app|names...] [-- args...]')
    .option('-c, --config <file>', 'the configuration file (default: the one in the base folder)')
    .option('--no-config', 'without a configuration file')
    .option('--agent <file>', 'the program that runs once, beside the workers')
    .option('-w, --workers <number>', 'how many workers; max: what CPUs and memory have room for (default: max)')
    .option('-p, --port <port>', 'the port of the application, for its programs in PORT')
    .option('--framework <name>', 'package with the classes Agent and Application, e.g. egg')
    .option('--base-dir <folder>', 'where the application is (default: the working directory)')
    .option('--env <name>', 'the name of the environment, for its programs in EGG_SERVER_ENV')
    .option('--title <title>', 'the process title; later commands find the application by it')
    .option('--daemon', 'in the background; returns when the application is ready')
    .option('--stdout <file>', 'where a daemon writes; see: trunkline logs')
    .option('--stderr <file>', 'where a daemon writes its errors')
    .option('--log-max-size <size>', 'a log of a daemon that is larger begins anew, e.g. 10MB')
    .option('--log-rotate <period>', 'a log of a daemon begins anew: hourly, daily, weekly; external: another program renames it')
    .option('--log-keep <number>', 'how many old logs are kept (default: 7)')
    .option('--pid-file <file>', 'where the process id is kept; the control socket is beside it')
    .option('--require <module>', 'a module to load before the programs; may be given again', collect)
    .option('--node-args <args>', 'arguments of node for the processes, e.g. "--max-old-space-size=512"')
    .option('--start-timeout <ms>', 'how long a process may take until it is ready (default: 60000)')
    .option('--stop-timeout <ms>', 'how long a stop may take before what is left is killed (default: 5000)')
    .option('--kill-timeout <ms>', 'the same, under the name that PM2 gives it')
    .option('--max-memory <size>', 'a worker above this is replaced without losing requests, e.g. 300MB')
    .option('--no-compile-cache', 'keep no compiled code for the next start (Node.js 22.1 and later)')
    .option('--sticky [header]', 'each client address goes to one worker; needs --port')
    .option('--watch [paths]', 'reload when files change, for development; folders and files with commas (default: all)')
    .option('--watch-ignore <names>', 'what is not watched, with commas; node_modules, logs and dot files never are')
    .option('--cron-restart <expression>', 'reload at these times, e.g. "0 4 * * *"; needs the package croner')
    .option('--dashboard <port>', `the dashboard of the application, at this port of this host; see: trunkline dashboard`)
    .option('--json', 'what happens as JSON, one object a line');
}

/** The options that were written on the command line, as words for another one. @param except names of options */
export function writtenOptions(command: Command, except: readonly string[]): string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName();
    if (except.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value = command.getOptionValue(name) as unknown;
    if (option.negate !== (value === false)) return []; // the other one of a pair
    if (typeof value === 'boolean') return [option.long!];
    return [value].flat().map((each) => `${option.long}=${String(each)}`);
  });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
