/** Torrent files and info dictionaries, version 1 (BEP 3), written. */

import { type Encodable, encode } from './bencode.ts';
import { concatBytes, utf8Encode } from './bytes.ts';

export interface InfoFields {
  /** Name of the file, or of the folder if `files` is given. */
  readonly name: string;
  /** In bytes. */
  readonly pieceLength: number;
  /** Length of the single file, or the files of a folder with their paths below it. */
  readonly files: number | readonly BuildFile[];
  /** SHA-1 of every piece, 20 bytes each. */
  readonly pieces: Uint8Array;
  /** Peers may come from the tracker only (BEP 27). */
  readonly private?: boolean | undefined;
  /** Where it is published; makes the info-hash differ. */
  readonly source?: string | undefined;
}

export interface BuildFile {
  /** Components below the torrent's folder, at least one. */
  readonly path: readonly string[];
  /** In bytes. */
  readonly length: number;
  /** Attribute letters of BEP 47. */
  readonly attr?: string | undefined;
  /** In seconds since 1970. */
  readonly mtime?: number | undefined;
}

/**
 * The bytes of an info dictionary, whose SHA-1 is the info-hash.
 * @throws {RangeError} if `pieces` does not fit the files, or a path is empty.
 */
export function buildInfo(fields: InfoFields): Uint8Array<ArrayBuffer> {
  const { files, pieceLength, pieces } = fields;
  const total = typeof files === 'number' ? files : files.reduce((sum, file) => sum + file.length, 0);
  if (pieces.length !== 20 * Math.ceil(total / pieceLength)) {
    throw new RangeError(
      `${pieces.length} bytes of hashes do not fit ${total} bytes in pieces of ${pieceLength}`,
    );
  }
  const content: { [key: string]: Encodable | undefined } =
    typeof files === 'number' ? { length: files } : { files: files.map(fileDict) };
  return encode({
    ...content,
    name: fields.name,
    'piece length': pieceLength,
    pieces,
    private: fields.private === true ? 1 : undefined,
    source: fields.source,
  });
}

function fileDict(file: BuildFile): Encodable {
  if (file.path.length === 0) throw new RangeError('A file of a torrent needs a path');
  return { attr: file.attr, length: file.length, mtime: file.mtime, path: file.path };
}

export interface TorrentFields {
  /** The info dictionary, encoded; goes in as it is. */
  readonly infoBytes: Uint8Array;
  /** Tracker URLs in tiers (BEP 12). */
  readonly announceTiers?: readonly (readonly string[])[] | undefined;
  /** Web seeds (BEP 19). */
  readonly urlList?: readonly string[] | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  /** In seconds since 1970. */
  readonly creationDate?: number | undefined;
}

/** A torrent file's bytes. */
export function encodeTorrent(fields: TorrentFields): Uint8Array<ArrayBuffer> {
  const tiers = (fields.announceTiers ?? []).filter((tier) => tier.length > 0);
  const urlList = fields.urlList ?? [];
  const before: { [key: string]: Encodable | undefined } = {
    announce: tiers[0]?.[0],
    // Redundant for one tracker, but some clients read nothing else.
    'announce-list': tiers.length > 0 ? tiers : undefined,
    comment: fields.comment,
    'created by': fields.createdBy,
    'creation date': fields.creationDate,
  };
  // The info dictionary must go in byte for byte, so it is spliced in; every other key sorts before or after it.
  const head = encode(before).subarray(0, -1);
  const tail = encode(urlList.length > 0 ? { 'url-list': urlList } : {}).subarray(1);
  return concatBytes([head, utf8Encode('4:info'), fields.infoBytes, tail]);
}

const MIN_PIECE_LENGTH = 16 * 1024;
const MAX_PIECE_LENGTH = 16 * 1024 * 1024;
// A piece is what can be verified, shown and shared, so a film wants many; but each costs 20 bytes of metadata.
const MAX_PIECES = 2048;

/**
 * The piece length for new torrents: the smallest power of two, from 16 KiB to 16 MiB, that makes at most 2048
 * pieces of `totalBytes`.
 */
export function choosePieceLength(totalBytes: number): number {
  let length = MIN_PIECE_LENGTH;
  while (length < MAX_PIECE_LENGTH && totalBytes / length > MAX_PIECES) length *= 2;
  return length;
}
