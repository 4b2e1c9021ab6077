// The program `trunkline`: real commands, real masters, real signals.

import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import {
  AGENT,
  APP,
  done,
  folder,
  get,
  inFolderOfItsOwn,
  known,
  masterPid,
  pids,
  port,
  PROGRAM,
  ROOT,
  Run,
  START,
  startDaemon,
  stateFile,
  status,
  trunkline,
  workersOf,
  type Status,
} from '../support/command-line';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { isAlive } from '../support/processes';

inFolderOfItsOwn();

/** A start that does not end within the test. */
const FOREVER_MS = '600000';

test('a daemon is started, looked at, scaled, reloaded, restarted and stopped', async () => {
  const started = await done([...START, '--daemon']);
  expect(started.stdout).toMatch(
    new RegExp(`ready on 127\\.0\\.0\\.1:${port} after .*\n  agent · pid \\d+ .*\n  worker 1 · pid`),
  );
  const first = await status();
  expect(first).toMatchObject({ state: 'running', pid: masterPid() });
  expect(first.processes.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'agent ready',
    'worker 1 ready',
    'worker 2 ready',
  ]);
  expect(workersOf(first)).toContain((JSON.parse(await get('/self')) as { pid: number }).pid);

  expect((await done(['scale', '3'])).stdout).toContain('3 workers ready');
  const scaled = await status();
  expect(pids(scaled).slice(0, 3)).toEqual(pids(first));
  expect(workersOf(scaled)).toHaveLength(3);

  await done(['reload']);
  const reloaded = await status();
  expect(reloaded.pid).toBe(first.pid);
  expect(pids(reloaded).filter((pid) => pids(scaled).includes(pid))).toEqual([]);

  await done(['restart']);
  const restarted = await status();
  expect(pids(restarted).filter((pid) => pids(reloaded).includes(pid))).toEqual([]);
  expect(restarted.processes.every(({ state }) => state === 'ready')).toBe(true);

  expect((await done(['stop'])).stdout).toContain('stopped');
  // The command returns when all processes are gone.
  expect([...known].filter(isAlive)).toEqual([]);
  expect([stateFile('.pid'), stateFile('.sock')]).toEqual([undefined, undefined]);
  expect((await trunkline(['status'])).code).toBe(3);
});

test('what a daemon keeps is open to its user only', async () => {
  await startDaemon();
  const mode = (file: string) => statSync(file).mode & 0o777;
  expect(mode(join(folder, 'trunkline'))).toBe(0o700);
  expect(mode(stateFile('.sock')!)).toBe(0o600);
  expect(mode(stateFile('.facts')!)).toBe(0o600);
});

test('in the foreground the progress is shown, and Ctrl-C stops the application', async () => {
  const run = new Run(START, {});
  await run.says('ready on');
  await status();
  run.process.kill('SIGINT');
  expect(await run.exited).toEqual({ code: 0, signal: null });
  const lines = run.stdout.split('\n').map((line) => line.replaceAll(/\d+\.\d s/g, 'TIME'));
  expect(lines).toEqual(
    expect.arrayContaining(['agent starting TIME · workers 0/2', 'agent ready TIME · workers 2/2', 'stopping …']),
  );
  expect(lines.slice(-2)).toEqual(['stopped', '']);
  expect(run.stdout).not.toContain('\u001b');
  expect(stateFile('.pid')).toBeUndefined();
});

test('in the foreground Ctrl-C stops a start', async () => {
  const run = new Run(START, { AGENT_START_MS: FOREVER_MS });
  await run.says('agent runs');
  run.process.kill('SIGINT');
  expect(await run.exited).toEqual({ code: 0, signal: null });
  expect(run.stdout).toMatch(/stopping …\n([^]*\n)?stopped\n$/);
  expect(run.stderr).toBe('');
  expect(stateFile('.pid')).toBeUndefined();
});

test('with --json each event is a line', async () => {
  const run = new Run([...START, '--json'], {});
  await run.says('"event":"ready"');
  await status();
  run.process.kill('SIGTERM');
  await run.exited;
  const events = run.stdout
    .trimEnd()
    .split('\n')
    // The programs of the application write where the command writes.
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events.filter((event) => event !== 'progress' && event !== 'process')).toEqual([
    'starting',
    'ready',
    'stopping',
    'stopped',
  ]);
});

