// The options of startCluster: what is given, what the environment says, what is refused.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveSupervisorOptions } from '../../../src/supervisor/host/options';

let baseDir: string;

beforeEach(() => {
  baseDir = mkdtempSync(join(tmpdir(), 'trunkline-options-'));
  writeFileSync(join(baseDir, 'app.js'), '');
  writeFileSync(join(baseDir, 'agent.js'), '');
  writeFileSync(join(baseDir, 'app.ts'), '');
  writeFileSync(join(baseDir, 'app.tsx'), '');
});

afterEach(() => rmSync(baseDir, { recursive: true, force: true }));

const resolve = (options: object, env: NodeJS.ProcessEnv = {}) =>
  resolveSupervisorOptions({ baseDir, app: 'app.js', ...options }, env);

function framework(name: string, folder = baseDir): string {
  const path = join(folder, 'node_modules', name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), '{}');
  return path;
}

test('paths begin at baseDir', () => {
  const { programs } = resolve({ agent: './agent.js' });
  expect(programs).toEqual({ kind: 'files', app: join(baseDir, 'app.js'), agent: join(baseDir, 'agent.js') });
});

test('what is not given has its default', () => {
  expect(resolve({})).toMatchObject({
    startTimeoutMs: 60_000,
    stopTimeoutMs: 5_000,
    workersStopMs: 5_000,
    reloadTimeoutMs: 30_000,
    blockedTimeoutMs: 30_000,
    startMode: 'process',
    scheduling: 'rr',
    sticky: undefined,
    port: undefined,
    maxMemoryBytes: undefined,
  });
  expect(resolve({}).workers).toBeGreaterThanOrEqual(1);
});

test('null, as launchers of egg give it, is not given', () => {
  expect(resolve({ workers: null, port: null, require: null, title: null }).port).toBeUndefined();
});

test.each<[string, object, NodeJS.ProcessEnv, object]>([
  ['an agent has a fifth of a stop', { agent: 'agent.js', stopTimeout: 1000 }, {}, { stopTimeoutMs: 1000, workersStopMs: 800 }],
  [
    'EGG_MASTER_CLOSE_TIMEOUT is for each kind',
    {},
    { EGG_MASTER_CLOSE_TIMEOUT: '700' },
    { stopTimeoutMs: 1400, workersStopMs: 700 },
  ],
  [
    'EGG_APP_CLOSE_TIMEOUT and EGG_AGENT_CLOSE_TIMEOUT',
    {},
    { EGG_APP_CLOSE_TIMEOUT: '300', EGG_AGENT_CLOSE_TIMEOUT: '200' },
    { stopTimeoutMs: 500, workersStopMs: 300 },
  ],
  ['the option counts before the environment', { stopTimeout: 9 }, { EGG_APP_CLOSE_TIMEOUT: '300' }, { stopTimeoutMs: 9 }],
  ['NODE_CLUSTER_CLIENT_PORT', {}, { NODE_CLUSTER_CLIENT_PORT: '7000' }, { clusterPort: 7000 }],
  ['numbers as text', { workers: '3', startTimeout: '9' }, {}, { workers: 3, startTimeoutMs: 9 }],
  ['sizes as text', { maxMemory: '1KB', hardMaxMemory: 5 }, {}, { maxMemoryBytes: 1024, hardMaxMemoryBytes: 5 }],
  [
    'the ports of threads are their number',
    { startMode: 'worker_threads', ports: [1, 2, 3] },
    {},
    { workers: 3, ports: [1, 2, 3] },
  ],
  ['a header of a proxy', { sticky: { header: 'X-Forwarded-For' }, port: 1 }, {}, { sticky: { header: 'x-forwarded-for' } }],
])('%s', (_, options, env, expected) => {
  expect(resolve(options, env)).toMatchObject(expected);
});

test('children get the environment, PORT, EGG_SERVER_ENV, and what is given', () => {
  const { env } = resolve({ port: 8080, env: 'prod', environment: { A: 'ours' } }, { A: 'theirs', B: 'b' });
  expect(env).toEqual({ A: 'ours', B: 'b', PORT: '8080', EGG_SERVER_ENV: 'prod' });
});

test.each<[string, object, string]>([
  ['an app that does not exist', { app: 'no.js' }, 'option app must be the path of a file that exists'],
  ['an agent that does not exist', { agent: 'no.js' }, 'option agent must be'],
  ['an agent without an app', { app: undefined, agent: 'agent.js' }, 'option app must be'],
  ['a folder that does not exist', { baseDir: '/no/such' }, 'option baseDir must be'],
  ['no workers', { workers: 0 }, 'option workers must be a whole number from 1 to 1024, but is 0'],
  ['NaN workers', { workers: NaN }, 'option workers must be a whole number from 1 to 1024, but is NaN'],
  ['a port out of range', { port: 70_000 }, 'option port must be'],
  ['a module that cannot be found', { require: 'no-such-module' }, 'option require must be a module that can be found from'],
  ['sticky without a port', { sticky: true }, 'option sticky needs the option port'],
  ['sticky threads', { sticky: true, port: 1, startMode: 'worker_threads' }, 'option sticky must be off with worker_threads'],
  ['a strange sticky', { sticky: 'yes', port: 1 }, 'option sticky must be true, false or { header }'],
  ['variables as env', { env: { A: 'b' } }, 'option env must be a name (variables go into `environment`)'],
  ['a strange size', { maxMemory: 'much' }, 'option maxMemory must be a number of bytes, or a text like 300MB'],
  ['a strange start mode', { startMode: 'magic' }, "option startMode must be 'process' or 'worker_threads'"],
  ['a strange time', { stopTimeout: -1 }, 'option stopTimeout must be'],
  ['a time with a unit', { stopTimeout: '5s' }, 'option stopTimeout must be a whole number from 1 to 2147483647, but is "5s"'],
  ['a folder as app', { app: '.' }, 'option app must be the path of a file'],
  ['a logger that is none', { logger: {} }, 'option logger must be an object with info, warn and error'],
  ['an onChange that is none', { onChange: 'x' }, 'option onChange must be a function'],
  ['arguments as a text', { nodeArgs: '--x' }, 'option nodeArgs must be a list of texts'],
  ['arguments of the programs as a text', { args: '--x' }, 'option args must be a list of texts'],
  ['TypeScript with JSX', { app: 'app.tsx' }, 'option app is TypeScript'],
  ['an environment as a text', { environment: 'x' }, 'option environment must be an object'],
])('%s is refused in one sentence', (_, options, message) => {
  expect(() => resolve(options)).toThrow(
    expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', message: expect.stringContaining(message) }),
  );
});

