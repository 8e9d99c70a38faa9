import {
  type Bitfield,
  type Info,
  type InfoHash,
  type InfoHashHex,
  infoHashToHex,
  type PeerAddress,
  primaryHash,
} from '../protocol/index.ts';
import type { TrackerStatus } from './discovery/index.ts';
import type { Swarm } from './peers/swarm.ts';
import type { WebSeedKind } from './sources/web-seed-source.ts';
import { isHttpUrl, webSeedUrl } from './sources/web-seed-url.ts';
import { ReaderError } from './streaming/reader.ts';
import type { SwarmHashes } from './swarm-hashes.ts';
import type { TorrentHost } from './torrent-host.ts';
import { TorrentLife } from './torrent-life.ts';
import type { TorrentTurn } from './torrent-turn.ts';
import type {
  PeerStatus,
  Reader,
  ReaderOptions,
  TorrentObserver,
  TorrentSpec,
  TorrentState,
  TorrentStats,
  WebSeedStatus,
} from './torrent-types.ts';
import type { Transfer } from './transfer.ts';

/** One torrent of an engine: what can be asked of it and done with it. @see TorrentLife */
export class Torrent {
  /** What the torrent is filed under: the v1 hash, else the truncated v2 hash, as known at first. It never changes. */
  readonly infoHash: InfoHash;
  readonly infoHashHex: InfoHashHex;
  readonly #life: TorrentLife;

  constructor(host: TorrentHost, spec: TorrentSpec, observer: TorrentObserver) {
    this.infoHash = primaryHash(spec.hashes);
    this.infoHashHex = infoHashToHex(this.infoHash);
    this.#life = new TorrentLife(this, host, spec, observer);
  }

  /** All names of the torrent, those included that the metadata has told of. */
  get hashes(): SwarmHashes {
    return this.#life.hashes;
  }

  /** Its place in the client's queue. */
  get turn(): TorrentTurn {
    return this.#life.turn;
  }

  get info(): Info | undefined {
    return this.#life.metadata.info;
  }

  get infoBytes(): Uint8Array | undefined {
    return this.#life.metadata.infoBytes;
  }

  get state(): TorrentState {
    return this.#life.state();
  }

  /** Every wanted piece is verified and on disk. */
  get done(): boolean {
    return this.#life.done();
  }

  get verified(): Bitfield | undefined {
    return this.#transfer?.content.store.verified;
  }

  /** The swarm, for connections that the engine routes here. */
  get swarm(): Swarm {
    return this.#life.swarm;
  }

