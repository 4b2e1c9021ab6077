// The demo of `npm start`: the claims, the commands from the keyboard, and that nothing is left behind.

import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { ExampleRun } from './example-run';

const runs: ExampleRun[] = [];

function demo(args: string[] = [], env: NodeJS.ProcessEnv = {}): ExampleRun {
  const run = new ExampleRun('shared-config/main.js', args, env);
  runs.push(run);
  return run;
}

afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.dispose()));
});

function expectNothingLeft(run: ExampleRun): void {
  expect(run.processes()).toEqual([]);
  expect(run.temporaryFiles()).toEqual([]);
}

describe('the story', () => {
  it('is told to its end, and leaves nothing behind', async () => {
    const run = demo();
    expect(await run.end()).toBe(0);
    expect(run.output).toMatch(/Worker \d+ leads, 3 follow; upstream connections: 1\./);
    expect(run.output).toContain('upstream connections: 1 — without sharing it would be 4 (counted by the registry server)');
    expect(run.output).toMatch(/Follower \d+ set greeting = good morning: all 4 workers have version 2 after \d+ ms/);
    const [, killed] = await run.shows(/SIGKILL to the leader, worker (\d+)/);
    const [, successor] = await run.shows(
      /Worker (\d+) took over: all 3 survivors have its data after \d+ ms; upstream connections: 1\./,
    );
    expect(successor).not.toBe(killed);
    expect(run.output).toMatch(/Follower \d+ set greeting = good evening: all 3 workers have version 3 after \d+ ms/);
    expect(run.output).toContain('Nothing is lost');
    expect(run.output).toContain('Done: 4 processes, one connection.');
    expect(run.output).toMatch(/npm run dashboard .* http:\/\/127\.0\.0\.1:7780\//);
    expectNothingLeft(run);
  });

  it('is plain text where there is no terminal', async () => {
    const run = demo();
    await run.end();
    expect(run.output).not.toContain('\x1b');
  });

  it('fails with a sentence where nothing is shared', async () => {
    const run = demo([], { NODE_CLUSTER_CLIENT_SINGLE_MODE: '1' });
    expect(await run.end()).toBe(1);
    expect(run.output).toContain('Failed: expected 1 leader, but 4 workers lead');
    expectNothingLeft(run);
  });
});

describe('an interrupt', () => {
  it('before the first line ends everything', async () => {
    const run = demo();
    await eventually('it starts a process', () => run.processes().length > 1);
    run.kill('SIGINT');
    expect(await run.end()).toBe(130);
    expectNothingLeft(run);
  });

  it('while the workers start ends everything', async () => {
    const run = demo();
    await run.shows(/starting/);
    run.kill('SIGINT');
    expect(await run.end()).toBe(130);
    expectNothingLeft(run);
  });

  it('while a new leader is sought ends everything', async () => {
    const run = demo(['--watch']);
    await run.shows(/Type set KEY VALUE/);
    run.type('kill');
    await run.shows(/SIGKILL to leader/);
    run.kill('SIGINT');
    expect(await run.end()).toBe(0);
    expectNothingLeft(run);
  });

  it('that cannot be handled leaves no process either', async () => {
    const run = demo(['--watch']);
    await run.shows(/Type set KEY VALUE/);
    expect(run.processes()).toHaveLength(6);
    run.kill('SIGKILL');
    await run.end();
    await eventually('the processes end by themselves', () => run.processes().length === 0);
  });
});

describe('--watch', () => {
  it('obeys commands until an interrupt, which is no failure', async () => {
    const run = demo(['--watch']);
    await run.shows(/Type set KEY VALUE/);
    run.type('set greeting good day');
    await run.shows(/set greeting = good day: version 2 is everywhere/);
    run.type('set colour blue');
    await run.shows(/set colour = blue: version 3 is everywhere/);
    run.type('paint it black');
    await run.shows(/Not understood: paint it black/);
    const [, first] = await run.shows(/(\d+) +leader/);
    run.type('kill');
    await run.shows(new RegExp(`${first} +killed`));
    await run.shows(new RegExp(`^ +(?!${first})\\d+ +leader +colour = blue`, 'm'));
    run.type('set greeting good night');
    await run.shows(/set greeting = good night: version 4 is everywhere/);
    run.kill('SIGINT');
    expect(await run.end()).toBe(0);
    expectNothingLeft(run);
  });

  it('ends with quit', async () => {
    const run = demo(['--watch']);
    await run.shows(/Type set KEY VALUE/);
    run.type('quit');
    expect(await run.end()).toBe(0);
    expectNothingLeft(run);
  });
});

describe('the command line', () => {
  it('has a help', async () => {
    const run = demo(['--help']);
    expect(await run.end()).toBe(0);
    expect(run.output).toContain('ETCD_URL=');
  });

  it('refuses an unknown argument with one sentence', async () => {
    const run = demo(['--wach']);
    expect(await run.end()).toBe(2);
    expect(run.output).toBe('unknown argument --wach; try --help\n');
  });
});

describe('an etcd that is not there', () => {
  it('is named', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const run = demo([], { ETCD_URL: url });
    expect(await run.end()).toBe(1);
    expect(run.output).toContain(`Failed: etcd at ${url} does not answer`);
  });

  it('is not waited for when it says nothing', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const run = demo([], { ETCD_URL: `http://127.0.0.1:${port}` });
    expect(await run.end()).toBe(1);
    expect(run.output).toMatch(/Failed: etcd at .* does not answer/);
    silent.close();
  });

  it('is told from an address that makes no sense', async () => {
    const run = demo([], { ETCD_URL: 'localhost:2379' });
    expect(await run.end()).toBe(1);
    expect(run.output).toContain('ETCD_URL must look like http://127.0.0.1:2379');
  });
});
