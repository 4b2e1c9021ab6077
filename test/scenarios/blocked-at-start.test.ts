// A child that its first message after the start blocks. The test stands in for the master, so that the child finds the end of
// the start and that message in a single read.

import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildTask, Mail, ToChild, ToMaster } from '../../src/supervisor/messaging/messages';
import { eventually, PATIENCE_MS } from '../support/eventually';
import { folderOf, removeFolder, SUPERVISOR } from '../support/programs';

const ENTRY = join(__dirname, '../../dist/package/supervisor/child/entry.js');
const BLOCKED_MS = 600;

const PROGRAM = `const { messenger, ready } = ${SUPERVISOR};
function spinsForEver() { for (;;); }
messenger.on('block', spinsForEver);
ready();`;
/** Two seconds after its begin a child acts as if the start was over. On a busy machine they must not pass before the test acts. */
const NO_LONG_TIMERS = `const timers = require('node:timers');
const { setTimeout } = timers;
timers.setTimeout = (callback, ms, ...rest) => setTimeout(callback, ms >= 1500 ? 2 ** 30 : ms, ...rest);`;

let folder: string;
let child: ChildProcess;
let said: ToMaster[];

beforeEach(() => {
  folder = folderOf({ 'app.js': PROGRAM, 'no-long-timers.js': NO_LONG_TIMERS });
  said = [];
  child = fork(ENTRY, [], {
    execArgv: ['--require', join(folder, 'no-long-timers.js')],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (message) => said.push(message as ToMaster));
});

afterEach(async () => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  removeFolder(folder);
});

const send = (message: object): Promise<void> =>
  new Promise((resolve, reject) => child.send(message, (error) => (error ? reject(error) : resolve())));
const hasSaid = (what: ToMaster['trunkline']): boolean => said.some(({ trunkline }) => trunkline === what);
const isStopped = (): boolean => /\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'));

const testOnLinux = existsSync('/proc/self/stat') ? test : test.skip;

testOnLinux('the watchdog sees a child that a message blocks which was read with the end of the start', async () => {
  const task: ChildTask = {
    name: 'worker 1',
    kind: 'worker',
    masterPid: process.pid,
    program: { file: join(folder, 'app.js') },
    baseDir: folder,
    require: [],
    inherits: false,
    clusterPort: 1,
    blockedTimeoutMs: BLOCKED_MS,
    profileFile: join(folder, 'blocked.cpuprofile'),
  };
  await send({ trunkline: 'task', task: JSON.stringify(task) });
  await eventually('the child is loaded and ready', () => hasSaid('ready') && hasSaid('alive'));

  child.kill('SIGSTOP');
  await eventually('the child is stopped', isStopped);
  const started: ToChild = { trunkline: 'started' };
  const mail: Mail = { trunkline: 'mail', id: 1, withinMs: PATIENCE_MS, action: 'block', to: 'app' };
  await Promise.all([send(started), send(mail)]);
  child.kill('SIGCONT');

  const stackFile = join(folder, 'blocked.stack.txt');
  const stack = await eventually(
    'the stack of the blocked child',
    () => existsSync(stackFile) && readFileSync(stackFile, 'utf8'),
  );
  expect(stack).toContain(`process ${child.pid}: the event loop has been blocked for`);
  expect(stack).toMatch(/^ {4}at spinsForEver \(.*app\.js:\d+:\d+\)$/m);
  expect(hasSaid('handled')).toBe(false);
});
