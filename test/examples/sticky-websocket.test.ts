// The example of websockets: a client comes back to the same worker, and gets the chat messages of all workers.

import { once } from 'node:events';
import WebSocket from 'ws';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { ExampleRun } from './example-run';

interface Welcome {
  readonly welcome: string;
  readonly visit: number;
  readonly worker: number;
}

let run: ExampleRun;
let port: number;
let sockets: WebSocket[];

beforeEach(async () => {
  sockets = [];
  port = await freePort();
  run = new ExampleRun('sticky-websocket/main.js', [], { PORT: String(port), HEADER: 'x-forwarded-for' });
  await run.shows(/wscat/);
});

afterEach(async () => {
  for (const socket of sockets) socket.terminate();
  await run.dispose();
});

/** A client behind a proxy. */
async function visit(name: string, address: string): Promise<{ socket: WebSocket; heard: unknown[]; welcome: Welcome }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?name=${name}`, { headers: { 'x-forwarded-for': address } });
  sockets.push(socket);
  const heard: unknown[] = [];
  socket.on('message', (text: Buffer) => heard.push(JSON.parse(text.toString())));
  const welcome = (await eventually('the welcome', () => heard[0])) as Welcome;
  return { socket, heard, welcome };
}

it('gives each client one worker, and all what is said', async () => {
  const addresses = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`);
  const first = await Promise.all(addresses.map((address, i) => visit(`client${i}`, address)));
  const second = await Promise.all(addresses.map((address, i) => visit(`client${i}`, address)));
  expect(new Set(first.map(({ welcome }) => welcome.worker)).size).toBe(4);
  expect(second.map(({ welcome }) => welcome)).toEqual(first.map(({ welcome }) => ({ ...welcome, visit: 2 })));
  first[0]!.socket.send('hello');
  await eventually('it is heard everywhere', () =>
    [...first, ...second].every(({ heard }) => JSON.stringify(heard.at(-1)) === '{"name":"client0","text":"hello"}'),
  );
});

it('tells clients at a reload, who come back to a new process', async () => {
  const before = await visit('ada', '192.0.2.1');
  const closed = once(before.socket, 'close') as Promise<[number]>;
  run.kill('SIGHUP');
  expect((await closed)[0]).toBe(1012);
  const after = await visit('ada', '192.0.2.1');
  expect(after.welcome.worker).not.toBe(before.welcome.worker);
});

it('ends on SIGTERM', async () => {
  await visit('ada', '192.0.2.1');
  run.kill('SIGTERM');
  expect(await run.end()).toBe(0);
  expect(run.processes()).toEqual([]);
});
