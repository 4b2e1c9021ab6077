// Who has the seat that the master gives: the process that the master started, and nothing that this process starts.

import type { Child } from '../support/child';
import { folderOf, LIBRARY, removeFolder, saidOf, SAY, startPrograms } from '../support/programs';

const CLIENT = `
const cluster = ${LIBRARY};
class Config { async get() { return process.pid; } close() {} }
module.exports = cluster(Config, { maxWaitTime: 5000, logger: { info() {}, warn() {}, error() {} } }).create();
module.exports.on('error', () => {});`;

const HELPER = `
const client = require('./client');
client.ready()
  .then(async () => ({ role: client.status().role, answeredBy: await client.get() }), (error) => ({ role: error.code }))
  .then((data) => { process.stdout.write(JSON.stringify(data)); return client.close(); });`;

/** Starts the helper in each way, and tells what each has said. */
const START_HELPERS = `
const { execFile, exec } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const { text } = require('node:stream/consumers');
${SAY}
const helper = require.resolve('./helper');
const ofThread = async (options) => text(new Worker(helper, { stdout: true, ...options }).stdout);
const ofProcess = (run) => new Promise((resolve) => run((error, stdout) => resolve(error ? '{"role":"none"}' : stdout)));
const client = require('./client');
module.exports = client.ready().then(async () => {
  const helpers = {
    process: await ofProcess((done) => execFile(process.execPath, [helper], done)),
    shell: await ofProcess((done) => exec([process.execPath, helper].map((word) => JSON.stringify(word)).join(' '), done)),
    thread: await ofThread({}),
    'thread that shares the environment': await ofThread({ env: require('node:worker_threads').SHARE_ENV }),
  };
  for (const [kind, said] of Object.entries(helpers)) say({ kind, ...JSON.parse(said), starter: process.pid, starterRole: client.status().role });
  if (process.argv[1].endsWith('app.js')) require('node:http').createServer().listen(0, '127.0.0.1');
});`;

let folder: string;
let master: Child;

afterEach(async () => {
  await master.stop();
  removeFolder(folder);
});

test('what the agent starts follows it: processes, shells and threads, also when the agent has succeeded another', async () => {
  const app = `require('node:http').createServer().listen(0, '127.0.0.1');`;
  folder = folderOf({ 'client.js': CLIENT, 'helper.js': HELPER, 'agent.js': START_HELPERS, 'app.js': app });
  master = startPrograms(folder, { agent: './agent.js' });
  await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
  const said = saidOf(master);
  expect(said.length).toBe(8);
  for (const each of said) expect(each).toMatchObject({ role: 'follower', starterRole: 'leader', answeredBy: each.starter });
  expect(new Set(said.map(({ starter }) => starter)).size).toBe(2);
});

test('what a worker starts follows, where the workers compete', async () => {
  folder = folderOf({ 'client.js': CLIENT, 'helper.js': HELPER, 'app.js': START_HELPERS });
  master = startPrograms(folder, {});
  await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  const said = saidOf(master);
  expect(said.length).toBe(4);
  for (const each of said) expect(each).toMatchObject({ role: 'follower', starterRole: 'leader', answeredBy: each.starter });
});
