/** The engine's state as plain values. */

import type { Torrent } from '../engine/index.ts';
import type { PeerStatus, TorrentStats, WebSeedStatus } from '../engine/torrent-types.ts';
import { encodeTorrent, type Info, toHex } from '../protocol/index.ts';
import type {
  MetadataSnapshot,
  PeerSnapshot,
  PieceMapSnapshot,
  StatsSnapshot,
  WebSeedSnapshot,
} from './protocol.ts';
import { hashTexts, magnetOf, type ResolvedSource } from './source.ts';

export function peerSnapshot(peer: PeerStatus): PeerSnapshot {
  return {
    id: peer.id,
    peerId: peer.peerId && toHex(peer.peerId),
    address: peer.address?.host,
    port: peer.address?.port,
    transport: peer.transport,
    incoming: peer.incoming,
    client: peer.client,
    progress: peer.progress,
    downloaded: peer.downloaded,
    uploaded: peer.uploaded,
    downloadSpeed: peer.downloadRate,
    uploadSpeed: peer.uploadRate,
    amChoking: peer.amChoking,
    amInterested: peer.amInterested,
    peerChoking: peer.peerChoking,
    peerInterested: peer.peerInterested,
    isSeed: peer.isSeed,
    uploadOnly: peer.uploadOnly,
    isOrigin: peer.isOrigin,
    v2: peer.v2,
  };
}

export function statsSnapshot(stats: TorrentStats): StatsSnapshot {
  return {
    state: stats.state,
    verifiedBytes: stats.verifiedBytes,
    wantedBytes: stats.wantedBytes,
    wantedVerifiedBytes: stats.wantedVerifiedBytes,
    received: stats.received,
    uploaded: stats.uploaded,
    wasted: stats.wasted,
    downloadSpeed: stats.downloadRate,
    uploadSpeed: stats.uploadRate,
    numPeers: stats.connectedPeers,
    hashFailures: stats.hashFailures,
    queued: stats.queued,
    queuePosition: stats.queuePosition,
    reachedGoal: stats.reachedGoal,
    seedTime: stats.seedTime,
  };
}

/** What there is of the pieces; nothing before the storage is open. */
export function pieceMapSnapshot(
  torrent: Pick<Torrent, 'verified' | 'pieceProgress'> | undefined,
): PieceMapSnapshot {
  const verified = torrent?.verified;
  if (torrent === undefined || verified === undefined) {
    return { pieceCount: 0, verified: new Uint8Array(), partial: [] };
  }
  return { pieceCount: verified.length, verified: verified.toBytes(), partial: partialPieces(torrent) };
}

/** Pieces that are not complete but begun, with the bytes that are there. */
export function partialPieces(torrent: Pick<Torrent, 'verified' | 'pieceProgress'>): [number, number][] {
  const { verified } = torrent;
  const partial: [number, number][] = [];
  if (verified === undefined) return partial;
  for (let index = verified.firstUnset(); index >= 0; index = verified.firstUnset(index + 1)) {
    const received = torrent.pieceProgress(index);
    if (received > 0) partial.push([index, received]);
  }
  return partial;
}

export function webSeedSnapshot(seed: WebSeedStatus): WebSeedSnapshot {
  return {
    url: seed.url,
    state: seed.state,
    downloaded: seed.downloaded,
    downloadSpeed: seed.downloadRate,
    lastError: seed.lastError,
  };
}

/** The contents of a torrent file; `undefined` while a v2 torrent's `pieceLayers` are not known, without which it is none. */
export function torrentFileOf(
  info: Info,
  infoBytes: Uint8Array,
  source: ResolvedSource,
): Uint8Array | undefined {
  // A file that was fetched is kept as it is, unknown fields and all.
  if (source.torrentFile !== undefined) return source.torrentFile;
  const { trackers, webSeeds, httpSeeds, createdBy, comment, created } = source;
  const needsLayers = info.files.some(
    ({ piecesRoot, length }) => piecesRoot !== undefined && length > info.pieceLength,
  );
  const pieceLayers =
    source.pieceLayers ?? (info.hasV2 && !needsLayers ? new Map<string, Uint8Array>() : undefined);
  if (info.hasV2 && pieceLayers === undefined) return undefined;
  return encodeTorrent({
    infoBytes,
    pieceLayers,
    announceTiers: trackers,
    urlList: webSeeds,
    httpSeeds,
    createdBy,
    comment,
    creationDate: created === undefined ? undefined : Math.floor(created / 1000),
  });
}

export function metadataSnapshot(
  info: Info,
  infoBytes: Uint8Array,
  source: ResolvedSource,
  deselected: readonly number[],
): MetadataSnapshot {
  const named: ResolvedSource = { ...source, name: info.name };
  const { infoHashV1, infoHashV2 } = hashTexts(source.hashes);
  return {
    infoHashV1,
    infoHashV2,
    name: info.name,
    files: info.files
      .filter((file) => !file.padding)
      .map((file, index) => ({
        index,
        name: file.path.at(-1)!,
        path: file.pathText,
        length: file.length,
        offset: file.offset,
      })),
    length: info.length,
    pieceLength: info.pieceLength,
    lastPieceLength: info.lastPieceLength,
    pieceCount: info.pieceCount,
    private: info.private,
    torrentFile: torrentFileOf(info, infoBytes, source),
    infoBytes,
    magnetURI: magnetOf(named),
    announce: [...new Set(source.trackers.flat())],
    urlList: source.webSeeds,
    created: source.created,
    createdBy: source.createdBy,
    comment: source.comment,
    deselected,
  };
}
