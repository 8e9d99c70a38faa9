import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import puppeteer, { type Browser as Driven, type ElementHandle } from 'puppeteer-core';
import type { Browser, BrowserOptions, BrowserPage, PageOptions } from './browser.ts';
import { makeTempDir, removeDir } from './files.ts';
import { needProgram } from './process.ts';
import { waitUntil } from './wait.ts';

const EXECUTABLE = '/usr/bin/firefox-esr';

/** Beside those with which the driver keeps a new profile from asking, updating and reporting. */
const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  // Pages then name their addresses in candidates instead of mDNS names, which need a resolver.
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // Tests open several pages at once; the ones behind are to work as the one in front does.
  'dom.min_background_timeout_value': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
  'widget.windows.window_occlusion_tracking.enabled': false,
  // Nothing leaves the machine.
  'app.update.auto': false,
  'browser.aboutwelcome.enabled': false,
  'browser.discovery.enabled': false,
  'browser.newtabpage.activity-stream.feeds.telemetry': false,
  'browser.region.network.url': '',
  'browser.topsites.contile.enabled': false,
  'dom.push.connection.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'media.gmp-provider.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'network.prefetch-next': false,
  'network.trr.mode': 5,
  'nimbus.rollouts.enabled': false,
  'security.OCSP.enabled': 0,
  'security.remote_settings.crlite_filters.enabled': false,
  'security.remote_settings.intermediates.enabled': false,
  'toolkit.telemetry.server': '',
  'toolkit.telemetry.unified': false,
};

/** Starts Debian's Firefox ESR, headless, with a new profile that `close()` removes. */
export async function startFirefox({ quota }: BrowserOptions = {}): Promise<Browser> {
  await needProgram(EXECUTABLE, 'firefox-esr');
  const profile = await makeTempDir('firefox');
  let driven: Driven;
  try {
    driven = await puppeteer.launch({
      browser: 'firefox',
      executablePath: EXECUTABLE,
      headless: true,
      userDataDir: profile,
      extraPrefsFirefox: {
        ...PREFERENCES,
        // In KiB, for all sites together. One site may have a fifth of it, or all up to 10 MiB.
        ...(quota !== undefined && {
          'dom.quotaManager.temporaryStorage.fixedLimit': Math.ceil(quota / 1024),
        }),
      },
      // Tests have limits of their own, and their evaluations may take as long.
      protocolTimeout: 0,
      defaultViewport: null,
      timeout: 60_000,
    });
  } catch (error) {
    await removeDir(profile);
    throw error;
  }
  return {
    name: 'firefox',
    version: (await driven.version()).replace(/^firefox\//i, ''),
    open: (url, options) => openPage(driven, url, options),
    close: async () => {
      await driven.close();
      await removeDir(profile);
    },
  };
}

/**
 * Firefox reports this, without an address, whenever a player cancels a stream that comes from a service worker,
 * whatever the worker does about it: end the stream, break it off, or leave it alone.
 */
const CANCELLED =
  'Failed to load ‘’. A ServiceWorker intercepted the request and encountered an unexpected error.';

const LOADED = { waitUntil: 'load', timeout: 30_000 } as const;

async function openPage(driven: Driven, url?: string, options: PageOptions = {}): Promise<BrowserPage> {
  // A window each: a page in a tab behind another is hidden, shows no frames and has its timers throttled.
  const page = await driven.newPage({ type: 'window' });
  const log: string[] = [];
  const errors: string[] = [];
  // As Chromium's driver calls them.
  page.on('console', (message) =>
    log.push(`${message.type() === 'warn' ? 'warning' : message.type()}: ${message.text()}`),
  );
  page.on('pageerror', (thrown) => {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (error.message.includes(CANCELLED)) return;
    log.push(`uncaught: ${error.stack ?? error.message}`);
    errors.push(error.message);
  });
  if (options.viewport !== undefined) await page.setViewport(options.viewport);
  if (url !== undefined) await page.goto(url, LOADED);
  return {
    log,
    errors,
    evaluate: (run: (argument: never) => unknown, argument?: unknown) =>
      page.evaluate(run, argument as never) as Promise<never>,
    // Not the driver's own, which looks once a frame: a page that shows none would wait for ever.
    waitFor: async (check: (argument: never) => unknown, argument?: unknown) => {
      const look = async () => Boolean(await page.evaluate(check, argument as never));
      await waitUntil(`what the page was to come to (${check})`, look, { timeout: 30_000 });
    },
    beforeScripts: async (run) => {
      await page.evaluateOnNewDocument(run);
    },
    goto: async (to) => {
      await page.goto(to, LOADED);
    },
    reload: async () => {
      await page.reload(LOADED);
    },
    reloadPastCache: async () => {
      const loaded = page.waitForNavigation(LOADED);
      // The protocol has no such reload, but Firefox has kept the argument that no standard has.
      await page.evaluate(() => (location as unknown as { reload(force: boolean): void }).reload(true));
      await loaded;
    },
    chooseFiles: async (selector, ...paths) => {
      const input = (await page.$(selector)) as ElementHandle<HTMLInputElement> | null;
      if (input === null) throw new Error(`the page has no ${selector}`);
      await input.uploadFile(...paths);
    },
    workers: () => page.workers().length,
    screenshot: async (path) => {
      await mkdir(dirname(path), { recursive: true });
      await page.screenshot({ path: path as `${string}.png` });
    },
    close: () => page.close(),
  };
}
