// What keeps a process alive for a fleet in single mode: the client, until `close` or `unref`, whatever the engine.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describeWithEtcd, Etcd } from '../../support/etcd';
import { describeWithRedis, RedisServer } from '../../support/redis';

const DIST = join(__dirname, __dirname.includes('/dist/') ? '../../../src' : '../../../dist/src');
/** Longer than a process takes to end when nothing holds it, ms. */
const WHILE_MS = 3_000;

/** @param engine the expression of an engine @param last what the program does when it has its answer */
async function run(engine: string, last: string): Promise<string> {
  const program = `
const cluster = require(${JSON.stringify(join(DIST, 'index.js'))});
const { fleet, memoryEngine } = require(${JSON.stringify(join(DIST, 'fleet/index.js'))});
const { redisEngine } = require(${JSON.stringify(join(DIST, 'fleet/redis.js'))});
const { etcdEngine } = require(${JSON.stringify(join(DIST, 'fleet/etcd.js'))});
class Registry { subscribe() {} async get(key) { return key; } async close() {} }
const client = cluster(fleet(Registry, { engine: ${engine}, group: 'g' }), { singleMode: true, name: 'r' }).create();
client.subscribe({ key: 'a' }, () => undefined);
client.get('answer').then(async (answer) => {
  console.log(answer);
  setTimeout(() => { console.log('held'); process.exit(); }, ${WHILE_MS}).unref();
  ${last}
});
process.on('exit', () => console.log('exit'));
`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return output;
}

function describeEnding(engine: () => string): void {
  it('a process waits for its answer, and ends after close', async () => {
    expect(await run(engine(), "await client.close(); console.log('closed');")).toBe('answer\nclosed\nexit\n');
  });

  it('a process ends after unref', async () => {
    expect(await run(engine(), 'client.unref();')).toBe('answer\nexit\n');
  });
}

describe('in memory', () => describeEnding(() => 'memoryEngine()'));

describeWithRedis('over Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => (redis = await RedisServer.start()));
  afterAll(() => redis?.stop());
  describeEnding(() => `redisEngine({ url: '${redis.url}' })`);
});

describeWithEtcd('over etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => (etcd = await Etcd.start()));
  afterAll(() => etcd?.stop());
  const engine = (over: string): string => `etcdEngine({ endpoints: '${etcd.url}', over: '${over}' })`;
  describe('by the gateway', () => describeEnding(() => engine('gateway')));
  it('by gRPC a process ends after close', async () => {
    expect(await run(engine('grpc'), "await client.close(); console.log('closed');")).toBe('answer\nclosed\nexit\n');
  });
});
