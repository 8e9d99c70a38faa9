import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from './bytes.ts';
import { HASH_LENGTH, LEAF_LENGTH, layerLength, merkleLayers, merkleRoot, treeHeight } from './merkle.ts';
import {
  buildProof,
  isProofRange,
  layersNode,
  MAX_HASHES_REQUESTED,
  type Proof,
  proofLayersTo,
  proofTop,
  uncleCount,
  verifyProof,
} from './merkle-proof.ts';

const LEAVES: Uint8Array = concatBytes(
  Array.from({ length: 80 }, (_, i) => new Uint8Array(createHash('sha256').update(`${i}`).digest())),
);

function leavesOf(count: number): Uint8Array {
  return LEAVES.subarray(0, count * HASH_LENGTH);
}

/** A file's tree and a run in it that may be asked for. */
const sample = fc
  .record({
    blocks: fc.integer({ min: 2, max: 80 }),
    baseLayer: fc.nat(5),
    widthLayers: fc.integer({ min: 1, max: 6 }),
    place: fc.nat(1000),
    proofLayers: fc.nat(8),
    whole: fc.boolean(),
  })
  .map(({ blocks, whole, ...wish }) => {
    const fileLength = blocks * LEAF_LENGTH - 5;
    const height = treeHeight(fileLength);
    const baseLayer = Math.min(wish.baseLayer, height - 1);
    const width = 2 ** Math.min(wish.widthLayers, height - baseLayer);
    const runs = 2 ** (height - baseLayer) / width;
    const own = layerLength(fileLength, baseLayer);
    const index = (wish.place % Math.min(runs, Math.ceil(own / width))) * width;
    // What is beyond the end of the file may be left out or asked for.
    const length = whole ? width : Math.min(width, own - index);
    const top = proofLayersTo(height, baseLayer);
    const leaves = leavesOf(blocks);
    return {
      fileLength,
      height,
      leaves,
      root: merkleRoot(leaves, 0, 2 ** height),
      range: { baseLayer, index, length, proofLayers: Math.min(wish.proofLayers, top) },
      top,
    };
  });

