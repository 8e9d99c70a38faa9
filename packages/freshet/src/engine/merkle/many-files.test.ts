/** Torrents with very many files of at most one piece. */

import { describe, expect, it, vi } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { ListedEntry } from '../../protocol/file-entry.ts';
import {
  arrangeFiles,
  buildInfo,
  equalBytes,
  HASH_LENGTH,
  type Info,
  parseInfo,
} from '../../protocol/index.ts';
import { MerkleStore } from './merkle-store.ts';

const KiB = 1024;
const PIECE = 64 * KiB;
const COUNT = 100_000;
/** Every thousandth file has the content of the one before it. */
const STEP = 1000;

/** Unlike any other number's, and not in their order. */
function rootOf(file: number): Uint8Array {
  const root = new Uint8Array(HASH_LENGTH);
  const view = new DataView(root.buffer);
  view.setUint32(0, Math.imul(file, 2_654_435_761) >>> 0);
  view.setUint32(28, file);
  return root;
}

function manyFiles(): Info {
  const files = Array.from({ length: COUNT }, (_, i) => ({
    path: [`${1_000_000 + i}`],
    length: i % STEP < 2 ? 20_000 : 1 + (i % PIECE),
    piecesRoot: rootOf(i % STEP === 1 ? i - 1 : i),
  }));
  return parseInfo(
    buildInfo({ name: 'many', version: 2, pieceLength: PIECE, files: arrangeFiles(files, PIECE) }),
  );
}

describe('a hundred thousand files of one piece', () => {
  it('cost nothing until one is asked for, and are found by piece and by root', { timeout: 20_000 }, () => {
    const info = manyFiles();
    const roots = vi.spyOn(ListedEntry.prototype, 'piecesRoot', 'get');
    const start = performance.now();
    const store = new MerkleStore(info);
    expect([store.complete, store.firstUnknown(0), store.layers.size]).toEqual([true, -1, 0]);
    expect(store.claim(5, new Uint8Array(HASH_LENGTH))).toBeUndefined();
    expect(store.layerRequest(5)).toBeUndefined();
    // Nobody has looked at any root, let alone made something for it.
    expect(roots).not.toHaveBeenCalled();
    roots.mockRestore();

    let right = 0;
    for (let piece = 0; piece < COUNT; piece += 7) {
      const root = info.fileOfPiece(piece)!.piecesRoot!;
      const known = store.pieceRoot(piece);
      const tree = store.treeByRoot(root);
      const first = piece % STEP === 1 ? piece - 1 : piece;
      if (known && equalBytes(known, root) && tree?.first === first && tree.pieceCount === 1) right++;
    }
    expect(right).toBe(Math.ceil(COUNT / 7));
    expect(store.pieceRoot(COUNT)).toBeUndefined();
    expect(store.treeByRoot(rootOf(COUNT))).toBeUndefined();

    expect(store.hasTwins).toBe(true);
    expect([...store.twins()].length).toBe(COUNT / STEP);
    expect([store.twinsOf(3 * STEP + 1), store.twinsOf(3 * STEP + 2)]).toEqual([[3000, 3001], []]);
    // Tens of milliseconds, where a tree for each file took hundreds.
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe('files of one piece and the same content', () => {
  const files = Array.from({ length: 200 }, (_, i) => ({ path: [`${1000 + i}`], length: 40 * KiB }));
  const same = (): Promise<SampleTorrent> =>
    sampleTorrent(0, PIECE, {
      files,
      version: 2,
      write: (content) => {
        for (let i = 1; i < files.length; i++) content.copyWithin(i * PIECE, 0, 40 * KiB);
      },
    });

  it('share the hashes of their blocks, and drop them together', async () => {
    const sample = await same();
    const store = new MerkleStore(sample.info);
    const [request] = store.leafRequests(150);
    const adopted = store.adopt(request!, (await answerer(sample))(request!)!);
    expect(adopted?.leaves).toEqual(files.map((_, i) => i));
    expect([store.hasLeaves(0), store.hasLeaves(199), store.leafRequests(7)]).toEqual([true, true, []]);
    expect(store.leaf(3, 2)).toEqual(store.leaf(150, 2));
    expect(store.leaf(3, 2)).toBeDefined();
    store.dropLeaves(42);
    expect([store.hasLeaves(0), store.hasLeaves(150)]).toEqual([false, false]);
    expect(store.leafRequests(150)).toEqual([request]);
  });

  it('are downloaded about once, however many they are', async () => {
    const swarm = new MemorySwarm(await same());
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 400 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.stats().received.memory).toBeLessThan((files.length * 40 * KiB) / 2);
    await swarm.close();
  });
});
