import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { deliver, FakeSource, openStore, settled } from '../../../testing/store-fixture.ts';
import { MemoryDisk, MemoryHasher, MemoryState, SeededRandom } from '../../memory/index.ts';
import { Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import { decodeResume } from '../storage/resume.ts';
import { BufferPool } from './buffer-pool.ts';
import { PiecePicker } from './picker.ts';
import { PieceStore } from './piece-store.ts';
import { ReadCache } from './read-cache.ts';

const BLOCKS = 40;
const PIECE = BLOCKS * BLOCK_LENGTH;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(3 * PIECE - 1000, PIECE);
});

/** A store over the same disk, as after a restart. */
function reopen(disk: MemoryDisk, kept: ReadonlyMap<number, Uint8Array>) {
  const log: string[] = [];
  const store = new PieceStore({
    info: sample.info,
    verified: new Bitfield(3),
    picker: () => new PiecePicker(3, new SeededRandom(5), 'sequential'),
    disk,
    hasher: new MemoryHasher(),
    pool: new BufferPool(64 * 1024 * 1024),
    cache: new ReadCache(0),
    kept,
    events: {
      onVerified: (piece) => log.push(`verified ${piece}`),
      onStored: (piece) => log.push(`stored ${piece}`),
      onHashFailed: (piece) => log.push(`failed ${piece}`),
      onWriteError: (error) => log.push(`write error: ${error.message}`),
      onRoom: () => log.push('room'),
    },
  });
  return { store, log };
}

describe('KeptBlocks', () => {
  it('stores what has come of a piece, and the rest alone completes it', async () => {
    const first = openStore(sample);
    const source = new FakeSource(1);
    first.store.addSource(source);
    const early = [0, 1, 2, 17, 18, 39];
    for (const block of early) deliver(sample, first.store, source, 0, block);
    deliver(sample, first.store, source, 2, BLOCKS - 1);
    expect(await first.store.kept.store(first.store.partials.values(), false)).toBe(true);
    const kept = first.store.kept.snapshot();
    expect([...kept.keys()].sort()).toEqual([0, 2]);
    // Nothing new: nothing is written again.
    const written = first.faults.count('write');
    expect(await first.store.kept.store(first.store.partials.values(), false)).toBe(false);
    expect(first.faults.count('write')).toBe(written);
    first.store.close();

    const { store, log } = reopen(first.disk, kept);
    const other = new FakeSource(2);
    store.addSource(other);
    store.resumeKept();
    const partial = store.partials.get(0)!;
    // Not asked of anybody while they are being read.
    expect(partial.firstFree()).toBe(3);
    await settled();
    expect(partial.receivedBlocks).toBe(early.length);
    expect(store.receivedBytes(2)).toBe(BLOCK_LENGTH - 1000);
    for (let block = 0; block < BLOCKS; block++)
      if (!early.includes(block)) deliver(sample, store, other, 0, block);
    await store.whenWritten();
    expect(log).toContain('stored 0');
    expect(store.kept.has(0)).toBe(false);
    const bytes = new Uint8Array(PIECE);
    await first.disk.read(0, bytes);
    expect(Buffer.from(bytes).equals(sample.content.subarray(0, PIECE))).toBe(true);
  });

  it('does not blame anybody for what the disk has garbled, and gets the piece anew', async () => {
    const disk = new MemoryDisk({ length: sample.content.length });
    await disk.write(0, [new Uint8Array(PIECE).fill(7)]);
    const { store, log } = reopen(disk, new Map([[0, Uint8Array.of(0xf0, 0, 0, 0, 0)]]));
    const [one, two] = [new FakeSource(1), new FakeSource(2)];
    store.addSource(one);
    store.addSource(two);
    store.resumeKept();
    await settled();
    for (let block = 4; block < BLOCKS; block++) deliver(sample, store, one, 0, block);
    await settled();
    expect(log).toContain('failed 0');
    expect(store.kept.has(0)).toBe(false);
    for (let block = 0; block < BLOCKS; block++) deliver(sample, store, two, 0, block);
    await store.whenWritten();
    expect(log).toContain('verified 0');
    expect([...one.told, ...two.told].filter((told) => told.startsWith('ban'))).toEqual([]);
  });

  it('fetches blocks that are not there after all, or whose bitmap is nonsense', async () => {
    const disk = new MemoryDisk({ length: sample.content.length });
    await disk.write(0, [sample.content.subarray(0, BLOCK_LENGTH)]);
    const { store } = reopen(
      disk,
      new Map([
        [0, Uint8Array.of(0xff)],
        [1, new Uint8Array(0)],
      ]),
    );
    store.resumeKept();
    await settled();
    expect(store.partials.get(0)!.receivedBlocks).toBe(1);
    expect(store.partials.get(0)!.freeBlocks).toBe(BLOCKS - 1);
    expect(store.partials.get(1)!.freeBlocks).toBe(BLOCKS);
  });

  it('keeps a piece out of a sweep unless it was in progress at the one before', async () => {
    const { store } = openStore(sample);
    const source = new FakeSource(1);
    deliver(sample, store, source, 0, 0);
    expect(await store.kept.store(store.partials.values(), true)).toBe(false);
    deliver(sample, store, source, 1, 0);
    expect(await store.kept.store(store.partials.values(), true)).toBe(true);
    expect([...store.kept.pieces]).toEqual([0]);
  });

  it('writes a verified piece after, not under, an older copy that is still on its way', async () => {
    const { store, disk, faults } = openStore(sample);
    const source = new FakeSource(1);
    store.addSource(source);
    for (let block = 0; block < BLOCKS; block++) deliver(sample, store, source, 0, block, block === 1);
    // The wrong copy was being stored when it failed.
    const again = openStore(sample, { disk });
    again.store.addSource(source);
    deliver(sample, again.store, source, 0, 0, true);
    const storing = again.store.kept.store(again.store.partials.values(), false);
    again.store.abandon(again.store.partials.get(0)!);
    again.store.kept.forget(0);
    const honest = new FakeSource(2);
    again.store.addSource(honest);
    for (let block = 0; block < BLOCKS; block++) deliver(sample, again.store, honest, 0, block);
    await storing;
    await again.store.whenWritten();
    const bytes = new Uint8Array(BLOCK_LENGTH);
    await disk.read(0, bytes);
    expect(Buffer.from(bytes).equals(sample.content.subarray(0, BLOCK_LENGTH))).toBe(true);
    expect(again.store.kept.has(0)).toBe(false);
    expect(faults.count('write')).toBeGreaterThan(0);
  });
});

