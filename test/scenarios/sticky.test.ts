// Sticky connections with real processes: the master owns the port and hands connections to workers, some of which die.

import http, { type RequestOptions } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import { createHash, randomBytes } from 'node:crypto';
import type { Attempt, StickySetup } from '../fixtures/sticky-master';
import { Child, type ChildMessage } from '../support/child';
import { eventually } from '../support/eventually';

interface Answer {
  readonly name: string;
  readonly pid: number;
  readonly remoteAddress: string;
  readonly received: number;
  readonly sha256: string;
}

interface Status extends ChildMessage {
  readonly attempts: readonly Attempt[];
  readonly workers: readonly {
    readonly name: string;
    readonly pid: number;
    readonly isReady: boolean;
    readonly pending: number;
  }[];
  readonly waiting: number;
  readonly dropped: number;
}

/** Other systems than macOS have all of 127.0.0.0/8. */
const withManyAddresses = process.platform === 'darwin' ? test.skip : test;
const hasIpv6 = Object.values(os.networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
const withIpv6 = hasIpv6 ? test : test.skip;

const CLIENTS = Array.from({ length: 40 }, (_, i) => `127.0.0.${i + 1}`);

let master: Child;
let port: number;

afterEach(() => master.stop());

async function start(setup: Partial<StickySetup> = {}): Promise<void> {
  master = new Child('sticky-master', { SETUP: JSON.stringify({ kinds: ['http', 'http', 'http', 'http'], ...setup }) });
  ({ port } = (await master.message('the port', ({ type }) => type === 'listening')) as ChildMessage & { port: number });
}

const status = async () => (await master.ask({ type: 'status' })) as Status;

async function pidOf(name: string): Promise<number> {
  return (await status()).workers.find((worker) => worker.name === name)!.pid;
}

function ask(options: RequestOptions = {}, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(JSON.parse(text) as Answer)).on('error', reject);
    });
    request.on('error', reject).end(body);
  });
}

const from = (localAddress: string) => ask({ localAddress });
const forwarded = (address: string) => ask({ headers: { 'x-forwarded-for': `${address}, 10.0.0.1` } });
const nameOf = async (answer: Promise<Answer>) => (await answer).name;

/** Everything that a connection receives until the end. */
function raw(first: string, localAddress: string): Promise<{ text: string; client: string; error?: Error }> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress }, () => socket.write(first));
    let text = '';
    let client = '';
    let failure: Error | undefined;
    socket.once('connect', () => (client = `${localAddress}:${socket.localPort}`));
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => resolve({ text, client, ...(failure && { error: failure }) }));
  });
}

const ONE_REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

withManyAddresses('a client has one worker, over 50 connections, and all workers have clients', async () => {
  await start();
  const seen = new Set<string>();
  for (const client of CLIENTS) {
    const names = new Set(await Promise.all(Array.from({ length: client === '127.0.0.1' ? 50 : 3 }, () => nameOf(from(client)))));
    expect(names.size).toBe(1);
    for (const name of names) seen.add(name);
  }
  expect([...seen].sort()).toEqual(['worker 1', 'worker 2', 'worker 3', 'worker 4']);
  expect((await from('127.0.0.7')).remoteAddress).toMatch(/127\.0\.0\.7$/);
});

withIpv6('a client that comes over IPv6 has one worker too', async () => {
  await start();
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask({ host: '::1' })));
  expect(new Set(answers.map(({ name }) => name)).size).toBe(1);
  expect(answers[0]!.remoteAddress).toBe('::1');
});

withManyAddresses('a dead worker moves its own clients only, and the next one of its name has them back', async () => {
  await start();
  const homes = () => Promise.all(CLIENTS.map((client) => nameOf(from(client))));
  const before = await homes();
  process.kill(await pidOf('worker 2'), 'SIGKILL');
  await eventually('the end', async () => !(await status()).workers[1]!.isReady);
  const meanwhile = await homes();
  expect(CLIENTS.filter((_, i) => meanwhile[i] !== before[i])).toEqual(CLIENTS.filter((_, i) => before[i] === 'worker 2'));
  await master.ask({ type: 'start', name: 'worker 2' });
  await eventually('the next one', async () => (await status()).workers.find(({ name }) => name === 'worker 2')!.isReady);
  expect(await homes()).toEqual(before);
});

