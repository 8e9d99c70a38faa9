/** Merkle trees of files, piece layers and proofs (BEP 52). The input is a row of choices. */

import * as p from '../../packages/freshet/src/protocol/index.ts';
import { Dice, Tape } from '../dice.ts';
import { must, mustEqual, type Target } from '../target.ts';

const LENGTHS: readonly number[] = [
  1,
  16_384,
  16_385,
  3 * 16_384,
  100_000,
  4 * 16_384,
  9 * 16_384 + 1,
  33 * 16_384,
];

export const merkle: Target = {
  name: 'merkle',
  about: 'proofs of hashes: right ones are taken, changed ones are not, and none takes more than it brings',
  shortRuns: 600,
  maxLength: 200,
  generate: (dice) => dice.bytes(10 + dice.below(80)),
  run: (input) => {
    const dice = new Dice(new Tape(input));
    const fileLength = dice.pick(LENGTHS);
    const pieceLength = 2 ** (14 + dice.below(4));
    const count = p.leafCount(fileLength);
    const leaves = Uint8Array.from({ length: 32 * count }, (_, i) => (i * 7 + (i >> 5)) & 0xff);
    const height = p.treeHeight(fileLength);
    const root = p.merkleRoot(leaves, 0, 2 ** height);
    checkLayers(leaves, { fileLength, pieceLength, root });
    const node = p.layersNode(leaves, 0, 2 ** height);
    const range: p.ProofRange = {
      baseLayer: dice.chance(7, 8) ? dice.below(height + 1) : dice.uint32(),
      index: dice.chance(7, 8) ? dice.below(2 ** height) : dice.uint32(),
      length: dice.chance(7, 8) ? 1 + dice.below(2 ** height + 1) : dice.uint32(),
      proofLayers: dice.chance(7, 8) ? dice.below(height + 1) : dice.uint32(),
    };
    if (p.isProofRange(range, fileLength)) checkProof(range, { node, root, fileLength }, dice);
    // A peer may send anything.
    const { baseLayer, index } = range;
    const anything = dice.bytes(32 * dice.below(5) + dice.pick([0, 0, 1]));
    p.proofTop({ baseLayer, index, hashes: anything, proof: dice.bytes(32 * dice.below(3)) });
    mustEqual(
      p.verifyProof({ root, fileLength, baseLayer, index, hashes: anything, proof: new Uint8Array(0) }),
      false,
      'a made-up proof is taken',
    );
  },
};

function checkLayers(
  leaves: Uint8Array,
  file: { fileLength: number; pieceLength: number; root: Uint8Array },
): void {
  const { fileLength, pieceLength, root } = file;
  const perPiece = p.pieceLeaves(fileLength, pieceLength);
  const pieces = Math.ceil(fileLength / pieceLength);
  const layer = new Uint8Array(32 * pieces);
  for (let i = 0; i < pieces; i++) {
    layer.set(
      p.pieceRoot(leaves.subarray(32 * perPiece * i, 32 * perPiece * (i + 1)), fileLength, pieceLength),
      32 * i,
    );
  }
  mustEqual(p.fileRoot(layer, fileLength, pieceLength), root, 'the root by way of the pieces');
  if (fileLength <= pieceLength) return;
  mustEqual(p.isPieceLayer(layer, file), true, 'a right piece layer is taken');
  mustEqual(p.isPieceLayer(layer.subarray(32), file), false, 'a piece layer that is too short is taken');
  layer[layer.length - 1]! ^= 1;
  mustEqual(p.isPieceLayer(layer, file), false, 'a wrong piece layer is taken');
}

function checkProof(
  range: p.ProofRange,
  file: {
    node: (layer: number, index: number) => Uint8Array | undefined;
    root: Uint8Array;
    fileLength: number;
  },
  dice: Dice,
): void {
  const { root, fileLength, node } = file;
  const { baseLayer, index, length, proofLayers } = range;
  const answer = p.buildProof(range, node);
  must(answer !== undefined, 'there is no proof of what is known');
  mustEqual(answer.length, 32 * (length + p.uncleCount(length, proofLayers)), 'bytes of a proof');
  const hashes = answer.subarray(0, 32 * length);
  const proof = answer.subarray(32 * length);
  const top = p.proofTop({ baseLayer, index, hashes, proof });
  mustEqual(top?.hash, top && node(top.layer, top.index), 'where the proof leads');
  // The layers that the hashes themselves make are not sent, whether asked for or not.
  const needed = p.uncleCount(length, p.proofLayersTo(p.treeHeight(fileLength), baseLayer));
  const whole = p.uncleCount(length, proofLayers) === needed;
  mustEqual(
    p.verifyProof({ root, fileLength, baseLayer, index, hashes, proof }),
    whole,
    'a right proof is taken',
  );
  const wrong = answer.slice();
  wrong[dice.below(wrong.length)]! ^= 1 << dice.below(8);
  const parts = { hashes: wrong.subarray(0, 32 * length), proof: wrong.subarray(32 * length) };
  mustEqual(p.verifyProof({ root, fileLength, baseLayer, index, ...parts }), false, 'a wrong proof is taken');
}
