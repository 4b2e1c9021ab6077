// The arguments of the demo.

const HELP = `Four processes share one connection to a server of settings.

  npm start                      tell the story once
  npm start -- --watch           keep running and take commands (see below)
  ETCD_URL=http://127.0.0.1:2379 npm start
                                 use a running etcd instead of the registry server of this example

Commands of --watch, one per line:
  set KEY VALUE                  change a value through a follower
  kill                           kill the leader
  quit                           end; so does Ctrl-C

NO_COLOR=1 switches colours off.`;

export type CommandLine =
  { readonly run: 'story' | 'watch' } | { readonly run: 'nothing'; readonly output: string; readonly exitCode: 0 | 2 };

export function readCommandLine(args: readonly string[]): CommandLine {
  if (args.includes('--help') || args.includes('-h')) return { run: 'nothing', output: HELP, exitCode: 0 };
  const unknown = args.find((arg) => arg !== '--watch');
  if (unknown !== undefined) return { run: 'nothing', output: `unknown argument ${unknown}; try --help`, exitCode: 2 };
  return { run: args.includes('--watch') ? 'watch' : 'story' };
}
