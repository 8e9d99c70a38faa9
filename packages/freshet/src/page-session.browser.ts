/** A page's session: with an engine that it shares with the other tabs of the site, or has for itself. */

import type { RtcPeersOptions } from './browser/rtc-peers.ts';
import { startPageEngine } from './page-engine.browser.ts';
import { toErrorValue } from './session/errors.ts';
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
import { shareEngine } from './shared-engine.browser.ts';

/** Where the site's data is kept: who uses it shares an engine. */
const FOLDER = 'freshet';

export interface PageSessionOptions {
  readonly settings: SessionSettings;
  /** Address of `freshet-worker.js`; `false` for an engine in this thread. Default beside this script. */
  readonly worker: string | false | undefined;
  /** Absent: no WebRTC. */
  readonly rtc: RtcPeersOptions | undefined;
  /** All tabs of the site are to have one engine. An engine in this thread is never shared. */
  readonly shared: boolean;
}

export class PageSession implements Session {
  readonly #options: PageSessionOptions;
  readonly #remote: RemoteSession;
  readonly #listeners = new Set<(event: SessionEvent) => void>();
  /** What leads to an engine. */
  readonly #way: { close(): Promise<void> };
  #closed: Promise<void> | undefined;

  constructor(options: PageSessionOptions) {
    this.#options = options;
    this.#remote = new RemoteSession({ onWarning: (error) => this.#warn(error) });
    this.#way = this.#share() ?? this.#startOwn();
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
    await this.#way.close();
  }

  #share(): { close(): Promise<void> } | undefined {
    const { settings, worker, rtc, shared } = this.#options;
    // Tabs have WebRTC for the others, which a worker has not.
    if (!shared || worker === false || typeof document === 'undefined') return undefined;
    return shareEngine({
      folder: FOLDER,
      // Copies: what programs give may be proxies, which cannot be cloned.
      settings: JSON.parse(JSON.stringify({ ...settings, rtc })) as object,
      start: (share, started) =>
        startPageEngine({ settings, worker, rtc, share, onWarning: (error) => this.#warn(error) }, started),
      onAttach: (port) => this.#remote.attach(port),
      onDetach: () => this.#remote.detach(),
      onWarning: (error) => this.#warn(error),
      onFailure: (error) => this.#fail(error),
    });
  }

  #startOwn(): { close(): Promise<void> } {
    const { settings, worker, rtc } = this.#options;
    return startPageEngine(
      { settings, worker, rtc, share: undefined, onWarning: (error) => this.#warn(error) },
      {
        onReady: (port) => this.#remote.attach(port),
        onFailure: (error) => this.#fail(error),
      },
    );
  }

  #fail(error: unknown): void {
    this.#tell({ type: 'fatal', error: toErrorValue(error) });
  }

  /** The machine is back on a network: peers and trackers need not wait for their turn. */
  readonly #online = (): void => {
    this.#remote.request('networkChanged', {}).catch(() => undefined);
  };

  #warn(error: Error): void {
    this.#tell({ type: 'warning', error: toErrorValue(error) });
  }

  #tell(event: GlobalEvent): void {
    for (const listener of this.#listeners) listener({ event });
  }
}
