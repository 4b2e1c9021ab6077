// startCluster in a process that cannot be a master: refused at once, and no process is started.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folderOf, removeFolder, SUPERVISOR, startPrograms } from '../support/programs';

const START = `const { startCluster } = ${SUPERVISOR};
const report = ({ code }) => process.stdout.write(process.pid + ' ' + code + '\\n');
module.exports = startCluster({ app: __filename, workers: 1 }).then(() => report({ code: 'started' }), (error) => { report(error); throw error; });`;

let folder: string;

afterEach(() => removeFolder(folder));

test.each([{ app: './app.js' }, { app: './app.js', startMode: 'worker_threads' }, { app: './app.js', agent: './app.js' }])(
  'a program that is given as its own app is not started in a chain: %p',
  async (options) => {
    folder = folderOf({ 'app.js': START });
    const master = startPrograms(folder, options);
    try {
      const failure = await master.message('the failure', ({ type }) => type === 'failed');
      expect(failure.code).toBe('ERR_TRUNKLINE_BOOT_FAILED');
      expect(failure.message).toContain('ERR_TRUNKLINE_CANNOT_SUPERVISE');
      await master.exited;
      expect(master.output.match(/ERR_TRUNKLINE_CANNOT_SUPERVISE/g)!.length).toBe(1);
    } finally {
      await master.stop();
    }
  },
);

test('a worker of node:cluster cannot start one', async () => {
  const primary = `const cluster = require('node:cluster');
cluster.setupPrimary({ exec: require.resolve('./app.js') });
cluster.fork();`;
  folder = folderOf({ 'primary.js': primary, 'app.js': START });
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'primary.js')]);
  expect(stdout).toMatch(/^\d+ ERR_TRUNKLINE_CANNOT_SUPERVISE\n$/);
});
