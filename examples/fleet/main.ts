// Three "hosts" with two processes each share one connection to a registry. Then the host that holds the connection is killed, and
// another host takes over. Needs Redis: REDIS_URL, or the program redis-server.

import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { RegistryReport } from '../shared-config/registry-server';
import { sendLine } from '../shared-config/registry-protocol';

interface Standing {
  readonly host: string;
  readonly pid: number;
  readonly standing: { readonly state: string; readonly epoch: number } | undefined;
}
interface HostProcess {
  readonly host: string;
  readonly child: ChildProcess;
  value: string | undefined;
  valueAt: number;
}

const HOSTS = ['tokyo', 'paris', 'lima'];
const folder = mkdtempSync(join(tmpdir(), 'trunkline-example-'));
const children: ChildProcess[] = [];

async function main(): Promise<void> {
  const redis = process.env.REDIS_URL ?? (await startRedis());
  if (!redis) {
    console.log('this example needs Redis: set REDIS_URL, or install the program redis-server');
    return;
  }
  const registry = await startRegistry();
  await set(registry.port, 'hello');

  const processes: HostProcess[] = [];
  for (const host of HOSTS) {
    const port = String(await freePort());
    for (let n = 0; n < 2; n++) processes.push(startProcess(host, port, redis, registry.port));
  }
  await until('all processes have the setting', () => processes.every(({ value }) => value === 'hello'));
  const winner = await winnerAmong(processes);
  console.log(`${HOSTS.length} hosts, ${processes.length} processes, connections at the registry: ${registry.connections()}`);
  console.log(`host ${winner.host} holds the connection, in process ${winner.pid}, epoch ${winner.standing?.epoch}`);

  console.log(`SIGKILL to all processes of host ${winner.host}`);
  const killedAt = Date.now();
  for (const { host, child } of processes) if (host === winner.host) child.kill('SIGKILL');
  const living = processes.filter(({ host }) => host !== winner.host);
  const next = await winnerAmong(living);
  await set(registry.port, 'hello again');
  await until('the other hosts have the next setting', () => living.every(({ value }) => value === 'hello again'));
  const tookMs = Math.max(...living.map(({ valueAt }) => valueAt)) - killedAt;
  console.log(`host ${next.host} took over, epoch ${next.standing?.epoch}; all have a new value ${tookMs} ms after the kill`);
  console.log(`connections at the registry: ${registry.connections()}`);
}

function startProcess(host: string, port: string, redis: string, registryPort: number): HostProcess {
  const child = start('host-process.js', {
    FLEET_HOST: host,
    FLEET_PORT: port,
    FLEET_REDIS: redis,
    FLEET_REGISTRY: `tcp://127.0.0.1:${registryPort}`,
  });
  const started: HostProcess = { host, child, value: undefined, valueAt: 0 };
  child.on('message', (message: { type: string; value: string; at: number }) => {
    if (message.type !== 'value') return;
    started.value = message.value;
    started.valueAt = message.at;
  });
  return started;
}

/** The process with the upstream client, as the processes say. */
async function winnerAmong(processes: readonly HostProcess[]): Promise<Standing> {
  for (;;) {
    const standings = await Promise.all(
      processes.map(async ({ child }) => {
        child.send('how do you stand?');
        for (;;) {
          const [answer] = (await once(child, 'message')) as [Standing & { type: string }];
          if (answer.type === 'standing') return answer;
        }
      }),
    );
    const winner = standings.find(({ standing }) => standing?.state === 'winner');
    if (winner) return winner;
    await wait(50);
  }
}

async function startRegistry(): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const child = fork(join(__dirname, '../shared-config/registry-server.js'), [folder]);
  children.push(child);
  const port = await new Promise<number>((resolve) => {
    child.on('message', (report: RegistryReport) => {
      if (report.type === 'listening') resolve(report.port);
      else connections = report.count;
    });
  });
  return { port, connections: () => connections };
}

/** Changes the setting, as somebody who does not belong to the hosts. */
async function set(port: number, value: string): Promise<void> {
  const socket = net.connect({ host: '127.0.0.1', port });
  sendLine(socket, { op: 'set', id: 1, key: 'greeting', value });
  await once(socket, 'data');
  socket.destroy();
  await once(socket, 'close');
}

/** @returns undefined when Redis is not installed */
async function startRedis(): Promise<string | undefined> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return undefined;
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  children.push(spawn('redis-server', settings, { stdio: 'ignore' }));
  return `redis://127.0.0.1:${port}`;
}

function start(program: string, env: Record<string, string>): ChildProcess {
  const child = fork(join(__dirname, program), [], { env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error(`not within a minute: ${what}`);
    await wait(5);
  }
}

main()
  .catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  })
  .finally(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
