// Real applications of egg 3 (CommonJS) and egg 4 (ES modules, TypeScript) under trunkline in place of cluster-client and of
// egg-cluster or @eggjs/cluster. `npm ci --prefix examples/egg-app` installs the packages of the first, and for the second
// `npm run build --prefix examples/egg4-app` comes after the same.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeWhere } from '../support/describe-where';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const EXAMPLES = join(__dirname, '../../examples');

interface Example {
  readonly egg: number;
  readonly folder: string;
  /** Arguments of node that start the application. */
  readonly start: readonly string[];
  /** Arguments of node that start the application with the options of startCluster in OPTIONS. */
  readonly startWithOptions: readonly string[];
}

const APPLICATIONS: readonly Example[] = [
  {
    egg: 3,
    folder: join(EXAMPLES, 'egg-app'),
    start: ['main.js'],
    startWithOptions: ['-e', `require('egg').startCluster(JSON.parse(process.env.OPTIONS), () => console.log('started'))`],
  },
  { egg: 4, folder: join(EXAMPLES, 'egg4-app/dist'), start: ['main.js'], startWithOptions: ['main.js'] },
];

function whyMissing({ folder, egg }: Example): string | undefined {
  const isInstalled = [join(folder, 'node_modules/egg'), join(folder, '../node_modules/egg')].some((path) => existsSync(path));
  if (!isInstalled) return `egg ${egg} is not installed (npm ci --prefix examples/${egg === 3 ? 'egg-app' : 'egg4-app'})`;
  return existsSync(join(folder, 'main.js')) ? undefined : 'it is not built (npm run build --prefix examples/egg4-app)';
}

interface Answer {
  readonly pid: number;
  readonly tea?: { readonly price: number; readonly holder: number };
  /** egg 4 only. */
  readonly isOneEgg?: boolean;
}

describe.each(APPLICATIONS)('an application of egg $egg', (example) =>
  describeWhere(whyMissing(example), 'under trunkline', () => {
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

    function run(args: readonly string[], env: Record<string, string> = {}): void {
      output = '';
      master = spawn(process.execPath, args, { cwd: example.folder, env: { ...process.env, PORT: String(port), ...env } });
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
      run(example.start);
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
      if (example.egg === 4) expect(await get()).toMatchObject({ isOneEgg: true });
      master.kill('SIGTERM');
      expect(await once(master, 'exit')).toEqual([0, null]);
    });

    it('runs in worker_threads, each worker on its port', async () => {
      const ports = [port, await freePort()];
      run(example.startWithOptions, {
        OPTIONS: JSON.stringify({ baseDir: example.folder, startMode: 'worker_threads', ports, env: 'prod' }),
      });
      await eventually('the application started', () => output.includes('started'), 25_000);
      await get('/publish/5', ports[0]);
      await eventually('the price in both', async () => {
        const answers = await Promise.all(ports.map((at) => get('/', at)));
        return answers.every(({ pid, tea }) => tea?.price === 5 && pid === master.pid);
      });
      master.kill('SIGTERM');
      expect(await once(master, 'exit')).toEqual([0, null]);
    });

    it('reloads: every process is another one, and values reach the new workers', async () => {
      run(example.start);
      await started();
      await get('/publish/5');
      const before = new Set<number>();
      await bothWorkers('the price in both', ({ pid, tea }) => tea?.price === 5 && Boolean(before.add(pid)));
      const agent = (await get()).tea!.holder;
      master.kill('SIGHUP');
      await bothWorkers('new workers', ({ pid }) => !before.has(pid));
      // The workers are replaced before the agent, so the first prices may go to the old agent.
      await eventually('a price from the new agent', async () => {
        await get('/publish/6');
        const { tea } = await get();
        return tea !== undefined && tea.holder !== agent;
      });
      await bothWorkers('the price of the new agent in both workers', ({ tea }) => tea?.price === 6 && tea.holder !== agent);
      master.kill('SIGTERM');
      expect(await once(master, 'exit')).toEqual([0, null]);
    });
  }),
);
