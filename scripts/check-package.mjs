// Packs the package and uses the tarball as a stranger would: publint, are-the-types-wrong, and consumers in CommonJS, ESM and
// TypeScript that install the tarball into a new folder.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingOwnerFields } from './owner-fields.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const work = mkdtempSync(join(tmpdir(), 'trunkline-package-'));

/** Everything that a consumer does with the package, in the dialect of each. */
const BODY = `
const client = cluster(Registry, { singleMode: true, name: 'packed' }).create({ server: 'x' });
client.get('a').then((value) => {
  if (value !== 'x:a') throw new Error('wrong value');
  if (typeof APIClientBase !== 'function') throw new Error('no APIClientBase');
  return close(client);
}).then(() => console.log('ok'));
`;
const CLASS = `
class Registry extends Base {
  constructor(options) { super(); this.server = options.server; this.ready(true); }
  async get(key) { return this.server + ':' + key; }
}`;
const TYPED_CLASS = CLASS.replace('constructor(options)', 'server: string; constructor(options: { server: string })').replace(
  'get(key)',
  'get(key: string): Promise<string>',
);

/** The oldest version that reads the declarations: older versions know no `const` type parameters. */
const OLDEST_TYPESCRIPT = '5.0';
/** The newest version that reads them; the repository itself is compiled by the version of its package.json. */
const NEWEST_TYPESCRIPT = '7.0';

/** The version of vitest that runs on Node.js 20. */
const VITEST = 'vitest@4.1';
/** The kit under the fake timers of vitest. */
const FAKE_TIMERS = `import { mockUpstream, sharedGroup, waitFor } from 'trunkline/testing';
class Feed { async get(key: string): Promise<string> { return key; } close(): void {} }
beforeEach(() => void vi.useFakeTimers()); afterEach(() => void vi.useRealTimers());
test('a group fails over under fake timers', async () => {
  const feed = mockUpstream(Feed).answer('get', 'x');
  const group = await sharedGroup(feed.Class);
  const killed = await group.killLeader();
  expect(await group.leader()).not.toBe(killed);
  await group.ready();
  expect(await group.members[0]!.client.get('a')).toBe('x');
  await waitFor(() => true);
  await group.close();
});
`;

