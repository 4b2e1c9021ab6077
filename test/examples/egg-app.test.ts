// A real egg 3 application under trunkline in place of cluster-client and egg-cluster. The packages of the application are
// installed by `npm ci --prefix examples/egg-app`.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeWhere } from '../support/describe-where';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const FOLDER = join(__dirname, '../../examples/egg-app');
const missing = existsSync(join(FOLDER, 'node_modules/egg'))
  ? undefined
  : 'it is not installed (npm ci --prefix examples/egg-app)';

interface Answer {
  readonly pid: number;
  readonly tea?: { readonly price: number; readonly holder: number };
}

/** Starts with any option of startCluster. */
const WITH_OPTIONS = `require('egg').startCluster(JSON.parse(process.env.OPTIONS), () => console.log('called back'))`;

describeWhere(missing, 'an egg application', () => {
  let master: ChildProcess;
  let output: string;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
  });

  afterEach(async () => {
    if (master.exitCode === null && master.signalCode === null) {
      master.kill('SIGKILL');
      await once(master, 'exit');
    }
  });

  function run(args: string[], env: Record<string, string> = {}): void {
    output = '';
    master = spawn(process.execPath, args, { cwd: FOLDER, env: { ...process.env, PORT: String(port), ...env } });
    for (const stream of [master.stdout, master.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }

  const get = (path = '/', at = port): Promise<Answer> => getJson(at, path);

  async function started(at = port): Promise<Answer> {
    try {
      return await eventually('the application answers', () => get('/', at).catch(() => undefined));
    } catch (error) {
      throw new Error(`the application does not answer:\n${output}`, { cause: error });
    }
  }

  /** Asks until both workers have answered as wanted. */
  function bothWorkers(what: string, isRight: (answer: Answer) => boolean): Promise<unknown> {
    const right = new Set<number>();
    return eventually(what, async () => {
      const answer = await get().catch(() => undefined);
      if (answer && isRight(answer)) right.add(answer.pid);
      return right.size === 2;
    });
  }

  it('shares one client: the agent leads, a published value reaches every worker, also after the agent was killed', async () => {
    run(['main.js']);
    await started();
    await get('/publish/5');
    await bothWorkers('the price in both', ({ tea }) => tea?.price === 5);
    const agent = (await get()).tea!.holder;
    await get('/tell/6');
    await bothWorkers('the price by way of the messenger', ({ tea }) => tea?.price === 6 && tea.holder === agent);
    process.kill(agent, 'SIGKILL');
    // What a worker has published is published again to the new leader.
    await bothWorkers('data from another agent', ({ tea }) => tea !== undefined && tea.holder !== agent);
    await get('/publish/8');
    await bothWorkers('a new price from it', ({ tea }) => tea?.price === 8 && tea.holder !== agent);
    await get('/tell/9');
    await bothWorkers('the price by way of the messenger to the new agent', ({ tea }) => tea?.price === 9);
    master.kill('SIGTERM');
    expect(await once(master, 'exit')).toEqual([0, null]);
  });

  it('runs in worker_threads, each worker on its port', async () => {
    const ports = [port, await freePort()];
    run(['-e', WITH_OPTIONS], { OPTIONS: JSON.stringify({ baseDir: FOLDER, startMode: 'worker_threads', ports, env: 'prod' }) });
    await eventually('the callback', () => output.includes('called back'), 25_000);
    await get('/publish/5', ports[0]);
    await eventually('the price in both', async () => {
      const answers = await Promise.all(ports.map((at) => get('/', at)));
      return answers.every(({ pid, tea }) => tea?.price === 5 && pid === master.pid);
    });
    master.kill('SIGTERM');
    expect(await once(master, 'exit')).toEqual([0, null]);
  });
});
