import { beforeAll, describe, expect, it } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { MemoryHasher } from '../../memory/index.ts';
import { HASH_LENGTH, type HashRequest, toHex } from '../../protocol/index.ts';
import { hashLeaves } from '../storage/hash-pieces.ts';
import { MerkleStore } from './merkle-store.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const hasher = new MemoryHasher();

let sample: SampleTorrent;
let twins: SampleTorrent;
beforeAll(async () => {
  const files = [
    { path: ['a'], length: 5 * PIECE + 20 * KiB },
    { path: ['b'], length: 0 },
    { path: ['c'], length: 40 * KiB },
    { path: ['d'], length: 10 },
  ];
  sample = await sampleTorrent(0, PIECE, { files, version: 2 });
  twins = await sampleTorrent(0, PIECE, {
    files: [
      { path: ['a'], length: 2 * PIECE },
      { path: ['b'], length: 2 * PIECE },
    ],
    version: 2,
    write: (content) => void content.copyWithin(2 * PIECE, 0, 2 * PIECE),
  });
});

/** The hashes of the blocks of a piece. */
function leavesOf({ info, content }: SampleTorrent, piece: number): Promise<Uint8Array> {
  const start = piece * info.pieceLength;
  return hashLeaves(content.subarray(start, start + info.dataLength(piece)), hasher);
}

