// A real browser for tests of pages: Debian's chromium, driven by playwright-core. Every page is watched: an error on the console
// or a violation of its content security policy fails the test that looks.

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 390, height: 844 };

export interface Visit {
  readonly page: Page;
  /** What the console, uncaught errors and the policy have complained of. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export interface Look {
  readonly viewport?: { width: number; height: number };
  readonly colorScheme?: 'light' | 'dark';
  /** Complaints that a test provokes. */
  readonly expects?: RegExp;
}

/** Describes tests in a browser; without a browser they are skipped, and fail in CI. */
export function describeInBrowser(name: string, tests: (visit: (url: string, look?: Look) => Promise<Visit>) => void): void {
  if (CHROMIUM === undefined && process.env.CI !== 'true') {
    describe.skip(`${name} (no chromium here: apt-get install chromium)`, () =>
      tests(() => Promise.reject(new Error('no browser'))));
    return;
  }
  describe(name, () => {
    let browser: Browser;
    beforeAll(async () => {
      if (CHROMIUM === undefined) throw new Error('chromium is not installed: apt-get install chromium');
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    });
    afterAll(() => browser?.close());
    tests(async (url, { viewport = WIDE, colorScheme = 'light', expects } = {}) => {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.setDefaultTimeout(60_000);
      const complaints: string[] = [];
      const complain = (text: string): void => void (expects?.test(text) || complaints.push(text));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
      });
      page.on('pageerror', (error) => complain(`uncaught: ${error.message}`));
      await page.addInitScript(() => {
        const target = globalThis as unknown as {
          addEventListener(name: string, listener: (event: { violatedDirective: string; blockedURI: string }) => void): void;
        };
        target.addEventListener('securitypolicyviolation', (event) =>
          console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
        );
      });
      await page.goto(url);
      return { page, complaints, close: () => context.close() };
    });
  });
}
