// The permission model of Node.js: a denied action is a coded error or a sentence, and never the end of the process.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/ports';
import { LIBRARY, SUPERVISOR } from '../support/programs';

const [major] = process.versions.node.split('.').map(Number) as [number];
const MODEL = major < 22 ? '--experimental-permission' : '--permission';
const restrictsNetwork = process.allowedNodeEnvironmentFlags.has('--allow-net');
const NETWORK = restrictsNetwork ? ['--allow-net'] : [];
const READ = '--allow-fs-read=*';
const WRITE = '--allow-fs-write=*';

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-permission-')));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** @returns what the program has written */
function run(program: string, flags: readonly string[]): string {
  const file = join(folder, 'program.js');
  writeFileSync(file, program);
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', MODEL, ...flags, file], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return stdout + stderr;
}

/** A client that leads, and a connection with a proof, which needs the secret. */
const client = (port: number): string => `
class Registry { async get(key) { return key + ' of ' + process.pid; } close() {} }
const cluster = ${LIBRARY};
const { sharedSecret } = require(${JSON.stringify(join(__dirname, '../../dist/src/transport/credentials.js'))});
const client = cluster(Registry, { port: ${port}, name: 'permission' }).create();
client.on('error', () => undefined);
client.ready()
  .then(() => sharedSecret({ port: ${port}, secret: undefined, runtimeFolder: process.env.XDG_RUNTIME_DIR, temporaryFolder: '/nowhere' }))
  .then((secret) => console.log('secret', secret.toString('hex')), (error) => console.log('rejected', error.code, error.message))
  .finally(() => client.close())
  .then(() => console.log('closed'));`;

test('a secret is made where fsync is denied, and used where nothing may be written', async () => {
  const program = client(await freePort());
  const made = run(program, [...NETWORK, READ, WRITE]);
  expect(made).toMatch(/^secret [0-9a-f]{64}\nclosed\n$/);
  expect(
    readdirSync(
      join(
        folder,
        readdirSync(folder).find((name) => name.startsWith('trunkline-'))!,
      ),
    ),
  ).toEqual([expect.stringMatching(/^\d+\.secret$/)]);
  expect(run(program, [...NETWORK, READ])).toBe(made);
});

test('where a secret can neither be read nor made, that is a coded error', async () => {
  expect(run(client(await freePort()), [...NETWORK, READ])).toMatch(/^rejected ERR_TRUNKLINE_NO_SECRET .*\nclosed\n$/);
});

(restrictsNetwork ? test : test.skip)('without the network ready() is rejected, for every part in the election', async () => {
  const port = await freePort();
  for (const isLeader of [undefined, true, false]) {
    const program = client(port).replace('{ port:', `{ isLeader: ${isLeader}, port:`);
    expect(run(program, [READ, WRITE])).toMatch(/^rejected ERR_TRUNKLINE_BIND_FAILED .*--allow-net\nclosed\n$/);
  }
  const single = client(port).replace('{ port:', '{ singleMode: true, port:');
  expect(run(single, [READ, WRITE])).toMatch(/^secret /);
});

describe('a supervisor', () => {
  const start = (options: string): string => `
${SUPERVISOR}.startCluster({ app: ${JSON.stringify(join(folder, 'app.js'))}, workers: 1, ${options} })
  .then((application) => application.stop().then(() => console.log('started')), (error) => console.log(error.code, error.message));`;

  beforeEach(() => writeFileSync(join(folder, 'app.js'), `${SUPERVISOR}.ready();`));

  test('names the flag that its start mode needs', () => {
    expect(run(start(''), [...NETWORK, READ, WRITE])).toMatch(
      /^ERR_TRUNKLINE_CANNOT_SUPERVISE .*node with --allow-child-process\n$/,
    );
    expect(run(start("startMode: 'worker_threads'"), [...NETWORK, READ, WRITE])).toMatch(
      /^ERR_TRUNKLINE_CANNOT_SUPERVISE .*node with --allow-worker\n$/,
    );
    if (restrictsNetwork) expect(run(start(''), [READ, WRITE])).toMatch(/^ERR_TRUNKLINE_CANNOT_SUPERVISE .*--allow-net\n$/);
  });

  test('that may start no threads works, and says what is missing', () => {
    const said = run(start(''), [...NETWORK, READ, WRITE, '--allow-child-process']);
    expect(said).toContain('started\n');
    expect(said).toMatch(/--allow-worker is missing\), so no stack or profile is kept/);
  });

  test('with all permissions it has nothing to say', () => {
    expect(run(start(''), [...NETWORK, READ, WRITE, '--allow-child-process', '--allow-worker'])).toBe('started\n');
  });
});