describe('a Merkle proof', () => {
  it('is built in the order of the wire, and leads to the root', () => {
    fc.assert(
      fc.property(sample, ({ fileLength, height, leaves, root, range, top }) => {
        const full = { ...range, proofLayers: top };
        expect(isProofRange(range, fileLength) && isProofRange(full, fileLength)).toBe(true);
        const node = layersNode(leaves, 0, 2 ** height);
        const split = range.length * HASH_LENGTH;
        const answer = buildProof(full, node)!;
        expect(answer.length).toBe(split + HASH_LENGTH * uncleCount(range.length, top));
        const proof: Proof = {
          root,
          fileLength,
          ...range,
          hashes: answer.subarray(0, split),
          proof: answer.subarray(split),
        };
        expect(verifyProof(proof)).toBe(true);
        for (let i = 0; i < range.length; i++) {
          expect(proof.hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH)).toEqual(
            node(range.baseLayer, range.index + i),
          );
        }

        // Fewer layers: the same hashes, less of the proof, and an ancestor instead of the root.
        const part = buildProof(range, node)!;
        expect(part).toEqual(answer.subarray(0, part.length));
        const ancestor = proofTop({ ...proof, proof: part.subarray(split) })!;
        expect(ancestor.hash).toEqual(node(ancestor.layer, ancestor.index));
      }),
      { numRuns: 200 },
    );
  });

  it('leaves out the first log2(length) - 1 layers, and counts them', () => {
    expect([0, 1, 2, 3, 8].map((layers) => uncleCount(2, layers))).toEqual([0, 1, 2, 3, 8]);
    expect([0, 8, 9, 10].map((layers) => uncleCount(512, layers))).toEqual([0, 0, 1, 2]);
    // What the end of a layer leaves of 512 counts as 512 would; one hash as two.
    expect(uncleCount(257, 9)).toBe(1);
    expect(uncleCount(1, 1)).toBe(1);
  });

  it('is built from the layer of pieces as well, where the leaves are not known', () => {
    const leaves = leavesOf(37);
    const fileLength = 37 * LEAF_LENGTH;
    const pieces = merkleLayers(leaves, 0, 64)[2]!;
    const range = { baseLayer: 2, index: 8, length: 2, proofLayers: proofLayersTo(6, 2) };
    expect(isProofRange(range, fileLength)).toBe(true);
    const answer = buildProof(range, layersNode(pieces, 2, 16))!;
    expect(answer).toEqual(buildProof(range, layersNode(leaves, 0, 64)));
    expect(buildProof({ ...range, baseLayer: 1 }, layersNode(pieces, 2, 16))).toBeUndefined();
  });

  it('is refused with anything in it changed', () => {
    fc.assert(
      fc.property(
        sample,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ fileLength, height, leaves, root, range, top }, at, flip) => {
          const answer = buildProof({ ...range, proofLayers: top }, layersNode(leaves, 0, 2 ** height))!;
          const cut = (bytes: Uint8Array): Proof => ({
            root,
            fileLength,
            ...range,
            hashes: bytes.subarray(0, range.length * HASH_LENGTH),
            proof: bytes.subarray(range.length * HASH_LENGTH),
          });
          const good = cut(answer);
          const flipped = answer.slice();
          flipped[at % flipped.length]! ^= flip;
          const bad: Proof[] = [
            cut(flipped),
            cut(concatBytes([answer, new Uint8Array(HASH_LENGTH)])),
            cut(concatBytes([answer, Uint8Array.of(1)])),
            cut(answer.subarray(0, answer.length - 1)),
            // Without uncles, what goes may be a hash beyond the end of the file, which need not be sent.
            ...(good.proof.length > 0 ? [cut(answer.subarray(0, answer.length - HASH_LENGTH))] : []),
            { ...good, index: good.index + 1 },
            { ...good, index: good.index + 2 ** 31 },
            { ...good, baseLayer: good.baseLayer + 1 },
            { ...good, baseLayer: 2 ** 32 - 1 },
            { ...good, fileLength: 4 * fileLength },
            { ...good, fileLength: 0 },
            { ...good, root: new Uint8Array(HASH_LENGTH) },
            { ...good, root: new Uint8Array(0) },
            { ...good, hashes: new Uint8Array(0) },
          ];
          for (const proof of bad) expect(verifyProof(proof)).toBe(false);
        },
      ),
    );
  });

  it('never throws, whatever a peer sends', () => {
    const word = fc.nat(0xffffffff);
    const some = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        some,
        some,
        some,
        word,
        word,
        fc.maxSafeInteger().map(Math.abs),
        (root, hashes, proof, baseLayer, index, fileLength) => {
          expect(verifyProof({ root, hashes, proof, baseLayer, index, fileLength })).toBe(false);
          proofTop({ hashes, proof, baseLayer, index });
        },
      ),
    );
  });
});

describe('a range that may be asked for', () => {
  const file = 100 * LEAF_LENGTH;
  it.each<[string, number, number, number, number, boolean]>([
    ['all leaves, zeros included', 0, 0, 128, 0, true],
    ['all leaves of the file', 0, 0, 100, 0, true],
    ['its end', 0, 96, 4, 0, true],
    ['its end as part of a wider run', 0, 64, 36, 0, true],
    ['one that is not aligned', 0, 2, 4, 0, false],
    ['an odd number within the file', 0, 0, 3, 0, false],
    ['none', 0, 0, 0, 0, false],
    ['one beyond the tree', 0, 128, 2, 0, false],
    ['more than the tree has', 0, 0, 256, 0, false],
    ['the two below the root', 6, 0, 2, 0, true],
    ['the root', 7, 0, 1, 0, false],
    ['as many proof layers as there are', 0, 0, 2, 6, true],
    ['more proof layers', 0, 0, 2, 7, false],
    ['huge numbers', 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, false],
  ])('%s', (_, baseLayer, index, length, proofLayers, expected) => {
    expect(isProofRange({ baseLayer, index, length, proofLayers }, file)).toBe(expected);
  });

  it('is bounded, and there is none in a file of one block or none', () => {
    const huge = 2 ** 40;
    const range = { baseLayer: 0, index: 0, length: MAX_HASHES_REQUESTED, proofLayers: 0 };
    expect(isProofRange(range, huge)).toBe(true);
    expect(isProofRange({ ...range, length: 2 * MAX_HASHES_REQUESTED }, huge)).toBe(false);
    for (const length of [0, 1, LEAF_LENGTH]) {
      expect(isProofRange({ baseLayer: 0, index: 0, length: 1, proofLayers: 0 }, length)).toBe(false);
    }
  });
});
