import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { deliver, FakeSource, openStore, settled } from '../../../testing/store-fixture.ts';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { BufferPool } from './buffer-pool.ts';

const PIECE = 2 * BLOCK_LENGTH;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(6 * PIECE - 100, PIECE);
});

describe('PieceStore', () => {
  it('takes a piece from open over partial and writing to stored, readable as soon as it is verified', async () => {
    const { store, disk, pool, log } = openStore(sample);
    const source = new FakeSource(1);
    store.addSource(source);
    deliver(sample, store, source, 1, 0);
    expect(store.receivedBytes(1)).toBe(BLOCK_LENGTH);
    expect(store.isMissing(1)).toBe(true);
    deliver(sample, store, source, 1, 1);
    expect(log).toEqual(['verified 1']);
    expect(store.isWriting(1)).toBe(true);
    const wake = (): void => undefined;
    const early = store.read(1, 5, 10, wake) as Uint8Array[];
    expect(early).toEqual([sample.content.slice(PIECE + 5, PIECE + 15)]);
    await store.whenWritten();
    expect(log).toEqual(['verified 1', 'stored 1']);
    expect(pool.used).toBe(0);
    // What was read before is a copy: the buffer has gone back to the pool.
    expect(early).toEqual([sample.content.slice(PIECE + 5, PIECE + 15)]);
    const stored = new Uint8Array(PIECE);
    await disk.read(PIECE, stored);
    expect(Buffer.from(stored).equals(sample.content.subarray(PIECE, 2 * PIECE))).toBe(true);
    expect(store.idle).toBe(true);
  });

  it('tells the others who are asked for a block, and who is sending it, that it has come', () => {
    const { store } = openStore(sample);
    const [fast, asked, sending] = [new FakeSource(1), new FakeSource(2), new FakeSource(3)] as const;
    for (const source of [fast, asked, sending]) store.addSource(source);
    const partial = store.begin(0, false)!;
    partial.request(0, 0);
    partial.request(0, 0);
    partial.claim(0, sending.id);
    partial.unrequest(0);
    partial.buffer.set(sample.content.subarray(0, BLOCK_LENGTH));
    expect(store.receive(partial, 0, fast)).toBe(true);
    expect(asked.told).toEqual(['cancel 0 0']);
    expect(sending.told[0]).toBe('cancel 0 0');
    expect(fast.told).toEqual([]);
    expect(store.receive(partial, 0, sending)).toBe(false);
  });

  it('opens a piece again whose hash is wrong, and bans the only sender', async () => {
    const { store, pool, log } = openStore(sample);
    const liar = new FakeSource(7);
    store.addSource(liar);
    deliver(sample, store, liar, 2, 0, true);
    deliver(sample, store, liar, 2, 1);
    expect(log).toEqual(['failed 2']);
    expect(liar.told).toEqual(['ban: sent all of piece 2, whose hash is wrong']);
    expect(store.picker.isOpen(2)).toBe(true);
    expect(pool.used).toBe(0);
  });

  it('finds the liar among several by the good copy, after the piece is counted', async () => {
    const { store, pool, log } = openStore(sample);
    const order: string[] = [];
    const honest = new FakeSource(1);
    const liar = new (class extends FakeSource {
      override ban(reason: string): void {
        order.push(...log, `ban`);
        super.ban(reason);
      }
    })(2);
    store.addSource(honest);
    store.addSource(liar);
    deliver(sample, store, honest, 0, 0);
    deliver(sample, store, liar, 0, 1, true);
    expect(liar.told).toEqual([]);
    expect(pool.used).toBe(PIECE);
    deliver(sample, store, honest, 0, 0);
    deliver(sample, store, honest, 0, 1);
    expect(order).toEqual(['failed 0', 'verified 0', 'ban']);
    expect(honest.told.filter((line) => line.startsWith('ban'))).toEqual([]);
    await store.whenWritten();
    expect(pool.used).toBe(0);
  });

  it('opens a piece again that could not be written, and says why', async () => {
    const { store, faults, pool, log } = openStore(sample);
    const source = new FakeSource(1);
    faults.fail('write', 0, new Error('full'));
    deliver(sample, store, source, 0, 0);
    deliver(sample, store, source, 0, 1);
    expect(store.verified.get(0)).toBe(true);
    await store.whenWritten();
    expect(log).toEqual(['verified 0', 'write error: full']);
    expect(store.verified.get(0)).toBe(false);
    expect(store.picker.isOpen(0)).toBe(true);
    expect(pool.used).toBe(0);
  });

  it('does not begin piece after piece while the disk is slower than the network', async () => {
    const { store, faults, pool, log } = openStore(sample, { budget: 3 * PIECE });
    const source = new FakeSource(1);
    const release = [0, 1, 2].map((nth) => faults.hold('write', nth));
    for (let piece = 0; piece < 3; piece++) {
      expect(store.begin(piece, false)).toBeDefined();
      for (let block = 0; block < 2; block++) deliver(sample, store, source, piece, block);
    }
    expect(store.partials.size).toBe(0);
    expect(pool.used).toBe(3 * PIECE);
    // Nothing is in progress, and still there is no room.
    expect(store.begin(3, false) === undefined).toBe(true);
    release[0]!();
    await settled();
    expect(log.at(-1)).toBe('room');
    store.begin(3, false)!.request(0, 0);
    expect(store.begin(4, false) === undefined).toBe(true);
    // Somebody waits for it: up to as much again.
    for (const piece of [4, 5]) store.begin(piece, true)!.request(0, 0);
    for (const free of release) free();
    await settled();
    store.close();
    expect(pool.used).toBe(0);
  });

  it('has room for one piece that is larger than the budget, and no second one', () => {
    const { store } = openStore(sample, { budget: 100 });
    expect(store.begin(0, false)).toBeDefined();
    store.begin(0, false)!.request(0, 0);
    expect(store.begin(1, false) === undefined).toBe(true);
  });

  it('gives up what nobody works on when memory is needed, also for another torrent', () => {
    const pool = new BufferPool(3 * PIECE);
    const mine = openStore(sample, { pool });
    const other = openStore(sample, { pool });
    const source = new FakeSource(1);
    mine.store.addSource(source);
    deliver(sample, mine.store, source, 0, 0);
    mine.store.begin(1, false);
    mine.store.begin(2, false)!.request(0, 0);
    expect(mine.store.begin(3, false)).toBeDefined();
    expect([...mine.store.partials.keys()]).toEqual([0, 2, 3]);
    expect(mine.store.picker.isOpen(1)).toBe(true);
    other.store.begin(5, false)!.request(0, 0);
    other.store.begin(4, false)!.request(0, 0);
    expect([...mine.store.partials.keys()]).toEqual([2]);
    expect(source.told).toEqual(['drop 1', 'drop 3', 'drop 0']);
    mine.store.close();
    other.store.close();
    expect(pool.used).toBe(0);
  });

  it('gives up pieces in progress that are not wanted any more', () => {
    const { store, pool } = openStore(sample);
    store.begin(0, false)!.request(0, 0);
    store.begin(1, false);
    store.picker.setPriority(0, 0);
    store.dropUnwanted();
    expect([...store.partials.keys()]).toEqual([1]);
    expect(pool.used).toBe(PIECE);
    expect(store.picker.isOpen(0)).toBe(false);
    store.picker.setPriority(0, 4);
    expect(store.picker.isOpen(0)).toBe(true);
  });

  it('forgets a piece that the disk lost, but none that is on its way there', async () => {
    const { store, faults } = openStore(sample);
    const source = new FakeSource(1);
    const release = faults.hold('write', 0);
    deliver(sample, store, source, 0, 0);
    deliver(sample, store, source, 0, 1);
    expect(store.distrust(0)).toBe(false);
    release();
    await store.whenWritten();
    expect(store.distrust(0)).toBe(true);
    expect(store.distrust(0)).toBe(false);
    expect(store.picker.isOpen(0)).toBe(true);
  });

  it('gives all memory back when it is closed in the middle of everything', async () => {
    const { store, faults, pool, log } = openStore(sample);
    const [a, b] = [new FakeSource(1), new FakeSource(2)] as const;
    store.addSource(a);
    store.addSource(b);
    const release = faults.hold('write', 0);
    deliver(sample, store, a, 0, 0);
    deliver(sample, store, a, 0, 1);
    deliver(sample, store, a, 1, 0);
    deliver(sample, store, a, 2, 0, true);
    deliver(sample, store, b, 2, 1);
    const before = log.length;
    store.close();
    release();
    await settled();
    expect(pool.used).toBe(0);
    expect(log.slice(before)).toEqual([]);
  });

  it('takes a short last piece with a short last block', async () => {
    const { store, log } = openStore(sample);
    const source = new FakeSource(1);
    deliver(sample, store, source, 5, 1);
    deliver(sample, store, source, 5, 0);
    await store.whenWritten();
    expect(log).toEqual(['verified 5', 'stored 5']);
    expect(store.receivedBytes(5)).toBe(PIECE - 100);
  });
});
