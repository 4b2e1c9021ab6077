// Sticky connections of a whole application: started, reloaded and stopped by the supervisor.

import http from 'node:http';
import { join } from 'node:path';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const APP = join(__dirname, '../../dist/test/fixtures/supervised/web.js');
/** Other systems than macOS have all of 127.0.0.0/8. */
const many = process.platform === 'darwin' ? test.skip : test;
const CLIENTS = Array.from({ length: 20 }, (_, i) => `127.0.0.${i + 1}`);

let master: Child;
let port: number;

afterEach(() => master.stop());

async function start(sticky: unknown = true): Promise<Child> {
  port = await freePort();
  master = new Child('puppet-master', { OPTIONS: JSON.stringify({ app: APP, agent: undefined, workers: 3, port, sticky }) });
  await master.message('the start', ({ type }) => type === 'started');
  return master;
}

const pids = async () => ((await master.ask({ type: 'status' })).status as { pid: number; name: string }[]).map(({ pid }) => pid);
const from = async (localAddress: string) => (await getJson<{ pid: number }>(port, '/', { localAddress })).pid;

many('each client has its worker, also when another worker dies', async () => {
  await start();
  const homes = () => Promise.all(CLIENTS.map(from));
  const before = await homes();
  expect(await homes()).toEqual(before);
  expect(new Set(before).size).toBe(3);
  const [victim] = before;
  process.kill(victim!, 'SIGKILL');
  const after = await homes();
  CLIENTS.forEach((_, i) => before[i] === victim || expect(after[i]).toBe(before[i]));
  await eventually('its clients are back in its place', async () => {
    const now = await homes();
    const others = new Set(now.filter((_, i) => before[i] === victim));
    return others.size === 1 && !before.includes([...others][0]!);
  });
});

test('with a header the address that the proxy tells counts', async () => {
  await start({ header: 'X-Forwarded-For' });
  const ask = async (address: string) =>
    (await getJson<{ pid: number }>(port, '/', { headers: { 'x-forwarded-for': address } })).pid;
  const clients = Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`);
  const before = await Promise.all(clients.map(ask));
  expect(new Set(before).size).toBe(3);
  expect(await Promise.all(clients.map(ask))).toEqual(before);
});

test('a reload under load loses no request, keep-alive included', async () => {
  await start();
  const before = await pids();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  let requests = 0;
  const failures: unknown[] = [];
  let isOver = false;
  const clients = Array.from({ length: 8 }, async (_, i) => {
    while (!isOver) {
      requests++;
      await getJson(port, '/', i % 2 ? { agent } : { localAddress: '127.0.0.1' }).catch((error: unknown) => failures.push(error));
    }
  });
  expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'done' });
  isOver = true;
  await Promise.all(clients);
  agent.destroy();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(50);
  expect((await pids()).filter((pid) => before.includes(pid))).toEqual([]);
});

test('a stop ends everything and frees the port', async () => {
  const child = await start();
  await getJson(port);
  expect(await child.ask({ type: 'stop' })).toMatchObject({ forced: false });
  await expect(getJson(port)).rejects.toThrow('ECONNREFUSED');
});

test.each([
  ['in the way of node:cluster', {}],
  ['by itself', { exclusive: true }],
])('a worker that listens on the port of the master, %s, ends the start, and hears where to listen', async (_, how) => {
  port = await freePort();
  master = new Child('puppet-master', {
    OPTIONS: JSON.stringify({ app: APP, agent: undefined, workers: 2, port, sticky: true }),
    LISTEN: JSON.stringify({ port, ...how }),
  });
  const { message } = await master.message('the failure', ({ type }) => type === 'failed');
  expect(message).toMatch(new RegExp(`port ${port} is the master's own, .* variables PORT and HOST`));
  expect(message).not.toContain('lsof');
});

test('a port in use ends the start, and says who to ask', async () => {
  await start();
  const second = new Child('puppet-master', {
    OPTIONS: JSON.stringify({ app: APP, agent: undefined, workers: 1, port, sticky: true }),
  });
  const { message } = await second.message('the failure', ({ type }) => type === 'failed');
  expect(message).toContain('EADDRINUSE');
  expect(message).toContain(`lsof -i :${port}`);
  await second.stop();
});