test('a TypeScript program needs a Node.js that runs it, or a compiler that is loaded before', () => {
  const canStrip = Boolean((process.features as { typescript?: unknown }).typescript);
  const start = (options: object = {}, env: NodeJS.ProcessEnv = {}) => resolve({ app: 'app.ts', ...options }, env);
  if (canStrip) expect(start().programs).toMatchObject({ app: join(baseDir, 'app.ts') });
  else expect(start).toThrow(/option app is TypeScript .* use Node.js 22.18 or newer, compile it, or load a compiler/);
  for (const nodeArgs of [['--import', 'tsx'], ['--require=ts-node/register'], ['-r', 'tsx/cjs'], ['--loader=x']])
    expect(start({ nodeArgs }).programs).toMatchObject({ app: join(baseDir, 'app.ts') });
  expect(start({}, { NODE_OPTIONS: '--max-old-space-size=99 --import tsx' }).programs).toMatchObject({ kind: 'files' });
  expect(start({ require: './agent.js' }).programs).toMatchObject({ kind: 'files' });
});

test('a framework in production is spared old warnings, as under egg-cluster', () => {
  writeFileSync(join(baseDir, 'package.json'), '{}');
  framework('egg');
  const production = { NODE_ENV: 'production' };
  expect(resolve({ app: undefined }, production).env.NO_DEPRECATION).toBe('*');
  expect(resolve({}, production).env.NO_DEPRECATION).toBeUndefined();
});

test('options that a program cannot have are named in a warning', () => {
  const warnings: string[] = [];
  const log = () => undefined;
  resolve({ nonsense: 1, worker: 2, logger: { info: log, warn: (line: string) => warnings.push(line), error: log } });
  expect(warnings).toEqual(['startCluster: unknown options are ignored: nonsense, worker']);
});

test('threads have the one given port between them, or ports of their own', () => {
  const threads = { startMode: 'worker_threads' };
  expect(resolve({ ...threads, port: 80, workers: 4 })).toMatchObject({ ports: [80], workers: 1 });
  expect(resolve({ ...threads, workers: 4 })).toMatchObject({ ports: [], workers: 4 });
  expect(resolve({ ports: [1, 2], workers: 4 })).toMatchObject({ ports: [], workers: 4 });
});

describe('the framework', () => {
  const find = (options: object = {}) => {
    const { programs } = resolve({ app: undefined, ...options });
    return programs.kind === 'framework' ? programs : undefined;
  };

  test('is egg, or that of package.json, or the given one', () => {
    writeFileSync(join(baseDir, 'package.json'), '{}');
    const egg = framework('egg');
    expect(find()?.path).toBe(egg);
    const own = framework('@scope/own');
    writeFileSync(join(baseDir, 'package.json'), JSON.stringify({ egg: { framework: '@scope/own' } }));
    expect(find()?.path).toBe(own);
    expect(find({ framework: 'egg' })?.path).toBe(egg);
    expect(find({ customEgg: egg })?.path).toBe(egg);
  });

  test('may be installed above the application', () => {
    const app = join(baseDir, 'packages', 'app');
    mkdirSync(app, { recursive: true });
    writeFileSync(join(app, 'package.json'), '{}');
    const egg = framework('egg');
    expect(find({ baseDir: app })?.path).toBe(egg);
  });

  test('gets everything but the logger, with the defaults of egg-cluster', () => {
    writeFileSync(join(baseDir, 'package.json'), '{}');
    const path = framework('egg');
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    expect(find({ workers: 2, anything: 1, logger })?.options).toEqual({
      anything: 1,
      baseDir,
      env: null,
      framework: path,
      https: false,
      plugins: null,
      port: undefined,
      ports: [],
      reusePort: false,
      startMode: 'process',
      workers: 2,
    });
  });

  test.each<[string, object, string]>([
    ['is not installed', { framework: 'no-such' }, 'the framework no-such cannot be found from'],
    ['is an absolute path that does not exist', { framework: '/no/such' }, 'the framework /no/such does not exist'],
  ])('%s: refused', (_, options, message) => {
    writeFileSync(join(baseDir, 'package.json'), '{}');
    expect(() => find(options)).toThrow(message);
  });

  test('cannot be looked for without a package.json', () => {
    expect(() => find()).toThrow('give the option app or framework: there is no');
    writeFileSync(join(baseDir, 'package.json'), '{');
    expect(() => find()).toThrow('cannot be read');
  });
});