test('behind a proxy the forwarded address counts', async () => {
  await start({ header: 'X-Forwarded-For' });
  const clients = Array.from({ length: 30 }, (_, i) => `192.0.2.${i}`);
  const first = await Promise.all(clients.map((client) => nameOf(forwarded(client))));
  const again = await Promise.all(clients.map((client) => nameOf(forwarded(client))));
  expect(again).toEqual(first);
  expect(new Set(first).size).toBe(4);
});

test('a body that comes after the header is complete', async () => {
  await start({ header: 'x-forwarded-for' });
  const body = randomBytes(3_000_000);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      ask({ method: 'POST', headers: { 'x-forwarded-for': `192.0.2.${i}`, 'content-length': body.length } }, body),
    ),
  );
  const sha256 = createHash('sha256').update(body).digest('hex');
  expect(answers.map(({ received, sha256: digest }) => [received, digest])).toEqual(answers.map(() => [body.length, sha256]));
});

test('a request may come byte by byte, and its client may end its side then', async () => {
  await start({ header: 'x-forwarded-for' });
  const home = await nameOf(forwarded('192.0.2.5'));
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  for (const byte of 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.5\r\n\r\n') {
    await new Promise((resolve) => socket.write(byte, resolve));
  }
  socket.end();
  const text = await new Promise((resolve) => {
    let all = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (all += chunk));
    socket.on('close', () => resolve(all));
  });
  expect(text).toContain(`"name":"${home}"`);
});

describe('a worker is killed', () => {
  /** The clients whose connection a killed worker had confirmed. */
  const takenBy = (attempts: readonly Attempt[], pid: number) =>
    new Set(attempts.filter((attempt) => attempt.isTaken && attempt.pid === pid).map(({ client }) => client));
  const answersIn = (text: string) => text.split('HTTP/1.1 200 OK').length - 1;

  withManyAddresses.each([[undefined], ['x-forwarded-for']])(
    'before it has confirmed: every connection is answered once, by another (header: %s)',
    async (header) => {
      await start({ ...(header !== undefined && { header }) });
      const pid = await pidOf('worker 1');
      process.kill(pid, 'SIGSTOP'); // connections handed over now stay unconfirmed
      const results = Promise.all(Array.from({ length: 200 }, (_, i) => raw(ONE_REQUEST, CLIENTS[i % CLIENTS.length]!)));
      await eventually('connections on their way to it', async () => {
        const { workers, attempts } = await status();
        return workers[0]!.pending + attempts.length === 200 && workers.every(({ pending }, i) => i === 0 || pending === 0);
      });
      const { attempts } = await status();
      expect(200 - attempts.length).toBeGreaterThan(10);
      process.kill(pid, 'SIGKILL');
      expect((await results).map(({ text, error }) => [answersIn(text), error])).toEqual(Array(200).fill([1, undefined]));
      const after = await status();
      expect(takenBy(after.attempts, pid).size).toBe(0);
      expect(after.attempts.filter(({ isTaken }) => isTaken).length).toBe(200);
    },
  );

  withManyAddresses('while 200 connections are made: what it had not confirmed is answered by another', async () => {
    await start();
    const pid = await pidOf('worker 3');
    let made = 0;
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (++made === 100) process.kill(pid, 'SIGKILL');
        return raw(ONE_REQUEST, CLIENTS[i % CLIENTS.length]!);
      }),
    );
    const { attempts } = await status();
    const confirmed = takenBy(attempts, pid);
    const failed = results.filter(({ text }) => answersIn(text) !== 1);
    expect(failed.filter(({ client }) => !confirmed.has(client))).toEqual([]);
    // Nobody was served twice: connections that the dead worker had confirmed were never tried elsewhere.
    const taken = attempts.filter(({ isTaken }) => isTaken).map(({ client }) => client);
    expect(new Set(taken).size).toBe(taken.length);
    expect(taken.length).toBe(200);
  });

  test('alone: connections wait for the next one', async () => {
    await start({ kinds: ['http'] });
    process.kill(await pidOf('worker 1'), 'SIGKILL');
    await eventually('the end', async () => !(await status()).workers[0]!.isReady);
    const answers = Promise.all(Array.from({ length: 20 }, () => ask()));
    await eventually('they wait', async () => (await status()).waiting === 20);
    await master.ask({ type: 'start', name: 'worker 1' });
    const pid = await pidOf('worker 1');
    expect((await answers).map((answer) => answer.pid)).toEqual(Array(20).fill(pid));
    expect((await status()).waiting).toBe(0);
  });
});

