// The cluster port is held by a program that is none of ours.

import http from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { RunningTime } from '../../chaos/running-time';
import type { Message } from '../../protocol/message';
import { v1Codec } from '../../protocol/v1';
import cluster from '../../src/index';
import { RegistryClient } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const open: { close(): Promise<unknown> }[] = [];

afterAll(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});
leavesNothingOpen(); // checked after the hook above

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

function create(port: number, isLeader: boolean | undefined, maxWaitTime?: number) {
  const logger = recordingLogger();
  const client = cluster(RegistryClient, { port, isLeader, logger, ...(maxWaitTime !== undefined && { maxWaitTime }) }).create();
  client.on('error', () => undefined);
  open.push(client);
  return { client, logger };
}

const programs: [name: string, heard: RegExp, make: () => net.Server][] = [
  ['accepts and stays silent', /said nothing for \d{4,} ms/, () => net.createServer((socket) => socket.resume())],
  ['is an HTTP server', /HTTP\/1\.1 400/, () => http.createServer()],
  ['closes every connection', /closed the connection without an answer/, () => net.createServer((socket) => socket.destroy())],
  [
    'resets every connection',
    /closed the connection without an answer|ECONNRESET/,
    () => net.createServer((socket) => socket.resetAndDestroy()),
  ],
  ['greets in another protocol', /SSH-2\.0-other/, () => net.createServer((socket) => socket.write('SSH-2.0-other\r\n'))],
  [
    'sends bytes that are no text',
    /\\xff\\xfe/,
    () => net.createServer((socket) => socket.write(Buffer.from([0xff, 0xfe, 0xfd]))),
  ],
  ['repeats what it hears', /does not answer as a leader/, () => net.createServer((socket) => socket.pipe(socket))],
];

/** A process that did not run reads all sockets before judging others. */
const running = new RunningTime(() => undefined);

/** What a client said of a program: the reason, and after how long of running time. */
interface Verdict {
  readonly port: number;
  readonly reason: unknown;
  readonly afterMs: number;
}

async function judge(client: ReturnType<typeof create>['client'], port: number): Promise<Verdict> {
  const startedAtMs = running.ms;
  const watch = new Stopwatch();
  const reason = await Promise.race([
    client.ready().catch((error: unknown) => error),
    wait(60_000, 'nothing said within 60 s', { ref: false }),
  ]);
  return { port, reason, afterMs: running.ms - startedAtMs - watch.pausesMs };
}

/** Each program at a separate port, judged by a client that competes and by a client that only follows. All at once. */
const cases = new Map(
  programs.map(([name, , make]) => [
    name,
    async () => {
      const port = await freePort();
      const program = new ForeignProgram(make());
      await program.listen(port);
      const clients = { competing: create(port, undefined).client, following: create(port, false).client };
      const [competing, following] = await Promise.all([judge(clients.competing, port), judge(clients.following, port)]);
      const verdicts = { competing, following };
      await program.close();
      const readiness = Object.values(clients).map((client) =>
        eventually('ready', () =>
          client.ready().then(
            () => true,
            () => false,
          ),
        ),
      );
      await Promise.all(readiness);
      const answer: unknown = await clients.following.echo('hello');
      const leads = [clients.competing.isClusterClientLeader, clients.following.isClusterClientLeader];
      await clients.following.close();
      return { verdicts, answer, leads };
    },
  ]),
);
type Outcome = Awaited<ReturnType<NonNullable<ReturnType<(typeof cases)['get']>>>>;
const outcomes = new Map<string, Promise<Outcome>>();

beforeAll(() => {
  for (const [name, run] of cases) {
    const outcome = run();
    outcome.catch(() => undefined); // the test of the case reports the error
    outcomes.set(name, outcome);
  }
});

describe.each(programs)('a program that %s', (name, heard) => {
  test.each(['competing', 'following'] as const)('is reported by a %s client within 2 s, with port and words', async (kind) => {
    const { port, reason, afterMs } = (await outcomes.get(name)!).verdicts[kind];
    expect(reason).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN', retryable: true });
    expect((reason as Error).message).toContain(`127.0.0.1:${port}`);
    expect((reason as Error).message).toMatch(heard);
    expect(afterMs).toBeLessThan(2_000);
  });

  test('is reported with its port as a field of the error', async () => {
    const { competing } = (await outcomes.get(name)!).verdicts;
    expect(competing.reason).toMatchObject({ port: competing.port });
  });

  test('is outlived: both clients are ready when it has gone', async () => {
    const { answer, leads } = await outcomes.get(name)!;
    expect(leads).toEqual([true, false]);
    expect(answer).toMatchObject({ args: ['hello'] });
  });
});

/** Answers pings in wire version 1, or sends them itself, and says nothing else: as a process of cluster-client 3.x with other channels does. */
function pingsOnly(pingsItself: boolean): net.Server {
  return net.createServer((socket) => {
    let heard = Buffer.alloc(0);
    const say = (message: Message): boolean => socket.write(v1Codec.encode(message));
    const timer = setInterval(() => pingsItself && say({ type: 'ping', id: 1, timeoutMs: 3_000 }), 100);
    socket.on('close', () => {
      clearInterval(timer);
    });
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      for (let length = lengthOf(heard); length <= heard.length; length = lengthOf(heard)) {
        const message = v1Codec.decode(heard.subarray(0, length));
        heard = heard.subarray(length);
        if (message.type === 'ping') say({ type: 'pong', id: message.id, timeoutMs: message.timeoutMs });
      }
    });
  });
}

const lengthOf = (bytes: Buffer): number => (bytes.length < 24 ? Infinity : 24 + bytes.readInt32BE(16) + bytes.readInt32BE(20));

describe.each([
  ['answers pings', false],
  ['sends pings', true],
])('a program that %s and does nothing else', (_name, pingsItself) => {
  test('is reported after maxWaitTime, and outlived', async () => {
    const port = await freePort();
    const program = new ForeignProgram(pingsOnly(pingsItself));
    await program.listen(port);
    const [competing, following] = [create(port, undefined, 500).client, create(port, false, 500).client];
    const reasons = await Promise.all([competing, following].map((client) => client.ready().catch((error: unknown) => error)));
    for (const reason of reasons) {
      expect(reason).toMatchObject({ code: 'ERR_TRUNKLINE_NO_LEADER', retryable: true, port });
    }
    // On a busy machine the first limit may pass before the program has said anything.
    const sentence = `the process that holds 127.0.0.1:${port} pings, but says nothing about the channel`;
    for (const client of [competing, following]) {
      await eventually('the report', () => client.status().reason?.message.includes(sentence));
    }
    expect([competing.status().state, following.status().state]).not.toContain('ready');
    await program.close();
    await eventually('both ready', () => competing.status().state === 'ready' && following.status().state === 'ready');
    await expect(following.echo('hello')).resolves.toMatchObject({ args: ['hello'] });
    await following.close();
  });
});