test.each([
  ['agent', { AGENT_FAILS: '1' }, /trunkline: agent ended with code 1: Error: the agent cannot start/],
  ['worker', { APP_FAILS: '1' }, /trunkline: worker \d ended with code 1: Error: the worker cannot start/],
])('a start in which the %s fails says why and leaves nothing', async (_, env, reason) => {
  for (const mode of [[], ['--daemon']]) {
    const run = await trunkline([...START, ...mode], env);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(reason);
    expect([stateFile('.pid'), stateFile('.sock')]).toEqual([undefined, undefined]);
    expect((await trunkline(['status'])).code).toBe(3);
  }
});

test('a port that is in use is told, with who to ask', async () => {
  const other = net.createServer().listen(port, '127.0.0.1');
  const run = await trunkline([...START, '--daemon']);
  await new Promise((resolve) => other.close(resolve));
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(
    new RegExp(`^trunkline: worker \\d ended with code 1: EADDRINUSE: 127.0.0.1:${port} is in use by .* lsof -i :${port}\n$`),
  );
});

test('in the foreground a port that is in use is one sentence too', async () => {
  const other = net.createServer().listen(port, '127.0.0.1');
  const run = await trunkline(['start', APP, '--workers', '2']);
  await new Promise((resolve) => other.close(resolve));
  expect(run.stderr).toMatch(new RegExp(`^trunkline: worker \\d .* in use .* lsof -i :${port}\n$`));
});

test('the same where the program names no host: node:cluster does not tell one', async () => {
  const other = net.createServer().listen(port);
  const program = join(folder, 'everywhere.js');
  writeFileSync(program, `require('node:http').createServer().listen(${port});`);
  const run = await trunkline(['start', program, '--workers', '1']);
  await new Promise((resolve) => other.close(resolve));
  expect(run.stderr).toMatch(
    new RegExp(`^trunkline: worker 1 ended with code 1: EADDRINUSE: port ${port} is in use by .* lsof -i :${port}\n$`),
  );
});

test('what follows -- are the arguments of the programs', async () => {
  const program = join(folder, 'argv.js');
  writeFileSync(
    program,
    `console.log('argv', JSON.stringify(process.argv.slice(1)));
     require('node:http').createServer().listen(process.env.PORT, '127.0.0.1');`,
  );
  const run = new Run(['start', program, '--workers', '1', '--', '--region', 'north', 'start', '--', '-x'], {});
  await run.says('ready on');
  await status();
  expect(run.stdout).toContain(`argv ${JSON.stringify([program, '--region', 'north', 'start', '--', '-x'])}`);
});

test('a TypeScript program runs where Node.js strips types, and elsewhere one sentence says what to do', async () => {
  const program = join(folder, 'app.ts');
  writeFileSync(
    program,
    `const port: number = Number(process.env.PORT);
     require('node:http').createServer((_: unknown, response: any) => response.end('typed')).listen(port, '127.0.0.1');`,
  );
  const run = await trunkline(['start', program, '--workers', '1', '--daemon']);
  if ((process.features as { typescript?: unknown }).typescript) {
    expect(run.code).toBe(0);
    await status();
    expect(await get('/')).toBe('typed');
  } else {
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(/^trunkline: the program is TypeScript .* --node-args.*\n$/);
  }
});

test.each([
  [['start', '--frobnicate'], "unknown option '--frobnicate'"],
  [['start', 'missing.js'], 'missing.js'],
  [['start', APP, '--workers', '0'], '--workers must be a whole number from 1 to 1024'],
  [['start', APP, '--port', 'http'], '--port must be a whole number'],
  [['start', APP, '--sticky'], '--sticky needs --port'],
  [['start', APP, '--require', 'no-such-module'], '--require must be a module'],
  [['start'], 'give a program or --framework: there is no'],
  [['start', APP, 'more.js'], "too many arguments for 'start': more.js"],
  [['scale', 'many'], 'workers'],
  [['list', 'now'], 'too many arguments'],
  [['stop', 'shop', '--title', 'shop'], 'the name shop and --title exclude each other'],
  [['frobnicate'], "unknown command 'frobnicate'"],
])('%j is not understood: one line, code 2', async (args, sentence) => {
  const run = await trunkline(args);
  expect(run.code).toBe(2);
  expect(run.stderr).toContain(sentence);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(run.stdout).toBe('');
});

test.each(['stop', 'stop --force', 'restart', 'reload', 'scale 2', 'status', 'status --watch', 'logs'])(
  'without an application `%s` ends with code 3',
  async (command) => {
    const run = await trunkline(command.split(' '));
    expect(run.code).toBe(3);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  },
);

