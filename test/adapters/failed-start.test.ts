// An adapter that cannot start, because its package or its server is missing: the error says so, and the process can end.

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folderOf, removeFolder } from '../support/programs';

const ROOT = join(__dirname, '../..');

describe.each([
  ['zookeeper', 'connectZooKeeper', { connectString: '127.0.0.1:1' }, 'node-zookeeper-client'],
  ['redis', 'connectRedis', { url: 'redis://127.0.0.1:1' }, 'ioredis'],
])('trunkline/%s', (name, connect, options, missing) => {
  it('says which package to install, and lets the process end', async () => {
    const program = `
      const { ${connect} } = require('trunkline/${name}');
      const store = ${connect}(${JSON.stringify(options)}, { singleMode: true });
      store.client.on('error', () => undefined);
      store.ready().catch((error) => console.log(error.code, error.package)).then(() => store.close());`;
    const folder = folderOf({ 'program.cjs': program });
    try {
      // The package with its own dependencies, and without optional ones.
      const modules = join(folder, 'node_modules');
      for (const each of ['byte', 'serialize-json', 'sdk-base']) {
        cpSync(join(ROOT, 'node_modules', each), join(modules, each), { recursive: true });
      }
      mkdirSync(join(modules, 'trunkline'));
      cpSync(join(ROOT, 'package.json'), join(modules, 'trunkline/package.json'));
      cpSync(join(ROOT, 'dist/package'), join(modules, 'trunkline/dist/package'), { recursive: true });
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'program.cjs')], { timeout: 60_000 });
      expect(stdout).toBe(`ERR_TRUNKLINE_PACKAGE_MISSING ${missing}\n`);
    } finally {
      removeFolder(folder);
    }
  });
});

it.each([
  ['etcd', 'EtcdClient', { endpoints: ['http://127.0.0.1:1'] }],
  ['redis', 'RedisStoreClient', { url: 'redis://127.0.0.1:1' }],
  ['zookeeper', 'ZooKeeperClient', { connectString: '127.0.0.1:1' }],
])(
  'an instance of trunkline/%s without a server lets the process end, also when nobody closes it',
  async (name, adapter, options) => {
    const module = join(ROOT, 'dist/package/adapters', name, 'index.js');
    const program = `
    const { ${adapter} } = require(${JSON.stringify(module)});
    const client = new ${adapter}(${JSON.stringify(options)});
    client.on('error', () => undefined);
    client.ready().catch((error) => console.log(error.code));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { timeout: 60_000 });
    expect(stdout).toBe('ERR_TRUNKLINE_STORE_UNREACHABLE\n');
  },
);
