import { describe, expect, it } from 'vitest';
import { sampleTorrent } from '../../../testing/memory-swarm.ts';
import { FaultPlan, MemoryDisk, MemoryFileStore, MemoryHasher, SeededRandom } from '../../memory/index.ts';
import { Bitfield } from '../../protocol/index.ts';
import { MerkleStore } from '../merkle/merkle-store.ts';
import { type Disk, DiskError } from '../ports.ts';
import { type CheckOptions, checkPieces } from './check.ts';
import { type HashedLayout, hashPieces } from './hash-pieces.ts';
import type { LayoutFile } from './layout.ts';
import { openMappedDisk } from './mapped-disk.ts';
import type { ResumeData } from './resume.ts';

const PIECE = 1000;
const hasher = new MemoryHasher();
const infoHash = new Uint8Array(20);

/** A torrent of version 1, before it is hashed. */
function layout(length: number, pieceLength: number): HashedLayout {
  const pieceCount = Math.ceil(length / pieceLength);
  return {
    length,
    pieceLength,
    pieceCount,
    hasV1: true,
    hasV2: false,
    dataLength: (index) => Math.min(pieceLength, length - index * pieceLength),
    fileOfPiece: () => undefined,
    files: [],
  };
}

/** `lengths`: negative is a pad file. */
async function torrent(
  lengths: readonly number[],
): Promise<{ info: CheckOptions['info']; data: Uint8Array }> {
  let length = 0;
  const files: LayoutFile[] = lengths.map((size, i) => {
    const file = { path: [`f${i}`], length: Math.abs(size), offset: length, padding: size < 0 };
    length += file.length;
    return file;
  });
  const data = new Uint8Array(length);
  new SeededRandom(1).fill(data);
  for (const file of files) if (file.padding) data.fill(0, file.offset, file.offset + file.length);
  const draft = layout(length, PIECE);
  const { pieces } = await hashPieces({
    info: draft,
    read: async (offset, into) => {
      into.set(data.subarray(offset, offset + into.length));
      return into.length;
    },
    hasher,
    cancelled: () => false,
    onProgress: () => {},
  });
  const info = {
    length,
    pieceLength: PIECE,
    pieceCount: Math.ceil(length / PIECE),
    files,
    dataLength: draft.dataLength,
    pieceHash: (index: number) => pieces?.subarray(20 * index, 20 * index + 20),
  };
  return { info, data };
}

async function check(
  info: CheckOptions['info'],
  disk: Disk,
  resume?: Pick<ResumeData, 'verified' | 'fingerprints'>,
  more: Partial<CheckOptions> = {},
) {
  const progress: [number, number][] = [];
  const result = await checkPieces({
    info,
    disk,
    hasher,
    resume,
    cancelled: () => false,
    onProgress: (checked, total) => progress.push([checked, total]),
    ...more,
  });
  return { ...result, pieces: [...result.verified.indexes()], progress };
}

async function remember(info: CheckOptions['info'], disk: Disk, pieces: readonly number[]) {
  const verified = new Bitfield(info.pieceCount);
  for (const piece of pieces) verified.set(piece);
  return { verified, fingerprints: await disk.fingerprints() };
}

