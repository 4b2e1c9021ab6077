// The dashboard of real applications: of `trunkline dashboard`, and of `trunkline start --dashboard`. What the page makes of a view is
// tested by dashboard-page.test.ts.

import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { HostView } from '../../src/observe';
import { describeInBrowser, type Visit } from '../support/browser';
import {
  done,
  folder,
  get,
  inFolderOfItsOwn,
  masterPid,
  Run,
  START,
  startDaemon,
  status,
  trunkline,
} from '../support/command-line';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';
import { samplesOf } from '../support/prometheus';

inFolderOfItsOwn();

const TOKEN = 'the-token-of-this-test';
const TWO_FOLLOWERS = '.topology:has(g.follower ~ g.follower):not(:has(g.follower ~ g.follower ~ g.follower))';
const bearer = { authorization: `Bearer ${TOKEN}` };

/** Where the dashboard of a command listens. */
async function urlOf(run: Run): Promise<string> {
  const url = (): string | undefined => /http:\/\/\S+:\d+\//.exec(run.stdout)?.[0];
  await eventually(`an address in: ${run.stdout}${run.stderr}`, () => url() !== undefined);
  return url()!;
}

async function dashboard(args: readonly string[] = []): Promise<{ run: Run; url: string }> {
  const run = new Run(['dashboard', '--port', '0', ...args], { TRUNKLINE_DASHBOARD_TOKEN: TOKEN });
  return { run, url: await urlOf(run) };
}

async function act(url: string, name: string, body: object): Promise<unknown[]> {
  const response = await fetch(`${url}api/actions/${name}`, { method: 'POST', headers: bearer, body: JSON.stringify(body) });
  return [response.status, await response.json()];
}

test('the view of an application, actions on it, and an end with SIGTERM', async () => {
  const before = await startDaemon();
  const { run, url } = await dashboard();
  expect(run.stdout).not.toContain(TOKEN);
  const view = (await (await fetch(`${url}api/status`, { headers: bearer })).json()) as HostView;
  expect(view.application).toMatchObject({ state: 'running', clusterPort: before.clusterPort });
  expect(view.processes.map(({ name }) => name)).toEqual(['master', 'agent', 'worker 1', 'worker 2']);
  expect(await act(url, 'restart', { process: 'worker 2' })).toEqual([200, { done: 'worker 2 was restarted' }]);
  expect(await act(url, 'restart', { process: 'worker 9' })).toEqual([
    409,
    { error: 'there is no process "worker 9"; there are agent, worker 1, worker 2' },
  ]);
  expect(await act(url, 'scale', { workers: 1 })).toEqual([200, { done: 'there are 1 workers now' }]);
  expect(await act(url, 'scale', { workers: 5_000 })).toEqual([409, { error: 'there can be at most 1024 workers' }]);
  const after = await status();
  expect(after.processes.map(({ pid }) => pid)).toEqual(before.processes.slice(0, 2).map(({ pid }) => pid));
  const metrics = await (await fetch(`${url}metrics`, { headers: bearer })).text();
  expect(samplesOf(metrics).get('trunkline_processes kind=worker state=ready')).toBe(1);
  run.process.kill('SIGTERM');
  expect(await run.exited).toEqual({ code: 0, signal: null });
});

test('trunkline restart --process replaces that process alone', async () => {
  const before = await startDaemon();
  await done(['restart', '--process', 'worker 1']);
  const after = await status();
  const kept = after.processes.filter(({ pid }) => before.processes.some((each) => each.pid === pid));
  expect(kept.map(({ name }) => name)).toEqual(['agent', 'worker 2']);
  const failed = await trunkline(['restart', '--process', 'worker 7']);
  expect([failed.code, failed.stderr]).toEqual([
    1,
    'trunkline: there is no process "worker 7"; there are agent, worker 1, worker 2\n',
  ]);
});

test('trunkline top in a pipe and as JSON, until the application ends', async () => {
  await startDaemon();
  const [plain, json] = [new Run(['top']), new Run(['top', '--json'])];
  await plain.says('worker 2');
  await eventually('a line', () => json.stdout.includes('\n'));
  const view = JSON.parse(json.stdout.split('\n')[0]!) as HostView & { rates: object };
  expect([view.processes.length, Object.keys(view.rates)]).toEqual([4, expect.arrayContaining(['callsPerS', 'valuesPerS'])]);
  await done(['stop']);
  expect([(await plain.exited).code, (await json.exited).code]).toEqual([3, 3]);
  expect((await trunkline(['top'])).code).toBe(3);
});

test('a dashboard that is there before the application, and after it', async () => {
  const { url } = await dashboard();
  expect((await fetch(`${url}api/status`, { headers: bearer })).status).toBe(503);
  await startDaemon();
  expect((await fetch(`${url}api/status`, { headers: bearer })).status).toBe(200);
  await done(['stop']);
  expect((await fetch(`${url}api/status`, { headers: bearer })).status).toBe(503);
  expect(await act(url, 'reload', {})).toEqual([409, { error: expect.stringMatching(/ is not running$/) }]);
});

test('trunkline start --dashboard, which ends with the application', async () => {
  const run = new Run([...START, '--dashboard', '0'], { TRUNKLINE_DASHBOARD_TOKEN: TOKEN });
  const url = await urlOf(run);
  expect((await fetch(`${url}api/status`)).status).toBe(401);
  expect(await act(url, 'reload', {})).toEqual([200, { done: 'every process was replaced' }]);
  run.process.kill('SIGTERM');
  expect((await run.exited).code).toBe(0);
  await expect(fetch(`${url}healthz`)).rejects.toThrow();
});

