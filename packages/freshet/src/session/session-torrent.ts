/** One torrent of a direct session: an engine's torrent, with commands before and events after it is there. */

import type { Engine, Torrent as EngineTorrent } from '../engine/index.ts';
import type { Clock } from '../engine/ports.ts';
import type { Goal } from '../engine/queue/queue-policy.ts';
import type { PeerStatus, TorrentObserver } from '../engine/torrent-types.ts';
import { type Info, primaryHash } from '../protocol/index.ts';
import { LazySet } from '../protocol/lazy-collections.ts';
import { ArgumentError, DestroyedError, StorageError, toErrorValue } from './errors.ts';
import type { FileMoves } from './file-moves.ts';
import { favourFilmStart } from './film-start.ts';
import type { SessionPlatform, TorrentStorage } from './platform.ts';
import { ProgressTicker, type TickerHost } from './progress-ticker.ts';
import type {
  AddSettings,
  ByteReader,
  PeerSnapshot,
  PieceMapSnapshot,
  SessionSettings,
  TorrentEvent,
  TorrentKey,
} from './protocol.ts';
import { partialPieces, peerSnapshot, pieceMapSnapshot, statsSnapshot } from './snapshots.ts';
import type { ResolvedSource } from './source.ts';
import { TorrentDescription } from './torrent-description.ts';
import { TorrentSelection } from './torrent-selection.ts';
import { torrentSpec } from './torrent-spec.ts';
import { waitingReader } from './waiting-reader.ts';

const UNMOVABLE =
  'These files stay where they are: they are seeded in place, or kept by a page, where nobody sees their names.';

export interface TorrentHost {
  readonly engine: Engine;
  readonly platform: SessionPlatform;
  readonly settings: SessionSettings;
  /** Its name in the session: keys rise in the order in which torrents are added. */
  readonly key: TorrentKey;
  /** At `ready`: resolves when whoever was told has given the commands that it leads to; absent when all have. */
  emit(event: TorrentEvent): Promise<unknown> | undefined;
}

/** What to start, and where it is kept. */
export interface Start {
  readonly source: ResolvedSource;
  readonly storage: TorrentStorage;
  readonly path: string | undefined;
  /** The files are the user's own, read in place: all there, never deleted. */
  readonly seed: boolean;
}

// Up to so many pieces, what is on its way goes with every progress event; beyond, `pieces` asks for it.
const MAX_PIECES_IN_PROGRESS_EVENTS = 4096;

/** Milliseconds between two events about a check under way. */
const CHECKING_INTERVAL = 100;

export class SessionTorrent implements TorrentObserver, TickerHost {
  readonly #host: TorrentHost;
  readonly #settings: AddSettings;
  readonly #selection: TorrentSelection;
  readonly #ticker: ProgressTicker;
  #engine: EngineTorrent | undefined;
  #description: TorrentDescription | undefined;
  #storage: TorrentStorage | undefined;
  /** Made when files are to have other names, or have some. */
  #moves: FileMoves | undefined;
  /** What an earlier run has renamed was told. */
  #movesTold = false;
  #seed = false;
  #paused: boolean;
  readonly #limits: { download: number | null; upload: number | null };
  /** Commands given before the engine had the torrent. */
  #beforeStart: ((torrent: EngineTorrent) => void)[] = [];
  /** When it was last told how far the check is. */
  #checkingTold = Number.NEGATIVE_INFINITY;
  #starting = false;
  #doneWaits = false;
  #closed: Promise<void> | undefined;
  #closeLate: (() => void) | undefined;
  readonly #cancels = new LazySet<() => void>();
  readonly #whenReady: Promise<void>;
  #resolveReady: () => void = () => undefined;
  #rejectReady: (error: Error) => void = () => undefined;

