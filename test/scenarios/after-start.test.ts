// What a child does when its start is over, so that nobody waits for it: the thread of its watchdog.

import type { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { folderOf, removeFolder, saidOf, SAY, startPrograms } from '../support/programs';

/** Tells when this process makes a thread. Whoever listens for that is too late for a thread made before the program. */
const TELL_THREADS = `${SAY} process.on('worker', () => say({ thread: process.argv[1] }));`;
const LISTEN = `require('node:http').createServer().listen(0, '127.0.0.1');`;

let folder: string;
let master: Child;

afterEach(async () => {
  await master.stop();
  removeFolder(folder);
});

const threadsOf = (file: string) => saidOf(master).filter(({ thread }) => (thread as string).endsWith(file)).length;

test('agent and workers get the thread of their watchdog when the application stands, and so does a child that comes later', async () => {
  folder = folderOf({ 'agent.js': TELL_THREADS, 'app.js': `${TELL_THREADS} ${LISTEN}` });
  master = startPrograms(folder, { agent: './agent.js' });
  await master.message('the start', ({ type }) => type === 'started');
  await eventually('two threads', () => threadsOf('agent.js') === 1 && threadsOf('app.js') === 1);
  expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
  await eventually('the threads of their successors', () => threadsOf('agent.js') === 2 && threadsOf('app.js') === 2);
});

test('a child is watched also while another one takes long to become ready', async () => {
  folder = folderOf({ 'agent.js': TELL_THREADS, 'app.js': 'setInterval(() => undefined, 1_000);' });
  master = startPrograms(folder, { agent: './agent.js' });
  await eventually('the thread of the agent', () => threadsOf('agent.js') === 1);
  expect(master.messages.some(({ type }) => type === 'started')).toBe(false);
});
