import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryHasher } from '../../memory/index.ts';
import {
  arrangeFiles,
  buildInfo,
  concatBytes,
  type Info,
  isPieceLayer,
  LEAF_LENGTH,
  merkleRoot,
  parseInfo,
  type TorrentVersion,
  toHex,
  treeHeight,
} from '../../protocol/index.ts';
import type { Hasher } from '../ports.ts';
import { type HashPiecesOptions, hashLeaves, hashPieces, pieceLayersOf, treeOfFile } from './hash-pieces.ts';

const PIECE = 2 * LEAF_LENGTH;
const hash = (algorithm: string, data: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(data).digest());

/** Bytes that differ from file to file and from block to block. */
function contentOf(length: number, file: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8) * 7 + file;
  return bytes;
}

function draftOf(version: TorrentVersion, contents: readonly Uint8Array[]): { info: Info; data: Uint8Array } {
  const files = contents.map((content, i) => ({
    path: [`f${i}`],
    length: content.length,
    piecesRoot: new Uint8Array(32),
    content,
  }));
  const arranged = version === 1 ? files : arrangeFiles(files, PIECE);
  const data = concatBytes(
    arranged.map((file) => ('content' in file ? file.content : new Uint8Array(file.length))),
  );
  const pieces = new Uint8Array(20 * Math.ceil(data.length / PIECE));
  return {
    info: parseInfo(buildInfo({ version, name: 'x', pieceLength: PIECE, files: arranged, pieces })),
    data,
  };
}

function options(
  info: Info,
  data: Uint8Array,
  more: Partial<HashPiecesOptions> = {},
): HashPiecesOptions & { reads: number[] } {
  const reads: number[] = [];
  return {
    info,
    reads,
    read: async (offset, into) => {
      reads.push(offset);
      const part = data.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    hasher: new MemoryHasher(),
    cancelled: () => false,
    onProgress: () => {},
    ...more,
  };
}

/** The root by the book: all blocks, then pairs up to it. */
function rootOf(content: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += LEAF_LENGTH) {
    leaves.push(hash('sha256', content.subarray(at, at + LEAF_LENGTH)));
  }
  return merkleRoot(concatBytes(leaves), 0, 2 ** treeHeight(content.length));
}

const length = fc.constantFrom(0, 1, LEAF_LENGTH, LEAF_LENGTH + 1, PIECE, PIECE + 1, 3 * PIECE - 1, 70_000);

describe('hashPieces', () => {
  it('hashes for every version in one pass', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<TorrentVersion>(1, 2, 'hybrid'),
        fc.array(length, { minLength: 2, maxLength: 5 }),
        async (version, lengths) => {
          const contents = lengths.map(contentOf);
          const { info, data } = draftOf(version, contents);
          const progress: number[] = [];
          const given = options(info, data, { onProgress: (hashed) => progress.push(hashed) });
          const { pieces, pieceRoots } = await hashPieces(given);
          expect(given.reads.length).toBe(info.pieceCount);
          expect(progress).toEqual(Array.from({ length: info.pieceCount }, (_, i) => i + 1));
          expect(pieces === undefined).toBe(version === 2);
          for (let piece = 0; pieces !== undefined && piece < info.pieceCount; piece++) {
            expect(pieces.subarray(20 * piece, 20 * piece + 20)).toEqual(
              hash('sha1', data.subarray(piece * PIECE, (piece + 1) * PIECE)),
            );
          }
          expect(pieceRoots === undefined).toBe(version === 1);
          if (pieceRoots === undefined) return;
          const real = info.files.filter(({ padding }) => !padding);
          const trees = real.map((file) => treeOfFile(info, file, pieceRoots));
          const layers = pieceLayersOf(trees);
          for (const [i, content] of contents.entries()) {
            const tree = trees[i];
            if (content.length === 0) {
              expect(tree).toBeUndefined();
              continue;
            }
            expect(tree?.piecesRoot).toEqual(rootOf(content));
            const layer = layers.get(toHex(tree!.piecesRoot));
            expect(layer === undefined).toBe(content.length <= PIECE);
            const file = { root: tree!.piecesRoot, fileLength: content.length, pieceLength: PIECE };
            if (layer !== undefined) expect(isPieceLayer(layer, file)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('rejects when a file is shorter than it was, and with what reading rejects with', async () => {
    const { info, data } = draftOf('hybrid', [contentOf(PIECE + 5, 1), contentOf(9, 2)]);
    await expect(hashPieces(options(info, data.subarray(0, PIECE + 1)))).rejects.toThrow(
      /A file changed while it was read: nothing is at byte \d+ of \d+\. Try again\./,
    );
    const broken = options(info, data, { read: () => Promise.reject(new Error('the disk is on fire')) });
    await expect(hashPieces(broken)).rejects.toThrow('the disk is on fire');
  });

  it('ends early when nobody wants it any more', async () => {
    const { info, data } = draftOf(2, [contentOf(20 * PIECE, 1), contentOf(1, 2)]);
    let hashed = 0;
    const given = options(info, data, { cancelled: () => hashed >= 3, onProgress: () => void hashed++ });
    await hashPieces(given);
    expect(given.reads.length).toBeLessThan(10);
  });
});

describe('hashLeaves', () => {
  it('puts digests in their places, whenever each comes', async () => {
    const data = contentOf(3 * LEAF_LENGTH + 100, 3);
    const waiting: (() => void)[] = [];
    const memory = new MemoryHasher();
    const late = {
      sha256: (block: Uint8Array, done: (digest: Uint8Array) => void) =>
        void waiting.push(() => memory.sha256(block, done)),
    } as unknown as Hasher;
    const leaves = hashLeaves(data, late);
    for (const answer of waiting.reverse()) answer();
    expect(await leaves).toEqual(await hashLeaves(data, memory));
    expect((await leaves).subarray(96)).toEqual(hash('sha256', data.subarray(3 * LEAF_LENGTH)));
    expect(await hashLeaves(new Uint8Array(0), late)).toEqual(new Uint8Array(0));
  });
});