test('an application whose dashboard finds its port taken goes on without it', async () => {
  const holder = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as net.AddressInfo;
  const run = new Run([...START, '--dashboard', String(port)]);
  await run.says(`no dashboard: port ${port} is in use; take another one, or 0 for a free one`);
  expect((await status()).state).toBe('running');
  const { code, stderr } = await trunkline(['dashboard', '--port', String(port)]);
  expect([code, stderr]).toEqual([1, `trunkline: port ${port} is in use; take another one, or 0 for a free one\n`]);
  holder.close();
});

test.each([
  [['--host', '0.0.0.0'], {}, /host 0\.0\.0\.0 can be reached from elsewhere, which needs a token/],
  [['--token', 'short'], {}, /token must have at least 16 characters/],
  [['--token'], {}, /--token without a token is for a terminal.*set TRUNKLINE_DASHBOARD_TOKEN/],
  [['--values'], {}, /--values needs --token/],
  [['--port', 'x'], {}, /--port must be a whole number, but is "x"/],
  [['--port', '99999'], {}, /port must be from 0 to 65535/],
])('trunkline dashboard %j is refused with a sentence', async (args, env, sentence) => {
  const { code, stderr } = await trunkline(['dashboard', ...args], env);
  expect(stderr).toMatch(sentence);
  expect(code).toBe(2);
});

describeInBrowser('in a browser', (visit) => {
  let seen: Visit | undefined;

  afterEach(async () => {
    const complaints = seen?.complaints;
    await seen?.close();
    seen = undefined;
    expect(complaints).toEqual([]);
  });

  async function open(url: string): Promise<Page> {
    seen = await visit(`${url}#token=${TOKEN}`);
    await seen.page.waitForSelector('.pulse.live');
    return seen.page;
  }

  it('a worker that is killed, a reload, the end of the application and its next start', async () => {
    const { processes } = await startDaemon();
    const { url } = await dashboard();
    const page = await open(url);
    await page.waitForSelector('.tile:has-text("4 of 4")');
    const victim = processes[2]!;
    process.kill(victim.pid, 'SIGKILL');
    await page.waitForSelector(`#timeline li:has-text("crash"):has-text("${victim.name}"):has-text("SIGKILL")`);
    await page.waitForSelector(`#processes tr:has-text("${victim.name}") td.warn:text-is("1")`);
    await page.waitForSelector('.tile:has-text("4 of 4")');
    await page.click('#bar button:text-is("Reload")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=Done: every process was replaced.');
    await page.waitForSelector('#timeline li:has-text("reload")');
    await done(['stop']);
    await page.waitForSelector('#banner:has-text("No data")');
    const { processes: next } = await startDaemon();
    await page.waitForSelector('.pulse.live');
    await page.waitForSelector(`#processes tr:has-text("worker 1"):has-text("${next[1]!.pid}")`);
  });

  it('the leader that is killed, the next one, and the value of a key', async () => {
    const { processes } = await startDaemon();
    const page = await open((await dashboard(['--values'])).url);
    const leader = processes[0]!;
    await page.waitForSelector(`.leader:has-text("agent"):has-text("pid ${leader.pid}")`);
    expect(await page.locator('.topology g.follower').count()).toBe(2);
    process.kill(leader.pid, 'SIGKILL');
    await page.waitForSelector('#timeline li:has-text("failover"):has-text("Feed")');
    await page.waitForSelector(`.leader:has-text("agent"):not(:has-text("pid ${leader.pid}"))`);
    await page.waitForSelector('#channels dd:has-text("agent")');
    await page.waitForSelector(TWO_FOLLOWERS);
    await page.click('tbody button:has-text("feed")');
    const next = (await status()).processes[0]!.pid;
    await page.waitForSelector(`dialog pre:text-is("${next}")`);
    await page.keyboard.press('Escape');
    // The reader of the value has left.
    await page.waitForSelector(TWO_FOLLOWERS);
  });

  it('calls of the workers', async () => {
    await startDaemon();
    const page = await open((await dashboard()).url);
    await page.waitForSelector('.tile:has-text("Calls") .value:text-is("0/s")');
    const calling = setInterval(() => void get('/').catch(() => undefined), 20);
    await page.waitForSelector('.tile:has-text("Calls") .value:not(:text-is("0/s"))');
    clearInterval(calling);
  });

  it('a worker in a crash loop, with the reason', async () => {
    const broken = join(folder, 'broken');
    const { processes } = await startDaemon([], { APP_BROKEN_FILE: broken });
    const page = await open((await dashboard()).url);
    writeFileSync(broken, '');
    process.kill(processes[1]!.pid, 'SIGKILL');
    await page.waitForSelector('#processes tr:has-text("worker 1") .state.bad:has-text("crash-loop")');
    await page.waitForSelector('#timeline li:has-text("crash loop")');
    await page.waitForSelector('.tile.bad:has-text("1 in a crash loop")');
    expect(await page.innerText('#processes tr:has-text("worker 1") .end')).toContain('last:');
  });

  it('a master that is stopped and goes on, and one that is killed', async () => {
    await startDaemon();
    const page = await open((await dashboard()).url);
    const master = masterPid()!;
    process.kill(master, 'SIGSTOP');
    await page.waitForSelector('#banner:has-text("No data")');
    process.kill(master, 'SIGCONT');
    await page.waitForSelector('.pulse.live');
    process.kill(master, 'SIGKILL');
    await page.waitForSelector('#banner:has-text("No data")');
    await eventually('no master', () => !isAlive(master));
  });
});
