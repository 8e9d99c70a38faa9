import { sampleTorrent, writeFilm } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { World } from '../world.ts';
import { phantomContent } from './phantom.ts';

const LENGTH = 1_234_567;
const PIECE = 65_536;

describe('phantom content', () => {
  it.each([1, 2, 'hybrid'] as const)('has the hashes that real bytes have (version %s)', async (version) => {
    for (const moov of ['first', 'last'] as const) {
      const film = { seconds: 10, moov };
      const write = (bytes: Uint8Array): void => writeFilm(bytes.fill(0), film);
      const sample = await sampleTorrent(LENGTH, PIECE, { version, write });
      const phantom = await phantomContent({
        length: LENGTH,
        pieceLength: PIECE,
        version,
        film,
        name: 'sample',
      });
      expect(phantom.hashes).toEqual(sample.hashes);
      expect(phantom.infoBytes).toEqual(sample.infoBytes);
      expect(phantom.pieceLayers).toEqual(sample.pieceLayers);
      for (const [offset, length] of [
        [0, 100],
        [30, 70_000],
        [LENGTH - 50_000, 50_000],
        [3, LENGTH - 3],
      ] as const) {
        const right = sample.content.subarray(offset, offset + length);
        expect(Buffer.compare(phantom.bytes(offset, length), right)).toBe(0);
      }
    }
  });

  it.each([1, 2, 'hybrid'] as const)(
    'is downloaded by a swarm of real engines (version %s)',
    async (version) => {
      const film = { seconds: 20, moov: 'first' } as const;
      const content = await phantomContent({ length: 2_500_000, pieceLength: PIECE, version, film });
      const world = new World({ seed: 1 });
      const seed = world.peer({ content, seed: true });
      const others = [1, 2, 3].map(() => world.peer({ content }));
      for (const peer of others)
        for (const other of [seed, ...others]) if (other !== peer) world.introduce(peer, other);
      const done = (): boolean => others.every(({ log }) => log.doneAt !== undefined);
      expect(await world.run({ until: done, limit: 60_000 })).toBe(true);
      const pieces = [...Array(content.info.pieceCount).keys()];
      for (const { disk, log } of others) {
        expect(await content.isRight(disk, pieces)).toBe(true);
        expect(log.errors).toEqual([]);
      }
      await world.close();
      expect(content.intact).toBe(true);
    },
  );

  it('gives all engines the same memory', async () => {
    const content = await phantomContent({ length: 40 * PIECE, pieceLength: PIECE });
    const disks = [content.createDisk(true), content.createDisk(false)];
    const [one, other] = disks.map((disk) => disk.lend?.(PIECE, PIECE));
    expect(one?.buffer).toBe(other?.buffer);
    expect(one).toHaveLength(PIECE);
    expect(disks[0]!.lend?.(5 * PIECE, 7)?.buffer).toBe(one?.buffer);
    // A byte has the same place in each view that it is in, so that nobody need copy it from one to another.
    const whole = disks[0]!.lend!(4 * PIECE, 2 * PIECE)!;
    expect(disks[1]!.lend!(5 * PIECE, PIECE)!.byteOffset).toBe(whole.byteOffset + PIECE);
    expect(disks[0]!.lend!(4 * PIECE, 2 * PIECE)).toBe(whole);
  });

  it('knows what a disk has', async () => {
    const content = await phantomContent({
      length: 100_000,
      pieceLength: PIECE,
      film: { seconds: 1, moov: 'first' },
    });
    const disk = content.createDisk(false);
    expect(await disk.fingerprints()).toEqual([{ size: -1, modified: 0 }]);
    expect(await disk.read(0, new Uint8Array(100))).toBe(0);
    await disk.write(0, [content.bytes(0, 20_000), content.bytes(20_000, PIECE - 20_000)]);
    const into = new Uint8Array(100_000);
    expect(await disk.read(0, into)).toBe(PIECE);
    expect(Buffer.compare(into.subarray(0, PIECE), content.bytes(0, PIECE))).toBe(0);
    expect(await disk.fingerprints()).toEqual([{ size: PIECE, modified: 0 }]);
    expect(await content.isRight(disk, [0])).toBe(true);
    expect(await content.isRight(disk, [0, 1])).toBe(false);
    await disk.write(PIECE, [content.bytes(PIECE, 100_000 - PIECE)]);
    expect(await disk.read(90_000, into)).toBe(10_000);
    await disk.destroy();
    await expect(disk.read(0, into)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('refuses what is not its own, and notices who wrote over it', async () => {
    const content = await phantomContent({ length: 40 * PIECE, pieceLength: PIECE });
    const disk = content.createDisk(false);
    await expect(disk.write(0, [new Uint8Array(PIECE).fill(1)])).rejects.toThrow('use real content');
    await expect(disk.write(0, [new Uint8Array(100)])).rejects.toThrow('half a block');
    expect(await disk.read(0, new Uint8Array(10))).toBe(0);
    expect(content.intact).toBe(true);
    disk.lend!(0, PIECE)![9] = 1;
    expect(content.intact).toBe(false);
    await expect(phantomContent({ length: 10, pieceLength: 1000 })).rejects.toThrow('whole blocks');
  });
});
