import { type Info, parseInfo, type TorrentHashes } from '../protocol/index.ts';
import { hashesOfInfo, isComplete, matchesHashes } from './metadata-hashes.ts';
import { MetadataExchange } from './peers/metadata-exchange.ts';
import type { Hasher } from './ports.ts';
import type { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentSpec } from './torrent-types.ts';

export interface TorrentMetadataOptions {
  /** What is known of the torrent's names; completed when the metadata tells more. */
  readonly hashes: SwarmHashes;
  readonly hasher: Hasher;
  /** With the hashes of pieces that came with a torrent file. */
  readonly spec: Pick<TorrentSpec, 'pieceLayers'>;
  /** The metadata is still wanted. */
  wanted(): boolean;
  /** Another hash than those that were given has been learnt. */
  onHashes(): void;
  onInfo(info: Info, infoBytes: Uint8Array): void;
  /** All is told of metadata from which another hash was learnt. */
  onLearnt(): void;
  fail(error: unknown): void;
}

/** A torrent's metadata: until it is known what it must hash to, and the exchange with peers; then what it says. */
export class TorrentMetadata {
  readonly exchange: MetadataExchange;
  readonly #options: TorrentMetadataOptions;
  #info: Info | undefined;
  #infoBytes: Uint8Array | undefined;
  #pieceLayers: ReadonlyMap<string, Uint8Array> | undefined;

  constructor(options: TorrentMetadataOptions) {
    this.#options = options;
    this.#pieceLayers = options.spec.pieceLayers;
    this.exchange = new MetadataExchange(options.hashes.all, options.hasher, (bytes) => this.take(bytes));
  }

  get info(): Info | undefined {
    return this.#info;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#infoBytes;
  }

  /** Hashes of pieces that came with the torrent file, by the root of their file in hexadecimal (BEP 52). */
  get pieceLayers(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#pieceLayers;
  }

  /** Bytes that may be of another torrent: taken if they hash to the torrent's names. Resolves with whether they were. */
  async offer(infoBytes: Uint8Array, pieceLayers?: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    const { hashes, hasher } = this.#options;
    if (!this.#isMissing || !(await matchesHashes(infoBytes, hashes.all, hasher)) || !this.#isMissing)
      return false;
    this.#pieceLayers = pieceLayers;
    this.take(infoBytes);
    return true;
  }

  /**
   * Bytes that hash to the torrent's names: given, kept from before, or fetched.
   * @param read what they say, if somebody has read them: with a million files that takes seconds.
   */
  take(infoBytes: Uint8Array, read?: Info): void {
    if (!this.#isMissing) return;
    const known = this.#options.hashes.all;
    try {
      const info = read === undefined ? parseInfo(infoBytes, known) : { ...read, hashes: known };
      if (isComplete(info, known)) this.#set(info, infoBytes);
      else void this.#learnHashes(info, infoBytes, known);
    } catch (error) {
      this.#options.fail(error);
    }
  }

  get #isMissing(): boolean {
    return this.#info === undefined && this.#options.wanted();
  }

  /** The metadata is of other versions than a magnet link's hashes say, such as of both. */
  async #learnHashes(info: Info, infoBytes: Uint8Array, known: TorrentHashes): Promise<void> {
    const fits = (info.hasV1 && known.v1 !== undefined) || (info.hasV2 && known.v2 !== undefined);
    try {
      if (!fits) throw new Error('The metadata is of another version of BitTorrent than its info-hash.');
      const hashes = await hashesOfInfo(info, this.#options.hasher, known);
      // It may have turned out to be the same torrent as another one meanwhile.
      if (!this.#isMissing) return;
      this.#options.hashes.set(hashes);
      this.#options.onHashes();
      this.#set(info, infoBytes);
      this.#options.onLearnt();
    } catch (error) {
      this.#options.fail(error);
    }
  }

  #set(info: Info, infoBytes: Uint8Array): void {
    this.#info = info;
    this.#infoBytes = infoBytes;
    this.exchange.setInfo(infoBytes);
    this.#options.onInfo(info, infoBytes);
  }
}
