import { type InfoHash, type InfoHashV2, type TorrentHashes, truncatedInfoHash } from '../protocol/index.ts';

/** Which of a torrent's swarms: that of its SHA-1 info-hash, or that of its truncated SHA-256 one (BEP 52). */
export type SwarmKind = 'v1' | 'v2';

/**
 * The names of a torrent, as the swarms know them. A magnet link may give one of a hybrid torrent's two: the other is
 * learnt with the metadata, and whoever holds this sees it from then on.
 */
export class SwarmHashes {
  #all: TorrentHashes;
  #truncated: InfoHash | undefined;

  constructor(hashes: TorrentHashes) {
    this.#all = hashes;
    this.#truncated = hashes.v2 && truncatedInfoHash(hashes.v2);
  }

  /** In full. */
  get all(): TorrentHashes {
    return this.#all;
  }

  get v1(): InfoHash | undefined {
    return this.#all.v1;
  }

  get v2(): InfoHashV2 | undefined {
    return this.#all.v2;
  }

  /** There are two swarms, and a connection may be upgraded from one to the other. */
  get hybrid(): boolean {
    return this.#all.v1 !== undefined && this.#all.v2 !== undefined;
  }

  /** The metadata has told more. */
  set(hashes: TorrentHashes): void {
    this.#all = hashes;
    this.#truncated = hashes.v2 && truncatedInfoHash(hashes.v2);
  }

  /** The 20 bytes that a swarm goes by; `undefined` when the torrent is not in it, or not known to be. */
  of(swarm: SwarmKind): InfoHash | undefined {
    return swarm === 'v1' ? this.#all.v1 : this.#truncated;
  }

  /** The swarms that are known, v1 first. */
  swarms(): SwarmKind[] {
    return (['v1', 'v2'] as const).filter((swarm) => this.of(swarm) !== undefined);
  }

  /** The swarm that goes by these 20 bytes. */
  swarmOf(infoHash: Uint8Array): SwarmKind | undefined {
    return this.swarms().find((swarm) => this.of(swarm)!.every((byte, i) => byte === infoHash[i]));
  }

  /** The swarm to name to a peer: the one that it is said to be in, if the torrent is, else the torrent's first. */
  choose(wanted: SwarmKind | undefined): SwarmKind {
    return wanted !== undefined && this.of(wanted) !== undefined ? wanted : this.swarms()[0]!;
  }
}
