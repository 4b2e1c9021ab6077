// What is said over the control socket, and what must not be.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient, NoAnswer } from '../../../src/cli/control/control-client';
import {
  LineReader,
  readRequest,
  type ApplicationStatus,
  type Command,
  type CommandResult,
} from '../../../src/cli/control/control-protocol';
import { ControlServer } from '../../../src/cli/control/control-server';
import { ControlSource } from '../../../src/cli/control/control-source';
import type { HostView, HostViewSource } from '../../../src/host-view';
import { systemClock } from '../../../src/time';
import { Watching } from '../../../src/view/watching';
import { eventually } from '../../support/eventually';

const status: ApplicationStatus = {
  state: 'running',
  pid: 1,
  baseDir: '/app',
  version: '1',
  node: 'v20',
  startedAt: '',
  uptimeMs: 0,
  undelivered: 0,
  processes: [],
};

const VIEW: HostView = {
  source: 'supervisor',
  at: 0,
  host: 'here',
  application: undefined,
  processes: [],
  channels: [],
  events: [],
};

let folder: string;
let path: string;
const open: { close(): unknown }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-control-'));
  path = join(folder, 'socket');
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
  rmSync(folder, { recursive: true });
});

async function serve(
  run: (command: Command) => Promise<CommandResult> = async () => ({ status }),
  source: HostViewSource = scripted(),
): Promise<void> {
  const server = new ControlServer({ status, run, source });
  await server.listen(path);
  open.push(server);
}

/** A source that a test changes. */
function scripted(): HostViewSource & Watching {
  let views = 0;
  const read = async (): Promise<HostView> => ({ ...VIEW, at: ++views });
  return Object.assign(new Watching(systemClock, read), { read });
}

async function connect(silenceMs?: number): Promise<ControlClient> {
  const client = await ControlClient.connect(path, silenceMs);
  if (!(client instanceof ControlClient)) throw new Error(client);
  open.push(client);
  return client;
}

/** Everything that comes back for what is written. */
function talk(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    let heard = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (heard += chunk));
    socket.once('close', () => resolve(heard));
    socket.once('error', reject);
    socket.end(text);
  });
}

test.each([
  ['{"id":1,"command":"status"}', { id: 1, command: 'status' }],
  ['{"id":2,"command":"scale","workers":4,"more":1}', { id: 2, command: 'scale', workers: 4 }],
  ['{"id":1,"command":"scale","workers":0}', expect.stringContaining('workers')],
  ['{"id":1,"command":"scale","workers":"4"}', expect.stringContaining('workers')],
  ['{"id":1,"command":"format"}', expect.stringContaining('not known')],
  ['{"id":"1","command":"status"}', expect.stringContaining('id')],
  ['null', expect.stringContaining('object')],
  ['{', expect.stringContaining('JSON')],
])('the request %s is read as %j', (line, expected) => {
  expect(readRequest(line)).toEqual(expected);
});

test('lines are the same however they are cut', () => {
  const bytes = Buffer.from('{"é":1}\n\n{"b":2}\n');
  for (let at = 0; at <= bytes.length; at++) {
    const reader = new LineReader(100);
    const lines = [...reader.push(bytes.subarray(0, at))!, ...reader.push(bytes.subarray(at))!];
    expect(lines).toEqual(['{"é":1}', '{"b":2}']);
  }
});

test('a line that is too long is noticed before it ends', () => {
  const reader = new LineReader(10);
  expect(reader.push(Buffer.from('12345678'))).toEqual([]);
  expect(reader.push(Buffer.from('90123'))).toBeUndefined();
});

test('the socket is open to its user only, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    await serve();
    expect(process.umask()).toBe(0);
  } finally {
    process.umask(before);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a command is run, its progress told, and its result given', async () => {
  let finish: () => void = () => undefined;
  const commands: Command[] = [];
  await serve((command) => {
    commands.push(command);
    return new Promise((resolve) => (finish = () => resolve({ status, forced: true })));
  });
  const client = await connect();
  const result = await client.request({ command: 'scale', workers: 3 }, () => finish());
  expect(commands).toEqual([{ id: 1, command: 'scale', workers: 3 }]);
  expect(result).toEqual({ status, forced: true });
});

