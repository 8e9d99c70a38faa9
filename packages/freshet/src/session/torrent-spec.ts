/** Settings of a session and of a torrent as the engine has them. */

import type { TorrentSpec } from '../engine/torrent-types.ts';
import type { TorrentStorage } from './platform.ts';
import type { AddSettings, SessionSettings } from './protocol.ts';
import { type ResolvedSource, readPeers } from './source.ts';

/** What changes while the session has the torrent, as it is when the engine gets it. */
type Current = Required<Pick<TorrentSpec, 'filePriorities'>> &
  Pick<TorrentSpec, 'paused' | 'downloadLimit' | 'uploadLimit' | 'queueOrder'>;

/** All that the engine is told of the torrent. @param complete all of it is there, and right */
export function torrentSpec(
  source: ResolvedSource,
  storage: TorrentStorage,
  settings: AddSettings,
  session: SessionSettings,
  complete: boolean,
  current: Current,
): TorrentSpec {
  return {
    hashes: source.hashes,
    infoBytes: source.infoBytes,
    info: source.info,
    pieceLayers: source.pieceLayers,
    trackers: session.trackers === false ? [] : source.trackers,
    webSeeds: session.webSeeds === false ? [] : source.webSeeds,
    httpSeeds: session.webSeeds === false ? [] : source.httpSeeds,
    peers: [...source.peers, ...readPeers(settings.peers)],
    openDisk: (info) => storage.openDisk(info),
    state: storage.state,
    skipCheck: complete || settings.skipVerify === true,
    strategy: settings.strategy,
    allocation: settings.allocation,
    uploadSlots: settings.uploads,
    goals: settings.goals,
    superSeed: settings.superSeed,
    maxWebSeedConnections: settings.maxWebConns,
    // One by one: an object that others are spread into has a hidden class of its own, larger than itself.
    filePriorities: current.filePriorities,
    paused: current.paused,
    downloadLimit: current.downloadLimit,
    uploadLimit: current.uploadLimit,
    queueOrder: current.queueOrder,
  };
}
