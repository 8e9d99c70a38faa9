import { type PeerId, toHex } from '../../protocol/index.ts';

/** Bans of one host before nobody is let in from there. */
const MAX_BANS_OF_HOST = 3;

/**
 * Who sent wrong data for a torrent and is not let in again. A peer id is made up anew in a moment, so hosts count
 * too; several people may share one, so it takes more than one ban there. Addresses that must not be dialled are
 * with the candidates.
 */
export class BanList {
  readonly #ids = new Set<string>();
  /** Bans by host: whoever comes back under other names is known by where from. */
  readonly #hosts = new Map<string, number>();

  /** @param host `undefined` when it is not known where the peer is. */
  ban(peerId: PeerId | undefined, host: string | undefined): void {
    if (peerId !== undefined) this.#ids.add(toHex(peerId));
    if (host !== undefined) this.#hosts.set(host, (this.#hosts.get(host) ?? 0) + 1);
  }

  hasPeer(peerId: PeerId): boolean {
    return this.#ids.has(toHex(peerId));
  }

  /** Nobody is let in from there any more. */
  hasHost(host: string): boolean {
    return (this.#hosts.get(host) ?? 0) >= MAX_BANS_OF_HOST;
  }
}
