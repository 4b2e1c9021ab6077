// The demo with each store that trunkline has an adapter for, started by the demo itself.

import { spawnSync } from 'node:child_process';
import { describeWhere } from '../support/describe-where';
import { eventually } from '../support/eventually';
import { zookeeperMissing } from '../support/zookeeper';
import { ExampleRun } from './example-run';

const isThere = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

const REGISTRIES = [
  { registry: 'file', missing: undefined, one: 'processes that watch the folder: 1' },
  { registry: 'etcd', missing: isThere('etcd') ? undefined : 'etcd is not installed', one: 'watch streams: 1' },
  {
    registry: 'redis',
    missing: isThere('redis-server') ? undefined : 'Redis is not installed',
    one: 'subscribing connections: 1',
  },
  { registry: 'zookeeper', missing: zookeeperMissing, one: 'upstream connections: 1' },
];

let run: ExampleRun;
afterEach(() => run.dispose());

for (const { registry, missing, one } of REGISTRIES) {
  describeWhere(missing, `the demo with --registry ${registry}`, () => {
    it('tells the story to its end, and leaves nothing behind', async () => {
      run = new ExampleRun('shared-config/main.js', ['--registry', registry]);
      expect(`${await run.end()} ${run.output}`).toMatch(/^0 /);
      expect(run.output).toContain(`Worker`);
      expect(run.output).toMatch(new RegExp(`Worker \\d+ leads, 3 follow; ${one}\\.`));
      expect(run.output).toMatch(new RegExp(`Worker \\d+ took over: all 3 survivors have its data after \\d+ ms; ${one}\\.`));
      expect(run.output).toMatch(/Follower \d+ set greeting = good evening: all 3 workers have version \d+/);
      expect(run.output).toContain('Nothing is lost');
      expect(run.output).toContain('Done: 4 processes, one connection.');
      await eventually('its processes have ended', () => run.processes().length === 0);
      expect(run.temporaryFiles()).toEqual([]);
    });

    it('that is killed leaves no server behind', async () => {
      run = new ExampleRun('shared-config/main.js', [`--registry=${registry}`, '--watch']);
      await run.shows(/Type set KEY VALUE/);
      run.type('set greeting good day');
      await run.shows(/set greeting = good day: version \d+ is everywhere/);
      run.kill('SIGKILL');
      await run.end();
      await eventually('its processes have ended', () => run.processes().length === 0);
    });
  });
}

it.each(['etcd', 'redis', 'zookeeper'])('a demo with --registry %s that is not installed says so', async (registry) => {
  run = new ExampleRun('shared-config/main.js', ['--registry', registry], { PATH: '/nowhere' });
  expect(await run.end()).toBe(2);
  expect(run.output).toMatch(/^(etcd|Redis|ZooKeeper) is not installed here \(Debian: [a-z-]+\); install it.*\n$/);
});

it('an unknown registry is refused with one sentence', async () => {
  run = new ExampleRun('shared-config/main.js', ['--registry', 'consul']);
  expect(await run.end()).toBe(2);
  expect(run.output).toBe('--registry takes etcd, redis, zookeeper, file, but not consul; try --help\n');
});