describe('checkPieces', () => {
  it('finds nothing in an empty folder, without reading', async () => {
    const { info } = await torrent([2500, 700, 1800]);
    const faults = new FaultPlan();
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore({ faults }) });
    const result = await check(info, disk);
    expect(result.pieces).toEqual([]);
    expect([result.hashedPieces, faults.count('open'), faults.count('read')]).toEqual([0, 0, 0]);
    expect(result.progress.at(-1)).toEqual([5, 5]);
  });

  it('finds what is right and not what is wrong or missing', async () => {
    const { info, data } = await torrent([2500, 700, -300, 1801]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data.subarray(0, 3200)]);
    await disk.write(4200, [data.subarray(4200)]);
    await disk.write(1500, [Uint8Array.of(data[1500]! ^ 1)]);
    const result = await check(info, disk);
    // Piece 3 is file 1 with the pad and a hole, piece 4 ends where piece 5 of one byte begins.
    expect(result.pieces).toEqual([0, 2, 5]);
    expect(result.changedFiles).toEqual([]);
    await disk.write(3200, [data.subarray(3200)]);
    expect((await check(info, disk)).pieces).toEqual([0, 2, 3, 4, 5]);
  });

  it('trusts what is remembered of files that have not changed, good and bad', async () => {
    const { info, data } = await torrent([2500, 700, 1800]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data]);
    const result = await check(info, disk, await remember(info, disk, [0, 1, 3]));
    expect(result.pieces).toEqual([0, 1, 3]);
    expect(result.hashedPieces).toBe(0);
    expect(result.progress).toEqual([[5, 5]]);
  });

  it('believes that a piece is missing only where files have a time of modification', async () => {
    const { info, data } = await torrent([2500, 700, 1800]);
    const store = new MemoryFileStore({ time: () => 0 });
    const disk = openMappedDisk({ info, infoHash, store });
    await disk.write(0, [data]);
    // As OPFS has none, pieces that came after the last save would be downloaded a second time.
    const result = await check(info, disk, await remember(info, disk, [0, 1, 3]));
    expect(result.pieces).toEqual([0, 1, 2, 3, 4]);
    expect(result.hashedPieces).toBe(2);
  });

  it('hashes the pieces of a file again that has changed, and only those', async () => {
    const { info, data } = await torrent([2500, 700, 1800]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data]);
    const resume = await remember(info, disk, [0, 1, 2, 3, 4]);
    await disk.write(2600, [Uint8Array.of(data[2600]! ^ 1)]);
    const result = await check(info, disk, resume);
    expect(result.changedFiles).toEqual([1]);
    // File 1 touches the pieces 2 and 3.
    expect(result.hashedPieces).toBe(2);
    expect(result.pieces).toEqual([0, 1, 3, 4]);
  });

  it('sees that files have gone', async () => {
    const { info, data } = await torrent([2500, 700, 1800]);
    const store = new MemoryFileStore();
    const disk = openMappedDisk({ info, infoHash, store });
    await disk.write(0, [data]);
    const resume = await remember(info, disk, [0, 1, 2, 3, 4]);
    await disk.close();
    await store.remove(['f0']);
    const result = await check(info, openMappedDisk({ info, infoHash, store }), resume);
    expect(result.changedFiles).toEqual([0]);
    expect(result.pieces).toEqual([3, 4]);
  });

  it('ignores what is remembered of another torrent', async () => {
    const { info, data } = await torrent([2500]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data]);
    const fingerprints = await disk.fingerprints();
    const all = await check(info, disk, { verified: new Bitfield(4), fingerprints });
    expect([all.hashedPieces, all.pieces]).toEqual([3, [0, 1, 2]]);
    const files = await check(info, disk, { verified: new Bitfield(3), fingerprints: [] });
    expect(files.hashedPieces).toBe(3);
    expect((await check(info, disk, { verified: new Bitfield(3) })).hashedPieces).toBe(3);
  });

  it('hashes what lies in the parts file again, because nothing tells whether that has changed', async () => {
    const { info, data } = await torrent([2500, 700, 1800]);
    const store = new MemoryFileStore();
    const wanted = [true, false, false];
    const disk = openMappedDisk({ info, infoHash, store, wanted });
    await disk.write(0, [data]);
    const resume = await remember(info, disk, [0, 1, 2]);
    await disk.close();
    const again = openMappedDisk({ info, infoHash, store, wanted });
    const kept = await check(info, again, resume);
    expect([kept.hashedPieces, kept.pieces]).toEqual([1, [0, 1, 2]]);
    await again.close();
    await store.remove([`.freshet-${'00'.repeat(20)}.parts`]);
    const lost = await check(info, openMappedDisk({ info, infoHash, store, wanted }), resume);
    expect(lost.pieces).toEqual([0, 1]);
    expect(store.paths()).toEqual(['f0']);
  });

  it('takes all for good when told to', async () => {
    const { info } = await torrent([2500]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    const result = await check(info, disk, undefined, { skipVerify: true });
    expect([result.pieces, result.hashedPieces]).toEqual([[0, 1, 2], 0]);
    expect(result.progress).toEqual([[3, 3]]);
  });

  it('stops when it is cancelled', async () => {
    const { info, data } = await torrent([50_000]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data]);
    let asked = 0;
    const result = await check(info, disk, undefined, { cancelled: () => ++asked > 20 });
    expect(result.hashedPieces).toBeGreaterThan(0);
    expect(result.hashedPieces).toBeLessThan(20);
    expect(result.verified.count).toBe(result.hashedPieces);
  });

  it('rejects with the fault of the storage, after the other reads have ended', async () => {
    const { info, data } = await torrent([50_000]);
    const faults = new FaultPlan();
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore({ faults }) });
    await disk.write(0, [data]);
    faults.fail('read', 5, new Error('EIO'));
    const error: unknown = await check(info, disk).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DiskError);
    expect((error as DiskError).path).toBe('f0');
    expect(faults.fired).toBe(1);
    const reads = faults.count('read');
    await disk.flush();
    expect(faults.count('read')).toBe(reads);
  });

  it('tells its progress after each piece', async () => {
    const { info, data } = await torrent([3000, 2000]);
    const disk = openMappedDisk({ info, infoHash, store: new MemoryFileStore() });
    await disk.write(0, [data.subarray(0, 3000)]);
    expect((await check(info, disk)).progress).toEqual([
      [3, 5],
      [4, 5],
      [5, 5],
    ]);
  });
});