const consumers = {
  'commonjs.cjs': `const cluster = require('trunkline'); const { close, APIClientBase } = cluster; const { Base } = require('sdk-base');
if (cluster.default !== cluster) throw new Error('default is another');${CLASS}${BODY}`,
  'esm.mjs': `import cluster, { close, APIClientBase } from 'trunkline'; import { createRequire } from 'node:module'; import { Base } from 'sdk-base';
if (createRequire(import.meta.url)('trunkline') !== cluster) throw new Error('two instances');${CLASS}${BODY}`,
  'typed-esm.mts': `import cluster, { close, APIClientBase, type ClientOptions } from 'trunkline'; import { Base } from 'sdk-base';
const options: ClientOptions = {}; void options;${TYPED_CLASS}${BODY}`,
  'typed-import.cts': `import cluster from 'trunkline'; import { Base } from 'sdk-base'; const { close, APIClientBase } = cluster;
const options: cluster.ClientOptions = {}; void options;${TYPED_CLASS}${BODY}`,
  'typed-require.cts': `import cluster = require('trunkline'); import sdk = require('sdk-base'); const { Base } = sdk; const { close, APIClientBase } = cluster;
class Api extends cluster.APIClientBase<typeof Registry> { override get DataClient() { return Registry; } } void Api;${TYPED_CLASS}${BODY}`,
  'reading.mts': `import cluster, { close } from 'trunkline';
class Registry { subscribe(key: string, listener: (value: number) => void): void { listener(key.length); } async get(key: string): Promise<number> { return key.length; }
  async *count(to: number): AsyncGenerator<number, void> { for (let n = 1; n <= to; n++) yield n; }
  declare readonly emits: { changed: [key: string] }; }
const client = cluster(Registry, { singleMode: true, name: 'reading' }).create();
for await (const value of client.values('ab')) { const length: number = value; if (length !== 2) throw new Error('wrong value'); break; }
client.subscribe('a', (value) => value.toFixed()).unsubscribe();
let sum = 0; for await (const n of client.count(4)) sum += n; if (sum !== 10) throw new Error('wrong stream');
client.unref().on('ready', () => undefined).on('changed', (key) => key.trim());
// @ts-expect-error -- a misspelt event
client.on('reayd', () => undefined);
const one: number = await client.once('a'); const got: number = await client.with({ timeoutMs: 1_000 }).get('a');
await close(client); console.log(one === got ? 'ok' : 'wrong value');`,
  'supervisor.mjs': `import { startCluster, ready, onStop } from 'trunkline/supervisor';
if (![startCluster, ready, onStop].every((each) => typeof each === 'function')) throw new Error('no supervisor'); console.log('ok');`,
  'observe.mjs': `import { startDashboard } from 'trunkline/observe';
if (typeof startDashboard !== 'function') throw new Error('no dashboard'); console.log('ok');`,
  'fleet.mts': `import cluster, { TrunklineError } from 'trunkline'; import { fleet, memoryEngine, type FleetOptions } from 'trunkline/fleet';
class Registry { subscribe(key: string, listener: (value: number) => void): void { listener(key.length); } async get(key: string): Promise<number> { return key.length; } }
const options: FleetOptions = { engine: memoryEngine(), group: 'shop' };
const client = cluster(fleet(Registry, options), { singleMode: true }).create();
client.subscribe('a', (value) => value.toFixed()); const got: number = await client.get('abc'); const { epoch } = await client.fleetStatus();
let refused: unknown; try { fleet(Registry, { ...options, group: '' }); } catch (error) { refused = error; }
await client.close(); console.log(got === 3 && epoch > 0 && refused instanceof TrunklineError ? 'ok' : 'wrong');`,
  // Without the package for gRPC the engine speaks to the gateway. Nothing listens at port 1.
  'fleet-etcd.cjs': `const cluster = require('trunkline'); const { fleet } = require('trunkline/fleet'); const { etcdEngine } = require('trunkline/fleet/etcd');
class Registry { async get(key) { return key; } close() {} }
const quiet = { info() {}, warn() {}, error() {} };
const Fleet = fleet(Registry, { engine: etcdEngine({ endpoints: 'http://127.0.0.1:1' }), group: 'shop', maxWaitMs: 500, logger: quiet });
const client = cluster(Fleet, { singleMode: true, logger: quiet }).create(); client.on('error', () => undefined);
client.ready().catch(({ code }) => console.log(code === 'ERR_TRUNKLINE_FLEET_NO_ENGINE' ? 'ok' : code)).then(() => client.close());`,
  'fleet-etcd.mts': `import cluster, { TrunklineError } from 'trunkline'; import { fleet, type Engine, type FleetStatus } from 'trunkline/fleet'; import { etcdEngine, type EtcdEngineOptions } from 'trunkline/fleet/etcd';
class Registry { async get(key: string): Promise<number> { return key.length; } }
const options: EtcdEngineOptions = { endpoints: ['http://127.0.0.1:2379'], username: 'u', password: 'p', compact: true, over: 'gateway' };
const engine: Engine = etcdEngine(options);
// @ts-expect-error -- no option of this name
void ({ endpoint: 'http://127.0.0.1:1' } satisfies EtcdEngineOptions);
void (() => { const client = cluster(fleet(Registry, { engine, group: 'shop' })).create(); const got: Promise<number> = client.get('a');
  const status: FleetStatus | undefined = client.status().fleet; void got; void status; });
let refused: unknown; try { etcdEngine({ endpoints: [] }); } catch (error) { refused = error; }
console.log(engine.name === 'etcd' && refused instanceof TrunklineError && refused.code === 'ERR_TRUNKLINE_OPTION_INVALID' ? 'ok' : refused);`,
  // Nothing listens at port 1.
  'etcd.cjs': `const { connectEtcd } = require('trunkline/etcd');
const store = connectEtcd({ endpoints: 'http://127.0.0.1:1' }, { singleMode: true }); store.client.on('error', () => undefined);
store.ready().catch(({ code }) => console.log(code === 'ERR_TRUNKLINE_STORE_UNREACHABLE' ? 'ok' : code)).then(() => store.close());`,
  'etcd.mts': `import { TrunklineError } from 'trunkline'; import { connectEtcd, type EtcdClientOptions } from 'trunkline/etcd';
const options: EtcdClientOptions = { endpoints: ['127.0.0.1:2379'], timeToLiveMs: 5_000, tls: { servername: 'etcd' } };
// @ts-expect-error -- no option of this name
void ({ endpoint: 'http://127.0.0.1:1' } satisfies EtcdClientOptions);
let refused: unknown; try { connectEtcd(options, { singleMode: true }); } catch (error) { refused = error; }
console.log(refused instanceof TrunklineError && refused.code === 'ERR_TRUNKLINE_OPTION_INVALID' ? 'ok' : refused);`,
  // Without the package that the store needs: loading works, and the first use names the package.
  'zookeeper.cjs': `const { connectZooKeeper, ZooKeeperClient } = require('trunkline/zookeeper');
if (typeof ZooKeeperClient !== 'function') throw new Error('no class');
const store = connectZooKeeper({ connectString: '127.0.0.1:1' }, { singleMode: true }); store.client.on('error', () => undefined);
store.ready().catch(({ code, package: name }) => console.log(code === 'ERR_TRUNKLINE_PACKAGE_MISSING' && name === 'node-zookeeper-client' ? 'ok' : code)).then(() => store.close());`,
  'zookeeper.mts': `import { TrunklineError } from 'trunkline'; import { connectZooKeeper, type Store, type ZooKeeperOptions } from 'trunkline/zookeeper';
const options: ZooKeeperOptions = { connectString: '127.0.0.1:1', root: 'relative' }; let store: Store | undefined; let refused: unknown;
try { store = connectZooKeeper(options); } catch (error) { refused = error; }
void store; console.log(refused instanceof TrunklineError && refused.code === 'ERR_TRUNKLINE_OPTION_INVALID' ? 'ok' : refused);`,
  'typed-supervisor.mts': `import { startCluster, type SupervisorOptions } from 'trunkline/supervisor';
const options: SupervisorOptions = { app: 'app.js' }; void options; void startCluster; console.log('ok');`,
  'instance.cjs': `const cluster = require('trunkline'); const { Base } = require('sdk-base');
class Upstream extends Base { constructor() { super(); this.ready(true); } async get(key) { return key; } }
const client = cluster(Upstream, { singleMode: true }).create();
if (!(client instanceof Base)) throw new Error('a client is no Base');
if (!(new (class extends cluster.APIClientBase { get DataClient() { return Upstream; } get clusterOptions() { return { singleMode: true }; } })() instanceof Base)) throw new Error('an API client is no Base');
if (require('trunkline/supervisor').startCluster === undefined || !(client instanceof require('node:events'))) throw new Error('no emitter');
client.ready().then(() => client.get('a')).then((value) => { console.log(value === 'a' ? 'ok' : value); process.exit(); });`,
  'one-error.cjs': `const { TrunklineError } = require('trunkline'); const { startCluster } = require('trunkline/supervisor');
startCluster({ app: 'missing.js' }).then(() => console.log('started'), (error) => console.log(error instanceof TrunklineError ? 'ok' : 'another class of errors'));`,
  'eggjs-cluster.mts': `import { startCluster, Master, ClusterAgentWorkerError, ClusterWorkerExceptionError } from 'trunkline';
import type { ClusterOptions, MasterOptions, ClusterStartMode, ClusterHTTPSSecureOptions } from 'trunkline';
const startMode: ClusterStartMode = 'process'; const https: ClusterHTTPSSecureOptions = { key: 'k', cert: 'c' };
const options: ClusterOptions = { baseDir: '/absent', workers: '2', port: null, startMode, https, plugins: {} };
const master: Master = new Master(options); const given: MasterOptions | undefined = undefined; void given;
await master.ready().then(() => console.log('started'), () => startCluster(options)).catch((error: Error) => {
  const isOne = error instanceof ClusterAgentWorkerError || error instanceof ClusterWorkerExceptionError;
  console.log(!isOne && error.message.includes('baseDir') ? 'ok' : error);
});`,
  // Nothing listens at port 1. The package ioredis is loaded when a client is made, and not before.
  'redis.cjs': `const { RedisStoreClient } = require('trunkline/redis');
const isLoaded = () => Object.keys(require.cache).some((path) => path.includes('ioredis'));
if (isLoaded()) throw new Error('ioredis is loaded too early');
new RedisStoreClient({ url: 'redis://127.0.0.1:1' }).ready().catch(({ code }) => console.log(isLoaded() && code === 'ERR_TRUNKLINE_STORE_UNREACHABLE' ? 'ok' : code));`,
  'redis.mts': `import { Redis } from 'ioredis'; import { TrunklineError } from 'trunkline'; import { connectRedis, RedisStoreClient, type RedisStoreOptions } from 'trunkline/redis';
const options: RedisStoreOptions = { client: new Redis({ port: 1, lazyConnect: true }), form: 'strings' };
// @ts-expect-error -- no form of this name
void (() => new RedisStoreClient({ form: 'string' }));
const store = connectRedis(options, { singleMode: true });
store.client.on('error', () => undefined);
await store.ready().catch((error: unknown) => console.log(error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_STORE_UNREACHABLE' ? 'ok' : error));
await store.close();`,
  'testing.cjs': `const cluster = require('trunkline');
const isLoaded = () => Object.keys(require.cache).some((path) => /package.testing/.test(path));
if (isLoaded()) throw new Error('the kit is loaded too early');
const { leakCheck, mockUpstream, sharedGroup } = require('trunkline/testing'); const { Base } = require('sdk-base');
class Registry extends Base { constructor() { super(); throw new Error('the real class'); } async get(key) { return key; } }
const check = leakCheck(); const registry = mockUpstream(Registry).answer('get', 'mocked');
sharedGroup(registry.Class).then(async (group) => {
  const killed = await group.killLeader(); const leader = await group.leader(); await group.ready();
  const values = await Promise.all(group.members.map(({ client }) => client.get('a')));
  await group.close(); await check();
  console.log(isLoaded() && leader !== killed && values.join() === 'mocked,mocked' && registry.instances === 2 ? 'ok' : values);
});`,
  'testing.mjs': `import cluster from 'trunkline'; import { createRequire } from 'node:module'; import * as kit from 'trunkline/testing';
const names = ['faultProxy', 'leakCheck', 'manualClock', 'mockUpstream', 'processGroup', 'sharedGroup', 'waitFor'];
if (createRequire(import.meta.url)('trunkline/testing').waitFor !== kit.waitFor) throw new Error('two instances');
const clock = kit.manualClock(); class Feed { async get() {} close() {} }
const feed = kit.mockUpstream(Feed); const client = clock.drive(() => cluster(feed.Class, { singleMode: true }).create());
feed.delayNext('get'); const call = client.with({ timeoutMs: 60_000 }).get(); call.catch(() => undefined);
await clock.advanceAsync(60_000); const code = await call.catch((error) => error.code); await client.close();
console.log(names.every((name) => typeof kit[name] === 'function') && code === 'ERR_TRUNKLINE_CALL_TIMEOUT' ? 'ok' : code);`,
  'typed-testing.mts': `import { mockUpstream, processGroup, sharedGroup, waitFor, type HeldCall, type MemberContext, type SharedGroup } from 'trunkline/testing';
import type { ClientOptions, SharedClientOf } from 'trunkline';
class Registry { subscribe(key: string, listener: (value: number) => void): void { listener(key.length); } async get(key: string): Promise<number> { return key.length; } }
const registry = mockUpstream(Registry).answer('get', (key) => key.length); registry.set('ab', 2);
// @ts-expect-error -- a misspelt method
void (() => registry.failNext('gte'));
// @ts-expect-error -- a value of another type
void (() => registry.set('ab', 'two'));
const held: HeldCall<[key: string]> = registry.delayNext('get'); held.release();
const group: SharedGroup<SharedClientOf<typeof Registry>> = await sharedGroup(registry.Class, { members: 2 });
const [follower] = await group.followers(); const heard: number[] = []; follower!.client.subscribe('ab', (value) => heard.push(value));
await waitFor(() => heard.at(-1) === 2); const got: number = await follower!.client.get('abc'); await group.close();
interface Member { create(options: ClientOptions, context: MemberContext<string>): object; get(client: object, key: string): Promise<number> }
void (async () => { const [member] = (await processGroup<Member>('./member.js')).members; const value: number = await member!.call('get', 'a');
  // @ts-expect-error -- an argument of another type
  await member!.call('get', value); const told: string = await member!.message((text) => text.length > 0); void told; });
console.log(got === 3 ? 'ok' : got);`,
  // Another name under which users will install the package.
  'alias.cjs': `const cluster = require('cluster-client'); const { close, APIClientBase } = cluster; const { Base } = require('sdk-base');${CLASS}${BODY}`,
};

