/** Where a source says that its torrent may come from: for one that is there already and may know of less. */

import { formatAddress, parseMagnet, parseTorrent } from '../protocol/index.ts';
import type { TorrentSource } from './protocol.ts';
import type { AddedSources } from './torrent-journal.ts';

const NOTHING: AddedSources = { announce: [], urlList: [], peers: [] };

/** Nothing of a source that cannot be read, or is elsewhere. */
export function hintsOf(source: TorrentSource): AddedSources {
  try {
    if (source.kind === 'magnet') {
      const { trackers, webSeeds, peers } = parseMagnet(source.uri);
      return { announce: trackers, urlList: webSeeds, peers: peers.map(formatAddress) };
    }
    if (source.kind === 'metainfo') {
      const { announceTiers, urlList } = parseTorrent(source.bytes);
      return { announce: announceTiers.flat(), urlList, peers: [] };
    }
  } catch {
    // Whoever adds it is told by the engine what is wrong with it.
  }
  return NOTHING;
}