  /** While the storage is open. */
  get #transfer(): Transfer | undefined {
    return this.#life.transfer;
  }

  /** Begins: with the metadata given or kept from an earlier run, else by asking peers for it. */
  start(): void {
    this.#life.start();
  }

  stats(): TorrentStats {
    const selection = this.#transfer?.content.selection;
    return {
      state: this.#life.state(),
      ...this.turn.snapshot(),
      verifiedBytes: selection?.verifiedBytes ?? 0,
      wantedVerifiedBytes: selection?.wantedVerifiedBytes ?? 0,
      wantedBytes: selection?.wantedBytes ?? this.#life.metadata.info?.length ?? 0,
      ...this.#life.totals.snapshot(),
      connectedPeers: this.#life.swarm.peers.size,
    };
  }

  peers(): PeerStatus[] {
    const now = this.#life.host.ports.clock.now();
    return [...this.#life.swarm.peers.values()].map((peer) => peer.status(now));
  }

  trackers(): TrackerStatus[] {
    return this.#life.trackers.status();
  }

  webSeeds(): WebSeedStatus[] {
    return this.#transfer?.content.webSeeds.status() ?? [];
  }

  /**
   * Addresses at which web seeds have file `index` of the metadata by itself (BEP 19); those that have failed come last.
   * None before the metadata is known.
   */
  fileAddresses(index: number): string[] {
    const { info } = this.#life.metadata;
    if (info?.files[index] === undefined) return [];
    const failed = new Set(this.webSeeds().flatMap(({ state, url }) => (state === 'failed' ? [url] : [])));
    const seeds = [...this.#life.webSeeds].flatMap(([url, kind]) =>
      kind === 'files' && isHttpUrl(url) ? [url] : [],
    );
    seeds.sort((a, b) => Number(failed.has(a)) - Number(failed.has(b)));
    return seeds.map((url) => webSeedUrl(url, info, index));
  }

  /** Bytes of the piece that have been received, verified or not. */
  pieceProgress(piece: number): number {
    return this.#transfer?.content.store.receivedBytes(piece) ?? 0;
  }

  /** Selects the pieces first..last with a priority of 1 to 7, or deselects them with 0. */
  selectPieces(first: number, last: number, priority: number): void {
    this.#transfer?.select((content) => content.selection.setPieces(first, last, priority));
  }

  deselectPieces(first: number, last: number): void {
    this.selectPieces(first, last, 0);
  }

  /** One priority per file, 0 to 7; 0 deselects. */
  setFilePriorities(priorities: readonly number[]): void {
    this.#transfer?.select((content) => content.setFilePriorities(priorities));
    this.#life.storage.takeMoreRoom();
  }

  filePriorities(): number[] {
    return this.#transfer?.content.selection.filePriorities() ?? [];
  }

  /** The pieces first..last are needed at once. */
  criticalPieces(first: number, last: number): void {
    this.#transfer?.content.streaming.critical(first, last);
    this.#life.swarm.wake();
  }

  /** @throws {ReaderError} before `onReady`, or when the range is not within the torrent. */
  createReader(options: ReaderOptions): Reader {
    if (this.#transfer !== undefined) return this.#transfer.createReader(options);
    throw new ReaderError(
      'NO_METADATA',
      'The torrent cannot be read yet: its metadata or storage is not ready.',
    );
  }

  /** Returns whether the address is new. */
  addPeer(address: PeerAddress): boolean {
    return this.#life.swarm.addAddress(address);
  }

  removePeer(id: number): boolean {
    return this.#life.swarm.removePeer(id);
  }

  /** @param kind a folder or file on a web server (BEP 19), or a script that gives pieces (BEP 17). */
  addWebSeed(url: string, kind: WebSeedKind = 'files'): void {
    this.#life.webSeeds.set(url, kind);
    this.#transfer?.content.webSeeds.add(url, kind);
  }

  removeWebSeed(url: string): void {
    this.#life.webSeeds.delete(url);
    this.#transfer?.content.webSeeds.remove(url);
  }

  addTracker(url: string): void {
    this.#life.trackers.add(url);
  }

  /** Bytes per second of this torrent, web seeds included; `undefined` for no limit of its own, 0 for nothing. */
  setLimits(limits: { readonly download?: number | undefined; readonly upload?: number | undefined }): void {
    this.#life.limits.set(limits.download, limits.upload);
    this.#transfer?.content.webSeeds.update();
  }

  /**
   * Metadata that was found elsewhere, as at a magnet link's `xs`: used if it is right and no peer has sent it yet.
   * Resolves with whether it is used.
   */
  setMetadata(infoBytes: Uint8Array, pieceLayers?: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
    return this.#life.setMetadata(infoBytes, pieceLayers);
  }

  /** Hashes of pieces, from the torrent file or from peers, by the root of their file in hexadecimal (BEP 52). */
  get pieceLayers(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#life.metadata.pieceLayers ?? this.#transfer?.content.merkle?.store.layers;
  }

  /** Another torrent of the client has turned out to be the same one. */
  endAsDuplicate(error: Error): void {
    this.#life.fail(error);
  }

  /** The network came back or changed: everything is tried again at once. */
  networkChanged(): void {
    this.#life.swarm.candidates.retryAll();
    this.#life.swarm.connect();
    this.#life.trackers.networkChanged();
  }

  /** Ends all connections and announces; what is stored stays open. */
  pause(): void {
    this.#life.pause();
  }

  /** Goes on after `pause`, or tries again after a failure. */
  resume(): void {
    this.#life.resumeRunning();
  }

  /** Writes down what there is, as for a crash that may come. Never rejects. */
  save(): Promise<void> {
    return this.#life.resume.save(true);
  }

  /** Reads and hashes everything that is stored, as if nothing were known. */
  recheck(): Promise<void> {
    return this.#life.recheck();
  }

  /** Ends the torrent: says goodbye to trackers, keeps what was verified for next time. Idempotent. */
  close(options: { readonly destroyData?: boolean | undefined } = {}): Promise<void> {
    return this.#life.close(options);
  }
}
