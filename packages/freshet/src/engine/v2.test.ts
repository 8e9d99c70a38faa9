/** Torrents of version 2 and hybrids at work (BEP 52): whole swarms in virtual time. */

import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';

const KiB = 1024;
const BLOCK = 16 * KiB;
/** Odd sizes: nothing, a byte, a block, a piece, more than a piece, less than a block more. */
const FILES = [
  { path: ['empty'], length: 0 },
  { path: ['byte'], length: 1 },
  { path: ['block'], length: BLOCK },
  { path: ['piece'], length: 64 * KiB },
  { path: ['odd'], length: 5 * 64 * KiB + 2 * BLOCK + 77 },
  { path: ['short'], length: 3 * BLOCK - 5 },
];

let v2: SampleTorrent;
let hybrid: SampleTorrent;
let film: SampleTorrent;
beforeAll(async () => {
  v2 = await sampleTorrent(0, 64 * KiB, { files: FILES, version: 2 });
  hybrid = await sampleTorrent(0, 64 * KiB, { files: FILES, version: 'hybrid' });
  film = await sampleTorrent(2048 * KiB + 5000, 128 * KiB, { version: 2 });
});

async function end(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
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
    await end(swarm);
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
    await end(swarm);
  });
});
void [hybrid, film];