test('a command that fails says why', async () => {
  await serve(async () => {
    throw new Error('the old processes go on');
  });
  const client = await connect();
  await expect(client.request({ command: 'reload' })).rejects.toThrow('the old processes go on');
});

test('a client that has said everything gets its answer all the same', async () => {
  await serve();
  expect(JSON.parse(await talk('{"id":7,"command":"status"}\n'))).toEqual({ id: 7, result: { status } });
});

test('what is no request is refused, and does no harm', async () => {
  await serve();
  expect(JSON.parse(await talk('GET / HTTP/1.1\n'))).toMatchObject({ id: null, error: expect.stringContaining('JSON') });
  expect(JSON.parse(await talk('x'.repeat(10_000)))).toMatchObject({ error: expect.stringContaining('4096 bytes') });
  await expect((await connect()).request({ command: 'status' })).resolves.toEqual({ status });
});

test('a master that says nothing does not answer', async () => {
  const silent = net.createServer(() => undefined).listen(path);
  open.push(silent);
  const client = await connect(50);
  await expect(client.request({ command: 'status' })).rejects.toThrow(NoAnswer);
});

test('a master that ends does not answer', async () => {
  const dying = net.createServer((socket) => socket.once('data', () => socket.destroy())).listen(path);
  open.push(dying);
  await expect((await connect()).request({ command: 'stop' })).rejects.toThrow(NoAnswer);
});

test('something else that answers is no master', async () => {
  const stranger = net.createServer((socket) => socket.end('hello\n')).listen(path);
  open.push(stranger);
  await expect((await connect()).request({ command: 'status' })).rejects.toThrow(NoAnswer);
});

test('a view is given once, or again after each change until the reader goes', async () => {
  const source = scripted();
  await serve(undefined, source);
  const remote = new ControlSource(path);
  expect(await remote.read()).toEqual(JSON.parse(JSON.stringify({ ...VIEW, at: 1 })));
  const end = new AbortController();
  const seen: number[] = [];
  for await (const { at } of remote.watch(end.signal)) {
    seen.push(at);
    source.changed();
    if (seen.length === 3) end.abort();
  }
  expect(seen).toEqual([2, 3, 4]);
  await eventually('nobody watches', () => !source.isWatched);
});

test('a watch of a master that ends says so, and so does a look where nobody is', async () => {
  const remote = new ControlSource(path);
  await expect(remote.read()).rejects.toThrow(`no application answers at ${path}`);
  const dying = net.createServer((socket) => {
    socket.write(`${JSON.stringify({ id: 1, view: VIEW })}\n`);
    socket.once('data', () => socket.end());
  });
  open.push(dying.listen(path));
  const seen: HostView[] = [];
  const watching = (async () => {
    for await (const view of remote.watch(new AbortController().signal)) seen.push(view);
  })();
  await expect(watching).rejects.toThrow(NoAnswer);
});

test('a look while the application starts is refused', async () => {
  const server = new ControlServer({
    status,
    run: async () => ({ status }),
    get source(): HostViewSource {
      throw new Error('still starting');
    },
  });
  await server.listen(path);
  open.push(server);
  await expect(new ControlSource(path).read()).rejects.toThrow('still starting');
});

test('a socket that nobody has, and none at all, are told apart', async () => {
  expect(await ControlClient.connect(path)).toBe('absent');
  await serve();
  open.splice(0).forEach((server) => server.close());
  // Closing has removed the socket; a killed master leaves a socket, for which a plain file stands here.
  writeFileSync(path, '');
  expect(await ControlClient.connect(path)).toBe('refused');
});

test('connections that cannot be accepted, because no descriptor is left, do not end the master', async () => {
  const created = jest.spyOn(net, 'createServer');
  await serve();
  const server = created.mock.results[0]!.value as net.Server;
  created.mockRestore();
  for (let i = 0; i < 2; i++) server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
  const client = await ControlClient.connect(path);
  if (!(client instanceof ControlClient)) throw new Error(client);
  open.push(client);
  expect(await client.request({ command: 'status' })).toEqual({ status });
});
