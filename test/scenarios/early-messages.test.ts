// Messages that are sent to a process before the program of the process listens.

import type { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { folderOf, removeFolder, saidOf, SAY, startPrograms, SUPERVISOR } from '../support/programs';

/** Runs in the master: sends to each worker at the moment of the fork, as libraries do that know only node:cluster. */
const SEND_AT_ONCE = `require('node:cluster').on('fork', (worker) => {
  worker.send({ plain: 1 });
  worker.send({ action: 'greeting', data: 2 });
});`;
const LISTEN = `require('node:http').createServer().listen(0, '127.0.0.1');`;
const HEAR = `process.on('message', (message) => { if (message.plain || message.action === 'greeting') say({ plain: message.plain ?? message.data }); });
const { messenger } = ${SUPERVISOR};
messenger.on('greeting', (data) => say({ messenger: data }));`;

let folder: string;
let master: Child;

afterEach(async () => {
  await master.stop();
  removeFolder(folder);
});

test.each([
  ['at once', 'app.js', `${SAY} ${HEAR} ${LISTEN}`],
  ['after it has begun to do something else', 'app.js', `${SAY} setTimeout(() => { ${HEAR} ${LISTEN} }, 100);`],
  ['of its cluster.worker', 'app.js', `${SAY} ${HEAR.replace('process.on', "require('node:cluster').worker.on")} ${LISTEN}`],
  [
    'after a top-level await of an ES module',
    'app.mjs',
    `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
await new Promise((resolve) => setTimeout(resolve, 100)); ${SAY} ${HEAR} ${LISTEN}`,
  ],
])('a worker that listens for messages %s gets those that were sent before', async (_when, app, program) => {
  folder = folderOf({ 'master.js': SEND_AT_ONCE, [app]: program });
  master = startPrograms(folder, { app: `./${app}` }, { NODE_OPTIONS: `--require ${folder}/master.js` });
  await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  await eventually('all messages', () => saidOf(master).length === 3);
  expect(saidOf(master)).toEqual(expect.arrayContaining([{ plain: 1 }, { plain: 2 }, { messenger: 2 }]));
});
