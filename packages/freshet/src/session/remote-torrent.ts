/**
 * One torrent of a `RemoteSession`: what its client has been told, so that another engine that begins anew with it is not
 * noticed.
 */

import { Bitfield } from '../protocol/bitfield.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import type { PeerSnapshot, StatsSnapshot, TorrentEvent } from './protocol.ts';
import { type Begin, type Command, type Replay, TorrentJournal } from './torrent-journal.ts';

/** Most addresses of peers that are handed to another engine. */
const MOST_PEERS = 50;

export class RemoteTorrent {
  readonly journal: TorrentJournal;
  /** A host has been told of it. */
  sent = false;
  /** Its client has asked for its end. */
  removing = false;
  readonly #peers = new LazyMap<number, PeerSnapshot>();
  /** Of peers that the host was connected to when it was lost. */
  #addresses: readonly string[] = [];
  #infoHash: string | undefined;
  #verified: Bitfield | undefined;
  /** What was counted by hosts that are gone. */
  #before: StatsSnapshot | undefined;
  /** What was told last. */
  #stats: StatsSnapshot | undefined;
  #done = false;
  #queued = false;
  /** Another host has it, or is to have it, and has not said yet that it is ready again. */
  #returning = false;
  /** What the present host has said of renamed files. */
  readonly #renamedHere = new LazyMap<number, string>();

  constructor(begin: Begin) {
    this.journal = new TorrentJournal(begin);
  }

  /** It was ready with an earlier host, and is not with the present one so far. */
  get returning(): boolean {
    return this.#returning;
  }

  /** Place in the queue as it was told last; `undefined` before it has one. */
  get position(): number | undefined {
    const position = this.#stats?.queuePosition ?? -1;
    return position < 0 ? undefined : position;
  }

  /** The host is gone. What its client is told. */
  lost(): TorrentEvent[] {
    const told: TorrentEvent[] = [...this.#peers].map(([id, peer]) => ({ type: 'peerClosed', id, peer }));
    if (this.#peers.size > 0) this.#addresses = addressesOf(this.#peers.values());
    this.#peers.clear();
    this.#renamedHere.clear();
    this.#before = this.#stats;
    // The next host has a queue of its own, which it tells of.
    if (this.#queued) told.push({ type: 'queued', queued: false });
    this.#queued = false;
    if (this.#verified === undefined || this.#stats === undefined) return told;
    this.#returning = true;
    this.#stats = { ...this.#stats, downloadSpeed: 0, uploadSpeed: 0, numPeers: 0 };
    told.push({
      type: 'progress',
      downloaded: 0,
      uploaded: 0,
      verified: [],
      partial: [],
      stats: this.#stats,
    });
    return told;
  }

  /** For a host that has not heard of it. */
  replay(): Replay {
    return this.sent ? this.journal.again(this.#addresses) : { begin: this.journal.begin, after: [] };
  }

  /** What the client is to be told of an event of the host. */
  hear(event: TorrentEvent): TorrentEvent[] {
    const knewMetadata = this.journal.metadata !== undefined;
    const knewFile = this.journal.torrentFile !== undefined;
    if (event.type !== 'metadata' || !knewMetadata) this.journal.hear(event);
    switch (event.type) {
      case 'infoHash':
        if (this.#infoHash !== undefined) return [];
        this.#infoHash = event.infoHash;
        return [event];
      case 'metadata':
        return knewMetadata ? [] : [event];
      case 'torrentFile':
        return knewFile ? [] : [event];
      case 'hashing':
        return knewMetadata ? [] : [event];
      case 'ready':
        return [this.#onReady(event)];
      case 'progress':
        return [this.#onProgress(event)];
      case 'done':
        if (this.#done) return [];
        this.#done = true;
        return [event];
      case 'queued':
        if (this.#queued === event.queued) return [];
        this.#queued = event.queued;
        return [event];
      case 'renamed':
        for (const { index, path } of event.files) this.#renamedHere.set(index, path);
        return [event];
      case 'peer':
        this.#peers.set(event.peer.id, event.peer);
        return [event];
      case 'peerClosed':
        this.#peers.delete(event.id);
        return [event];
      case 'peers':
        for (const peer of event.peers) if (this.#peers.has(peer.id)) this.#peers.set(peer.id, peer);
        return [event];
      case 'error':
        // It does not come back: nobody is to wait for it.
        this.#returning = false;
        return [event];
      default:
        return [event];
    }
  }

  /** Names that an earlier host has given files, and the present one has not told of. */
  namesToGive(): Command[] {
    const { torrent, renamed } = this.journal;
    return [...renamed].flatMap(([index, path]): Command[] =>
      this.#renamedHere.get(index) === path
        ? []
        : [{ command: 'renameFile', args: { torrent, index, path } }],
    );
  }

  #onReady(event: TorrentEvent & { type: 'ready' }): TorrentEvent {
    const stats = this.#total(event.stats);
    const known = this.#verified;
    const count = this.journal.metadata?.pieceCount ?? event.verified.length * 8;
    const verified = Bitfield.fromBytes(event.verified, count) ?? new Bitfield(count);
    const returned = this.#returning;
    this.#returning = false;
    this.#verified = verified;
    this.#stats = stats;
    if (!returned || known === undefined || [...known.indexes()].some((piece) => !verified.get(piece))) {
      this.#done = false;
      return { ...event, stats };
    }
    // Nothing is lost: to the client it is as if nothing had happened.
    const added = [...verified.indexes()].filter((piece) => !known.get(piece));
    this.#noteWanted(stats);
    return { type: 'progress', downloaded: 0, uploaded: 0, verified: added, partial: [], stats };
  }

  #onProgress(event: TorrentEvent & { type: 'progress' }): TorrentEvent {
    const now = this.#total(event.stats);
    // Before its storage is open again an engine says that it has nothing.
    const stats =
      this.#returning && this.#stats !== undefined
        ? {
            ...now,
            verifiedBytes: this.#stats.verifiedBytes,
            wantedBytes: this.#stats.wantedBytes,
            wantedVerifiedBytes: this.#stats.wantedVerifiedBytes,
          }
        : now;
    this.#stats = stats;
    for (const piece of event.verified) this.#verified?.set(piece);
    this.#noteWanted(stats);
    return { ...event, stats };
  }

  #noteWanted({ wantedVerifiedBytes, wantedBytes }: StatsSnapshot): void {
    if (wantedVerifiedBytes < wantedBytes) this.#done = false;
  }

  /** With what earlier hosts have counted. */
  #total(stats: StatsSnapshot): StatsSnapshot {
    const before = this.#before;
    if (before === undefined) return stats;
    const received: Record<string, number> = { ...before.received };
    for (const [kind, bytes] of Object.entries(stats.received))
      received[kind] = (received[kind] ?? 0) + bytes;
    return {
      ...stats,
      received,
      uploaded: before.uploaded + stats.uploaded,
      wasted: before.wasted + stats.wasted,
      hashFailures: before.hashFailures + stats.hashFailures,
      seedTime: before.seedTime + stats.seedTime,
    };
  }
}

/** Of peers that can be called. */
function addressesOf(peers: Iterable<PeerSnapshot>): string[] {
  const addresses: string[] = [];
  for (const { incoming, address, port } of peers) {
    if (incoming || address === undefined || port === undefined || addresses.length === MOST_PEERS) continue;
    addresses.push(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
  }
  return addresses;
}
