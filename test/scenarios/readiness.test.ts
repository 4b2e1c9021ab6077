// When a worker is ready, and where the application is: real processes and threads, real servers.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ListenOptions } from 'node:net';
import { Child } from '../support/child';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const APP = join(__dirname, '../../dist/test/fixtures/supervised/servers.js');
/** `reusePort` exists from 22.23 on; older versions of Node.js ignore the option, and the workers share a socket. */
const LOCAL = { host: '127.0.0.1' };

type Server = { protocol: 'http' | 'udp' } & ListenOptions;

let master: Child | undefined;

afterEach(async () => {
  await master?.stop();
  master = undefined;
});

async function start(servers: Server[], options: object = {}) {
  const given = { app: APP, withAgent: false, workers: 2, startTimeout: 20_000, ...options };
  master = new Child('supervisor-master', { OPTIONS: JSON.stringify(given), SERVERS: JSON.stringify(servers) });
  const { address, message } = await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  return { address: address as { address: string; port: number } | undefined, message };
}

test('a UDP socket is no server: the worker is ready with the one that listens, whose address is the address', async () => {
  const port = await freePort();
  const { address } = await start([
    { protocol: 'udp', port: 0, ...LOCAL },
    { protocol: 'http', port, ...LOCAL },
  ]);
  expect(address?.port).toBe(port);
});

test('a UDP socket alone makes no worker ready', async () => {
  const { message } = await start([{ protocol: 'udp', port: 0, ...LOCAL }], { workers: 1, startTimeout: 1_500 });
  expect(message).toContain('it neither listens nor calls ready()');
});

test.each([{ exclusive: true }, { reusePort: true }])('a worker that listens with %j is ready', async (how) => {
  const { address } = await start([{ protocol: 'http', port: 0, ...LOCAL, ...how }]);
  expect(address?.address).toBe('127.0.0.1');
});

test.each([{ exclusive: false }, { exclusive: true }])(
  'what the program does when it listens (%j) is done before it is ready',
  async (how) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-readiness-'));
    try {
      const [app, mark] = [join(folder, 'app.js'), join(folder, 'mark')];
      const listen = JSON.stringify({ port: 0, ...LOCAL, ...how });
      writeFileSync(
        app,
        `require('node:http').createServer().listen(${listen}, () => {
           for (const end = Date.now() + 300; Date.now() < end;);
           require('node:fs').writeFileSync(${JSON.stringify(mark)}, '');
         });`,
      );
      const { message } = await start([], { app, workers: 1 });
      expect(message).toBeUndefined();
      expect(existsSync(mark)).toBe(true);
    } finally {
      await master?.stop();
      master = undefined;
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test('the address of an application is known after its end too', async () => {
  const port = await freePort();
  await start([{ protocol: 'http', port, ...LOCAL }], { workers: 1 });
  expect((await master!.ask({ type: 'stop' })).address).toEqual({ address: '127.0.0.1', port });
});

test.each([
  ['processes', {}],
  ['a thread', { startMode: 'worker_threads', workers: 1 }],
])('with `port` a server elsewhere makes no worker ready, and the address is the one on `port` (%s)', async (_, options) => {
  const [port, metrics] = [await freePort(), await freePort()];
  const servers: Server[] = [
    { protocol: 'http', port: metrics, ...LOCAL },
    { protocol: 'http', port, ...LOCAL },
  ];
  const { address } = await start(servers, { port, ...options });
  expect(address?.port).toBe(port);
  expect(await getJson(port)).toMatchObject({ port });
});

test('with sticky connections a server elsewhere makes no worker ready', async () => {
  const [port, metrics] = [await freePort(), await freePort()];
  const { message } = await start([{ protocol: 'http', port: metrics, ...LOCAL }], { port, sticky: true, startTimeout: 1_500 });
  expect(message).toMatch(new RegExp(`it listens on port ${metrics}, but not on port \\d+`));
});

test('a worker that listens elsewhere only is killed at the time limit, with a reason that names both ports', async () => {
  const [port, other] = [await freePort(), await freePort()];
  const { message } = await start([{ protocol: 'http', port: other, ...LOCAL }], { port, workers: 1, startTimeout: 1_500 });
  expect(message).toContain(`it listens on port ${other}, but not on port ${port}`);
});
