/** What a site keeps of torrents beyond the page, and which of them makes room when there is no more. */

import type { StateStore } from '../engine/ports.ts';
import type { KeptTorrent } from '../engine/storage/kept-torrent.ts';
import { decodeStoredRecord } from '../engine/storage/stored-record.ts';
import { dictBytes, dictDict, dictNumber, encode, utf8DecodeStrict } from '../protocol/index.ts';

/** Where the bytes are. */
export interface Shelf {
  /** Bytes by info-hash (hexadecimal) of all torrents that have something there. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  /** Removes a torrent's files and all that is remembered of it. False, and nothing happened, when another engine uses it. */
  remove(infoHash: string): Promise<boolean>;
}

export interface KeptTorrentsOptions {
  readonly shelf: Shelf;
  readonly state: StateStore;
  /** Bytes that all may take together; what was used last stays. Default: as many as the browser allows. */
  readonly limit?: number | undefined;
  /** Milliseconds since 1970. */
  now(): number;
}

interface Entry {
  name: string;
  length: number;
  lastUsed: number;
}

const KEY = 'kept-torrents';
const FORMAT = 'freshet kept torrents';
const VERSION = 1;

/**
 * Which of them go, and in which order, so that `bytes` become free: the one that was used longest ago first, none that is in
 * use. All that can go when they are not enough, as the download that needs the room may need less than it seems.
 */
export function evictionOrder(torrents: readonly KeptTorrent[], bytes: number): KeptTorrent[] {
  const going: KeptTorrent[] = [];
  let free = 0;
  const idle = torrents.filter(({ inUse, stored }) => !inUse && stored > 0);
  for (const torrent of idle.sort((a, b) => a.lastUsed - b.lastUsed)) {
    if (free >= bytes) break;
    going.push(torrent);
    free += torrent.stored;
  }
  return going;
}

/** The catalogue of a site's storage. Operations run one after the other. */
export class KeptTorrents {
  readonly #options: KeptTorrentsOptions;
  /** How many have each open. */
  readonly #open = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KeptTorrentsOptions) {
    this.#options = options;
  }

  /** From here on it is in use. Rejects with the fault of the state store, as all operations. */
  open(infoHash: string): Promise<void> {
    this.#open.set(infoHash, (this.#open.get(infoHash) ?? 0) + 1);
    return this.#touch(infoHash, {});
  }

  /** It is known what it is; makes room for it as far as the limit says. */
  describe(infoHash: string, name: string, length: number): Promise<void> {
    return this.#touch(infoHash, { name, length }, async () => {
      const { limit } = this.#options;
      if (limit === undefined) return;
      const others = (await this.#list()).filter((other) => other.infoHash !== infoHash);
      const taken = others.reduce((sum, { stored }) => sum + stored, 0);
      await this.#evict(others, taken + length - limit);
    });
  }

  /** It is not in use any more. */
  async close(infoHash: string): Promise<void> {
    const left = (this.#open.get(infoHash) ?? 0) - 1;
    if (left > 0) this.#open.set(infoHash, left);
    else this.#open.delete(infoHash);
    await this.#touch(infoHash, {});
  }

  /** What was used last comes first. */
  list(): Promise<KeptTorrent[]> {
    return this.#inTurn(async () => (await this.#list()).sort((a, b) => b.lastUsed - a.lastUsed));
  }

  /** Evicts what was used longest ago until so many bytes are free. Resolves with how many were freed. */
  makeRoom(bytes: number): Promise<number> {
    return this.#inTurn(async () => this.#evict(await this.#list(), bytes));
  }

  /**
   * Removes one, or all, unless in use. Resolves with the bytes that were freed; with `undefined` when the one is not there
   * or in use.
   */
  remove(infoHash: string | undefined): Promise<number | undefined> {
    return this.#inTurn(async () => {
      const torrents = await this.#list();
      const going = torrents.filter((one) => !one.inUse && (infoHash ?? one.infoHash) === one.infoHash);
      if (infoHash !== undefined && going.length === 0) return undefined;
      return this.#remove(going);
    });
  }

  async #list(): Promise<KeptTorrent[]> {
    const entries = await this.#load();
    const sizes = await this.#options.shelf.sizes();
    const all = new Set([...entries.keys(), ...sizes.keys()]);
    return [...all]
      .map((infoHash) => {
        const { name = '', length = 0, lastUsed = 0 } = entries.get(infoHash) ?? {};
        const stored = sizes.get(infoHash) ?? 0;
        return { infoHash, name, length, lastUsed, stored, inUse: this.#open.has(infoHash) };
      })
      .filter(({ stored, inUse }) => stored > 0 || inUse);
  }

  async #evict(torrents: readonly KeptTorrent[], bytes: number): Promise<number> {
    return bytes > 0 ? this.#remove(evictionOrder(torrents, bytes)) : 0;
  }

  /** Resolves with the bytes that were freed. */
  async #remove(torrents: readonly KeptTorrent[]): Promise<number> {
    if (torrents.length === 0) return 0;
    let freed = 0;
    const gone = new Set<string>();
    for (const { infoHash, stored } of torrents) {
      if (!(await this.#options.shelf.remove(infoHash))) continue;
      gone.add(infoHash);
      freed += stored;
    }
    const entries = await this.#load();
    for (const infoHash of gone) entries.delete(infoHash);
    await this.#save(entries);
    return freed;
  }

  #touch(infoHash: string, change: Partial<Entry>, then?: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      await then?.();
      const entries = await this.#load();
      const old = entries.get(infoHash) ?? { name: '', length: 0 };
      entries.set(infoHash, { ...old, ...change, lastUsed: this.#options.now() });
      await this.#save(entries);
    });
  }

  /** Every time anew: a tab with an engine of its own may have written it. */
  async #load(): Promise<Map<string, Entry>> {
    return decodeEntries(await this.#options.state.load(KEY));
  }

  async #save(entries: ReadonlyMap<string, Entry>): Promise<void> {
    await this.#options.state.save(KEY, encodeEntries(entries));
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function encodeEntries(entries: ReadonlyMap<string, Entry>): Uint8Array {
  const torrents = Object.fromEntries(
    [...entries].map(([infoHash, { name, length, lastUsed }]) => [infoHash, { name, length, lastUsed }]),
  );
  return encode({ format: FORMAT, version: VERSION, torrents });
}

/** What cannot be read is left out: the files are found again by their folders. */
function decodeEntries(bytes: Uint8Array | undefined): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const record = bytes && decodeStoredRecord(bytes, FORMAT, VERSION);
  const torrents = record && dictDict(record, 'torrents');
  for (const [infoHash, value] of torrents ?? []) {
    if (!(value instanceof Map)) continue;
    const name = utf8DecodeStrict(dictBytes(value, 'name') ?? new Uint8Array());
    const length = dictNumber(value, 'length') ?? 0;
    entries.set(infoHash, { name: name ?? '', length, lastUsed: dictNumber(value, 'lastUsed') ?? 0 });
  }
  return entries;
}
