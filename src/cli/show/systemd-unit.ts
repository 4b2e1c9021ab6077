// A unit of systemd as text. Values are escaped by the rules of systemd.syntax(7), systemd.service(5) and systemd.exec(5). Pure.

export interface Unit {
  /** Letters, digits and `-_.`: part of file names. */
  readonly name: string;
  /** undefined: nobody of this system. */
  readonly user: string | undefined;
  readonly workingFolder: string;
  /** The program, with an absolute path, and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly stopTimeoutMs: number;
  /** Lines in front, for whoever reads the file. */
  readonly comments: readonly string[];
}

/** What a stop may take on top of its limit, s: processes that the application has started and that need to be killed. */
const EXTRA_STOP_S = 5;

export function unitText({ name, user, workingFolder, command, environment, stopTimeoutMs, comments }: Unit): string {
  const [program, ...args] = command;
  const variables = Object.entries(environment).map(([key, value]) => `Environment=${word(percent(`${key}=${value}`))}`);
  return `${comments.map((line) => `# ${line}\n`).join('')}
[Unit]
Description=${percent(name)} (trunkline)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
${user === undefined ? '' : `User=${user}\n`}WorkingDirectory=${percent(workingFolder)}
${[...variables, ''].join('\n')}ExecStart=${[word(percent(program)), ...args.map((arg) => word(percent(arg).replaceAll('$', '$$$$')))].join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=${Math.ceil(stopTimeoutMs / 1000) + EXTRA_STOP_S}
Restart=on-failure
RestartPreventExitStatus=2
RestartSec=2
RuntimeDirectory=trunkline-${name}
RuntimeDirectoryMode=0700

[Install]
WantedBy=multi-user.target
`;
}

/** Specifiers such as %n are not meant. */
function percent(text: string): string {
  return text.replaceAll('%', '%%');
}

/** Writes a word of a command line, or of a list of assignments. */
function word(text: string): string {
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  const escaped = text.replaceAll(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r');
  return `"${escaped}"`;
}
