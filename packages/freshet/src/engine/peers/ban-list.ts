import { type PeerId, toHex } from '../../protocol/index.ts';
import { LazyMap, LazySet } from '../../protocol/lazy-collections.ts';

/** Liars of one host before nobody new is let in from there. */
const MAX_BANS_OF_HOST = 3;
/** How long a host is closed after the last of them, in milliseconds; what counts against it is forgotten by then. */
const HOST_BAN_TIME = 60 * 60_000;
/** Peers and hosts remembered, of each kind; the oldest goes first. */
const MAX_REMEMBERED = 4096;

interface HostRecord {
  bans: number;
  lastBan: number;
}

/**
 * Who sent wrong data for a torrent and is not let in again.
 *
 * A peer id is made up anew in a moment, so hosts count too. But many people may share a host: a household, a campus,
 * all of a carrier's customers behind one NAT. So a host is closed only after the third liar, for an hour, to new
 * peers only: who is connected stays, and who has given good data comes back in by its peer id, which the liar next
 * door does not know. Addresses that must not be dialled are with the candidates, by host and port.
 */
export class BanList {
  readonly #ids = new LazySet<string>();
  readonly #hosts = new LazyMap<string, HostRecord>();
  /** Peers that gave good data. */
  readonly #trusted = new LazySet<string>();

  /**
   * @param host `undefined` when it is not known where the peer is.
   * @param now clock milliseconds.
   */
  ban(peerId: PeerId | undefined, host: string | undefined, now: number): void {
    if (peerId !== undefined) {
      const id = toHex(peerId);
      this.#trusted.delete(id);
      remember(this.#ids, id);
    }
    if (host === undefined) return;
    const record = this.#hosts.get(host);
    const bans = record === undefined || now - record.lastBan >= HOST_BAN_TIME ? 0 : record.bans;
    // To the end of the order in which records are given up.
    this.#hosts.delete(host);
    this.#hosts.set(host, { bans: bans + 1, lastBan: now });
    if (this.#hosts.size > MAX_REMEMBERED) this.#hosts.delete(this.#hosts.keys().next().value!);
  }

  /** The peer has given data that was verified. */
  trust(peerId: PeerId): void {
    const id = toHex(peerId);
    if (!this.#ids.has(id)) remember(this.#trusted, id);
  }

  hasPeer(peerId: PeerId): boolean {
    return this.#ids.has(toHex(peerId));
  }

  /** Whether a peer of that host is kept out. */
  refuses(peerId: PeerId, host: string, now: number): boolean {
    const id = toHex(peerId);
    if (this.#ids.has(id)) return true;
    const record = this.#hosts.get(host);
    if (record === undefined || record.bans < MAX_BANS_OF_HOST) return false;
    return now - record.lastBan < HOST_BAN_TIME && !this.#trusted.has(id);
  }
}

function remember(set: Set<string>, id: string): void {
  set.delete(id);
  set.add(id);
  if (set.size > MAX_REMEMBERED) set.delete(set.values().next().value!);
}
