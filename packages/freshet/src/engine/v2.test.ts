/** Torrents of version 2 at work (BEP 52): whole swarms in virtual time. */

import { beforeAll, describe, expect, it } from 'vitest';
import { type Member, MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { reopening } from '../../testing/reopening-disk.ts';
import { closed, isBanned, ODD_FILES, tampering } from '../../testing/swarm-checks.ts';
import { MemoryDisk, MemoryHasher, MemoryState, type VirtualClock } from '../memory/index.ts';
import type { Hasher } from './ports.ts';

const KiB = 1024;
const BLOCK = 16 * KiB;

let v2: SampleTorrent;
let film: SampleTorrent;
beforeAll(async () => {
  v2 = await sampleTorrent(0, 64 * KiB, { files: ODD_FILES, version: 2 });
  film = await sampleTorrent(2048 * KiB + 5000, 128 * KiB, { version: 2 });
});

/** Reads a range to its end as it comes in, and says whether each byte was right. */
async function readAll(member: Member, content: Uint8Array, start: number, end: number): Promise<boolean> {
  const reader = member.torrent.createReader({ start, end });
  let at = start;
  for (;;) {
    const bytes = await reader.read(10_000);
    if (bytes === undefined) break;
    if (!Buffer.from(bytes).equals(content.subarray(at, at + bytes.length))) return false;
    at += bytes.length;
  }
  reader.close();
  return at === end;
}

/** Digests that come later, as in browsers, of what is then in the buffer. */
function lateHasher(clock: () => VirtualClock, delay: number): Hasher {
  const hasher = new MemoryHasher();
  return {
    sha1: (data) => hasher.sha1(data),
    prefixSha1: (buffer) => ({
      advance: () => {},
      finish: (done) => {
        const prefix = hasher.prefixSha1(buffer);
        clock().setTimer(delay, () => prefix.finish(done));
      },
    }),
    sha256: (data, done) => {
      const before = data.slice();
      clock().setTimer(delay, () => {
        if (!Buffer.from(before).equals(data)) throw new Error('The data changed while it was hashed.');
        hasher.sha256(data, done);
      });
    },
  };
}

describe('version 2', () => {
  it('is downloaded, from a torrent file', async () => {
    const swarm = new MemorySwarm(v2);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.log.warnings).toEqual([]);
    await closed(swarm);
  });

  it('is downloaded from a magnet link: the hashes of the pieces come from peers', async () => {
    const swarm = new MemorySwarm(v2);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet: true });
    const layers: ReadonlyMap<string, Uint8Array>[] = [];
    leech.log.onPieceLayers = (known) => layers.push(known);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(layers).toHaveLength(1);
    expect([...layers[0]!]).toEqual([...v2.pieceLayers!]);
    await closed(swarm);
  });

  it('tells nobody of wrong bytes that were stored before, and does not count them as received', async () => {
    const swarm = new MemorySwarm(v2);
    const seed = await swarm.add({ seed: true });
    const disk = new MemoryDisk({ length: v2.content.length, files: v2.info.files });
    await disk.write(0, [v2.content.map((byte) => byte ^ 0xff)]);
    const leech = await swarm.add({ magnet: true, disk });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.log.warnings).toEqual([]);
    expect(leech.torrent.stats()).toMatchObject({ hashFailures: 0, wasted: 0 });
    await closed(swarm);
  });

  it('is passed on by those who have the hashes from peers themselves', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true });
    const first = await swarm.add({ magnet: true });
    swarm.introduce(first, seed);
    await swarm.until(() => first.torrent.done, 20_000);
    const second = await swarm.add({ magnet: true });
    swarm.introduce(second, first);
    await swarm.until(() => second.torrent.done, 20_000);
    expect(await swarm.hasContent(second)).toBe(true);
    await closed(swarm);
  });

  it('takes hashes from whoever gives them, and bans who sends wrong ones', async () => {
    const swarm = new MemorySwarm(film);
    const silent = await swarm.add({ seed: true, ...tampering({ hashes: 'silent' }) });
    const rejecting = await swarm.add({ seed: true, ...tampering({ hashes: 'reject' }) });
    const lying = await swarm.add({ seed: true, ...tampering({ hashes: 'wrong' }) });
    const leech = await swarm.add({ magnet: true });
    for (const seed of [silent, rejecting, lying]) swarm.introduce(leech, seed);
    await swarm.clock.advanceAsync(60_000);
    expect(leech.torrent.stats().verifiedBytes).toBe(0);
    expect(isBanned(leech, lying)).toBe(true);
    const honest = await swarm.add({ seed: true });
    swarm.introduce(leech, honest);
    await swarm.until(() => leech.torrent.done, 30_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect([silent, rejecting, honest].map((seed) => isBanned(leech, seed))).toEqual([false, false, false]);
    await closed(swarm);
  });

  it.each(['silent', 'reject'] as const)(
    'does without the hashes of blocks when they are not given (%s)',
    async (hashes) => {
      const swarm = new MemorySwarm(film);
      const seed = await swarm.add({ seed: true, ...tampering({ hashes }) });
      const leech = await swarm.add();
      swarm.introduce(leech, seed);
      await swarm.until(() => leech.torrent.done, 20_000);
      expect(await swarm.hasContent(leech)).toBe(true);
      expect(isBanned(leech, seed)).toBe(false);
      await closed(swarm);
    },
  );

  it('gives a reader the first block before the piece is complete', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 64 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 5000);
    const order: string[] = [];
    leech.log.onVerified = (piece) => order.push(`piece ${piece}`);
    const reader = leech.torrent.createReader({ start: 5 * 128 * KiB, end: 6 * 128 * KiB });
    for (let part = 0; part < 8; part++) {
      let bytes: Uint8Array | undefined;
      void reader.read(BLOCK).then((read) => {
        bytes = read;
      });
      await swarm.until(() => bytes !== undefined, 10_000);
      order.push(`block ${part}`);
      const at = 5 * 128 * KiB + part * BLOCK;
      expect(Buffer.from(bytes!).equals(film.content.subarray(at, at + BLOCK))).toBe(true);
    }
    expect(order.filter((line) => line.startsWith('block') || line === 'piece 5').slice(0, 7)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((part) => `block ${part}`),
    );
    reader.close();
    await closed(swarm);
  });

  it('names a liar by the block, takes the rest of what came, and lets no reader see a wrong byte', async () => {
    const swarm = new MemorySwarm(film);
    const honest = await swarm.add({ seed: true, engine: { uploadLimit: 300 * KiB } });
    let told = 0;
    const liar = await swarm.add({
      seed: true,
      engine: { uploadLimit: 600 * KiB },
      ...tampering({ lies: (_piece, begin) => begin === 3 * BLOCK && ++told > 2 }),
    });
    const leech = await swarm.add();
    swarm.introduce(leech, honest);
    swarm.introduce(leech, liar);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 2, 5000);
    let right: boolean | undefined;
    void readAll(leech, film.content, 0, film.content.length).then((all) => {
      right = all;
    });
    await swarm.until(() => leech.torrent.done && right !== undefined, 60_000);
    expect(right).toBe(true);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(isBanned(leech, honest)).toBe(false);
    // One block was wrong, and nothing else was thrown away for it.
    expect(leech.log.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^A block of piece \d+ was wrong and is downloaded again\.$/),
    ]);
    expect(leech.torrent.stats().wasted).toBeLessThanOrEqual(4 * BLOCK);
    await closed(swarm);
  });

  it('is not confused by digests that come late', async () => {
    const swarm = new MemorySwarm(film);
    const ports = { hasher: lateHasher(() => swarm.clock, 35) };
    const seeds: Member[] = [];
    for (const uploadLimit of [80, 200, 400]) {
      seeds.push(await swarm.add({ seed: true, engine: { uploadLimit: uploadLimit * KiB } }));
    }
    const liar = await swarm.add({ seed: true, ...tampering({ lies: (piece) => piece % 3 === 0 }) });
    const leech = await swarm.add({ ports, engine: { bufferBudget: 512 * KiB } });
    for (const seed of [...seeds, liar]) swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(seeds.some((seed) => isBanned(leech, seed))).toBe(false);
    expect(leech.engine.usage.pieceMemory).toBe(0);
    await closed(swarm);
  });

  it('finds a liar also where nobody gives the hashes of blocks', async () => {
    const swarm = new MemorySwarm(film);
    const seeds: Member[] = [];
    for (const uploadLimit of [200, 300]) {
      const engine = { uploadLimit: uploadLimit * KiB };
      seeds.push(await swarm.add({ seed: true, engine, ...tampering({ hashes: 'reject' }) }));
    }
    const liar = await swarm.add({
      seed: true,
      ...tampering({ hashes: 'reject', lies: (_piece, begin) => begin === BLOCK, fresh: true }),
    });
    const leech = await swarm.add();
    for (const seed of [...seeds, liar]) swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, liar)).toBe(true);
    expect(seeds.some((seed) => isBanned(leech, seed))).toBe(false);
    await closed(swarm);
  });

  it('keeps the hashes of pieces over a restart, and asks nobody for them again', async () => {
    const swarm = new MemorySwarm(film);
    const spec = {
      state: new MemoryState(),
      openDisk: reopening(new MemoryDisk({ length: film.content.length })).open,
    };
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 300 * KiB } });
    const leech = await swarm.add({ magnet: true, spec });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().verifiedBytes > 512 * KiB, 20_000);
    const { verifiedBytes } = leech.torrent.stats();
    const closing = leech.engine.close();
    await swarm.clock.advanceAsync(1000);
    await closing;
    const silent = await swarm.add({ seed: true, ...tampering({ hashes: 'silent' }) });
    const again = await swarm.add({ magnet: true, spec });
    await swarm.until(() => again.torrent.state === 'active', 1000);
    expect([...again.torrent.pieceLayers!]).toEqual([...film.pieceLayers!]);
    expect(again.torrent.stats().verifiedBytes).toBeGreaterThanOrEqual(verifiedBytes);
    swarm.introduce(again, silent);
    await swarm.until(() => again.torrent.done, 20_000);
    await closed(swarm);
  });

  it('looks at what is stored once the hashes of its pieces have come', async () => {
    const swarm = new MemorySwarm(film);
    const seed = await swarm.add({ seed: true });
    const disk = new MemoryDisk({ length: film.content.length });
    const wrong = film.content.slice();
    wrong[7 * 128 * KiB] = wrong[7 * 128 * KiB]! ^ 1;
    await disk.write(0, [wrong]);
    const leech = await swarm.add({ magnet: true, disk });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.stats().received.memory).toBeLessThanOrEqual(128 * KiB);
    await closed(swarm);
  });
});
