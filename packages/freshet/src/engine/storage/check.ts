/** Finding out which pieces are stored: by what is remembered where it still holds, by hashing where not. */

import { Bitfield, equalBytes } from '../../protocol/index.ts';
import type { Disk, FileFingerprint, Hasher } from '../ports.ts';
import { hashLeaves } from './hash-pieces.ts';
import { inParallel } from './in-parallel.ts';
import type { LayoutFile } from './layout.ts';
import type { ResumeData } from './resume.ts';

export interface CheckOptions {
  /** An `Info` will do. */
  readonly info: {
    readonly length: number;
    readonly pieceLength: number;
    readonly pieceCount: number;
    readonly files: readonly LayoutFile[];
    pieceHash(index: number): Uint8Array | undefined;
    dataLength(index: number): number;
  };
  /** With v2: pieces whose root is known are held to it (BEP 52), others to their SHA-1, if they have one. */
  readonly hashes?: CheckHashes | undefined;
  readonly disk: Pick<Disk, 'read' | 'fingerprints'>;
  readonly hasher: Hasher;
  /** What the last session stored; ignored if it does not fit the torrent. */
  readonly resume?: Pick<ResumeData, 'verified' | 'fingerprints' | 'doubtful'> | undefined;
  /** Hashes exactly these pieces, upward, whatever is remembered. Default: all of which it is not known. */
  readonly only?: readonly number[] | undefined;
  /** Takes all pieces for good without a look. Default false. */
  readonly skipVerify?: boolean | undefined;
  /** Awaited before the first piece is read, if any must be. */
  turn?(): Promise<unknown>;
  /** Asked before each piece; true ends the check early. */
  cancelled(): boolean;
  /** Pieces whose state is known, of all. Called after each hashed piece and at the end. */
  onProgress(checkedPieces: number, totalPieces: number): void;
}

/** What is known of the files' trees. */
export interface CheckHashes {
  pieceRoot(piece: number): Uint8Array | undefined;
  /** The root over all blocks of the piece. */
  rootOf(piece: number, leaves: Uint8Array): Uint8Array;
}

export interface CheckResult {
  readonly verified: Bitfield;
  /** Pieces that are stored, and whose hash is not known yet. */
  readonly unjudged: readonly number[];
  /** How many pieces had to be read. */
  readonly hashedPieces: number;
  /** Indexes of files that differ from what `resume` says of them. */
  readonly changedFiles: readonly number[];
}

/**
 * Rejects with `DiskError` when the storage does not answer. Holds at most 32 MiB, or one piece where that is more.
 *
 * With resume data that fits, a piece is trusted (as verified or as missing) if none of its files has changed
 * and all of its bytes lie in files; as missing only if its files have a time of modification. What lies in the parts file has no fingerprint and is hashed again. Else
 * it is hashed, unless not one of its bytes can be there.
 */
export async function checkPieces(options: CheckOptions): Promise<CheckResult> {
  const { info, disk, hasher } = options;
  const { pieceCount, pieceLength } = info;
  const verified = new Bitfield(pieceCount);
  if (options.skipVerify === true) {
    verified.setAll();
    options.onProgress(pieceCount, pieceCount);
    return { verified, unjudged: [], hashedPieces: 0, changedFiles: [] };
  }

  const unjudged: number[] = [];
  const { toHash, changedFiles } =
    options.only === undefined
      ? planCheck(options, await disk.fingerprints(), verified)
      : { toHash: options.only, changedFiles: [] };
  let checked = pieceCount - toHash.length;
  let hashedPieces = 0;
  let position = 0;
  if (toHash.length > 0) await options.turn?.();
  await inParallel(
    pieceLength,
    () => (position < toHash.length && !options.cancelled() ? toHash[position++] : undefined),
    async (piece, buffer) => {
      const start = piece * pieceLength;
      const root = options.hashes?.pieceRoot(piece);
      const end = root === undefined ? Math.min(pieceLength, info.length - start) : info.dataLength(piece);
      const target = buffer.subarray(0, end);
      if ((await disk.read(start, target)) === target.length) {
        hashedPieces++;
        const expected = info.pieceHash(piece);
        if (root !== undefined) {
          const leaves = await hashLeaves(target, hasher);
          if (equalBytes(options.hashes!.rootOf(piece, leaves), root)) verified.set(piece);
        } else if (expected === undefined) {
          unjudged.push(piece);
        } else if (equalBytes(await hasher.sha1(target), expected)) {
          verified.set(piece);
        }
      }
      checked++;
      if (!options.cancelled()) options.onProgress(checked, pieceCount);
    },
  );
  if (toHash.length === 0) options.onProgress(pieceCount, pieceCount);
  return { verified, unjudged, hashedPieces, changedFiles };
}

