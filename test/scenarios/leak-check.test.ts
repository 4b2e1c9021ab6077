// What a leak check sees in a process whose output is read through pipes, as in the workers of a test runner.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const KIT = join(__dirname, '../../dist/package/testing/index.js');

it('the first line that is printed during a test is no leak', async () => {
  const program = `
    const { leakCheck } = require(${JSON.stringify(KIT)});
    const check = leakCheck({ timeoutMs: 1000 });
    console.error('a warning');
    console.log('a line');
    check().then(() => process.exit(0), (error) => { console.log(error.message); process.exit(1); });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
  expect(stdout).toBe('a line\n');
});
