/** Many files, and many bytes: what must not cost by the file, and offsets beyond 32 and 40 bits. */

import { describe, expect, it } from 'vitest';
import { MemorySwarm, sampleTorrent } from '../../testing/memory-swarm.ts';
import { FaultPlan, MemoryDisk, MemoryFileStore, MemoryHasher, MemoryState } from '../memory/index.ts';
import { buildInfo, infoHashFromBytes, parseInfo } from '../protocol/index.ts';
import { checkPieces } from './storage/check.ts';
import { openMappedDisk } from './storage/mapped-disk.ts';
import { decodeResume } from './storage/resume.ts';

const TIB = 2 ** 40;

/** Work that waits for no clock is over. */
async function idle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a torrent with 100,000 files', () => {
  it('is downloaded, remembered and checked, and looks at a file again only when it was written to', async () => {
    const files = Array.from({ length: 100_000 }, (_, i) => ({
      path: [`d${i % 300}`, `${i}`],
      length: 20 + (i % 30),
    }));
    const length = files.reduce((sum, file) => sum + file.length, 0);
    const sample = await sampleTorrent(length, 65_536, { files });
    const swarm = new MemorySwarm(sample);
    const seed = await swarm.add({ seed: true });
    const faults = new FaultPlan();
    const store = new MemoryFileStore({ faults });
    const state = new MemoryState();
    const openDisk = async () => openMappedDisk({ info: sample.info, infoHash: sample.infoHash, store });
    const member = await swarm.add({ spec: { openDisk, state }, engine: { downloadLimit: 400_000 } });
    swarm.introduce(member, seed);
    // The first look is at all of them: they are missing.
    await swarm.until(() => member.torrent.state === 'active', 10_000);
    expect(faults.count('stat')).toBeLessThan(100_100);

    await swarm.until(() => member.torrent.done, 60_000);
    await swarm.clock.advanceAsync(90_000);
    await idle();
    // The record has megabytes, so it is not written every five seconds.
    const stats = faults.count('stat');
    expect(stats).toBeLessThan(320_000);
    expect(store.handles.most).toBeLessThanOrEqual(64);
    const saved = decodeResume((await state.load(member.torrent.infoHashHex))!)!;
    expect(saved.verified?.isFull).toBe(true);
    expect(saved.fingerprints).toHaveLength(100_000);

    // Idle: sixteen files are looked at every ten seconds, whatever their number.
    for (let i = 0; i < 10; i++) {
      await swarm.clock.advanceAsync(10_000);
      await idle();
    }
    expect(faults.count('stat') - stats).toBeLessThanOrEqual(11 * 16);

    // All and nothing, in a row, and back.
    const none = files.map(() => 0);
    const all = files.map(() => 4);
    for (let i = 0; i < 5; i++) {
      member.torrent.setFilePriorities(none);
      member.torrent.setFilePriorities(all);
    }
    expect(member.torrent.done).toBe(true);

    const again = openMappedDisk({ info: sample.info, infoHash: sample.infoHash, store });
    let told = 0;
    await swarm.close();
    const read = faults.count('read');
    const { verified, hashedPieces } = await checkPieces({
      info: sample.info,
      disk: again,
      hasher: new MemoryHasher(),
      resume: saved,
      cancelled: () => false,
      onProgress: () => told++,
    });
    expect(verified.isFull).toBe(true);
    expect(hashedPieces).toBe(0);
    expect(faults.count('read')).toBe(read);
    expect(told).toBe(1);
    await again.close();
  }, 60_000);
});

describe('a torrent of 4 TiB', () => {
  const pieceLength = 16 * 2 ** 20;
  const files = [
    { path: ['first'], length: TIB + 7 },
    { path: ['middle'], length: 2 * TIB - 1000 },
    { path: ['last'], length: TIB + 993 },
  ];
  const length = 4 * TIB;
  const pieceCount = length / pieceLength;

  it('is parsed and opened, and gets its last pieces where they belong', async () => {
    const hasher = new MemoryHasher();
    // Pieces of zeros, but for the last and for the ones around 2^32 and 2^40.
    const special = [256, 65_536, pieceCount - 2, pieceCount - 1];
    const bytesOf = (piece: number): Uint8Array =>
      special.includes(piece)
        ? new Uint8Array(pieceLength).fill(special.indexOf(piece) + 1)
        : new Uint8Array(pieceLength);
    const zeros = await hasher.sha1(new Uint8Array(pieceLength));
    const pieces = new Uint8Array(20 * pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) pieces.set(zeros, 20 * piece);
    for (const piece of special) pieces.set(await hasher.sha1(bytesOf(piece)), 20 * piece);
    const infoBytes = buildInfo({ name: 'huge', pieceLength, files, pieces });
    const info = parseInfo(infoBytes);
    expect(info.length).toBe(length);
    expect(info.pieceCount).toBe(262_144);

    const sample = { ...(await sampleTorrent(1000, 16_384)), info, infoBytes };

    const infoHash = infoHashFromBytes(await hasher.sha1(infoBytes))!;
    const swarm = new MemorySwarm({ ...sample, infoHash });
    const source = new MemoryDisk({ length });
    for (const piece of special) await source.write(piece * pieceLength, [bytesOf(piece)]);
    const seed = await swarm.add({ disk: source, spec: { skipCheck: true } });
    const store = new MemoryFileStore();
    const openDisk = async () => openMappedDisk({ info, infoHash, store });
    const member = await swarm.add({ spec: { openDisk, filePriorities: () => [0, 0, 0] } });
    await swarm.until(() => member.torrent.state === 'active', 10_000);
    for (const piece of special) member.torrent.selectPieces(piece, piece, 7);
    swarm.introduce(member, seed);
    await swarm.until(() => member.torrent.done, 600_000);
    expect([...member.torrent.verified!.indexes()]).toEqual(special);
    member.torrent.setFilePriorities([1, 0, 1]);
    await swarm.close();
    // As files: the last one from its beginning, the first one with a hole.
    const disk = openMappedDisk({ info, infoHash, store, wanted: [true, false, true] });
    const end = new Uint8Array(16);
    expect(await disk.read(length - 16, end)).toBe(16);
    expect([...end]).toEqual(new Array(16).fill(4));
    for (const piece of special) {
      expect(await disk.read(piece * pieceLength, end)).toBe(16);
      expect([...end]).toEqual(new Array(16).fill(special.indexOf(piece) + 1));
    }
    await disk.close();
    expect((await store.stat(['huge', 'last'])).size).toBe(TIB + 993);
    expect((await store.stat(['huge', 'first'])).size).toBe(65_536 * pieceLength + 7);
  }, 60_000);
});
