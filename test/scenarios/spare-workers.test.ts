// Workers have a process while the agent still starts; their program begins when the agent is ready.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';
import { folderOf, removeFolder, saidOf, SAY, startPrograms } from '../support/programs';

/** An agent that says that it runs, and is ready when the file `go` is there. */
const AGENT = `${SAY} say({ agent: process.pid });
module.exports = new Promise((resolve, reject) => {
  const look = setInterval(() => {
    if (!require('node:fs').existsSync('go')) return;
    clearInterval(look);
    if (process.env.AGENT_FAILS) reject(new Error('no agent today'));
    else resolve(say({ isReady: true }));
  }, 5);
});`;
const APP = `${SAY} say({ worker: process.pid });
require('node:http').createServer().listen(0, '127.0.0.1');`;

let folder: string;
let master: Child;

afterEach(async () => {
  await master.stop();
  removeFolder(folder);
});

async function startWithSlowAgent(options: object = {}, env: Record<string, string> = {}): Promise<void> {
  folder = folderOf({ 'agent.js': AGENT, 'app.js': APP });
  master = startPrograms(folder, { agent: './agent.js', workers: 2, ...options }, env);
  await eventually('the program of the agent', () => saidOf(master).length > 0);
}

const letAgentGo = (): void => writeFileSync(join(folder, 'go'), '');

/** The children of the master except the agent. */
function spares(): number[] {
  const agent = saidOf(master).find(({ agent }) => agent)!.agent;
  const children = readFileSync(`/proc/${master.pid}/task/${master.pid}/children`, 'utf8').trim().split(/\s+/).map(Number);
  return children.filter((pid) => pid !== agent && pid > 0 && isAlive(pid));
}

const describeOnLinux = existsSync('/proc/self/task') ? describe : describe.skip;

describeOnLinux('while the agent starts', () => {
  test('each worker has a process, in which the program begins when the agent is ready', async () => {
    await startWithSlowAgent();
    const before = spares();
    expect(before).toHaveLength(2);
    expect(saidOf(master)).toEqual([{ agent: expect.any(Number) as number }]);
    letAgentGo();
    await master.message('the start', ({ type }) => type === 'started');
    const said = saidOf(master).map((each) => Object.keys(each)[0]);
    expect(said).toEqual(['agent', 'isReady', 'worker', 'worker']);
    const workers = saidOf(master).flatMap(({ worker }) => (worker as number | undefined) ?? []);
    expect(workers.sort()).toEqual(before.sort());
  });

  test('a process that is killed is replaced, and nothing is said of it', async () => {
    await startWithSlowAgent();
    const [victim] = spares();
    process.kill(victim!, 'SIGKILL');
    await eventually('the master has noticed the end', () => !existsSync(`/proc/${victim}`));
    letAgentGo();
    const { status } = (await master.message('the start', ({ type }) => type === 'started')) as unknown as {
      status: { state: string; restarts: number }[];
    };
    expect(status.map(({ state, restarts }) => [state, restarts])).toEqual([
      ['ready', 0],
      ['ready', 0],
      ['ready', 0],
    ]);
  });

  test('nothing is left when the agent fails', async () => {
    await startWithSlowAgent({}, { AGENT_FAILS: '1' });
    const before = spares();
    letAgentGo();
    const { message } = await master.message('the failure', ({ type }) => type === 'failed');
    expect(message).toMatch(/agent.*no agent today/s);
    expect(before.filter(isAlive)).toEqual([]);
  });

  test('nothing is left when the application is stopped', async () => {
    await startWithSlowAgent();
    const before = spares();
    master.kill('SIGTERM');
    await master.exited;
    expect(before.filter(isAlive)).toEqual([]);
  });

  test('nothing is left when the master is killed', async () => {
    await startWithSlowAgent();
    const before = spares();
    master.kill('SIGKILL');
    await eventually('the end of all', () => before.filter(isAlive).length === 0);
  });

  test('there is no process where node runs a module of the user before the program', async () => {
    await startWithSlowAgent({ nodeArgs: ['--require', require.resolve('sdk-base')] });
    expect(spares()).toEqual([]);
    letAgentGo();
    await master.message('the start', ({ type }) => type === 'started');
  });
});
