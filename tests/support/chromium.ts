import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Browser, BrowserOptions, BrowserPage, PageOptions } from './browser.ts';
import { makeTempDir, removeDir } from './files.ts';
import { needProgram } from './process.ts';

const EXECUTABLE = '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages then name their addresses in candidates instead of mDNS names, which need a resolver.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--autoplay-policy=no-user-gesture-required',
];

/** A page, for what only Chromium's driver can do. */
export interface TestPage extends BrowserPage {
  readonly page: Page;
}

/** A headless Chromium with a profile of its own. */
export interface TestBrowser extends Browser {
  readonly context: BrowserContext;
  open(url?: string, options?: PageOptions): Promise<TestPage>;
}

/** Starts Debian's Chromium, headless, with a new profile that `close()` removes. */
export async function startChromium(
  extraFlags: readonly string[] = [],
  { quota }: BrowserOptions = {},
): Promise<TestBrowser> {
  await needProgram(EXECUTABLE, 'chromium');
  const profile = await makeTempDir('chromium');
  let context: BrowserContext;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE,
      headless: true,
      args: [...FLAGS, ...extraFlags],
      timeout: 30_000,
    });
  } catch (error) {
    await removeDir(profile);
    throw error;
  }
  context.setDefaultTimeout(30_000);
  return {
    name: 'chromium',
    version: context.browser()?.version() ?? '',
    context,
    open: (url, options) => openPage(context, url, options, quota),
    close: async () => {
      await context.close();
      await removeDir(profile);
    },
  };
}

async function openPage(
  context: BrowserContext,
  url?: string,
  options: PageOptions = {},
  quota?: number,
): Promise<TestPage> {
  const page = await context.newPage();
  const log: string[] = [];
  const errors: string[] = [];
  page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => {
    log.push(`uncaught: ${error.stack ?? error.message}`);
    errors.push(error.message);
  });
  if (options.viewport !== undefined) await page.setViewportSize(options.viewport);
  if (url !== undefined && quota !== undefined) {
    const session = await context.newCDPSession(page);
    const { origin } = new URL(url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: quota });
  }
  if (url !== undefined) await page.goto(url);
  return {
    page,
    log,
    errors,
    evaluate: (run: (argument: never) => unknown, argument?: unknown) =>
      page.evaluate(run, argument as never) as Promise<never>,
    waitFor: async (check: (argument: never) => unknown, argument?: unknown) => {
      await page.waitForFunction(check, argument as never);
    },
    beforeScripts: async (run) => {
      await page.addInitScript(run);
    },
    goto: async (to) => {
      await page.goto(to);
    },
    reload: async () => {
      await page.reload();
    },
    reloadPastCache: async () => {
      const session = await context.newCDPSession(page);
      const loaded = page.waitForEvent('load');
      await session.send('Page.reload', { ignoreCache: true });
      await loaded;
      await session.detach();
    },
    chooseFiles: (selector, ...paths) => page.setInputFiles(selector, paths),
    workers: () => page.workers().length,
    screenshot: async (path) => {
      await mkdir(dirname(path), { recursive: true });
      await page.screenshot({ path });
    },
    close: () => page.close(),
  };
}
