/** Starts the engine of a page: in a worker, or in the page where there can be none. */

import { ENGINE_WORKER } from './browser/engine-messages.ts';
import { startEngineWorker } from './browser/engine-worker.ts';
import type { EngineShare, LocalEngine, StartedEngine } from './browser/local-engine.ts';
import { localPipe } from './browser/port.ts';
import { RtcPeers, type RtcPeersOptions } from './browser/rtc-peers.ts';
import { ArgumentError } from './session/errors.ts';
import type { SessionSettings } from './session/protocol.ts';

export interface PageEngineOptions {
  readonly settings: SessionSettings;
  /** Address of `freshet-worker.js`; `false` for an engine in this thread. Default beside this script. */
  readonly worker: string | false | undefined;
  /** Absent: no WebRTC. */
  readonly rtc: RtcPeersOptions | undefined;
  /** Absent: it is for this page alone. */
  readonly share: EngineShare | undefined;
  readonly onWarning: (error: Error) => void;
}

/** Calls back later. */
export function startPageEngine(options: PageEngineOptions, started: StartedEngine): LocalEngine {
  return new PageEngine(options, started);
}

class PageEngine implements LocalEngine {
  readonly #options: PageEngineOptions;
  readonly #started: StartedEngine;
  #engine: LocalEngine | undefined;
  /** Resolves when an engine in this thread is there, or will never be. */
  #loading: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: PageEngineOptions, started: StartedEngine) {
    this.#options = options;
    this.#started = started;
    const { worker } = options;
    // A worker's own client has its engine beside it: that can do all that another worker could.
    if (worker === false || typeof document === 'undefined') this.#loading = this.#startHere();
    else this.#startWorker(worker);
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#loading;
    await this.#engine?.close();
  }

  kill(): void {
    this.#ended = true;
    this.#engine?.kill();
  }

  givePipe(channel: string, port: MessagePort): void {
    this.#engine?.givePipe(channel, port);
  }

  #startWorker(address: string | undefined): void {
    const { settings, rtc, share, onWarning } = this.#options;
    const made = makeWorker(address);
    this.#engine = startEngineWorker(
      { makeWorker: made.make, settings, rtc, share },
      {
        onReady: (port) => {
          made.started();
          this.#started.onReady(port);
        },
        onFailure: (error) => {
          made.started();
          onWarning(new Error(`The engine runs in the page, as no worker could be had: ${reasonOf(error)}.`));
          this.#engine = undefined;
          this.#loading = this.#startHere();
        },
      },
    );
  }

  async #startHere(): Promise<void> {
    const { settings, rtc, share, worker } = this.#options;
    try {
      const { hostEngine } = await importEngine(worker);
      if (this.#ended) return;
      const [rtcHere, rtcThere] = localPipe();
      const peers = rtc && new RtcPeers(rtcHere, rtc);
      const [here, there] = localPipe();
      const engine = hostEngine({
        settings,
        rtc: peers && rtcThere,
        share,
        client: there,
        onReady: () => this.#unlessEnded(() => this.#started.onReady(here)),
        onFailure: (error) => this.#unlessEnded(() => this.#started.onFailure(error)),
      });
      const kill = (): void => peers?.close();
      this.#engine = {
        close: () => engine.close().finally(() => peers?.whenIdle(kill)),
        kill: () => {
          kill();
          void engine.close();
        },
        givePipe: (channel, port) => engine.givePipe(channel, port),
      };
    } catch (error) {
      const failure = new ArgumentError(`The engine could not be loaded: ${reasonOf(error)}.`);
      this.#unlessEnded(() => this.#started.onFailure(failure));
    }
  }

  #unlessEnded(call: () => void): void {
    if (!this.#ended) call();
  }
}

/** A worker for the engine, and what to call when it has started or never will. */
function makeWorker(address: string | undefined): { make: () => Worker; started: () => void } {
  let blob: string | undefined;
  return {
    make: () => {
      const url = new URL(
        address ?? './freshet-worker.js',
        address === undefined ? import.meta.url : document.baseURI,
      );
      if (/^https?:$/.test(url.protocol) && url.origin !== location.origin) {
        // From another origin, such as a content delivery network: a script of this one has to fetch it. Not found out by
        // trying, as Chromium refuses at once and Firefox later.
        blob = URL.createObjectURL(
          new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }),
        );
        return new Worker(blob, { type: 'module', name: ENGINE_WORKER });
      }
      // Written as bundlers know it: they make the worker's script an output of their own and put its address here.
      return address === undefined
        ? new Worker(new URL('./freshet-worker.js', import.meta.url), {
            type: 'module',
            name: 'freshet engine',
          })
        : new Worker(address, { type: 'module', name: ENGINE_WORKER });
    },
    started: () => {
      if (blob !== undefined) URL.revokeObjectURL(blob);
    },
  };
}

function importEngine(address: string | false | undefined): Promise<typeof import('./freshet-worker.js')> {
  if (typeof address !== 'string') return import('./freshet-worker.js');
  // A page's own address, which no bundler can look into.
  return import(/* @vite-ignore */ /* webpackIgnore: true */ new URL(address, document.baseURI).href);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
