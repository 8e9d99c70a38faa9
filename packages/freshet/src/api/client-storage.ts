/** `client.storage`: what a site keeps in the browser, shown and cleared. */

import type { KeptTorrent, Session } from '../session/protocol.ts';

/** The browser's account of a site's storage; `navigator.storage`. */
export interface StorageAccount {
  estimate(): Promise<{ usage?: number; quota?: number }>;
  persist(): Promise<boolean>;
  persisted(): Promise<boolean>;
}

export interface StorageEstimate {
  /** Bytes that the whole site takes, as the browser says. */
  readonly usage: number;
  /** Bytes that it may take. */
  readonly quota: number;
  /** The browser does not clear it by itself when the disk is full. */
  readonly persisted: boolean;
}

/**
 * Torrents stay in the browser when their page has gone, until they are removed here, the visitor clears the site's data, or
 * others need the room: what was used longest ago goes first.
 */
export class ClientStorage {
  readonly #session: Session;
  readonly #account: StorageAccount | undefined;

  /** @internal */
  constructor(session: Session, account: StorageAccount | undefined) {
    this.#session = session;
    this.#account = account;
  }

  /** Torrents that are kept, those used last first. None in Node, where files are the user's own. */
  list(): Promise<readonly KeptTorrent[]> {
    return this.#session.request('kept', {});
  }

  /** Removes what is kept of a torrent. Resolves with false when it is not there, or in use by a client. */
  async remove(infoHash: string): Promise<boolean> {
    const freed = await this.#session.request('removeKept', { infoHash: infoHash.toLowerCase() });
    return freed !== undefined;
  }

  /** Removes all that no client uses. Resolves with the bytes that were freed. */
  async clear(): Promise<number> {
    return (await this.#session.request('removeKept', { infoHash: undefined })) ?? 0;
  }

  /** What the site takes and may take, as the browser says; `undefined` where it does not say. */
  async estimate(): Promise<StorageEstimate | undefined> {
    const { usage, quota } = (await this.#account?.estimate()) ?? {};
    if (usage === undefined || quota === undefined) return undefined;
    return { usage, quota, persisted: (await this.#account?.persisted()) ?? false };
  }

  /**
   * Asks the browser not to clear the site's storage by itself. Resolves with whether it is so. Some browsers ask the visitor
   * first: then this resolves when they have answered, which may be never.
   */
  async persist(): Promise<boolean> {
    return (await this.#account?.persist()) ?? false;
  }
}
