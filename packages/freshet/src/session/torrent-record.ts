/** What has been told of a torrent, kept for a client that comes later. */

import { Bitfield } from '../protocol/bitfield.ts';
import { LazyMap } from '../protocol/lazy-collections.ts';
import type { MetadataSnapshot, PeerSnapshot, StatsSnapshot, TorrentEvent } from './protocol.ts';

type EventOf<T extends TorrentEvent['type']> = Extract<TorrentEvent, { readonly type: T }>;

export class TorrentRecord {
  #identity: EventOf<'infoHash'> | undefined;
  #metadata: MetadataSnapshot | undefined;
  #torrentFile: Uint8Array | undefined;
  #verified: Bitfield | undefined;
  #stats: StatsSnapshot | undefined;
  #done = false;
  #queued = false;
  #failed = false;
  readonly #renamed = new LazyMap<number, string>();
  readonly #peers = new LazyMap<number, PeerSnapshot>();

  /** 40 hexadecimal characters, once it is known. */
  get infoHash(): string | undefined {
    return this.#identity?.infoHash;
  }

  get metadata(): MetadataSnapshot | undefined {
    return this.#metadata;
  }

  /** Everything that is wanted was there when it was last told. */
  get done(): boolean {
    return this.#done;
  }

  /** It stopped with an error, and was not resumed. */
  get failed(): boolean {
    return this.#failed;
  }

  get ready(): boolean {
    return this.#verified !== undefined;
  }

  has(piece: number): boolean {
    return this.#verified?.get(piece) === true;
  }

  resumed(): void {
    this.#failed = false;
  }

  hear(event: TorrentEvent): void {
    switch (event.type) {
      case 'infoHash':
        this.#identity = event;
        break;
      case 'metadata':
        this.#metadata = event.metadata;
        break;
      case 'torrentFile':
        this.#torrentFile = event.torrentFile;
        break;
      case 'ready':
        this.#stats = event.stats;
        this.#done = false;
        this.#verified = Bitfield.fromBytes(event.verified, this.#metadata?.pieceCount ?? 0);
        break;
      case 'progress':
        this.#stats = event.stats;
        if (event.stats.wantedVerifiedBytes < event.stats.wantedBytes) this.#done = false;
        for (const piece of event.verified) this.#verified?.set(piece);
        break;
      case 'done':
        this.#done = true;
        break;
      case 'queued':
        this.#queued = event.queued;
        break;
      case 'renamed':
        for (const { index, path } of event.files) this.#renamed.set(index, path);
        break;
      case 'moved':
        if (this.#identity !== undefined) this.#identity = { ...this.#identity, path: event.path };
        break;
      case 'peer':
        this.#peers.set(event.peer.id, event.peer);
        break;
      case 'peerClosed':
        this.#peers.delete(event.id);
        break;
      case 'peers':
        for (const peer of event.peers) if (this.#peers.has(peer.id)) this.#peers.set(peer.id, peer);
        break;
      case 'error':
        this.#failed = true;
        break;
    }
  }

  /** The events that tell a newcomer how it stands; all but `done`. `ready`, if it is among them, is the last but peers. */
  replay(): TorrentEvent[] {
    const events: TorrentEvent[] = [];
    if (this.#identity !== undefined) events.push(this.#identity);
    if (this.#metadata !== undefined) events.push({ type: 'metadata', metadata: this.#metadata });
    if (this.#torrentFile !== undefined) events.push({ type: 'torrentFile', torrentFile: this.#torrentFile });
    if (this.#renamed.size > 0) {
      events.push({ type: 'renamed', files: [...this.#renamed].map(([index, path]) => ({ index, path })) });
    }
    if (this.#queued) events.push({ type: 'queued', queued: true });
    if (this.#verified !== undefined && this.#stats !== undefined) {
      events.push({ type: 'ready', verified: this.#verified.toBytes(), stats: this.#stats });
    }
    for (const peer of this.#peers.values()) events.push({ type: 'peer', peer });
    return events;
  }
}