function planCheck(
  options: CheckOptions,
  prints: readonly FileFingerprint[],
  verified: Bitfield,
): { readonly toHash: readonly number[]; readonly changedFiles: readonly number[] } {
  const { info } = options;
  const resume = fitting(options);
  const changedFiles = resume === undefined ? [] : changed(info.files, prints, resume.fingerprints);
  return { toHash: plan(info, prints, resume, new Set(changedFiles), verified), changedFiles };
}

interface Remembered {
  readonly doubtful: ReadonlySet<number>;
  readonly verified: Bitfield;
  readonly fingerprints: readonly FileFingerprint[];
}

function fitting({ info, resume }: CheckOptions): Remembered | undefined {
  const { verified, fingerprints } = resume ?? {};
  if (verified?.length !== info.pieceCount || fingerprints?.length !== info.files.length) return undefined;
  return { verified, fingerprints, doubtful: new Set(resume?.doubtful) };
}

function changed(
  files: readonly LayoutFile[],
  now: readonly FileFingerprint[],
  then: readonly FileFingerprint[],
): number[] {
  const found: number[] = [];
  for (let i = 0; i < files.length; i++) {
    if (files[i]!.padding) continue;
    if (now[i]!.size !== then[i]!.size || now[i]!.modified !== then[i]!.modified) found.push(i);
  }
  return found;
}

/** The pieces that must be hashed, upward; those that can be trusted are put into `verified`. */
function plan(
  info: CheckOptions['info'],
  prints: readonly FileFingerprint[],
  resume: Remembered | undefined,
  changedFiles: ReadonlySet<number>,
  verified: Bitfield,
): number[] {
  const { files, pieceLength, pieceCount } = info;
  const toHash: number[] = [];
  let first = 0;
  for (let piece = 0; piece < pieceCount; piece++) {
    const start = piece * pieceLength;
    const end = Math.min(start + pieceLength, info.length);
    let unchanged = true;
    /** All bytes lie in files, some bytes do. */
    let covered = true;
    let present = false;
    /** Of some of its files nobody knows when they were written. */
    let undated = false;
    while (first < files.length && files[first]!.offset + files[first]!.length <= start) first++;
    for (let index = first; index < files.length && files[index]!.offset < end; index++) {
      const file = files[index]!;
      if (file.length === 0) continue;
      if (file.padding) continue;
      const stored = file.offset + prints[index]!.size;
      if (changedFiles.has(index)) unchanged = false;
      if (prints[index]!.size >= 0 && prints[index]!.modified === 0) undated = true;
      if (stored < Math.min(end, file.offset + file.length)) covered = false;
      if (stored > Math.max(start, file.offset)) present = true;
    }
    if (resume !== undefined && unchanged && !resume.doubtful.has(piece)) {
      if (resume.verified.get(piece)) {
        if (covered) verified.set(piece);
        else toHash.push(piece);
      } else if (undated && present) {
        // It may have been written after the resume data was.
        toHash.push(piece);
      }
    } else if (present) {
      toHash.push(piece);
    }
  }
  return toHash;
}
