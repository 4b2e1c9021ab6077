// The page of the dashboard in a real browser, with a host that the test writes. What real processes show there is tested by
// dashboard.test.ts.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { Dashboard, DashboardOptions } from '../../src/observe';
import { describeInBrowser, NARROW, WIDE, type Visit } from '../support/browser';
import { ScriptedHost, type Script } from '../support/scripted-host';

const { startDashboard } = jest.requireActual<{ startDashboard: (options: DashboardOptions) => Promise<Dashboard> }>(
  '../../dist/package/observe/index.js',
);
const TOKEN = 'a token of a test'.replaceAll(' ', '-');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

describeInBrowser('the page', (visit) => {
  let host: ScriptedHost;
  let dashboard: Dashboard | undefined;
  let visits: Visit[] = [];

  afterEach(async () => {
    const complaints = visits.flatMap((each) => each.complaints);
    await Promise.all(visits.map((each) => each.close()));
    visits = [];
    await dashboard?.close();
    expect(complaints).toEqual([]);
  });

  async function open(
    script: Script,
    options: Partial<DashboardOptions> = {},
    look: Parameters<typeof visit>[1] & { hash?: string } = {},
  ): Promise<Page> {
    host = new ScriptedHost(script);
    dashboard = await startDashboard({ source: host, port: 0, ...options });
    const seen = await visit(`${dashboard.url}${look.hash ?? ''}`, look);
    visits.push(seen);
    return seen.page;
  }

  const text = (page: Page, selector: string): Promise<string> => page.innerText(selector);

  /** What a screen reader, or somebody who sees little, would stumble over. */
  async function barriers(page: Page): Promise<string[]> {
    // The policy of the page forbids scripts of others, so the checker comes in through the debugger.
    const found = await page.evaluate(`(() => { ${AXE}; return axe.run({ resultTypes: ['violations'] }); })()`);
    const { violations } = found as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
    return violations.map(
      ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
    );
  }

  it.each([
    ['wide and light', WIDE, 'light'],
    ['wide and dark', WIDE, 'dark'],
    ['narrow and light', NARROW, 'light'],
    ['narrow and dark', NARROW, 'dark'],
  ] as const)('is readable and without barriers, %s', async (_, viewport, colorScheme) => {
    const page = await open(
      { workers: 4, channels: ['ConfigClient', 'a.channel.whose.name/is.longer/than.any.column.of.any.table/should.have.to.be'] },
      { token: TOKEN, actions: noActions(), inspect: () => Promise.resolve('') },
      { viewport, colorScheme, hash: `#token=${TOKEN}` },
    );
    await page.waitForSelector('#processes tbody tr:nth-child(6)');
    host.changeProcess('worker 3', {
      state: 'crash-loop',
      pid: undefined,
      restarts: 9,
      lastEnd: `exited with code 1: ${'x'.repeat(300)}`,
    });
    host.changeChannel('ConfigClient', () => ({
      upstream: { state: 'degraded', since: host.view.at, error: 'ECONNREFUSED '.repeat(20) },
    }));
    host.happen({ kind: 'crash loop', subject: 'worker 3', pid: undefined, text: `worker 3 ${'keeps ending '.repeat(20)}` });
    await page.waitForSelector('#timeline li');
    expect(await barriers(page)).toEqual([]);
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(overflow).toBe(0);
  });

  it('shows a change within a second, without being loaded again', async () => {
    const page = await open({ workers: 2 });
    await page.waitForSelector('.pulse.live');
    const took: number[] = [];
    // On a busy machine one of them may take longer for other reasons.
    for (const version of ['4,711', '4,712', '4,713', '4,714', '4,715']) {
      const changedAt = performance.now();
      const change = { version: Number(version.replace(',', '')) };
      host.changeChannel('ConfigClient', ({ keys }) => ({ keys: keys.map((key, i) => (i === 0 ? { ...key, ...change } : key)) }));
      await page.waitForSelector(`td:text-is("${version}")`);
      took.push(performance.now() - changedAt);
    }
    expect(Math.min(...took)).toBeLessThan(1_000);
  });

  it('counts calls and values a second', async () => {
    const page = await open({ workers: 2 });
    await page.waitForSelector('.pulse.live');
    host.advance(1_000, { calls: 50, values: 7, failed: 2, latencyMs: 4 });
    await page.waitForSelector('.tile:has-text("Calls") .value:text-is("156/s")');
    expect(await text(page, '.tile:has-text("Calls")')).toContain('6.0/s fail');
    expect(await text(page, '.tile:has-text("Values delivered")')).toContain('21/s');
    expect(await text(page, '.tile:has-text("Latency p99")')).toContain('5.0 ms');
  });

  it.each([0, 1, 5, 64])('draws %i followers around the leader', async (workers) => {
    const page = await open({ workers });
    await page.waitForSelector('.pulse.live');
    expect(await page.locator('.topology g.follower').count()).toBe(workers);
    const said = await page.locator('.topology figcaption').textContent();
    expect(said).toContain(
      `ConfigClient is led by agent, pid 4101, term 3. ${workers} follower${workers === 1 ? '' : 's'}, 0 behind.`,
    );
  });

  it('shows the next leader, and the failover on the time line', async () => {
    const page = await open({ workers: 3 });
    await page.waitForSelector('.leader:has-text("agent")');
    host.changeChannel('ConfigClient', ({ followers }) => ({ leaderPid: 4102, term: 4, followers: followers.slice(1) }));
    host.happen({ kind: 'failover', subject: 'ConfigClient', pid: 4102, text: 'worker 1 leads now.', durationMs: 31 });
    await page.waitForSelector('.leader:has-text("worker 1")');
    expect(await text(page, '#timeline li')).toContain('took 31 ms');
  });

  it('says what is behind, and by how much', async () => {
    const page = await open({ workers: 3 });
    host.changeChannel('ConfigClient', ({ followers }) => ({
      followers: followers.map((each, i) =>
        i === 1 ? { ...each, outboxBytes: 3_000_000, lagMs: 1_250, skippedValues: 12 } : each,
      ),
    }));
    await page.waitForSelector('.follower.skipping');
    await page.click('text=Followers 3');
    expect(await text(page, 'tr:has-text("worker 2 · 4103")')).toMatch(/behind, newest only\s+3 MB\s+1.3 s\s+12/);
  });

  it('searches keys of all channels, by keyboard alone', async () => {
    const page = await open({ workers: 1, channels: ['ConfigClient', 'RegistryClient'], keys: 300 });
    await page.waitForSelector('text=… and 100 more keys; search to find one.');
    await page.keyboard.press('/');
    await page.keyboard.type('banner299');
    await page.waitForSelector('text=Keys found 1');
    expect(await page.locator('#channels tbody tr:visible').count()).toBe(1);
    await page.keyboard.press('Escape');
    await page.waitForSelector('text=Keys 300');
    await page.keyboard.press('Tab'); // from the search to the list of channels
    await page.keyboard.press('ArrowDown');
    await page.waitForSelector('[aria-current]:has-text("RegistryClient")');
    expect(await text(page, '#topology')).toContain('RegistryClient');
    await page.keyboard.press('Shift+?');
    await page.waitForSelector('dialog:has-text("By keyboard")');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  });

  it('says that the source is gone, and shows it again when it is back', async () => {
    const page = await open({ workers: 2 });
    await page.waitForSelector('.pulse.live');
    host.goAway('shop is not running');
    await page.waitForSelector('#banner:has-text("No data: shop is not running. What is shown is")');
    expect(await barriers(page)).toEqual([]);
    host.comeBack();
    host.changeProcess('worker 2', { restarts: 3 });
    await page.waitForSelector('.pulse.live');
    expect(await page.isVisible('#banner')).toBe(false);
    await page.waitForSelector('tr:has-text("worker 2") td:text-is("3")');
  });

  it('says that the dashboard itself is gone, and finds the next one at its port', async () => {
    const page = await open({ workers: 2 }, {}, { expects: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|Failed to load/ });
    await page.waitForSelector('.pulse.live');
    const { port } = new URL(dashboard!.url);
    await dashboard!.close();
    await page.waitForSelector('#banner:has-text("the dashboard does not answer")');
    dashboard = await startDashboard({ source: host, port: Number(port) });
    await page.waitForSelector('.pulse.live');
  });

  it('asks for the token, refuses a wrong one, and keeps it out of the address', async () => {
    const page = await open({ workers: 1 }, { token: TOKEN }, { expects: /401/ });
    await page.fill('#token', 'a wrong token, certainly');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=This token is wrong');
    await page.fill('#token', TOKEN);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.pulse.live');
    const { page: other } = (visits[1] = await visit(`${dashboard!.url}#token=${TOKEN}`));
    await other.waitForSelector('.pulse.live');
    expect(other.url()).toBe(dashboard!.url);
  });

  it('acts after a question, and says what came of it', async () => {
    const done: unknown[] = [];
    const actions = {
      reload: () => Promise.reject(new Error('worker 1 did not become ready, the old one goes on')),
      restart: (process: string) => Promise.resolve(void done.push(process)),
      scale: (workers: number) => Promise.resolve(void done.push(workers)),
    };
    const page = await open({ workers: 2 }, { token: TOKEN, actions }, { hash: `#token=${TOKEN}`, expects: /409/ });
    await page.click('tr:has-text("worker 2") button');
    await page.click('dialog button:text-is("Cancel")');
    await page.click('tr:has-text("worker 1") button');
    await page.click('dialog button:text-is("Restart")');
    await page.waitForSelector('text=Done: worker 1 was restarted.');
    await page.click('[aria-label="One worker more"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=Done: there are 3 workers now.');
    await page.click('#bar button:text-is("Reload")');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=Reload failed: worker 1 did not become ready, the old one goes on');
    expect(done).toEqual(['worker 1', 3]);
  });

  it('has no actions without a token, and no values unless they are enabled', async () => {
    const page = await open({ workers: 2 }, { actions: noActions() });
    await page.waitForSelector('.pulse.live');
    expect(await page.locator('#bar button:visible, tbody button:visible').allInnerTexts()).toEqual(['?']);
  });

  it('shows the value of a key as text, whatever it contains', async () => {
    const value = { html: '<img src=x onerror=alert(1)>' };
    const page = await open(
      { workers: 1 },
      { token: TOKEN, inspect: (wanted) => Promise.resolve({ ...value, of: wanted.key }) },
      { hash: `#token=${TOKEN}` },
    );
    host.happen({ kind: 'upstream', subject: '<b>x</b>', pid: undefined, text: '<script>alert(1)</script>' });
    await page.click('tbody button:has-text("shop.flags")');
    await page.waitForSelector('dialog pre:has-text("<img src=x onerror=alert(1)>")');
    expect(await text(page, 'dialog pre')).toContain('shop.flags');
    expect(await page.locator('#timeline li:has-text("<script>alert(1)</script>")').count()).toBe(1);
  });
});

function noActions(): DashboardOptions['actions'] {
  return { reload: () => Promise.resolve(), restart: () => Promise.resolve(), scale: () => Promise.resolve() };
}
