/** The torrents of a site, and what its page is told of them. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Torrent } from 'freshet';
import {
  encodeTorrent,
  formatMagnet,
  infoHashFromHex,
  infoHashV2FromHex,
  parseTorrent,
} from 'freshet/protocol';

/** A file that the web seed serves. */
export interface SharedFile {
  /** Path within the torrent, with `/`. */
  readonly path: string;
  readonly length: number;
  /** Where it is on this machine. */
  readonly source: string;
  /** Milliseconds since 1970, as when it was hashed: a file changed since is not served. */
  readonly modified: number;
}

/** A torrent of the site. */
export interface SharedTorrent {
  readonly torrent: Torrent;
  readonly infoHash: string;
  readonly name: string;
  /** Path of the web seed below the site, ending with `/`; the torrent's name comes after it (BEP 19). */
  readonly webSeedBase: string;
  readonly files: readonly SharedFile[];
}

/** Where a visitor reaches the site, such as `http://films.local:8080`. */
export interface SiteAddress {
  /** With `http:` or `https:`. */
  readonly origin: string;
  /** Announce address for browsers. */
  readonly trackers: readonly string[];
}

/** Describes a seeded torrent. Files that are not where they should be are left out of the web seed. */
export async function shareTorrent(torrent: Torrent, taken: ReadonlySet<string>): Promise<SharedTorrent> {
  const infoHash = torrent.infoHash!;
  const name = torrent.name!;
  const files: SharedFile[] = [];
  for (const file of torrent.files) {
    const source = join(torrent.path ?? '', ...file.path.split('/'));
    const stats = await stat(source).catch(() => undefined);
    if (stats?.isFile() !== true || stats.size !== file.length) continue;
    files.push({ path: file.path, length: file.length, source, modified: stats.mtimeMs });
  }
  // Two torrents may have the same name; the second one's web seed is below its info-hash.
  const webSeedBase = taken.has(name) ? `/webseed/${infoHash}/` : '/webseed/';
  return { torrent, infoHash, name, webSeedBase, files };
}

/** All files are where the web seed can serve them. */
export function hasWebSeed(shared: SharedTorrent): boolean {
  return shared.files.length === shared.torrent.files.length;
}

export function webSeedPath(shared: SharedTorrent, path: string): string {
  return shared.webSeedBase + path.split('/').map(encodeURIComponent).join('/');
}

/**
 * How visitors reach the site, from a request's `Host` header, so that its links work under a name of the local
 * network. What cannot be a host is not repeated to anybody.
 */
export function siteAddress(host: string | undefined, fallback: string, secure: boolean): SiteAddress {
  const valid = host !== undefined && /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?$/i.test(host);
  const name = valid ? host : fallback;
  return {
    origin: `${secure ? 'https' : 'http'}://${name}`,
    trackers: [
      `${secure ? 'wss' : 'ws'}://${name}/announce`,
      `${secure ? 'https' : 'http'}://${name}/announce`,
    ],
  };
}

export function magnetFor(shared: SharedTorrent, address: SiteAddress, webSeed: boolean): string {
  return formatMagnet({
    hashes: {
      v1: infoHashFromHex(shared.torrent.infoHashV1 ?? ''),
      v2: infoHashV2FromHex(shared.torrent.infoHashV2 ?? ''),
    },
    name: shared.name,
    length: shared.torrent.length,
    trackers: address.trackers,
    webSeeds: webSeedsOf(shared, address, webSeed),
    exactSources: [`${address.origin}/torrents/${shared.infoHash}.torrent`],
  });
}

/** The torrent file with the site's own tracker and web seed in it. */
export function torrentFileFor(
  shared: SharedTorrent,
  address: SiteAddress,
  webSeed: boolean,
): Uint8Array<ArrayBuffer> {
  const { infoBytes, info, pieceLayers, comment, createdBy, creationDate } = parseTorrent(
    shared.torrent.torrentFile!,
  );
  return encodeTorrent({
    infoBytes,
    pieceLayers: info.hasV2 ? pieceLayers : undefined,
    comment,
    createdBy,
    creationDate,
    announceTiers: address.trackers.map((url) => [url]),
    urlList: webSeedsOf(shared, address, webSeed),
  });
}

function webSeedsOf(shared: SharedTorrent, address: SiteAddress, webSeed: boolean): string[] {
  return webSeed && hasWebSeed(shared) ? [`${address.origin}${shared.webSeedBase}`] : [];
}

/** `/api/site.json`: what there is. */
export interface SiteDescription {
  readonly name: string;
  readonly version: string;
  /** Announce address for browsers. */
  readonly tracker: string;
  /** STUN servers for the page: none when only this machine is served; absent for the usual ones. */
  readonly iceServers?: readonly { readonly urls: string }[] | undefined;
  readonly torrents: readonly TorrentDescription[];
}

export interface TorrentDescription {
  readonly name: string;
  /** 40 hexadecimal characters: of version 1 or, of a torrent of version 2 only, the first ones of that. */
  readonly infoHash: string;
  /** 64 hexadecimal characters, of version 2 (BEP 52). */
  readonly infoHashV2?: string | undefined;
  /** Bytes. */
  readonly length: number;
  readonly pieceLength: number;
  readonly magnet: string;
  /** Path of the torrent file. */
  readonly torrent: string;
  /** Paths of web seeds (BEP 19), relative to the site. */
  readonly webSeeds: readonly string[];
  readonly files: readonly {
    /** Place in the torrent, from 0. */
    readonly index: number;
    readonly path: string;
    readonly name: string;
    /** Bytes. */
    readonly length: number;
    /** Media type. */
    readonly type: string;
    /** Path of the file on the web seed; absent without one. */
    readonly url?: string | undefined;
  }[];
}

export function describeTorrent(
  shared: SharedTorrent,
  address: SiteAddress,
  webSeed: boolean,
): TorrentDescription {
  const { torrent } = shared;
  const served = webSeed && hasWebSeed(shared);
  return {
    name: shared.name,
    infoHash: shared.infoHash,
    infoHashV2: torrent.infoHashV2,
    length: torrent.length,
    pieceLength: torrent.pieceLength,
    magnet: magnetFor(shared, address, webSeed),
    torrent: `/torrents/${shared.infoHash}.torrent`,
    webSeeds: served ? [shared.webSeedBase] : [],
    files: torrent.files.map((file, index) => ({
      index,
      path: file.path,
      name: file.name,
      length: file.length,
      type: file.type,
      url: served ? webSeedPath(shared, file.path) : undefined,
    })),
  };
}