describe('checkPieces of version 2', () => {
  const files = [
    { path: ['a'], length: 100_000 },
    { path: ['b'], length: 50_000 },
  ];

  it.each([2, 'hybrid'] as const)('holds pieces to the trees of the files (version %s)', async (version) => {
    const sample = await sampleTorrent(0, 32_768, { files, version });
    const disk = new MemoryDisk({ length: sample.info.length, files: sample.info.files });
    await disk.write(0, [sample.content]);
    await disk.write(32_768 + 5, [Uint8Array.of(sample.content[32_768 + 5]! ^ 1)]);
    const hashes = new MerkleStore(sample.info, sample.pieceLayers);
    const result = await check(sample.info, disk, undefined, { hashes });
    expect([...result.verified.indexes()]).toEqual([0, 2, 3, 4, 5]);
    expect(result.unjudged).toEqual([]);
  });

  it('says which pieces are stored that nobody can judge before their hashes have come', async () => {
    const sample = await sampleTorrent(0, 32_768, {
      files: [...files, { path: ['c'], length: 10 }],
      version: 2,
    });
    const disk = new MemoryDisk({ length: sample.info.length, files: sample.info.files });
    await disk.write(0, [sample.content]);
    const result = await check(sample.info, disk, undefined, { hashes: new MerkleStore(sample.info) });
    // A file of one piece has the root of it in its own.
    expect([...result.verified.indexes()]).toEqual([6]);
    expect(result.unjudged).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('hashPieces', () => {
  it('rejects when a file has become shorter', async () => {
    const promise = hashPieces({
      info: layout(5000, PIECE),
      read: async (offset, into) => Math.max(0, Math.min(into.length, 2500 - offset)),
      hasher,
      cancelled: () => false,
      onProgress: () => {},
    });
    await expect(promise).rejects.toThrow(
      'A file changed while it was read: nothing is at byte 2500 of 5000.',
    );
  });

  it('has several pieces in flight, but not more memory than 32 MiB', async () => {
    for (const [pieceLength, expected] of [
      [1000, 4],
      [16 * 1024 * 1024, 2],
      [40 * 1024 * 1024, 1],
    ] as const) {
      let running = 0;
      let most = 0;
      await hashPieces({
        info: layout(pieceLength * 5, pieceLength),
        read: async (_offset, into) => {
          most = Math.max(most, ++running);
          await Promise.resolve();
          running--;
          return into.length;
        },
        hasher: {
          sha1: async () => new Uint8Array(20),
          prefixSha1: (buffer) => hasher.prefixSha1(buffer),
          sha256: (data, done) => hasher.sha256(data, done),
        },
        cancelled: () => false,
        onProgress: () => {},
      });
      expect(most).toBe(expected);
    }
  });

  it('ends early when it is cancelled, and hashes nothing of nothing', async () => {
    let read = 0;
    const base = {
      read: async (_offset: number, into: Uint8Array) => {
        read++;
        return into.length;
      },
      hasher,
      onProgress: () => {},
    };
    await hashPieces({ ...base, info: layout(100_000, PIECE), cancelled: () => read >= 10 });
    expect(read).toBeLessThan(20);
    const nothing = await hashPieces({ ...base, info: layout(0, PIECE), cancelled: () => false });
    expect(nothing).toEqual({ pieces: new Uint8Array(0), pieceRoots: undefined });
  });
});
