// Workers with exclusive listening sockets: the socket outlives the process that has made the socket.

import { join } from 'node:path';
import { Child } from '../support/child';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const hasReusePort = process.platform === 'linux' && (major > 22 || (major === 22 && minor >= 23));

let master: Child;
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(() => master.stop());

async function start(workers: number, listen: object): Promise<void> {
  const options = { app: join(__dirname, '../../dist/test/fixtures/supervised/servers.js'), withAgent: false, workers, port };
  const servers = [{ protocol: 'http', host: '127.0.0.1', port, ...listen }];
  master = new Child('supervisor-master', { OPTIONS: JSON.stringify(options), SERVERS: JSON.stringify(servers) });
  await master.message('the start', ({ type }) => type === 'started');
}

const pid = async (): Promise<number> => (await getJson<{ pid: number }>(port)).pid;

test('a worker with an exclusive port can be reloaded, again and again: the next one goes on with the same socket', async () => {
  await start(1, { exclusive: true });
  const served = new Set([await pid()]);
  for (let round = 0; round < 2; round++) {
    expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
    served.add(await pid());
  }
  expect(served.size).toBe(3);
});

(hasReusePort ? test : test.skip)('a reload under load loses no connection of workers that listen with reusePort', async () => {
  await start(2, { reusePort: true });
  let isOver = false;
  let requests = 0;
  const failures: unknown[] = [];
  const client = async (): Promise<void> => {
    while (!isOver) await pid().then(() => requests++, (error: unknown) => failures.push(error)); // prettier-ignore
  };
  const clients = Array.from({ length: 16 }, client);
  for (let round = 0; round < 3; round++) expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
  isOver = true;
  await Promise.all(clients);
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
});