test('a second start is refused, and the first goes on', async () => {
  const first = await startDaemon();
  for (const mode of [[], ['--daemon']]) {
    const run = await trunkline([...START, ...mode]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(new RegExp(`already running, pid ${first.pid}\n`));
  }
  expect(pids(await status())).toEqual(pids(first));
});

test('applications with different titles and pid files run side by side', async () => {
  await startDaemon();
  const other = await freePort();
  const pidFile = join(folder, 'other.pid');
  await done([...START, '--daemon', '--pid-file', pidFile, '--port', String(other)]);
  const { stdout } = await done(['status', '--json', '--pid-file', pidFile]);
  expect((JSON.parse(stdout) as Status).pid).toBe(Number(readFileSync(pidFile, 'utf8')));
  expect(statSync(`${pidFile}.sock`).mode & 0o777).toBe(0o600);
  await done(['stop', '--pid-file', pidFile]);
  expect((await status()).state).toBe('running');
});

test('list shows every application of this user, also those with a pid file elsewhere', async () => {
  const first = await startDaemon();
  const other = await freePort();
  const pidFile = join(folder, 'other.pid');
  await done([...START, '--daemon', '--pid-file', pidFile, '--port', String(other)]);
  const second = Number(readFileSync(pidFile, 'utf8'));
  known.add(second);
  const listed = JSON.parse((await done(['list', '--json'])).stdout) as { pid: number; pidFile: string; state: string }[];
  expect(listed.map(({ pid, state }) => ({ pid, state }))).toEqual(
    expect.arrayContaining([first.pid, second].map((pid) => ({ pid, state: 'running' }))),
  );
  expect((await done(['list'])).stdout).toMatch(new RegExp(`${second} +running +2/2 +127.0.0.1:${other} .* ${pidFile}\n`));
  process.kill(first.pid, 'SIGSTOP');
  expect((await done(['list'])).stdout).toMatch(new RegExp(`${first.pid} +no answer`));
  await done(['stop', '--pid-file', pidFile]);
  process.kill(first.pid, 'SIGKILL');
  await eventually('its end', () => !isAlive(first.pid));
  // Applications of others who run as this user do not matter.
  expect((await done(['list'])).stdout).not.toContain(folder);
});

test('a master that a program has started is seen through its pid file, with what can be done to it', async () => {
  const pidFile = join(folder, 'run.pid');
  const options = { workers: 1, port, pidFile, withAgent: false };
  const master = spawn(process.execPath, [join(ROOT, 'dist/test/fixtures/supervisor-master.js')], {
    env: { ...process.env, OPTIONS: JSON.stringify(options) },
    stdio: 'ignore',
  });
  known.add(master.pid!);
  await eventually('an application that answers', async () => (await get('/self').catch(() => '')) !== '');
  const args = ['--pid-file', pidFile];
  const sentence = `pid ${master.pid}, as ${pidFile} says, but was not started by trunkline start: it has no control socket.`;
  expect((await done(['status', ...args])).stdout).toContain(sentence);
  expect(JSON.parse((await done(['status', '--json', ...args])).stdout)).toMatchObject({ pid: master.pid, isControlled: false });
  expect((await trunkline(['doctor', ...args])).stdout).toContain(`ok       run-`);
  for (const command of ['reload', 'stop', 'logs']) {
    const run = await trunkline([command, ...args]);
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining(sentence)]);
  }
  master.kill('SIGTERM');
  await eventually('its end', () => !isAlive(master.pid!));
  expect((await trunkline(['status', ...args])).code).toBe(3);
});

test('what a killed master has left is no obstacle', async () => {
  const first = await startDaemon();
  process.kill(first.pid, 'SIGKILL');
  expect((await trunkline(['status'])).code).toBe(3);
  expect(stateFile('.pid')).toBeDefined();
  await eventually('an end of its children', () => !pids(first).some(isAlive));
  const second = await startDaemon();
  expect(second.pid).not.toBe(first.pid);
});

test('a master that does not run is told, and can be killed', async () => {
  const first = await startDaemon();
  process.kill(first.pid, 'SIGSTOP');
  const run = await trunkline(['status']);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(new RegExp(`pid ${first.pid}, lives, but does not answer within 5 s.*stop --force`));
  await done(['stop', '--force']);
  expect(isAlive(first.pid)).toBe(false);
  expect((await trunkline(['status'])).code).toBe(3);
});

test('a forced stop leaves no process', async () => {
  await startDaemon([], { APP_IGNORES_STOP: '1' });
  await done(['stop', '--force']);
  expect([...known].filter(isAlive)).toEqual([]);
});