/** Programs that esbuild bundles, in both formats, with the expected output. */
const bundles = {
  'bundle-client.mjs': {
    code: `import cluster, { close, APIClientBase } from 'trunkline';${CLASS.replace(' extends Base', '').replace('super(); ', '').replace(' this.ready(true);', '')}${BODY}`,
    says: /^ok$/,
  },
  'bundle-supervisor.mjs': {
    code: `import { startCluster } from 'trunkline/supervisor';
startCluster({ app: ${JSON.stringify(fileURLToPath(import.meta.url))} }).catch(({ code, message }) => console.log(code, message));`,
    says: /^ERR_TRUNKLINE_CANNOT_SUPERVISE .*--external:trunkline/,
  },
};

for (const missing of missingOwnerFields()) {
  console.error(`${missing}: the owner fills this in before a release`);
  if (process.argv.includes('--release')) process.exit(1);
}

try {
  const tarball = join(work, run('npm', ['pack', '--silent', '--pack-destination', work], root).trim().split('\n').at(-1));
  console.log(run(bin('publint'), ['run', tarball, '--strict'], root));
  console.log(run(bin('attw'), [tarball, '--no-emoji'], root));
  const app = join(work, 'app');
  mkdirSync(app);
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  write(app, 'package.json', JSON.stringify({ name: 'consumer', private: true, type: 'commonjs' }));
  write(
    app,
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        exactOptionalPropertyTypes: true,
        esModuleInterop: true,
        types: ['node'],
        outDir: 'out',
      },
    }),
  );
  run(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      tarball,
      `cluster-client@file:${tarball}`,
      'sdk-base@5',
      'ioredis@6',
      'esbuild@0.28',
      `typescript@${devDependencies.typescript}`,
      `oldest-typescript@npm:typescript@${OLDEST_TYPESCRIPT}`,
      `newest-typescript@npm:typescript@${NEWEST_TYPESCRIPT}`,
      `@types/node@${devDependencies['@types/node']}`,
    ],
    app,
  );
  for (const [name, code] of Object.entries(consumers)) write(app, name, code);
  cpSync(join(root, 'examples', 'typed-api-client'), join(app, 'typed-api-client'), { recursive: true });
  run(join(app, 'node_modules', '.bin', 'tsc'), ['-p', '.'], app);
  const flags = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', '--ignoreConfig'];
  const typed = Object.keys(consumers).filter((name) => name.endsWith('ts'));
  for (const [version, name, files, given] of [
    [OLDEST_TYPESCRIPT, 'oldest-typescript', ['reading.mts', 'typed-supervisor.mts'], flags.slice(0, -1)],
    [NEWEST_TYPESCRIPT, 'newest-typescript', typed, flags],
  ]) {
    run(process.execPath, [compilerOf(join(app, 'node_modules', name)), ...given, ...files], app);
    console.log(`declarations for TypeScript ${version}: ok`);
  }
  for (const name of Object.keys(consumers)) {
    const file = name.replace('.mts', '.mjs').replace('.cts', '.cjs');
    const output = run(process.execPath, [file === name ? file : join('out', file)], app);
    if (output.trim() !== 'ok') throw new Error(`${name}: ${output}`);
    console.log(`consumer ${name}: ok`);
  }
  for (const [name, { code, says }] of Object.entries(bundles)) {
    write(app, name, code);
    for (const format of ['esm', 'cjs']) {
      const bundle = join('bundles', name.replace('.mjs', format === 'esm' ? '.mjs' : '.cjs'));
      const esbuild = join(app, 'node_modules', '.bin', 'esbuild');
      run(esbuild, [name, '--bundle', '--platform=node', `--format=${format}`, `--outfile=${bundle}`, '--log-level=error'], app);
      const output = run(process.execPath, [bundle], app).trim();
      if (!says.test(output)) throw new Error(`${bundle}: ${output}`);
      console.log(`${bundle}: ok`);
    }
  }
  run(process.execPath, [join('out', 'typed-api-client', 'main.js')], app);
  console.log('a copied example: ok');
  checkTestsOfPage(tarball, devDependencies);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The tests of docs/testing.md as a stranger copies them, in vitest and node:test. */
