import { DiskError } from 'freshet/engine';
import { MemoryState, type SampleTorrent, sampleTorrent } from 'freshet/memory';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Content, realContent } from '../content.ts';
import { withTestReplay } from '../replay.ts';
import { type Peer, World } from '../world.ts';
import { nodeHasher } from './node-hasher.ts';
import { SimDisk, type SimDiskOptions } from './sim-disk.ts';

const KiB = 1024;
const CRASHES = 12;

let sample: SampleTorrent;
let content: Content;
beforeAll(async () => {
  sample = await sampleTorrent(1_500_000, 64 * KiB, {
    version: 'hybrid',
    files: [
      { path: ['first'], length: 700_000 },
      { path: ['empty'], length: 0 },
      { path: ['second'], length: 800_000 },
    ],
  });
  content = { ...realContent(sample), hasher: nodeHasher };
});

function medium(world: World, purpose: string, options: Partial<SimDiskOptions> = {}): SimDisk {
  const { length, files } = sample.info;
  return new SimDisk({ clock: world.clock, random: world.random(purpose), length, files, ...options });
}

function fullMedium(world: World, purpose: string): SimDisk {
  const disk = medium(world, purpose);
  disk.fill(0, sample.content);
  return disk;
}

function isRight(disk: SimDisk): boolean {
  return Buffer.compare(disk.peek(0, sample.content.length), sample.content) === 0;
}

/** The machine goes down between two events. */
function crash(world: World, peer: Peer, disk: SimDisk): void {
  disk.crash();
  world.network.setOnline(peer.host.address, false);
  world.peers.splice(world.peers.indexOf(peer), 1);
}

async function until(world: World, done: () => boolean, limit = 120_000): Promise<void> {
  expect(await world.run({ until: done, limit })).toBe(true);
}

describe('engines on simulated disks', () => {
  it(`go on after a crash with torn writes, ${CRASHES} crashes, seeds 1 to ${CRASHES}`, () =>
    withTestReplay(expect.getState(), async () => {
      let lost = 0;
      let kept = 0;
      let trusted = 0;
      for (let seed = 1; seed <= CRASHES; seed++) {
        const world = new World({ seed });
        const source = world.peer({ content, seed: true });
        const disk = medium(world, 'leech', { seekMs: 8, bytesPerSecond: 2_000_000 });
        const state = new MemoryState();
        const line = { down: 150_000 };
        const spec = { state, openDisk: async () => disk.open() };
        const first = world.peer({ content, line, spec });
        world.introduce(first, source);
        await world.run({ limit: 2000 + world.random('crash').below(8000) });
        expect(first.torrent.done).toBe(false);
        crash(world, first, disk);
        const second = world.peer({ content, line, spec });
        await until(world, () => second.log.readyAt !== undefined);
        trusted += second.torrent.stats().verifiedBytes;
        for (const piece of second.torrent.verified!.indexes()) {
          const start = piece * sample.info.pieceLength;
          const right = sample.content.subarray(start, start + sample.info.pieceLength);
          expect([seed, piece, Buffer.compare(disk.peek(start, right.length), right)]).toEqual([
            seed,
            piece,
            0,
          ]);
        }
        world.introduce(second, source);
        await until(world, () => second.torrent.done);
        expect(isRight(disk)).toBe(true);
        expect(second.log.errors).toEqual([]);
        lost += disk.counters.lostSectors;
        kept += disk.counters.keptSectors;
        await world.close();
      }
      expect(lost).toBeGreaterThan(CRASHES);
      expect(kept).toBeGreaterThan(CRASHES);
      expect(trusted).toBeGreaterThan(CRASHES * 64 * KiB);
    }));

  it('never pass on what has rotted, and have it again after a check', async () => {
    const world = new World({ seed: 1 });
    const rotten = fullMedium(world, 'rotten');
    for (let n = 0; n < 3; n++) rotten.flipBit(0, 64 * KiB);
    const spec = { openDisk: async () => rotten.open() };
    const seed = world.peer({ content, seed: true, spec });
    const other = world.peer({ content, seed: true, line: { up: 200_000 } });
    const disk = medium(world, 'leech');
    const leech = world.peer({ content, spec: { openDisk: async () => disk.open() } });
    world.introduce(leech, seed);
    world.introduce(leech, other);
    await until(world, () => leech.torrent.done);
    expect(isRight(disk)).toBe(true);
    expect(leech.torrent.stats().hashFailures).toBeGreaterThan(0);
    const checked = seed.torrent.recheck();
    world.introduce(seed, other);
    await until(world, () => isRight(rotten) && seed.torrent.done);
    await checked;
    expect(rotten.counters.flippedBits).toBe(3);
    await world.close();
  });

  it('find out at the next check that a write was wrong', async () => {
    const world = new World({ seed: 1 });
    const source = world.peer({ content, seed: true });
    const disk = medium(world, 'leech');
    disk.corruptWrite(5);
    const leech = world.peer({ content, spec: { openDisk: async () => disk.open() } });
    world.introduce(leech, source);
    await until(world, () => leech.torrent.done);
    expect(disk.counters.flippedBits).toBe(1);
    expect(isRight(disk)).toBe(false);
    void leech.torrent.recheck();
    await until(world, () => isRight(disk) && leech.torrent.done);
    expect(leech.log.errors).toEqual([]);
    await world.close();
  });

  it('stop when the disk is full for a while, say so, and go on when somebody tries again', async () => {
    const world = new World({ seed: 1 });
    const source = world.peer({ content, seed: true });
    const disk = medium(world, 'leech');
    const full = disk.fail({ operation: 'write', nth: 7, code: 'FULL', forMs: 5000 });
    const leech = world.peer({
      content,
      spec: { openDisk: async () => disk.open(), state: new MemoryState() },
    });
    world.introduce(leech, source);
    await until(world, () => leech.torrent.state === 'failed');
    expect(full.fired).toBeGreaterThan(0);
    expect(leech.log.errors).toHaveLength(1);
    expect(leech.log.errors[0]).toBeInstanceOf(DiskError);
    expect((leech.log.errors[0] as DiskError).code).toBe('FULL');
    await world.run({ limit: 6000 });
    leech.torrent.resume();
    await until(world, () => leech.torrent.done);
    expect(isRight(disk)).toBe(true);
    await world.close();
  });

  it('are as fast as their disk, and keep to their memory', async () => {
    const world = new World({ seed: 1 });
    const source = world.peer({ content, seed: true });
    const disk = medium(world, 'leech', { seekMs: 10, bytesPerSecond: 300_000 });
    const leech = world.peer({
      content,
      engine: { bufferBudget: 512 * KiB },
      spec: { openDisk: async () => disk.open() },
    });
    world.introduce(leech, source);
    let most = 0;
    await until(world, () => {
      most = Math.max(most, leech.engine.usage.pieceMemory);
      return leech.torrent.done;
    });
    expect(most).toBeLessThanOrEqual(512 * KiB);
    expect(world.clock.now()).toBeGreaterThan(5000);
    expect(world.clock.now()).toBeLessThan(8000);
    expect(isRight(disk)).toBe(true);
    await world.close();
    expect(leech.engine.usage.pieceMemory).toBe(0);
  });
});