test('a stop that had to kill says so with code 1', async () => {
  await startDaemon(['--kill-timeout', '500'], { APP_IGNORES_STOP: '1' });
  const answered = get('/block').catch(() => undefined); // a blocked loop cannot end
  await eventually('a blocked worker', async () => (await status()).state === 'running');
  const run = await trunkline(['stop']);
  await answered;
  expect({ code: run.code, stderr: run.stderr }).toEqual({
    code: 1,
    stderr: 'trunkline: stopped, but processes had to be killed\n',
  });
});

test('a reload that fails says why, and the old processes go on', async () => {
  const broken = join(folder, 'broken');
  const first = await startDaemon([], { APP_BROKEN_FILE: broken });
  writeFileSync(broken, '');
  const run = await trunkline(['reload']);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('the worker cannot start');
  expect(pids(await status())).toEqual(pids(first));
});

test('a start can be watched and stopped by other commands', async () => {
  const run = new Run(START, { AGENT_START_MS: FOREVER_MS });
  await run.says('agent starting');
  await eventually('a master that answers', async () => (await trunkline(['status'])).code === 0);
  expect((await status()).state).toBe('starting');
  const refused = await trunkline(['reload']);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('still starting')]);
  await done(['stop']);
  expect(await run.exited).toEqual({ code: 0, signal: null });
});

test('a daemon whose start nobody waits for any more ends', async () => {
  const run = new Run([...START, '--daemon'], { AGENT_START_MS: FOREVER_MS });
  await run.says('agent starting');
  const pid = await eventually('a master', masterPid);
  known.add(pid);
  run.process.kill('SIGINT');
  await eventually('its end', () => !isAlive(pid));
  expect(stateFile('.pid')).toBeUndefined();
});

test('a reader that has seen enough ends a command without a word', async () => {
  await startDaemon();
  const watching = new Run(['status', '--watch'], {});
  await watching.says('worker 2');
  watching.process.stdout!.destroy();
  expect(await watching.exited).toEqual({ code: 0, signal: null });
  expect(watching.stderr).toBe('');
});

test('an application in the foreground goes on without its reader', async () => {
  const run = new Run(START, {});
  await run.says('ready on');
  const first = await status();
  run.process.stdout!.destroy();
  run.process.stderr!.destroy();
  await done(['scale', '3']); // the change is written to the log
  expect((await status()).pid).toBe(first.pid);
});

test('logs are shown, and followed when they are cut', async () => {
  await startDaemon();
  const follow = new Run(['logs', '--follow', '--lines', '1000'], {});
  await follow.says('agent runs');
  const file = stateFile('.out.log')!;
  appendFileSync(file, 'one more\n');
  await follow.says('one more');
  truncateSync(file);
  appendFileSync(file, 'after the cut\n');
  await follow.says('after the cut');
  follow.process.kill('SIGINT');
  expect((await follow.exited).code).toBe(0);
  await done(['stop']);
  expect((await done(['logs', '-n', '1'])).stdout).toMatch(/stopped\n/);
});

test('an application in the foreground has no logs', async () => {
  const run = new Run(START, {});
  await run.says('ready on');
  await status();
  const logs = await trunkline(['logs']);
  expect([logs.code, logs.stderr]).toEqual([1, expect.stringContaining('runs in the foreground')]);
});

test.each([
  ['a log on a full disk', ['--stdout', '/dev/full'], /the log \/dev\/full cannot be written: the disk is full/],
  ['a log in a folder that cannot be', ['--stderr', '/proc/none/err.log'], /the log \/proc\/none\/err.log cannot be written/],
  ['a pid file in a folder that cannot be', ['--pid-file', '/proc/none/app.pid'], /cannot write beside \/proc\/none\/app.pid/],
  ['a pid file that is none', ['--pid-file', __filename], /is not a pid file/],
])('%s is told in one sentence, and nothing is started', async (_, args, sentence) => {
  const run = await trunkline([...START, '--daemon', ...args]);
  expect(run.code).toBeGreaterThan(0);
  expect(run.stderr).toMatch(sentence);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stateFile('.pid')).toBeUndefined();
  await expect(get('/self')).rejects.toThrow('ECONNREFUSED');
});

test('a folder for state that is open to others is refused', async () => {
  await startDaemon();
  await done(['stop']);
  chmodSync(join(folder, 'trunkline'), 0o755);
  for (const args of [START, ['status']]) {
    const run = await trunkline(args);
    expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('others may enter it (mode 0755); chmod 700 it')]);
  }
});

