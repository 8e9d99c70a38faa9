/** A torrent described, for people and for programs. */

import { formatMagnet, infoHashFromHex } from 'freshet/protocol';
import type { TorrentInput } from '../source.ts';
import { count, formatBytes } from './format.ts';
import { padStart, printable } from './text.ts';
import type { Theme } from './theme.ts';

/** What `freshet info --json` prints. Fields that are not known are left out. */
export interface Description {
  readonly name?: string | undefined;
  readonly infoHash: string;
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
      return { infoHash: input.infoHash, trackers: [], webSeeds: [], magnet: magnetOf(input.infoHash) };
    case 'magnet': {
      const { name, length, trackers, webSeeds, peers, selectOnly } = input.magnet;
      return {
        name,
        infoHash: input.infoHash,
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
        infoHash: input.infoHash,
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
        magnet: magnetOf(input.infoHash, info.name, announceTiers.flat(), urlList),
      };
    }
  }
}

function magnetOf(
  infoHash: string,
  name?: string,
  trackers: readonly string[] = [],
  webSeeds: readonly string[] = [],
): string {
  return formatMagnet({
    infoHash: infoHashFromHex(infoHash)!,
    name,
    trackers: [...new Set(trackers)],
    webSeeds,
  });
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
  add('Info-hash', description.infoHash);
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