function checkTestsOfPage(tarball, { typescript }) {
  const folder = join(work, 'tests');
  mkdirSync(folder);
  write(folder, 'package.json', JSON.stringify({ name: 'consumer-tests', private: true, type: 'commonjs' }));
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball, 'sdk-base@5', VITEST, `typescript@${typescript}`],
    folder,
  );
  const page = readFileSync(join(root, 'docs', 'testing.md'), 'utf8');
  for (const [, code, name] of page.matchAll(/^```(?:ts|js)\n(\/\/ (\S+)\n[^]*?)\n```/gm)) write(folder, name, code);
  write(folder, 'fake-timers.test.ts', FAKE_TIMERS);
  console.log(run(join(folder, 'node_modules', '.bin', 'vitest'), ['run', '--globals', '--exclude', '*.mjs'], folder));
  run(process.execPath, ['--test', 'shutdown.test.mjs'], folder);
  console.log('the tests of docs/testing.md in vitest and node:test: ok');
}

/** The program of a TypeScript package, whatever its version calls it. */
function compilerOf(folder) {
  const { bin: programs } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, programs.tsc);
}

function write(folder, name, text) {
  writeFileSync(join(folder, name), text);
}

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 });
  } catch (error) {
    console.error(error.stdout);
    throw new Error(`failed: ${[command, ...args].join(' ')}`, { cause: error });
  }
}