describe('unfinished pieces over a restart', () => {
  it('are not downloaded again', async () => {
    const swarm = new MemorySwarm(await sampleTorrent(4 * 1024 * 1024, 1024 * 1024));
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200_000 } });
    const state = new MemoryState();
    const disk = new MemoryDisk({ length: swarm.sample.content.length });
    const first = await swarm.add({ disk, spec: { state } });
    swarm.introduce(first, seed);
    await swarm.until(() => first.torrent.stats().received.memory > 500_000, 60_000);
    const before = first.torrent.stats().received.memory;
    expect(first.torrent.verified?.count ?? 0).toBeLessThan(2);
    // Closes the disk too, so the second one gets a copy of what is in it.
    const copy = new MemoryDisk({ length: swarm.sample.content.length });
    const bytes = new Uint8Array(swarm.sample.content.length);
    first.torrent.pause();
    await swarm.clock.advanceAsync(100);
    await disk.read(0, bytes);
    await copy.write(0, [bytes]);
    const closing = first.engine.close();
    await swarm.clock.advanceAsync(1000);
    await closing;

    const second = await swarm.add({ disk: copy, spec: { state } });
    swarm.introduce(second, seed);
    await swarm.until(() => second.torrent.done, 120_000);
    const { received, hashFailures } = second.torrent.stats();
    expect(hashFailures).toBe(0);
    // Up to what was on its way when it was paused, each byte came once.
    expect(received.memory + before).toBeLessThan(swarm.sample.content.length + 3 * BLOCK_LENGTH);
    expect(await swarm.hasContent(second)).toBe(true);
    await swarm.close();
  });

  it('are stored now and then while they are on their way', async () => {
    const swarm = new MemorySwarm(await sampleTorrent(4 * 1024 * 1024, 4 * 1024 * 1024));
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 30_000 } });
    const state = new MemoryState();
    const member = await swarm.add({ spec: { state } });
    swarm.introduce(member, seed);
    await swarm.clock.advanceAsync(65_000);
    const saved = decodeResume((await state.load(member.torrent.infoHashHex))!)!;
    const blocks = saved.partial!.get(0)!;
    const count = [...blocks].reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    expect(count * BLOCK_LENGTH).toBeGreaterThan(1_000_000);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });
});
