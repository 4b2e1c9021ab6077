// What the check for things left open finds, and what it does not mind.

import { once } from 'node:events';
import net from 'node:net';
import cluster from '../../src/index';
import { faultProxy, leakCheck, mockUpstream, sharedGroup } from '../../src/testing';
import { recordingLogger } from '../support/recording-logger';

class Feed {
  close(): void {}
}

/** What a check says at once. */
async function leftOpen(open: () => unknown, end: (opened: never) => unknown): Promise<unknown> {
  const check = leakCheck({ timeoutMs: 20 });
  const opened = await open();
  const said = await check().then(
    () => 'nothing',
    (error: Error & { code?: string; open?: string[] }) => ({ code: error.code, open: error.open }),
  );
  await end(opened as never);
  await leakCheck({ timeoutMs: 10_000 })();
  return said;
}

const left = (...open: string[]) => ({ code: 'ERR_TRUNKLINE_LEFT_OPEN', open });

it('a client that is not closed, by its name and role', async () => {
  const said = leftOpen(
    () => cluster(Feed, { singleMode: true, logger: recordingLogger() }).create(),
    (client: { close(): Promise<void> }) => client.close(),
  );
  expect(await said).toEqual(left('shared client Feed (single)'));
});

it('a server, and a timer that keeps the process alive', async () => {
  const server = net.createServer();
  expect(
    await leftOpen(
      () => once(server.listen(0, '127.0.0.1'), 'listening'),
      () => new Promise((resolve) => server.close(resolve)),
    ),
  ).toEqual(left('1 × TCP server'));
  expect(
    await leftOpen(
      () => setInterval(() => undefined, 60_000),
      (timer: NodeJS.Timeout) => clearInterval(timer),
    ),
  ).toEqual(left('1 × timer'));
});

it('a timer that does not keep the process alive is none', async () => {
  expect(await leftOpen(() => setInterval(() => undefined, 60_000).unref(), clearInterval)).toBe('nothing');
});

it('kinds that are ignored do not count', async () => {
  const check = leakCheck({ timeoutMs: 20, ignore: ['timer'] });
  const timer = setInterval(() => undefined, 60_000);
  await check();
  clearInterval(timer);
});

it('parts of the kit', async () => {
  const said = (await leftOpen(
    () => faultProxy(1),
    (proxy: { close(): Promise<void> }) => proxy.close(),
  )) as { open: string[] };
  expect(said.open).toEqual([expect.stringMatching(/^a fault proxy on port \d+$/), '1 × TCP server']);
  const group = (await leftOpen(
    () => sharedGroup(mockUpstream(Feed).Class, { members: 2 }),
    (each: { close(): Promise<void> }) => each.close(),
  )) as { open: string[] };
  expect(group.open).toEqual(
    expect.arrayContaining(['a shared group', 'shared client Feed (leader)', 'shared client Feed (follower)']),
  );
});