test('the doctor finds nothing wrong, and then who holds the cluster port', async () => {
  const well = await trunkline(['doctor'], { NODE_CLUSTER_CLIENT_PORT: String(port) });
  expect({ code: well.code, stdout: well.stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/cluster port \d+ .*: free/),
  });
  const stranger = net.createServer((socket) => socket.on('error', () => undefined).resume()).listen(port, '127.0.0.1');
  const ill = await trunkline(['doctor'], { NODE_CLUSTER_CLIENT_PORT: String(port) });
  await new Promise((resolve) => stranger.close(resolve));
  expect(ill.code).toBe(1);
  expect(ill.stdout).toMatch(new RegExp(`wrong +cluster port ${port} .*held by another program; see lsof -i :${port}`));
});

test('the doctor names the folder of compiled code where Node.js keeps some', async () => {
  const env = { NODE_V8_COVERAGE: undefined, NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: join(folder, 'caches') };
  const { stdout } = await trunkline(['doctor'], env);
  const named = [`ok       compiled code: ${join(folder, 'caches/trunkline/compile-cache')}`];
  expect(stdout.match(/^.*compiled code.*$/gm) ?? []).toEqual('enableCompileCache' in nodeModule ? named : []);
  const ill = await trunkline(['doctor'], { ...env, XDG_CACHE_HOME: '/proc/trunkline' });
  expect(ill.stdout.includes('warning  no compiled code is kept')).toBe('enableCompileCache' in nodeModule);
});

test('the doctor knows a leader', async () => {
  const { clusterPort } = await startDaemon();
  const run = await trunkline(['doctor'], { NODE_CLUSTER_CLIENT_PORT: String(clusterPort) });
  expect(run.stdout).toContain('a leader of shared clients has it');
});

// util-linux and BSD have this program, which ends the terminal with its own end.
const hasScript = existsSync('/usr/bin/script');

(hasScript ? test : test.skip)('an application ends with its terminal', async () => {
  const command = [process.execPath, PROGRAM, ...START].join(' ');
  const terminal = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], {
    cwd: folder,
    env: { ...process.env, XDG_RUNTIME_DIR: folder, PORT: String(port) },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let shown = '';
  terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  await eventually('a start on a terminal', () => shown.includes(`after`));
  const { pid } = await status();
  // Output of the programs begins on new lines: nothing of the command line is overwritten.
  expect(shown.split('\r\n')).toContain('agent runs');
  expect(shown).not.toContain('\u001b[2K');
  terminal.kill('SIGKILL');
  await eventually('its end', () => !isAlive(pid));
  expect(stateFile('.pid')).toBeUndefined();
});

test('the help of every command has an example', async () => {
  for (const command of ['start', 'stop', 'restart', 'reload', 'scale', 'status', 'list', 'logs', 'doctor', 'startup']) {
    expect((await done([command, '--help'])).stdout).toMatch(new RegExp(`Example:\n  trunkline ${command}`));
  }
  expect((await done(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe('where no file can be made', () => {
  // Nobody can make a folder there, not even root.
  const nowhere = { XDG_RUNTIME_DIR: '/proc', TMPDIR: '/proc' };

  test('an application of agent and workers starts in the foreground, says what it lacks, and stops', async () => {
    const run = new Run(['start', APP, '--agent', AGENT, '--workers', '1'], nowhere);
    await run.says('ready');
    expect(run.stderr).toContain('goes on without control socket and pid file');
    run.process.kill('SIGTERM');
    expect(await run.exited).toEqual({ code: 0, signal: null });
    expect(run.stdout + run.stderr).not.toContain('ERR_TRUNKLINE');
  });

  test('a daemon does not start, because nothing could stop it', async () => {
    const run = new Run(['start', APP, '--workers', '1', '--daemon'], nowhere);
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.stderr).toContain('/proc/trunkline cannot be made');
  });

  test.each([
    ['relative', 'somewhere'],
    ['gone', '/nowhere/gone'],
  ])('the doctor finds a machine well whose XDG_RUNTIME_DIR is %s', async (_, XDG_RUNTIME_DIR) => {
    const run = new Run(['doctor'], { XDG_RUNTIME_DIR, TMPDIR: folder });
    await run.exited;
    expect(run.stdout).toMatch(/^ok +sockets and pid files: /m);
    expect(run.stdout).toMatch(/^ok +secrets: /m);
  });
});
