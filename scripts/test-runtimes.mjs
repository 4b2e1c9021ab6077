// `npm run test:runtimes`: a smoke test of the shared client under Bun and Deno, which npm fetches. Three processes of the
// runtime share an upstream client, the leader is killed, and the others go on. A runtime that cannot be fetched is passed over.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ensure from './ensure.mjs';
import { npmBinary } from './npm-binary.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [system, architecture] = [process.platform, process.arch];
const RUNTIMES = [
  {
    name: 'Bun 1.4.5',
    spec: `@oven/bun-${system}-${architecture === 'arm64' ? 'aarch64' : architecture}@1.4.5`,
    program: 'bin/bun',
    args: [],
  },
  {
    name: 'Deno 2.9.6',
    spec: `@deno/${system}-${architecture}${system === 'linux' ? '-glibc' : ''}@2.9.6`,
    program: 'deno',
    args: ['run', '--allow-all', '--quiet'],
  },
];
/** A part of the test that takes longer than this, ms, does not end. */
const LIMIT_MS = 60_000;

const CLIENT = `
const cluster = require(${JSON.stringify(join(root, 'dist/src/index.js'))});
class Registry {
  subscribe(key, listener) { this.timer = setInterval(() => listener({ from: process.pid, set: new Set([1n]) }), 50); }
  async get(key) { return key + ' of ' + process.pid; }
  async fail() { throw Object.assign(new Error('no'), { code: 'E_NO' }); }
  close() { clearInterval(this.timer); }
}
const say = (what) => console.log(JSON.stringify({ pid: process.pid, ...what }));
const client = cluster(Registry, { port: Number(process.env.CLUSTER_PORT) }).create({ server: 'example' });
client.on('error', (error) => say({ error: error.message }));
client.subscribe('flags', ({ from, set }) => { if (from !== client.last && set.has(1n)) say({ from: (client.last = from) }); });
client.ready().then(async () => {
  say({ got: await client.get('timeout'), leads: client.isClusterClientLeader });
  await client.fail().catch(({ code, message }) => say({ code, message }));
});
process.stdin.once('data', () => client.close().then(() => { say({ closed: true }); process.exit(0); }));`;

const SUPERVISOR = `
require(${JSON.stringify(join(root, 'dist/src/supervisor/index.js'))}).startCluster({ app: __dirname + '/worker.cjs', workers: 1 })
  .then((application) => application.stop()).then(() => console.log('{"stopped":true}'));`;
const WORKER = `require(${JSON.stringify(join(root, 'dist/src/supervisor/index.js'))}).ready();`;

async function test({ name, spec, program, args }) {
  let path;
  try {
    path = join(npmBinary(spec), program);
  } catch (error) {
    console.error(`${name}: passed over, ${error.message}`);
    return;
  }
  const processes = [];
  const start = (file, env = {}) => {
    const started = new Program(path, [...args, join(folder, file)], env);
    processes.push(started);
    return started;
  };
  try {
    await share(start);
    console.log(`${name}: processes share a client, and go on when their leader is killed`);
    if (name.startsWith('Bun')) await warn(start);
  } catch (error) {
    console.error(`${name}: ${error.message}\n${processes.map(({ output }) => output).join('\n')}`);
    process.exitCode = 1;
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
  }
}

async function share(start) {
  const CLUSTER_PORT = String(await freePort());
  const clients = [0, 1, 2].map(() => start('client.cjs', { CLUSTER_PORT }));
  const got = await Promise.all(clients.map((each) => each.says('a call that is answered', ({ got }) => got)));
  const leaders = got.filter(({ leads }) => leads);
  if (leaders.length !== 1 || got.some((each) => each.got !== `timeout of ${leaders[0].pid}`))
    throw new Error(`not one leader: ${JSON.stringify(got)}`);
  await Promise.all(
    clients.map((each) => each.says('an error with its code', ({ code, message }) => code === 'E_NO' && message === 'no')),
  );
  await Promise.all(clients.map((each) => each.says('a value of the leader', ({ from }) => from === leaders[0].pid)));
  const leader = clients[got.indexOf(leaders[0])];
  leader.child.kill('SIGKILL');
  const others = clients.filter((each) => each !== leader);
  const next = await Promise.all(
    others.map((each) => each.says('a value of the next leader', ({ from }) => from && from !== leaders[0].pid)),
  );
  if (next[0].from !== next[1].from) throw new Error(`not one next leader: ${JSON.stringify(next)}`);
  for (const each of others) {
    each.child.stdin.write('end\n');
    await each.says('an orderly end', ({ closed }) => closed);
  }
}

async function warn(start) {
  const supervisor = start('supervisor.cjs');
  await supervisor.says('an end of the application', ({ stopped }) => stopped);
  if (!/does not publish the diagnostics channels/.test(supervisor.output)) throw new Error('the supervisor does not warn');
  console.log('Bun: the supervisor warns of what is missing');
}

class Program {
  output = '';
  #said = [];
  #wake = () => undefined;

  constructor(path, args, env) {
    this.child = spawn(path, args, { env: { ...process.env, XDG_RUNTIME_DIR: folder, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin.on('error', () => undefined);
    this.child.stderr.on('data', (chunk) => (this.output += chunk));
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.output += `${line}\n`;
      if (line.startsWith('{')) this.#said.push(JSON.parse(line));
      this.#wake();
    });
  }

  async says(what, isIt) {
    for (const end = Date.now() + LIMIT_MS; ;) {
      const found = this.#said.find(isIt);
      if (found) return found;
      if (Date.now() > end) throw new Error(`waited for ${what} in vain`);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1_000);
      });
    }
  }
}

await ensure();
const { freePort } = await import('../dist/src/free-port.js');
const folder = mkdtempSync(join(tmpdir(), 'trunkline-runtimes-'));
for (const [name, text] of Object.entries({ 'client.cjs': CLIENT, 'supervisor.cjs': SUPERVISOR, 'worker.cjs': WORKER }))
  writeFileSync(join(folder, name), text);
try {
  for (const runtime of RUNTIMES) await test(runtime);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
