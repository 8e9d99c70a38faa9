import { describe, expect, it } from 'vitest';
import { MemorySwarm, sampleTorrent } from '../../testing/memory-swarm.ts';
import { MemoryFileStore } from '../memory/index.ts';
import { openMappedDisk } from './storage/mapped-disk.ts';

const PIECE = 32_768;

describe('files that somebody else changes', () => {
  it('are noticed within a round, and only what is in them is verified and fetched again', async () => {
    const files = [
      { path: ['a'], length: 10 * PIECE },
      { path: ['b'], length: 10 * PIECE },
    ];
    const sample = await sampleTorrent(20 * PIECE, PIECE, { files });
    const swarm = new MemorySwarm(sample);
    const seed = await swarm.add({ seed: true });
    const store = new MemoryFileStore();
    const { info, infoHash } = sample;
    const member = await swarm.add({
      spec: { openDisk: async () => openMappedDisk({ info, infoHash, store, maxOpenFiles: 1 }) },
    });
    swarm.introduce(member, seed);
    await swarm.until(() => member.torrent.done, 60_000);
    await swarm.clock.advanceAsync(30_000);
    expect(member.log.warnings).toEqual([]);
    expect(member.torrent.verified!.isFull).toBe(true);

    // Behind the disk's back, in the middle of piece 13.
    const path = info.files[1]!.path;
    store.overwrite(path, 3 * PIECE + 100, Uint8Array.of(1, 2, 3));
    const before = member.torrent.stats().received.memory;
    await swarm.until(() => member.log.warnings.length > 0, 11_000);
    expect(member.log.warnings[0]!.message).toContain('changed or removed by another program');
    await swarm.until(() => !member.torrent.verified!.isFull, 5_000);
    expect(member.torrent.verified!.count).toBe(19);
    await swarm.until(() => member.torrent.done && member.torrent.verified!.isFull, 60_000);
    const again = member.torrent.stats().received.memory - before;
    expect(again).toBeGreaterThanOrEqual(PIECE);
    expect(again).toBeLessThanOrEqual(2 * PIECE);
    const bytes = new Uint8Array(PIECE);
    store.peek(path).read(3 * PIECE, bytes);
    expect(Buffer.from(bytes).equals(sample.content.subarray(13 * PIECE, 14 * PIECE))).toBe(true);
    // Told once, and our own writing is no change.
    await swarm.clock.advanceAsync(60_000);
    expect(member.log.warnings).toHaveLength(1);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });
});
