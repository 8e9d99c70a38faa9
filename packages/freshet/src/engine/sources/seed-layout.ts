import type { Info, InfoHash } from '../../protocol/index.ts';
import { locateFile } from '../storage/layout.ts';
import type { Asked } from './web-seed-response.ts';
import { webSeedUrl } from './web-seed-url.ts';

/** What one request can bring, at most: bytes [begin, end) of the torrent. */
export interface Resource {
  /** The number by which its faults are kept in mind. */
  readonly index: number;
  readonly begin: number;
  readonly end: number;
  /** Zeros that nobody asks for. */
  readonly padding: boolean;
}

/** How the bytes of a torrent lie at a web seed. */
export interface SeedLayout {
  /** How many resources there are that can be missing for themselves. */
  readonly count: number;
  /** The resource that the byte is in. */
  at(offset: number): Resource;
  /** The numbers of the resources that a piece has bytes of. */
  ofPiece(piece: number): Iterable<number>;
  /** What to ask for bytes `first` to `last` of a resource. @param moved where the resource has been found lately. */
  ask(resource: Resource, first: number, last: number, moved: string | undefined): Asked;
  /** A redirect leads to the resource, and not to one answer. */
  readonly movable: boolean;
}

/** Each file at an address of its own, in byte ranges (BEP 19). */
export class FileLayout implements SeedLayout {
  readonly movable = true;
  readonly count: number;
  readonly #info: Info;
  readonly #url: string;

  constructor(url: string, info: Info) {
    this.#info = info;
    this.#url = url;
    this.count = info.files.filter((file) => file.length > 0 && !file.padding).length;
  }

  at(offset: number): Resource {
    const index = locateFile(this.#info.files, offset);
    const { offset: begin, length, padding } = this.#info.files[index]!;
    return { index, begin, end: begin + length, padding };
  }

  *ofPiece(piece: number): Generator<number> {
    const { files, pieceLength, length } = this.#info;
    const start = piece * pieceLength;
    const end = Math.min(start + pieceLength, length);
    for (let i = locateFile(files, start); i < files.length && files[i]!.offset < end; i++) {
      if (!files[i]!.padding) yield i;
    }
  }

  ask({ index, begin, end }: Resource, first: number, last: number, moved: string | undefined): Asked {
    const url = moved ?? webSeedUrl(this.#url, this.#info, index);
    return { style: 'range', url, file: index, first, last, fileLength: end - begin };
  }
}

type PieceLengths = Pick<Info, 'pieceLength' | 'length' | 'dataLength'>;

/** All pieces from one script, by their number (BEP 17). */
export class PieceLayout implements SeedLayout {
  readonly movable = false;
  readonly count = 1;
  readonly #info: PieceLengths;
  /** The address with all of its query but the piece. */
  readonly #base: string;

  /** @param infoHash the 20 bytes that the torrent goes by. */
  constructor(url: string, info: PieceLengths, infoHash: InfoHash) {
    this.#info = info;
    const address = url.replace(/#.*$/, '');
    let escaped = '';
    for (const byte of infoHash) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    this.#base = `${address}${address.includes('?') ? '&' : '?'}info_hash=${escaped}`;
  }

  at(offset: number): Resource {
    const { pieceLength, length } = this.#info;
    const piece = Math.floor(offset / pieceLength);
    const begin = piece * pieceLength;
    const data = begin + this.#info.dataLength(piece);
    if (offset < data) return { index: 0, begin, end: data, padding: false };
    return { index: 0, begin: data, end: Math.min(begin + pieceLength, length), padding: true };
  }

  ofPiece(): Iterable<number> {
    return [0];
  }

  ask({ begin }: Resource, first: number, last: number): Asked {
    const { pieceLength, length } = this.#info;
    // The script knows the whole piece, padding and all.
    const fileLength = Math.min(pieceLength, length - begin);
    const piece = Math.floor(begin / pieceLength);
    const ranges = last - first + 1 < fileLength ? `&ranges=${first}-${last}` : '';
    return { style: 'piece', url: `${this.#base}&piece=${piece}${ranges}`, file: 0, first, last, fileLength };
  }
}
