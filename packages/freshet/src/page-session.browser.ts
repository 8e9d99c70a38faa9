/** A page's session: its engine runs in a worker, or in the page where there can be none. */

import { ENGINE_WORKER } from './browser/engine-messages.ts';
import { type LocalEngine, startEngineWorker } from './browser/engine-worker.ts';
import { localPipe } from './browser/port.ts';
import { RtcPeers, type RtcPeersOptions } from './browser/rtc-peers.ts';
import { ArgumentError, toErrorValue } from './session/errors.ts';
import type {
  ByteReader,
  CommandName,
  Commands,
  GlobalEvent,
  ReaderRange,
  Session,
  SessionEvent,
  SessionSettings,
} from './session/protocol.ts';
import { RemoteSession } from './session/remote.ts';

export interface PageSessionOptions {
  readonly settings: SessionSettings;
  /** Address of `freshet-worker.js`; `false` for an engine in this thread. Default beside this script. */
  readonly worker: string | false | undefined;
  /** Absent: no WebRTC. */
  readonly rtc: RtcPeersOptions | undefined;
}

export class PageSession implements Session {
  readonly #options: PageSessionOptions;
  readonly #remote: RemoteSession;
  readonly #listeners = new Set<(event: SessionEvent) => void>();
  /** Resolves with what ends it once it is known where it runs. */
  #engine: Promise<LocalEngine | undefined>;
  #closed: Promise<void> | undefined;

  constructor(options: PageSessionOptions) {
    this.#options = options;
    this.#remote = new RemoteSession({ onWarning: (error) => this.#warn(error) });
    this.#engine = this.#start();
    globalThis.addEventListener?.('online', this.#online);
  }

  request<C extends CommandName>(command: C, args: Commands[C]['args']): Promise<Commands[C]['result']> {
    return this.#remote.request(command, args);
  }

  openReader(range: ReaderRange): ByteReader {
    return this.#remote.openReader(range);
  }

  subscribe(listener: (event: SessionEvent) => void): () => void {
    const unsubscribe = this.#remote.subscribe(listener);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      unsubscribe();
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    globalThis.removeEventListener?.('online', this.#online);
    this.#listeners.clear();
    await this.#remote.close();
    const engine = await this.#engine;
    await engine?.close();
  }

  /** The machine is back on a network: peers and trackers need not wait for their turn. */
  readonly #online = (): void => {
    this.#remote.request('networkChanged', {}).catch(() => undefined);
  };

  async #start(): Promise<LocalEngine | undefined> {
    const { worker } = this.#options;
    // A worker's own client has its engine beside it: that can do all that another worker could.
    if (worker === false || typeof document === 'undefined') return this.#startHere();
    try {
      return await this.#startWorker(worker);
    } catch (error) {
      this.#warn(new Error(`The engine runs in the page, as no worker could be had: ${reasonOf(error)}.`));
      return this.#startHere();
    }
  }

  #startWorker(address: string | undefined): Promise<LocalEngine> {
    const { settings, rtc } = this.#options;
    return new Promise((resolve, reject) => {
      const made = makeWorker(address);
      const engine = startEngineWorker(
        { makeWorker: made.make, settings, rtc },
        {
          onReady: (port) => {
            made.started();
            this.#remote.attach(port);
            resolve(engine);
          },
          onFailure: (error) => {
            made.started();
            reject(error);
          },
        },
      );
    });
  }

  async #startHere(): Promise<LocalEngine | undefined> {
    const { settings, rtc, worker } = this.#options;
    try {
      const { hostEngine } = await importEngine(worker);
      const [rtcHere, rtcThere] = localPipe();
      const peers = rtc && new RtcPeers(rtcHere, rtc);
      const engine = hostEngine(settings, peers && rtcThere);
      const [here, there] = localPipe();
      engine.connect(there);
      this.#remote.attach(here);
      const kill = (): void => peers?.close();
      return {
        close: () => engine.close().finally(() => peers?.whenIdle(kill)),
        kill,
      };
    } catch (error) {
      const reason = `The engine could not be loaded: ${reasonOf(error)}.`;
      this.#tell({ type: 'fatal', error: toErrorValue(new ArgumentError(reason)) });
      return undefined;
    }
  }

  #warn(error: Error): void {
    this.#tell({ type: 'warning', error: toErrorValue(error) });
  }

  #tell(event: GlobalEvent): void {
    for (const listener of this.#listeners) listener({ event });
  }
}

/** A worker for the engine, and what to call when it has started or never will. */
function makeWorker(address: string | undefined): { make: () => Worker; started: () => void } {
  let blob: string | undefined;
  return {
    make: () => {
      try {
        // Written as bundlers know it: they make the worker's script an output of their own and put its address here.
        return address === undefined
          ? new Worker(new URL('./freshet-worker.js', import.meta.url), {
              type: 'module',
              name: 'freshet engine',
            })
          : new Worker(address, { type: 'module', name: ENGINE_WORKER });
      } catch (error) {
        const url = new URL(
          address ?? './freshet-worker.js',
          address === undefined ? import.meta.url : document.baseURI,
        );
        if (url.origin === location.origin) throw error;
        // From another origin, such as a content delivery network: a script of this one has to fetch it.
        blob = URL.createObjectURL(
          new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' }),
        );
        return new Worker(blob, { type: 'module', name: ENGINE_WORKER });
      }
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
