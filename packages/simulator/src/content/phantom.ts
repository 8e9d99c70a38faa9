import { type FileTree, hashesOfInfo, hashLeaves, pieceLayersOf, treeOfFile } from 'freshet/engine';
import { type FilmShape, writeFilm } from 'freshet/memory';
import {
  BLOCK_LENGTH,
  buildInfo,
  HASH_LENGTH,
  parseInfo,
  pieceRoot,
  primaryHash,
  type TorrentVersion,
} from 'freshet/protocol';
import type { Content } from '../content.ts';
import { PhantomBytes } from './phantom-bytes.ts';
import { PhantomDisk } from './phantom-disk.ts';
import { PhantomHasher } from './phantom-hasher.ts';

export interface PhantomOptions {
  /** Bytes of the one file. */
  readonly length: number;
  /** A multiple of 16 KiB; in version 2 a power of two. */
  readonly pieceLength: number;
  /** Default 1. */
  readonly version?: TorrentVersion | undefined;
  /** Makes an MP4 of it that says how long it plays. Default: nothing but zeros. */
  readonly film?: FilmShape | undefined;
  /** Of the file; makes the info-hash differ. Default `phantom`. */
  readonly name?: string | undefined;
}

/** Content that takes no memory to speak of however many hold it. */
export interface PhantomContent extends Content {
  /** Whether nobody has received a wrong byte: what all share is as it was. */
  readonly intact: boolean;
}

const SHA1_LENGTH = 20;

/**
 * A real torrent whose bytes are zeros, but for the head of a film: everybody's copy of it is the same memory, and what
 * was hashed once is known. For large swarms of honest peers; one that sends wrong bytes would change them for all.
 */
export async function phantomContent(options: PhantomOptions): Promise<PhantomContent> {
  const { length, pieceLength, version = 1, film, name = 'phantom' } = options;
  if (length <= 0 || pieceLength % BLOCK_LENGTH !== 0) {
    throw new RangeError('Phantom content has whole blocks of 16 KiB in each piece, and one byte at least.');
  }
  const bytes = new PhantomBytes(length, film === undefined ? [] : filmParts(length, film));
  const hasher = new PhantomHasher(bytes);
  const build = (pieces: Uint8Array, piecesRoot: Uint8Array | undefined): Uint8Array =>
    buildInfo({ version, name, pieceLength, files: { length, piecesRoot }, pieces });

  const noHashes = new Uint8Array(SHA1_LENGTH * Math.ceil(length / pieceLength));
  const draft = parseInfo(build(noHashes, version === 1 ? undefined : new Uint8Array(HASH_LENGTH)));
  const pieces = new Uint8Array(SHA1_LENGTH * draft.pieceCount);
  const roots = new Uint8Array(HASH_LENGTH * draft.pieceCount);
  const digests = new Map<Uint8Array, { sha1: Uint8Array; root: Uint8Array }>();
  for (let piece = 0; piece < draft.pieceCount; piece++) {
    const start = piece * pieceLength;
    const data = bytes.view(start, Math.min(pieceLength, length - start));
    if (data === undefined)
      throw new RangeError(`A piece of ${pieceLength} bytes is too long for phantom content.`);
    // Views of zeros are the same object each time.
    let digest = digests.get(data);
    if (digest === undefined) {
      const leaves = draft.hasV2 ? await hashLeaves(data, hasher) : new Uint8Array(0);
      const root = pieceRoot(leaves, length, pieceLength);
      digest = { sha1: await hasher.sha1(data), root };
      digests.set(data, digest);
    }
    pieces.set(digest.sha1, SHA1_LENGTH * piece);
    roots.set(digest.root, HASH_LENGTH * piece);
  }
  const tree: FileTree | undefined = draft.hasV2 ? treeOfFile(draft, draft.files[0]!, roots) : undefined;
  const infoBytes = build(pieces, tree?.piecesRoot);
  const hashes = await hashesOfInfo({ ...draft, bytes: infoBytes }, hasher);
  const info = parseInfo(infoBytes, hashes);
  return {
    info,
    infoBytes,
    infoHash: primaryHash(hashes),
    hashes,
    pieceLayers: draft.hasV2 ? pieceLayersOf([tree]) : undefined,
    bytes: (offset, count) => {
      const view = bytes.view(offset, count);
      if (view !== undefined) return view;
      const copy = new Uint8Array(Math.max(0, Math.min(count, length - offset)));
      bytes.copy(offset, copy);
      return copy;
    },
    createDisk: (full) => new PhantomDisk(bytes, info.files, full),
    isRight: async (disk, wanted) => {
      const into = new Uint8Array(pieceLength);
      for (const piece of wanted) {
        const start = piece * pieceLength;
        const data = into.subarray(0, Math.min(pieceLength, length - start));
        if ((await disk.read(start, data)) !== data.length || !bytes.matches(start, data)) return false;
      }
      return bytes.intact;
    },
    hasher,
    get intact(): boolean {
      return bytes.intact;
    },
  };
}

/** What of a film is not zero: where its boxes are. */
function filmParts(length: number, shape: FilmShape): { offset: number; bytes: Uint8Array }[] {
  const moovLength = shape.moovLength ?? 40_000;
  const head = 2 * BLOCK_LENGTH + moovLength;
  // Untouched memory of a new array costs nothing; all that is written lies at the ends.
  const whole = new Uint8Array(length);
  writeFilm(whole, shape);
  if (length <= 2 * head) return [{ offset: 0, bytes: whole }];
  const parts = [{ offset: 0, bytes: whole.slice(0, head) }];
  if (shape.moov === 'last') parts.push({ offset: length - head, bytes: whole.slice(length - head) });
  return parts;
}
