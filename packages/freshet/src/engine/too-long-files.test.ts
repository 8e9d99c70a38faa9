import { describe, expect, it } from 'vitest';
import { MemorySwarm, sampleTorrent } from '../../testing/memory-swarm.ts';
import { MemoryFileStore } from '../memory/index.ts';
import { openMappedDisk } from './storage/mapped-disk.ts';
import type { TorrentSpec } from './torrent-types.ts';

const PIECE = 32_768;
const TAIL = 1000;

/** Three files of ten pieces, each with a tail, as they are before the torrent is added. */
async function setUp(right: readonly boolean[]) {
  const files = ['a', 'b', 'c'].map((name) => ({ path: [name], length: 10 * PIECE }));
  const sample = await sampleTorrent(30 * PIECE, PIECE, { files });
  const store = new MemoryFileStore();
  for (const [i, { path, offset, length }] of sample.info.files.entries()) {
    const bytes = sample.content.slice(offset, offset + length);
    if (right[i] === false) bytes.fill(1, 3 * PIECE, 4 * PIECE);
    const file = await store.open(path, true);
    await file.write(0, [bytes, new Uint8Array(TAIL).fill(2)]);
    await file.close();
  }
  const swarm = new MemorySwarm(sample);
  const seed = await swarm.add({ seed: true });
  const { info, infoHash } = sample;
  const spec: Partial<TorrentSpec> = { openDisk: async () => openMappedDisk({ info, infoHash, store }) };
  const tails = (): number[] => info.files.map(({ path, length }) => store.peek(path).size - length);
  return { swarm, seed, spec, tails };
}

describe('files that are longer than the torrent says', () => {
  it('are cut before it is told that all is there, those too that were right but for that', async () => {
    const { swarm, seed, spec, tails } = await setUp([true, false, true]);
    const member = await swarm.add({ spec });
    let atDone: number[] | undefined;
    swarm.introduce(member, seed);
    await swarm.until(() => {
      if (member.log.events.includes('done')) atDone ??= tails();
      return atDone !== undefined;
    }, 60_000);
    expect(atDone).toEqual([0, 0, 0]);
    expect(member.torrent.done).toBe(true);
    await swarm.clock.advanceAsync(60_000);
    // Our own cutting is no change by somebody else.
    expect(member.log.warnings).toEqual([]);
    expect(member.log.events.filter((event) => event === 'done')).toHaveLength(1);
    await swarm.close();
  });

  it('stay as they are when nobody wants them', async () => {
    const { swarm, seed, spec, tails } = await setUp([false, false, true]);
    const member = await swarm.add({ spec: { ...spec, filePriorities: () => [1, 0, 0] } });
    swarm.introduce(member, seed);
    await swarm.until(() => member.torrent.done, 60_000);
    expect(tails()).toEqual([0, TAIL, TAIL]);
    await swarm.close();
  });

  it.each([
    ['found complete', false],
    ['taken for complete', true],
  ])('stay as they are when they are %s', async (_how, skipCheck) => {
    const { swarm, spec, tails } = await setUp([true, true, true]);
    const member = await swarm.add({ spec: { ...spec, skipCheck } });
    await swarm.until(() => member.torrent.done, 60_000);
    const other = await swarm.add();
    swarm.introduce(other, member);
    await swarm.until(() => other.torrent.done, 60_000);
    expect(tails()).toEqual([TAIL, TAIL, TAIL]);
    await swarm.close();
    expect(tails()).toEqual([TAIL, TAIL, TAIL]);
  });
});
