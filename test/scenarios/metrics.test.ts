// The metrics of a real application: scraped from its master while workers come and go.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';
import { samplesOf } from '../support/prometheus';

const PACKAGE = join(__dirname, '../../dist/package');
const required = (file: string): string => `require(${JSON.stringify(join(PACKAGE, file))})`;

const PRICES = `
const cluster = ${required('index.js')};
class Prices {
  async get(id) { return id; }
  async fail() { throw Object.assign(new Error('no'), { code: 'E_NO' }); }
  subscribe(registration, listener) { listener(1); }
  async close() {}
}
module.exports = () => cluster(Prices, { name: 'prices' }).create();
`;
const AGENT = `
const client = require('./prices.js')();
client.ready();
`;
const WORKER = `
const http = require('node:http');
const client = require('./prices.js')();
client.subscribe({ id: 1 }, () => undefined);
http.createServer(async (request, response) => {
  await client[request.url.slice(1)](1).catch(() => undefined);
  response.setHeader('connection', 'close').end(JSON.stringify({ pid: process.pid }));
}).listen(Number(process.env.PORT), '127.0.0.1');
`;
const MASTER = `
const { startCluster } = ${required('supervisor/index.js')};
const { startMetricsServer } = ${required('observe/index.js')};
startCluster({ baseDir: __dirname, agent: 'agent.js', app: 'app.js', workers: 2, port: Number(process.env.PORT) }).then(async (application) => {
  const { url } = await startMetricsServer({ source: application, port: 0 });
  console.log('metrics at ' + url);
  process.on('SIGUSR1', () => application.reload().then(() => console.log('reloaded')));
});
`;

let folder: string;
let port: number;
let master: ChildProcess;
let output = '';
let url: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-metrics-'));
  port = await freePort();
  for (const [name, text] of Object.entries({ 'prices.js': PRICES, 'agent.js': AGENT, 'app.js': WORKER, 'master.js': MASTER }))
    writeFileSync(join(folder, name), text);
  output = '';
  master = spawn(process.execPath, ['master.js'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), XDG_RUNTIME_DIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [master.stdout!, master.stderr!]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('the metrics', () => {
    if (master.exitCode !== null) throw new Error(output);
    return /metrics at (\S+)/.test(output);
  });
  [, url] = /metrics at (\S+)/.exec(output)! as unknown as [string, string];
});

afterEach(async () => {
  if (master.exitCode === null && master.signalCode === null) {
    master.kill('SIGTERM');
    await once(master, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

async function scrape(): Promise<Map<string, number>> {
  return samplesOf(await (await fetch(url)).text());
}

/** Scrapes until a metric is as wanted. */
async function scraped(what: string, isWanted: (samples: Map<string, number>) => boolean): Promise<Map<string, number>> {
  let samples!: Map<string, number>;
  await eventually(what, async () => isWanted((samples = await scrape())));
  return samples;
}

const GET = 'trunkline_calls_total channel=prices method=get outcome=ok';
const FAIL = 'trunkline_calls_total channel=prices method=fail outcome=E_NO';
const workersReady = (samples: Map<string, number>): boolean => samples.get('trunkline_processes kind=worker state=ready') === 2;
const hasTwoFollowers = (samples: Map<string, number>): boolean => samples.get('trunkline_followers channel=prices') === 2;

async function call(method: string, times: number): Promise<number> {
  let pid = 0;
  for (let i = 0; i < times; i++) ({ pid } = await getJson<{ pid: number }>(port, `/${method}`));
  return pid;
}

test('a master tells what all of its processes did, and counters do not go back when a worker is killed or all are replaced', async () => {
  await scraped('two followers', hasTwoFollowers);
  await call('get', 9);
  const pid = await call('fail', 1);
  const before = await scraped('nine calls', (samples) => samples.get(GET) === 9 && samples.get(FAIL) === 1);
  expect(before.get('trunkline_up')).toBe(1);
  expect(before.get('trunkline_upstream_connections channel=prices')).toBe(1);
  expect(before.get('trunkline_upstream_connections_saved channel=prices')).toBe(2);
  expect(before.get('trunkline_clients channel=prices role=leader')).toBe(1);
  expect(before.get('trunkline_process_resident_memory_bytes process=worker 1')).toBeGreaterThan(1e6);

  process.kill(pid, 'SIGKILL');
  const seen: number[] = [];
  await scraped('a new worker', (samples) => {
    seen.push(samples.get(GET)!);
    return samples.get('trunkline_restarts_total reason=signal') === 1 && workersReady(samples) && hasTwoFollowers(samples);
  });
  expect(new Set(seen)).toEqual(new Set([9]));

  await call('get', 1);
  await scraped('the call of now', (samples) => samples.get(GET) === 10);
  master.kill('SIGUSR1');
  await scraped('a reload', (samples) => {
    seen.push(samples.get(GET)!);
    return samples.get('trunkline_reloads_total outcome=ok') === 1;
  });
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect((await scrape()).get('trunkline_last_reload_duration_seconds')).toBeGreaterThan(0);
});

test('a worker that is stopped does not hold up a scraper', async () => {
  await scraped('two followers', hasTwoFollowers);
  const pid = await call('get', 1);
  await scraped('the call', (samples) => samples.get(GET) === 1);
  process.kill(pid, 'SIGSTOP');
  const samples = await scrape();
  process.kill(pid, 'SIGCONT');
  expect(samples.get('trunkline_up')).toBe(1);
  expect(samples.get(GET)).toBe(1);
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const testWithPromtool = hasPromtool ? test : test.skip;

testWithPromtool('promtool of Prometheus finds nothing to complain of', async () => {
  await call('get', 3);
  const input = await (await fetch(url)).text();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});
