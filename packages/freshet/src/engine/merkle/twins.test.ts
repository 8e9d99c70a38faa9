/** Files of the same content, which version 2 shows by their roots (BEP 52): whole swarms in virtual time. */

import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { closed, isBanned } from '../../../testing/swarm-checks.ts';

const KiB = 1024;

describe('files of the same content', () => {
  const length = 5 * 64 * KiB + 1234;
  const files = ['a', 'b', 'c'].map((name) => ({ path: [name], length }));
  const step = 6 * 64 * KiB;
  let twins: SampleTorrent;
  beforeAll(async () => {
    const write = (content: Uint8Array): void => {
      for (const offset of [step, 2 * step]) content.copyWithin(offset, 0, length);
    };
    twins = await sampleTorrent(0, 64 * KiB, { files, version: 2, write });
  });

  it('are downloaded once', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    // One of them, and what was on its way of the others already.
    expect(leech.torrent.stats().received.memory).toBeLessThan(1.7 * length);
    await closed(swarm);
  });

  it('are filled from what is stored, without a peer, when they are selected later', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ spec: { filePriorities: () => [4, 0, 0, 0, 0] } });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    const { received } = leech.torrent.stats();
    expect(leech.torrent.verified?.count).toBe(6);
    leech.torrent.pause();
    leech.torrent.setFilePriorities([4, 0, 4, 0, 4]);
    await swarm.clock.advanceAsync(1000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(leech.torrent.done).toBe(true);
    expect(leech.torrent.stats().received).toEqual(received);
    await closed(swarm);
  });

  it('are checked as any other data: what was changed meanwhile is downloaded', async () => {
    const swarm = new MemorySwarm(twins);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ spec: { filePriorities: () => [4, 0, 0, 0, 0] } });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 20_000);
    await leech.disk.write(3 * 64 * KiB, [new Uint8Array(100)]);
    leech.torrent.setFilePriorities([4, 0, 4, 0, 0]);
    await swarm.until(() => leech.torrent.done, 20_000);
    const bytes = new Uint8Array(length);
    await leech.disk.read(step, bytes);
    expect(Buffer.from(bytes).equals(twins.content.subarray(step, step + length))).toBe(true);
    expect(isBanned(leech, seed)).toBe(false);
    await closed(swarm);
  });
});
