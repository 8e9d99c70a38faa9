/** What a torrent is: the source that it was added from, completed by what is learnt of it. */

import type { Torrent as EngineTorrent } from '../engine/index.ts';
import type { Info } from '../protocol/index.ts';
import type { MetadataSnapshot, SessionSettings, TorrentEvent } from './protocol.ts';
import { metadataSnapshot, torrentFileOf } from './snapshots.ts';
import { hashTexts, magnetOf, type ResolvedSource, withExactSource } from './source.ts';

export class TorrentDescription {
  #source: ResolvedSource;
  #info: Info | undefined;

  constructor(source: ResolvedSource) {
    this.#source = source;
  }

  get source(): ResolvedSource {
    return this.#source;
  }

  /** Once the metadata is known. */
  get info(): Info | undefined {
    return this.#info;
  }

  /** What is told of it at first. @param path where its files go */
  identity(path: string | undefined): TorrentEvent {
    const source = this.#source;
    return {
      type: 'infoHash',
      ...hashTexts(source.hashes),
      magnetURI: magnetOf(source),
      name: source.name,
      announce: [...new Set(source.trackers.flat())],
      urlList: source.webSeeds,
      path,
    };
  }

  /** A magnet link may have named one of a hybrid torrent's two hashes; `hashes` are all of them. */
  onMetadata(info: Info, hashes: ResolvedSource['hashes'] | undefined): void {
    this.#source = { ...this.#source, hashes: hashes ?? this.#source.hashes };
    this.#info = info;
  }

  /** @param deselected indexes of files that are not wanted at first */
  snapshot(info: Info, infoBytes: Uint8Array, deselected: readonly number[]): MetadataSnapshot {
    return metadataSnapshot(info, infoBytes, this.#source, deselected);
  }

  /** Peers have sent what a torrent file of version 2 has beside the metadata: the file, if it is whole with that. */
  onPieceLayers(pieceLayers: ReadonlyMap<string, Uint8Array>): Uint8Array | undefined {
    if (this.#info === undefined) return undefined;
    this.#source = { ...this.#source, pieceLayers };
    return torrentFileOf(this.#info, this.#info.bytes, this.#source);
  }

  /** What a magnet link's `xs` points to has come at last: it is of use while no peer has sent the metadata. */
  onExactSource(exact: ResolvedSource | undefined, torrent: EngineTorrent, settings: SessionSettings): void {
    if (exact?.infoBytes === undefined || this.#info !== undefined) return;
    const known = new Set(this.#source.trackers.flat());
    this.#source = withExactSource(this.#source, exact);
    const { trackers, webSeeds } = settings;
    for (const url of this.#source.trackers.flat())
      if (trackers !== false && !known.has(url)) torrent.addTracker(url);
    for (const url of webSeeds === false ? [] : exact.webSeeds) torrent.addWebSeed(url);
    for (const url of webSeeds === false ? [] : (exact.httpSeeds ?? [])) torrent.addWebSeed(url, 'pieces');
    void torrent.setMetadata(exact.infoBytes, exact.pieceLayers);
  }
}
