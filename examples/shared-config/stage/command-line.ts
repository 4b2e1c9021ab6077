// The arguments of the demo.

import { REGISTRIES, type RegistryName } from './config-server';

const HELP = `Four processes share one connection to a server of settings.

  npm start                      tell the story once
  npm start -- --watch           keep running and take commands (see below)
  npm start -- --registry NAME   with a real store in place of the registry server of this example:
                                 etcd, redis, zookeeper (started here, if installed) or file (a folder)
  ETCD_URL=http://127.0.0.1:2379 npm start
                                 with an etcd that runs already

Commands of --watch, one per line:
  set KEY VALUE                  change a value through a follower
  kill                           kill the leader
  quit                           end; so does Ctrl-C

NO_COLOR=1 switches colours off.`;

export type CommandLine =
  | { readonly run: 'story' | 'watch'; readonly registry: RegistryName | undefined }
  | { readonly run: 'nothing'; readonly output: string; readonly exitCode: 0 | 2 };

export function readCommandLine(args: readonly string[]): CommandLine {
  if (args.includes('--help') || args.includes('-h')) return { run: 'nothing', output: HELP, exitCode: 0 };
  let registry: RegistryName | undefined;
  let isWatching = false;
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === '--watch') isWatching = true;
    else if (arg === '--registry' || arg.startsWith('--registry=')) {
      const name = arg === '--registry' ? left.shift() : arg.slice('--registry='.length);
      registry = REGISTRIES.find((each) => each === name);
      if (!registry) return wrong(`--registry takes ${REGISTRIES.join(', ')}, but not ${name ?? 'nothing'}`);
    } else return wrong(`unknown argument ${arg}`);
  }
  return { run: isWatching ? 'watch' : 'story', registry };
}

function wrong(what: string): CommandLine {
  return { run: 'nothing', output: `${what}; try --help`, exitCode: 2 };
}