  constructor(host: TorrentHost, settings: AddSettings) {
    this.#host = host;
    this.#settings = settings;
    this.#paused = settings.paused === true;
    this.#limits = { download: settings.downloadLimit ?? null, upload: settings.uploadLimit ?? null };
    this.#whenReady = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.#whenReady.catch(() => undefined);
    this.#selection = new TorrentSelection({
      settings: () => ({
        deselect: settings.deselect,
        selectOnly: settings.selectOnly ?? this.#description?.source.selectOnly,
      }),
      changed: () => this.#ticker.changed(),
      warn: (error) => host.emit({ type: 'warning', error: toErrorValue(error) }),
    });
    this.#ticker = new ProgressTicker(this);
  }

  get clock(): Clock {
    return this.#host.platform.ports.clock;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  get engineTorrent(): EngineTorrent | undefined {
    return this.#engine;
  }

  /** Calls `cancel` if the torrent is closed before `forget`, which is returned, is called. */
  onClose(cancel: () => void): () => void {
    this.#cancels.add(cancel);
    return () => this.#cancels.delete(cancel);
  }

  /** Hands the torrent to the engine. @throws {DuplicateTorrentError} */
  start({ source, storage, path, seed }: Start): void {
    if (this.closed) return;
    const { engine, settings } = this.#host;
    const description = new TorrentDescription(source);
    this.#description = description;
    this.#seed = seed;
    this.#storage = storage;
    this.#starting = true;
    this.#host.emit(description.identity(path));
    // The listener may have removed the torrent again.
    if (this.#closed !== undefined) {
      this.#starting = false;
      this.#closeLate?.();
      return;
    }
    const torrent = engine.add(
      torrentSpec(source, storage, this.#settings, settings, seed, {
        filePriorities: (info) => this.#selection.prioritiesFor(info),
        paused: this.#paused,
        downloadLimit: this.#limits.download ?? undefined,
        uploadLimit: this.#limits.upload ?? undefined,
        queueOrder: this.#host.key,
      }),
      this,
    );
    this.#engine = torrent;
    if (storage.reason !== undefined) {
      this.#host.emit({ type: 'warning', error: toErrorValue(new StorageError('NOT_KEPT', storage.reason)) });
    }
    this.#starting = false;
    if (this.#closed !== undefined) this.#closeLate?.();
    else for (const command of this.#beforeStart.splice(0)) command(torrent);
    void source.late?.then((exact) => this.onExactSource(exact));
  }

  /** Metadata from elsewhere than from peers. */
  onExactSource(exact: ResolvedSource | undefined): void {
    if (this.closed) return;
    this.run((torrent) => this.#description?.onExactSource(exact, torrent, this.#host.settings));
  }

  fail(error: unknown, resumable: boolean): void {
    if (this.closed) return;
    this.#host.emit({ type: 'error', error: toErrorValue(error), resumable });
  }

  hashing(hashed: number, total: number): void {
    if (!this.closed) this.#host.emit({ type: 'hashing', hashed, total });
  }

  /** What is wanted of it. */
  get selection(): TorrentSelection {
    return this.#selection;
  }

  /** Calls `command` now, or as soon as the engine has the torrent. */
  run(command: (torrent: EngineTorrent) => void): void {
    if (this.closed) return;
    if (this.#engine === undefined) this.#beforeStart.push(command);
    else command(this.#engine);
  }

  pause(): void {
    this.#paused = true;
    this.#engine?.pause();
    this.#ticker.changed();
  }

  resume(): void {
    this.#paused = false;
    this.#engine?.resume();
    this.#ticker.changed();
  }

  setLimits(download: number | null | undefined, upload: number | null | undefined): void {
    if (download !== undefined) this.#limits.download = download;
    if (upload !== undefined) this.#limits.upload = upload;
    const limits = { download: this.#limits.download ?? undefined, upload: this.#limits.upload ?? undefined };
    this.#engine?.setLimits(limits);
  }

  async recheck(): Promise<void> {
    if (this.#engine === undefined) throw new ArgumentError('The torrent has nothing to verify yet.');
    await this.#engine.recheck();
    if (this.closed) throw new DestroyedError('The torrent was destroyed while it was verified.');
  }

  /** Other names or another folder, once the files are there. */
  async relocate(action: (moves: FileMoves) => Promise<void>): Promise<void> {
    await this.#whenReady;
    if (this.#storage === undefined || this.closed) throw new DestroyedError('The torrent was removed.');
    const moves = this.#movesIn(this.#storage);
    if (moves === undefined) throw new ArgumentError(UNMOVABLE);
    await action(moves);
  }

  peers(): PeerSnapshot[] {
    return this.#engine?.peers().map(peerSnapshot) ?? [];
  }

  pieceMap(): PieceMapSnapshot {
    return pieceMapSnapshot(this.#engine);
  }

  openReader(start: number, end: number): ByteReader {
    return waitingReader(this.#whenReady, () => {
      if (this.#engine === undefined || this.closed) throw new DestroyedError('The torrent was removed.');
      const reader = this.#engine.createReader({ start, end });
      return { read: (maxBytes) => reader.read(maxBytes), cancel: () => reader.close() };
    });
  }

  /** Ends it, wherever it stands. The same promise on every call. */
  close(destroyStore: boolean): Promise<void> {
    if (this.#closed !== undefined) return this.#closed;
    this.#ticker.close();
    const close = (): Promise<void> | undefined =>
      this.#engine?.close({ destroyData: destroyStore && !this.#seed });
    // Inside the call that hands it to the engine there is nothing to close yet.
    this.#closed = this.#starting
      ? new Promise((resolve) => {
          this.#closeLate = () => resolve(close());
        })
      : Promise.resolve(close());
    this.#rejectReady(new DestroyedError('The torrent was removed.'));
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#beforeStart = [];
    this.#selection.close();
    return this.#closed;
  }

  #movesIn({ files, openMoves }: TorrentStorage): FileMoves | undefined {
    if (files === undefined) return undefined;
    const { platform, emit } = this.#host;
    this.#moves ??= openMoves?.({
      files,
      real: () => this.#selection.files,
      info: () => this.#description?.info,
      folderOf: (path) =>
        platform.pathOf({ ...this.#settings.location, path }, primaryHash(this.#description!.source.hashes)),
      save: async () => this.#engine?.save(),
      closed: () => this.closed,
      now: () => platform.ports.clock.now(),
      emit,
    });
    return this.#moves;
  }

  #tellRenamed(): void {
    const storage = this.#storage;
    if (this.#movesTold || storage === undefined) return;
    this.#movesTold = true;
    if (storage.files !== undefined && storage.files.paths.size > 0) this.#movesIn(storage)?.tell();
  }

  // What the engine tells. This is its observer itself: seventeen functions for each of ten thousand torrents take room.

  onVerified(piece: number): void {
    this.#ticker.verified(piece);
  }

  onDownload(bytes: number): void {
    this.#ticker.downloaded(bytes);
  }

  onUpload(bytes: number): void {
    this.#ticker.uploaded(bytes);
  }

  onPeer(peer: PeerStatus): void {
    this.#emit({ type: 'peer', peer: peerSnapshot(peer) });
    this.#ticker.changed();
  }

  onPeerClosed(peer: PeerStatus): void {
    this.#emit({ type: 'peerClosed', id: peer.id, peer: peerSnapshot(peer) });
    this.#ticker.changed();
  }

  onNoPeers(source: 'tracker'): void {
    this.#emit({ type: 'noPeers', source });
  }

  onAnnounce(url: string): void {
    this.#emit({ type: 'announce', url });
  }

  onQueued(queued: boolean): void {
    this.#emit({ type: 'queued', queued });
  }

  onChanged(): void {
    this.#ticker.changed();
  }

  onGoal(goal: Goal): void {
    this.#paused = true;
    this.#ticker.flush();
    this.#emit({ type: 'goal', goal });
  }

  onWarning(error: Error): void {
    this.#emit({ type: 'warning', error: toErrorValue(error) });
  }

  onError(error: Error): void {
    this.#ticker.flush();
    this.fail(error, toErrorValue(error).code !== 'DUPLICATE_TORRENT');
  }

  #emit(event: TorrentEvent): void {
    if (!this.closed) this.#host.emit(event);
  }

  /** Small pieces are hashed faster than anybody wants to hear of. */
  onChecking(checked: number, total: number): void {
    const now = this.#host.platform.ports.clock.now();
    if (this.closed || (checked < total && now - this.#checkingTold < CHECKING_INTERVAL)) return;
    this.#checkingTold = now;
    this.#host.emit({ type: 'checking', checked, total });
  }

  onMetadata(info: Info, infoBytes: Uint8Array): void {
    const description = this.#description;
    if (this.closed || description === undefined) return;
    description.onMetadata(info, this.#engine?.hashes.all);
    const deselected = this.#selection.onMetadata(info);
    this.#host.emit({ type: 'metadata', metadata: description.snapshot(info, infoBytes, deselected) });
  }

  onPieceLayers(pieceLayers: ReadonlyMap<string, Uint8Array>): void {
    const torrentFile = this.closed ? undefined : this.#description?.onPieceLayers(pieceLayers);
    if (torrentFile !== undefined) this.#host.emit({ type: 'torrentFile', torrentFile });
  }

  /** Storage is open, for the first time or again. Nothing is requested before it is told. */
  onReady(): Promise<unknown> | undefined {
    const torrent = this.#engine;
    if (this.closed || torrent === undefined) return undefined;
    const told = this.#selection.onOpened(torrent, () => {
      this.#tellRenamed();
      return this.#host.emit({
        type: 'ready',
        verified: torrent.verified?.toBytes() ?? new Uint8Array(),
        stats: statsSnapshot(torrent.stats()),
      });
    });
    if (!this.#seed) favourFilmStart(torrent);
    this.#resolveReady();
    this.#ticker.changed();
    if (this.#doneWaits && torrent.done) this.onDone();
    this.#doneWaits = false;
    return told;
  }

  onDone(): void {
    // A selection made on the way to `ready` may be complete at once; nobody expects to hear that first.
    if (this.#selection.gathering) {
      this.#doneWaits = true;
      return;
    }
    if (this.closed) return;
    this.#ticker.flush();
    if (!this.closed) this.#host.emit({ type: 'done' });
  }

  tellProgress(downloaded: number, uploaded: number, verified: readonly number[]): void {
    const torrent = this.#engine;
    if (torrent === undefined || this.closed) return;
    const stats = statsSnapshot(torrent.stats());
    const few = (this.#description?.info?.pieceCount ?? 0) <= MAX_PIECES_IN_PROGRESS_EVENTS;
    const partial = few ? partialPieces(torrent) : [];
    this.#host.emit({ type: 'progress', downloaded, uploaded, verified, partial, stats });
  }

  tellPeers(): void {
    this.#host.emit({ type: 'peers', peers: this.peers() });
  }

  /** Bytes still flow, or peers are connected, by the latest figures. */
  get isMoving(): boolean {
    const stats = this.#engine?.stats();
    return (
      stats !== undefined && (stats.downloadRate > 0 || stats.uploadRate > 0 || stats.connectedPeers > 0)
    );
  }
}
