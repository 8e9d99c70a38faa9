/** A torrent described, for people and for programs. */

import type { Torrent } from 'freshet';
import { formatMagnet, type TorrentHashes, toHex } from 'freshet/protocol';
import type { TorrentInput } from '../source.ts';
import { count, formatBytes } from './format.ts';
import { padStart, printable } from './text.ts';
import type { Theme } from './theme.ts';

/** Which clients a torrent is for: those of BEP 3, of BEP 52, or both. */
export type TorrentFormat = 'v1' | 'v2' | 'hybrid';

const FORMAT_NAMES: Readonly<Record<TorrentFormat, string>> = {
  v1: 'v1',
  v2: 'v2 (BEP 52)',
  hybrid: 'hybrid of v1 and v2 (BEP 52)',
};

/** What `freshet info --json` prints. Fields that are not known are left out. */
export interface Description {
  readonly name?: string | undefined;
  /** 40 hexadecimal characters: of version 1 if it is known, else the first ones of version 2. */
  readonly infoHash: string;
  /** 64 hexadecimal characters (BEP 52). */
  readonly infoHashV2?: string | undefined;
  readonly format?: TorrentFormat | undefined;
  /** Bytes of all files. */
  readonly length?: number | undefined;
  readonly pieceLength?: number | undefined;
  readonly pieceCount?: number | undefined;
  readonly private?: boolean | undefined;
  readonly files?:
    | readonly { readonly number: number; readonly path: string; readonly length: number }[]
    | undefined;
  /** By tier (BEP 12). */
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  /** `host:port` of peers that a magnet link names. */
  readonly peers?: readonly string[] | undefined;
  /** Indexes of files that a magnet link asks for (BEP 53), from 0. */
  readonly selectOnly?: readonly number[] | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** ISO 8601. */
  readonly created?: string | undefined;
  readonly magnet: string;
}

export function describeInput(input: TorrentInput): Description {
  switch (input.kind) {
    case 'infoHash':
      return {
        ...hashFields(input.infoHash, input.hashes),
        trackers: [],
        webSeeds: [],
        magnet: formatMagnet({ hashes: input.hashes }),
      };
    case 'magnet': {
      const { name, length, trackers, webSeeds, peers, selectOnly } = input.magnet;
      return {
        name,
        ...hashFields(input.infoHash, input.hashes),
        length,
        trackers: trackers.map((url) => [url]),
        webSeeds,
        peers: peers.length === 0 ? undefined : peers.map(({ host, port }) => `${host}:${port}`),
        selectOnly,
        magnet: formatMagnet(input.magnet),
      };
    }
    case 'metainfo': {
      const { info, announceTiers, urlList, comment, createdBy, creationDate } = input.metainfo;
      return {
        name: info.name,
        ...hashFields(input.infoHash, input.hashes),
        format: info.hybrid ? 'hybrid' : info.hasV2 ? 'v2' : 'v1',
        length: info.files.reduce((sum, file) => sum + (file.padding ? 0 : file.length), 0),
        pieceLength: info.pieceLength,
        pieceCount: info.pieceCount,
        private: info.private,
        files: info.files
          .filter(({ padding }) => !padding)
          .map(({ pathText, length }, place) => ({ number: place + 1, path: pathText, length })),
        trackers: announceTiers,
        webSeeds: urlList,
        comment,
        createdBy,
        created: isoDate(creationDate),
        magnet: formatMagnet({
          hashes: input.hashes,
          name: info.name,
          trackers: [...new Set(announceTiers.flat())],
          webSeeds: urlList,
        }),
      };
    }
  }
}

/** Describes what peers sent the metadata of. */
export function describeFetched(torrent: Torrent): Description {
  const { infoHash, infoHashV1, infoHashV2 } = torrent;
  return {
    name: torrent.name,
    infoHash: infoHash!,
    infoHashV2,
    format: infoHashV2 === undefined ? 'v1' : infoHashV1 === undefined ? 'v2' : 'hybrid',
    length: torrent.files.reduce((sum, file) => sum + file.length, 0),
    pieceLength: torrent.pieceLength,
    pieceCount: torrent.pieces.length,
    private: torrent.private,
    files: torrent.files.map(({ path, length }, place) => ({ number: place + 1, path, length })),
    trackers: torrent.announce.map((url) => [url]),
    webSeeds: torrent.urlList,
    magnet: torrent.magnetURI!,
  };
}

function hashFields(infoHash: string, { v2 }: TorrentHashes): Pick<Description, 'infoHash' | 'infoHashV2'> {
  return { infoHash, infoHashV2: v2 === undefined ? undefined : toHex(v2) };
}

/** Torrents may claim any number of seconds; a `Date` may not. */
function isoDate(seconds: number | undefined): string | undefined {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

export function descriptionText(description: Description, theme: Theme): string[] {
  const lines: string[] = [];
  const add = (label: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') lines.push(`${theme.dim(label.padEnd(11))} ${printable(value)}`);
  };
  const { files, length, pieceLength, pieceCount, trackers, webSeeds } = description;
  add('Name', description.name);
  const { infoHash, infoHashV2, format } = description;
  add('Format', format && FORMAT_NAMES[format]);
  // Of a torrent of version 2 only, the short one is the beginning of the long one.
  if (infoHashV2?.startsWith(infoHash) !== true) add('Info-hash', infoHash);
  add('v2 hash', infoHashV2);
  if (length !== undefined) add('Size', `${formatBytes(length)} (${length} bytes)`);
  if (pieceLength !== undefined) add('Pieces', `${pieceCount} of ${pieceLength / 1024} KiB`);
  if (description.private === true) add('Private', 'yes: peers come from its trackers only');
  add('Created', description.created);
  add('Created by', description.createdBy);
  add('Comment', description.comment);
  for (const [tier, urls] of trackers.entries()) {
    for (const url of urls) add(trackers.length > 1 ? `Tracker ${tier + 1}` : 'Tracker', url);
  }
  for (const url of webSeeds) add('Web seed', url);
  for (const peer of description.peers ?? []) add('Peer', peer);
  if (description.selectOnly !== undefined) {
    add('Selects', description.selectOnly.map((index) => index + 1).join(', '));
  }
  add('Magnet', description.magnet);
  if (files === undefined) {
    lines.push('', 'Its files are not known yet; --fetch asks peers for them.');
  } else {
    lines.push('', count(files.length, 'file'));
    const numberWidth = String(files.length).length;
    for (const file of files) {
      const size = padStart(formatBytes(file.length), 8);
      lines.push(`${padStart(String(file.number), numberWidth)}  ${size}  ${printable(file.path)}`);
    }
  }
  return lines;
}