test('a worker without a server refuses, and the next one serves', async () => {
  await start({ kinds: ['none', 'http', 'none'] });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
  expect(new Set(answers.map(({ name }) => name))).toEqual(new Set(['worker 2']));
});

withManyAddresses('what a worker has no descriptors for is served by the next one', async () => {
  await start({ kinds: ['few', 'http'] });
  const agents = CLIENTS.map((localAddress) => new http.Agent({ keepAlive: true, localAddress }));
  // Two kept connections of each client are more than the first worker can hold.
  const answers = await Promise.all([...agents, ...agents].map((agent) => ask({ agent })));
  expect(answers).toHaveLength(80);
  const { attempts } = await status();
  expect(attempts.some(({ name, isTaken }) => name === 'worker 1' && isTaken)).toBe(true);
  expect(attempts.some(({ name, isTaken }) => name === 'worker 1' && !isTaken)).toBe(true);
  for (const agent of agents) agent.destroy();
});

test.each([[undefined], ['x-forwarded-for']])('a WebSocket goes through (header: %s)', async (header) => {
  await start({ ...(header !== undefined && { header }) });
  const upgrade = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
  const socket = net.connect({ host: '127.0.0.1', port }, () => socket.write(`${upgrade}first`));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await eventually('the echo of what came with the request', () => text.endsWith('first'));
  socket.write('second');
  await eventually('the echo', () => text.endsWith('firstsecond'));
  expect(text).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n(.*\r\n)+\r\nworker \d\nfirstsecond$/);
  socket.destroy();
});

test.each([[undefined], ['x-forwarded-for']])('https goes through (header: %s)', async (header) => {
  await start({ kinds: ['https', 'https'], ...(header !== undefined && { header }) });
  const psk = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
  const get = () =>
    new Promise<Answer>((resolve, reject) => {
      const security = {
        pskCallback: () => ({ psk, identity: 'client' }),
        ciphers: 'PSK',
        maxVersion: 'TLSv1.2' as const,
        checkServerIdentity: () => undefined,
      };
      const request = https.get({ host: '127.0.0.1', port, agent: false, ...security }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(JSON.parse(text) as Answer));
      });
      request.on('error', reject);
    });
  const answers = await Promise.all(Array.from({ length: 10 }, get));
  expect(new Set(answers.map(({ name }) => name)).size).toBe(1);
});

test('a server that speaks first does so through the master', async () => {
  await start({ kinds: ['net', 'net'] });
  const { text } = await new Promise<{ text: string }>((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    let all = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      all += chunk;
      if (all.endsWith('\n')) socket.end('bye');
    });
    socket.on('close', () => resolve({ text: all }));
  });
  expect(text).toMatch(/^worker \d\nbye$/);
});

test('clients that reset at once hurt nobody', async () => {
  for (const header of [undefined, 'x-forwarded-for']) {
    await start({ ...(header !== undefined && { header }) });
    await Promise.all(
      Array.from(
        { length: 100 },
        () =>
          new Promise<void>((resolve) => {
            const socket = net.connect({ host: '127.0.0.1', port }, () => {
              socket.resetAndDestroy();
              resolve();
            });
          }),
      ),
    );
    expect((await ask()).name).toMatch(/^worker/);
    expect((await status()).workers.filter(({ isReady }) => isReady)).toHaveLength(4);
    if (header === undefined) await master.stop();
  }
});

test('after the end of the listener the port is free, and who has a worker keeps it', async () => {
  await start();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const { pid } = await ask({ agent });
  await master.ask({ type: 'close' });
  await expect(ask({ agent: false })).rejects.toThrow('ECONNREFUSED');
  expect((await ask({ agent })).pid).toBe(pid);
  agent.destroy();
});
