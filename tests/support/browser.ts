/** One way to drive Chromium and Firefox alike, for tests that run in both. */

import { startChromium } from './chromium.ts';
import { startFirefox } from './firefox.ts';

/** A page in a tab or window of its own, with what it has said so far. */
export interface BrowserPage {
  /** Lines of the console as `type: text`, and uncaught errors as `uncaught: text`. */
  readonly log: readonly string[];
  /** Uncaught errors only. */
  readonly errors: readonly string[];
  /** Runs a function in the page and resolves with what it returns. It sees the page's globals and its argument only. */
  evaluate<Result>(run: () => Result | Promise<Result>): Promise<Result>;
  evaluate<Result, Argument>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Result>;
  /** Resolves once `check` returns something true in the page; rejects after half a minute. */
  waitFor(check: () => unknown): Promise<void>;
  waitFor<Argument>(check: (argument: Argument) => unknown, argument: Argument): Promise<void>;
  /** Runs a function before the scripts of every document that the page loads from now on. */
  beforeScripts(run: () => void): Promise<void>;
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** As a user does with Shift held down: from the network, and without a service worker. */
  reloadPastCache(): Promise<void>;
  /** Chooses files of this machine, by their paths, in a file input. */
  chooseFiles(selector: string, ...paths: readonly string[]): Promise<void>;
  /** How many dedicated workers the page has. */
  workers(): number;
  /** Writes a picture of the page; makes its folder. */
  screenshot(path: string): Promise<void>;
  /** Closes the page as a user closes a tab. */
  close(): Promise<void>;
}

/** What a page can be opened with. */
export interface PageOptions {
  /** Size of the viewport in CSS pixels. */
  readonly viewport?: { readonly width: number; readonly height: number } | undefined;
}

/** A headless browser with a new profile; its pages share storage and service workers. */
export interface Browser {
  readonly name: BrowserName;
  readonly version: string;
  open(url?: string, options?: PageOptions): Promise<BrowserPage>;
  close(): Promise<void>;
}

export type BrowserName = 'chromium' | 'firefox';

export const BROWSER_NAMES: readonly BrowserName[] = ['chromium', 'firefox'];

/** What a browser can be started with. */
export interface BrowserOptions {
  /** Bytes that each site may store, at most 10 MB. Default: what the browser allows. */
  readonly quota?: number | undefined;
}

/** Starts one of Debian's browsers with a profile that `close()` removes. */
export function startBrowser(name: BrowserName, options: BrowserOptions = {}): Promise<Browser> {
  return name === 'firefox' ? startFirefox(options) : startChromium([], options);
}
