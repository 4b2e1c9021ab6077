// `npm run test:nodes [-- 24 26] [-- --fast] [-- test/roles]`: the tests under other versions of Node.js than the present
// version.

import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ensure from './ensure.mjs';
import { npmBinary } from './npm-binary.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const VERSIONS = { 22: '22.23.5', 24: '24.22.3', 26: '26.12.1' };
/** Differences between versions show in the bytes, in sockets and in how processes share sockets. */
const FAST = [
  ...['test/protocol', 'test/roles', 'test/election', 'test/transport'],
  ...['failover', 'node-cluster', 'worker-threads', 'permission', 'whereabouts'].map((name) => `test/scenarios/${name}.test`),
];

const args = process.argv.slice(2);
const unknown = args.filter((arg) => /^\d+$/.test(arg) && !(arg in VERSIONS));
if (unknown.length > 0) {
  console.error(`not known: ${unknown.join(', ')}; known are ${Object.keys(VERSIONS).join(', ')}`);
  process.exit(2);
}
const chosen = args.filter((arg) => arg in VERSIONS);
const isFast = args.includes('--fast');
const rest = args.filter((arg) => !(arg in VERSIONS) && arg !== '--fast');

await ensure();
const results = (chosen.length > 0 ? chosen : Object.keys(VERSIONS)).map((major) => {
  const version = VERSIONS[major];
  console.error(`── Node.js ${version}`);
  const bin = join(npmBinary(`node-${process.platform}-${process.arch}@${version}`), 'bin');
  const startedAt = performance.now();
  // What tests start has to be that version too.
  const { status } = spawnSync(
    join(bin, 'node'),
    [join(root, 'node_modules/jest/bin/jest.js'), ...(isFast ? FAST : []), ...rest],
    {
      cwd: root,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
      stdio: 'inherit',
    },
  );
  return { version, passed: status === 0, seconds: Math.round((performance.now() - startedAt) / 1000) };
});
for (const { version, passed, seconds } of results)
  console.error(`Node.js ${version}: ${passed ? 'passed' : 'FAILED'}, ${seconds} s`);
if (results.some(({ passed }) => !passed)) process.exitCode = 1;
