import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, toHex } from './bytes.ts';
import {
  fileRoot,
  HASH_LENGTH,
  isPieceLayer,
  LEAF_LENGTH,
  layerLength,
  leafCount,
  log2Ceil,
  merkleLayers,
  merkleParent,
  merkleRoot,
  pieceLayerOf,
  pieceLeaves,
  pieceRoot,
  treeHeight,
  zeroSubtree,
} from './merkle.ts';

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

const LEAVES: Uint8Array = concatBytes(Array.from({ length: 70 }, (_, i) => sha256(Uint8Array.of(i))));

/** Leaves that are all different, 32 bytes each. */
function leavesOf(count: number): Uint8Array {
  return LEAVES.subarray(0, count * HASH_LENGTH);
}

/** The whole tree as BEP 52 describes it: leaves up to a power of two, then pairs of pairs. */
function naiveRoot(leaves: Uint8Array, width: number): Uint8Array {
  let layer = Array.from({ length: width }, (_, i) => {
    const leaf = leaves.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
    return leaf.length === 0 ? new Uint8Array(HASH_LENGTH) : leaf;
  });
  while (layer.length > 1) {
    layer = Array.from({ length: layer.length / 2 }, (_, i) => sha256(layer[2 * i]!, layer[2 * i + 1]!));
  }
  return layer[0]!;
}

const blocks = fc.integer({ min: 1, max: 70 });
const lastBlock = fc.constantFrom(1, LEAF_LENGTH - 1, LEAF_LENGTH);
const pieceLength = fc.constantFrom(LEAF_LENGTH, 2 * LEAF_LENGTH, 4 * LEAF_LENGTH, 16 * LEAF_LENGTH);

describe('a Merkle tree', () => {
  it('has hashes of zeros where the file has none', () => {
    expect(toHex(zeroSubtree(0))).toBe('00'.repeat(32));
    // SHA-256 of 64 zeros.
    expect(toHex(zeroSubtree(1))).toBe('f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b');
    for (let layer = 1; layer < 50; layer++) {
      expect(zeroSubtree(layer)).toEqual(merkleParent(zeroSubtree(layer - 1), zeroSubtree(layer - 1)));
    }
  });

  it('has the root of the whole tree, however it is taken together', () => {
    fc.assert(
      fc.property(blocks, lastBlock, pieceLength, (count, last, piece) => {
        const fileLength = (count - 1) * LEAF_LENGTH + last;
        expect(leafCount(fileLength)).toBe(count);
        const leaves = leavesOf(count);
        const width = 2 ** treeHeight(fileLength);
        const root = naiveRoot(leaves, width);
        expect(merkleRoot(leaves, 0, width)).toEqual(root);

        // By pieces, as a download has it.
        const perPiece = piece / LEAF_LENGTH;
        const roots: Uint8Array[] = [];
        for (let at = 0; at < count; at += perPiece) {
          const own = leaves.subarray(at * HASH_LENGTH, (at + perPiece) * HASH_LENGTH);
          roots.push(pieceRoot(own, fileLength, piece));
          expect(roots.at(-1)).toEqual(naiveRoot(own, pieceLeaves(fileLength, piece)));
        }
        const layer = concatBytes(roots);
        expect(fileRoot(layer, fileLength, piece)).toEqual(root);
        if (fileLength <= piece) expect(layer).toEqual(root);
        else expect(isPieceLayer(layer, { root, fileLength, pieceLength: piece })).toBe(true);

        // Layer by layer: each holds what has anything of the file under it.
        const layers = merkleLayers(leaves, 0, width);
        expect(layers.map((hashes) => hashes.length / HASH_LENGTH)).toEqual(
          Array.from({ length: treeHeight(fileLength) + 1 }, (_, i) => layerLength(fileLength, i)),
        );
        if (fileLength > piece) expect(layers[pieceLayerOf(piece)]).toEqual(layer);
      }),
    );
  });

  it('has no other piece layer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 40 }),
        fc.constantFrom(LEAF_LENGTH, 2 * LEAF_LENGTH),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (count, piece, at, flip) => {
          const fileLength = count * LEAF_LENGTH;
          const leaves = leavesOf(count);
          const layer = merkleLayers(leaves, 0, 2 ** treeHeight(fileLength))[pieceLayerOf(piece)]!;
          const file = { root: fileRoot(layer, fileLength, piece), fileLength, pieceLength: piece };
          expect(isPieceLayer(layer, file)).toBe(true);
          const wrong = layer.slice();
          wrong[at % wrong.length]! ^= flip;
          const others = [
            wrong,
            layer.subarray(1),
            layer.subarray(HASH_LENGTH),
            concatBytes([layer, zeroSubtree(pieceLayerOf(piece))]),
            new Uint8Array(0),
          ];
          for (const other of others) expect(isPieceLayer(other, file)).toBe(false);
          // Nor has a file of another length this one.
          expect(isPieceLayer(layer, { ...file, fileLength: fileLength + 2 * piece })).toBe(false);
        },
      ),
    );
  });

  it('refuses hashes that do not fit', () => {
    expect(() => merkleRoot(leavesOf(3), 0, 2)).toThrow(RangeError);
    expect(() => merkleRoot(new Uint8Array(33), 0, 2)).toThrow(RangeError);
    expect(merkleRoot(new Uint8Array(0), 3, 4)).toEqual(zeroSubtree(5));
  });

  it('is measured exactly, also for files of 8 PiB', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger().map(Math.abs), (length) => {
        const leaves = leafCount(length);
        const height = treeHeight(length);
        expect(leaves * LEAF_LENGTH >= length && (leaves - 1) * LEAF_LENGTH < Math.max(1, length)).toBe(true);
        expect(2 ** height >= leaves && (height === 0 || 2 ** (height - 1) < leaves)).toBe(true);
      }),
    );
    expect([0, 1, 2, 3, 4, 5, 2 ** 40, 2 ** 40 + 1].map(log2Ceil)).toEqual([0, 0, 1, 2, 2, 3, 40, 41]);
  });
});
