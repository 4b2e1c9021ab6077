// What keeps a process alive for a fleet in single mode: the client, until `close` or `unref`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const DIST = join(__dirname, __dirname.includes('/dist/') ? '../../../src' : '../../../dist/src');

async function run(last: string): Promise<string> {
  const program = `
const cluster = require(${JSON.stringify(join(DIST, 'index.js'))});
const { fleet, memoryEngine } = require(${JSON.stringify(join(DIST, 'fleet/index.js'))});
class Registry { async get(key) { return key; } async close() {} }
const client = cluster(fleet(Registry, { engine: memoryEngine(), group: 'g' }), { singleMode: true, name: 'r' }).create();
client.get('answer').then(async (answer) => { console.log(answer); ${last} });
process.on('exit', () => console.log('exit'));
`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return output;
}

it('a process waits for its answer, and ends after close', async () => {
  expect(await run("await client.close(); console.log('closed');")).toBe('answer\nclosed\nexit\n');
});

it('a process ends after unref', async () => {
  expect(await run('client.unref();')).toBe('answer\nexit\n');
});
