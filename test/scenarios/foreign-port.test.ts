// The cluster port is held by a program that is none of ours.

import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import cluster from '../../src/index';
import { RegistryClient } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

class ForeignProgram {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(server: net.Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(port: number): Promise<void> {
    open.push(this);
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function create(port: number, isLeader: boolean | undefined) {
  const logger = recordingLogger();
  const client = cluster(RegistryClient, { port, isLeader, logger }).create();
  client.on('error', () => undefined);
  open.push(client);
  return { client, logger };
}

const programs: [name: string, heard: RegExp, make: () => net.Server][] = [
  ['accepts and stays silent', /said nothing for 1500 ms/, () => net.createServer((socket) => socket.resume())],
  ['is an HTTP server', /HTTP\/1\.1 400/, () => http.createServer()],
  ['closes every connection', /closed the connection without an answer/, () => net.createServer((socket) => socket.destroy())],
  [
    'resets every connection',
    'closed the connection without an answer',
    () => net.createServer((socket) => socket.resetAndDestroy()),
  ],
  ['greets in another protocol', /SSH-2\.0-other/, () => net.createServer((socket) => socket.write('SSH-2.0-other\r\n'))],
  [
    'sends bytes that are no text',
    '\\xff\\xfe',
    () => net.createServer((socket) => socket.write(Buffer.from([0xff, 0xfe, 0xfd]))),
  ],
  ['repeats what it hears', /does not answer as a leader/, () => net.createServer((socket) => socket.pipe(socket))],
];

test.each(programs)('a program that %s is reported within 2 s, with port and words, and outlived', async (_, heard, make) => {
  const port = await freePort();
  const program = new ForeignProgram(make());
  await program.listen(port);
  const createdAt = performance.now();
  const clients = [undefined, false].map((isLeader) => create(port, isLeader));
  const [competing, following] = clients as [(typeof clients)[0], (typeof clients)[0]];

  const reasons = await Promise.all(
    clients.map(({ client }) =>
      Promise.race([client.ready().catch((reason: unknown) => reason), wait(3_000, 'nothing said within 3 s')]),
    ),
  );
  for (const error of reasons) {
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN', retryable: true });
    expect((error as Error).message).toContain(`127.0.0.1:${port}`);
    expect((error as Error).message).toMatch(heard);
  }
  expect(performance.now() - createdAt).toBeLessThan(2_000);

  await program.close();
  for (const { client } of clients)
    await eventually('ready', () =>
      client.ready().then(
        () => true,
        () => false,
      ),
    );
  expect(competing.client.isClusterClientLeader).toBe(true);
  expect(following.client.isClusterClientLeader).toBe(false);
  expect(await following.client.echo('hello')).toMatchObject({ args: ['hello'] });
  await following.client.close(); // before its leader, which would be missed otherwise
});

test('the error of a foreign program has port and words as fields', async () => {
  const port = await freePort();
  await new ForeignProgram(net.createServer((socket) => socket.destroy())).listen(port);
  const { client } = create(port, undefined);
  await expect(client.ready()).rejects.toMatchObject({
    port,
    heard: expect.stringContaining('closed the connection without an answer') as string,
  });
});