describe('MerkleStore', () => {
  it('knows the roots of pieces from the layers, and of files of one piece without', async () => {
    const bare = new MerkleStore(sample.info);
    const full = new MerkleStore(sample.info, sample.pieceLayers);
    expect([bare.complete, full.complete]).toEqual([false, true]);
    for (let piece = 0; piece < sample.info.pieceCount; piece++) {
      const root = full.rootOf(piece, await leavesOf(sample, piece));
      expect(full.pieceRoot(piece)).toEqual(root);
      expect(bare.pieceRoot(piece)).toEqual(piece < 6 ? undefined : root);
    }
    expect(full.layers).toEqual(sample.pieceLayers);
    expect(bare.layers).toEqual(new Map());
    expect([bare.firstUnknown(0), bare.firstUnknown(3), bare.firstUnknown(6)]).toEqual([0, 3, -1]);
    expect(full.firstUnknown(0)).toBe(-1);
    expect(full.pieceRoot(sample.info.pieceCount)).toBeUndefined();
  });

  it('leaves out layers that are not those of the file', () => {
    const wrong = new Map([...sample.pieceLayers!].map(([root, layer]) => [root, layer.slice().fill(1, 40)]));
    const store = new MerkleStore(sample.info, wrong);
    expect(store.complete).toBe(false);
    expect(store.pieceRoot(0)).toBeUndefined();
  });

  it('takes in the roots of pieces that a peer proves, and nothing else', async () => {
    const store = new MerkleStore(sample.info);
    const request = store.layerRequest(4)!;
    expect(request).toMatchObject({ baseLayer: 2, index: 0, length: 6 });
    const answer = (await answerer(sample))(request)!;
    const lie = answer.slice();
    lie[5 * HASH_LENGTH] = lie[5 * HASH_LENGTH]! ^ 1;
    expect(store.adopt(request, lie)).toBeUndefined();
    expect(store.adopt(request, answer.subarray(HASH_LENGTH))).toBeUndefined();
    expect(store.adopt({ ...request, piecesRoot: new Uint8Array(32) }, answer)).toBeUndefined();
    expect(store.adopt({ ...request, index: 1 }, answer)).toBeUndefined();
    expect(store.pieceRoot(4)).toBeUndefined();
    expect(store.adopt(request, answer)).toEqual({ roots: [0, 1, 2, 3, 4, 5], leaves: [] });
    expect(store.complete).toBe(true);
    expect(store.layers).toEqual(sample.pieceLayers);
    expect(store.layerRequest(4)).toBeUndefined();
  });

  it('takes in the hashes of blocks, to a known root of the piece or up to that of the file', async () => {
    const answer = await answerer(sample);
    for (const layers of [undefined, sample.pieceLayers]) {
      for (const piece of [0, 4, 5, 6]) {
        const store = new MerkleStore(sample.info, layers);
        const rootless = layers === undefined && piece < 6;
        const [request] = store.leafRequests(piece);
        expect(request).toBeDefined();
        const adopted = store.adopt(request!, answer(request!)!);
        expect(adopted).toEqual({ roots: rootless ? [piece] : [], leaves: [piece] });
        const leaves = await leavesOf(sample, piece);
        expect(store.hasLeaves(piece)).toBe(true);
        expect(store.leafRequests(piece)).toEqual([]);
        for (let block = 0; block * HASH_LENGTH < leaves.length; block++) {
          const at = block * HASH_LENGTH;
          expect(store.leaf(piece, block)).toEqual(leaves.subarray(at, at + HASH_LENGTH));
        }
        expect(store.pieceRoot(piece)).toEqual(store.rootOf(piece, leaves));
        store.dropLeaves(piece);
        expect(store.leaf(piece, 0)).toBeUndefined();
        expect(store.pieceRoot(piece)).toBeDefined();
      }
    }
  });

  it('refuses hashes of blocks that are not those of the piece', async () => {
    const store = new MerkleStore(sample.info, sample.pieceLayers);
    const [request] = store.leafRequests(2);
    const lie = (await answerer(sample))(request!)!.slice();
    lie[0] = lie[0]! ^ 1;
    expect(store.adopt(request!, lie)).toBeUndefined();
    expect(store.leaf(2, 0)).toBeUndefined();
  });

  it('has the hash of the only block of a piece in that of the piece', () => {
    const store = new MerkleStore(sample.info);
    const last = sample.info.pieceCount - 1;
    expect(store.leafRequests(last)).toEqual([]);
    expect(store.leaf(last, 0)).toEqual(sample.info.files.at(-1)!.piecesRoot);
    expect(store.hasLeaves(last)).toBe(true);
  });

  it('asks for the hashes of large pieces in parts of 512, and proves each', async () => {
    const length = 17 * 1024 * KiB;
    const large = await sampleTorrent(length, 16 * 1024 * KiB, { version: 2 });
    const answer = await answerer(large);
    for (const layers of [undefined, large.pieceLayers]) {
      const store = new MerkleStore(large.info, layers);
      const requests = store.leafRequests(0);
      expect(requests.map(({ index, length: count }) => [index, count])).toEqual([
        [0, 512],
        [512, 512],
      ]);
      expect(store.adopt(requests[0]!, answer(requests[0]!)!)).toEqual({ roots: [], leaves: [0] });
      expect(store.hasLeaves(0)).toBe(false);
      expect(store.leafRequests(0)).toEqual([requests[1]]);
      const roots = layers === undefined ? [0] : [];
      expect(store.adopt(requests[1]!, answer(requests[1]!)!)).toEqual({ roots, leaves: [0] });
      expect(store.hasLeaves(0)).toBe(true);
    }
  });

  it('learns the roots of pieces that are right by another hash, once they make the file', async () => {
    const store = new MerkleStore(sample.info);
    for (const piece of [3, 1, 5, 0, 4]) {
      expect(store.claim(piece, await leavesOf(sample, piece))).toBeUndefined();
    }
    expect(store.pieceRoot(3)).toBeUndefined();
    expect(store.claim(2, await leavesOf(sample, 2))).toBe(true);
    expect(store.complete).toBe(true);
    expect(store.layers).toEqual(sample.pieceLayers);
    expect(store.claim(2, await leavesOf(sample, 2))).toBeUndefined();
    // A file of one piece has its root anyway.
    expect(new MerkleStore(sample.info).claim(6, await leavesOf(sample, 6))).toBeUndefined();
  });

  it('finds out pieces that are right by another hash and do not make the file', async () => {
    const store = new MerkleStore(sample.info);
    const answer = await answerer(sample);
    const [request] = store.leafRequests(1);
    store.adopt(request!, answer(request!)!);
    for (const piece of [0, 3, 4, 5]) store.claim(piece, await leavesOf(sample, piece));
    expect(store.claim(1, await leavesOf(sample, 1))).toBeUndefined();
    expect(store.claim(2, await leavesOf(sample, 0))).toBe(false);
    expect(store.complete).toBe(false);
  });

  it('shares what it knows between files of the same content', async () => {
    const store = new MerkleStore(twins.info);
    const answer = await answerer(twins);
    const request = store.layerRequest(3)!;
    expect(store.adopt(request, answer(request)!)?.roots.sort()).toEqual([0, 1, 2, 3]);
    expect(store.hasTwins).toBe(true);
    expect(store.twinsOf(1)).toEqual([1, 3]);
    expect([...store.twins()]).toEqual([
      [0, 2],
      [1, 3],
    ]);
    const other = new MerkleStore(sample.info);
    expect([other.hasTwins, other.twinsOf(0), [...other.twins()]]).toEqual([false, [], []]);
  });

  it('says which pieces a request is about', () => {
    const store = new MerkleStore(sample.info, sample.pieceLayers);
    const piecesRoot = sample.info.files[0]!.piecesRoot!;
    const of = (baseLayer: number, index: number, length: number): ReturnType<MerkleStore['piecesOf']> =>
      store.piecesOf({ piecesRoot, baseLayer, index, length, proofLayers: 0 });
    expect(of(2, 0, 4)).toEqual({ first: 0, last: 3 });
    expect(of(2, 4, 4)).toEqual({ first: 4, last: 5 });
    expect(of(0, 8, 8)).toEqual({ first: 2, last: 3 });
    expect(of(3, 0, 2)).toBeUndefined();
    const unknown: HashRequest = {
      piecesRoot: new Uint8Array(32),
      baseLayer: 0,
      index: 0,
      length: 2,
      proofLayers: 0,
    };
    expect(store.piecesOf(unknown)).toBeUndefined();
    expect(toHex(store.treeByRoot(piecesRoot)!.root)).toBe(toHex(piecesRoot));
  });
});
