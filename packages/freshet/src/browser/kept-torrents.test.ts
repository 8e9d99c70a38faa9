import { describe, expect, it } from 'vitest';
import type { KeptTorrent } from '../engine/storage/kept-torrent.ts';
import { MemoryState } from '../memory/state.ts';
import { evictionOrder, KeptTorrents, type Shelf } from './kept-torrents.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);

class MemoryShelf implements Shelf {
  readonly files = new Map<string, number>();
  async sizes(): Promise<ReadonlyMap<string, number>> {
    return new Map(this.files);
  }
  async remove(infoHash: string): Promise<boolean> {
    return this.files.delete(infoHash);
  }
}

function setUp(limit?: number) {
  const shelf = new MemoryShelf();
  const state = new MemoryState();
  let time = 1000;
  const open = (): KeptTorrents => new KeptTorrents({ shelf, state, limit, now: () => time++ });
  return { shelf, state, open, kept: open() };
}

function torrent(infoHash: string, stored: number, lastUsed: number, inUse = false): KeptTorrent {
  return { infoHash, stored, lastUsed, inUse, name: '', length: stored };
}

describe('evictionOrder', () => {
  it.each([
    ['nothing is needed', [torrent(A, 10, 1)], 0, []],
    ['the oldest is enough', [torrent(A, 10, 2), torrent(B, 10, 1)], 10, [B]],
    ['the oldest is not enough', [torrent(A, 10, 2), torrent(B, 10, 1)], 11, [B, A]],
    ['the oldest is in use', [torrent(A, 10, 2), torrent(B, 10, 1, true)], 10, [A]],
    ['all are not enough', [torrent(A, 10, 2), torrent(B, 10, 1, true)], 99, [A]],
    ['the oldest takes nothing', [torrent(A, 0, 1), torrent(B, 10, 2)], 5, [B]],
  ])('%s', (_, torrents, bytes, going) => {
    expect(evictionOrder(torrents, bytes).map(({ infoHash }) => infoHash)).toEqual(going);
  });
});

describe('KeptTorrents', () => {
  it('remembers what is kept, across runs, and what was used last comes first', async () => {
    const { shelf, kept, open } = setUp();
    await kept.open(A);
    await kept.describe(A, 'a film', 100);
    shelf.files.set(A, 60);
    await kept.open(B);
    shelf.files.set(B, 5);
    expect(await kept.list()).toEqual([
      { infoHash: B, name: '', length: 0, stored: 5, lastUsed: 1002, inUse: true },
      { infoHash: A, name: 'a film', length: 100, stored: 60, lastUsed: 1001, inUse: true },
    ]);
    const again = await open().list();
    expect(again.map(({ infoHash, name, inUse }) => [infoHash, name, inUse])).toEqual([
      [B, '', false],
      [A, 'a film', false],
    ]);
  });

  it('finds torrents that it has no record of, and forgets a record that is damaged', async () => {
    const { shelf, state, kept } = setUp();
    shelf.files.set(C, 7);
    await state.save('kept-torrents', new Uint8Array([1, 2, 3]));
    expect(await kept.list()).toEqual([
      { infoHash: C, name: '', length: 0, stored: 7, lastUsed: 0, inUse: false },
    ]);
  });

  it('makes room with what was used longest ago, and never with what is in use', async () => {
    const { shelf, kept } = setUp();
    for (const hash of [A, B, C]) {
      await kept.open(hash);
      shelf.files.set(hash, 100);
    }
    await kept.close(B);
    await kept.close(A);
    expect(await kept.makeRoom(50)).toBe(100);
    expect([...shelf.files.keys()]).toEqual([A, C]);
    expect(await kept.makeRoom(500)).toBe(100);
    expect([...shelf.files.keys()]).toEqual([C]);
    expect(await kept.makeRoom(1)).toBe(0);
  });

  it('is in use until all have closed it', async () => {
    const { shelf, kept } = setUp();
    await kept.open(A);
    await kept.open(A);
    shelf.files.set(A, 1);
    await kept.close(A);
    expect(await kept.remove(A)).toBeUndefined();
    await kept.close(A);
    expect(await kept.remove(A)).toBe(1);
    expect(await kept.remove(A)).toBeUndefined();
    expect(await kept.list()).toEqual([]);
  });

  it('holds a limit when a new torrent is known', async () => {
    const { shelf, kept } = setUp(250);
    for (const hash of [A, B]) {
      await kept.open(hash);
      shelf.files.set(hash, 100);
      await kept.close(hash);
    }
    await kept.open(C);
    await kept.describe(C, 'new', 50);
    expect([...shelf.files.keys()]).toEqual([A, B]);
    await kept.describe(C, 'new', 51);
    expect([...shelf.files.keys()]).toEqual([B]);
  });

  it('clears all that is not in use', async () => {
    const { shelf, kept } = setUp();
    await kept.open(A);
    for (const hash of [A, B, C]) shelf.files.set(hash, 10);
    expect(await kept.remove(undefined)).toBe(20);
    expect([...shelf.files.keys()]).toEqual([A]);
  });

  it('counts nothing for what another engine uses, and shows nothing of what is gone', async () => {
    const { shelf, kept } = setUp();
    await kept.open(A);
    await kept.open(B);
    for (const hash of [A, B]) shelf.files.set(hash, 10);
    await kept.close(A);
    await kept.close(B);
    const remove = shelf.remove.bind(shelf);
    shelf.remove = async (infoHash) => infoHash !== A && remove(infoHash);
    expect(await kept.makeRoom(100)).toBe(10);
    expect((await kept.list()).map(({ infoHash }) => infoHash)).toEqual([A]);
    shelf.files.clear();
    expect(await kept.list()).toEqual([]);
  });

  it('goes on after a fault of the shelf', async () => {
    const { shelf, kept } = setUp();
    shelf.files.set(A, 10);
    const broken = shelf.remove;
    shelf.remove = () => Promise.reject(new Error('a fault'));
    await expect(kept.remove(undefined)).rejects.toThrow('a fault');
    shelf.remove = broken;
    expect(await kept.remove(undefined)).toBe(10);
  });
});
