/** What sessions have in common: torrents to speak of, and a swarm that must end well. */

import type { Member, MemorySwarm, SampleTorrent } from '../../packages/freshet/testing/memory-swarm.ts';
import { sampleTorrent } from '../../packages/freshet/testing/memory-swarm.ts';
import type { WireWorld } from '../grammar/wire.ts';
import { must, mustEqual } from '../target.ts';

const KiB = 1024;
const FILES: readonly { path: string[]; length: number }[] = [
  { path: ['a'], length: 70_000 },
  { path: ['b'], length: 0 },
  { path: ['d', 'c'], length: 33_000 },
];

let made: Promise<readonly SampleTorrent[]> | undefined;

/** Small torrents of version 1, 2 and both. */
export function samples(): Promise<readonly SampleTorrent[]> {
  made ??= Promise.all([
    sampleTorrent(110_000, 32 * KiB),
    sampleTorrent(0, 32 * KiB, { files: FILES, version: 2 }),
    sampleTorrent(0, 32 * KiB, { files: FILES, version: 'hybrid' }),
  ]);
  return made;
}

export function wireWorldOf({ info, infoBytes, infoHash }: SampleTorrent): WireWorld {
  const roots = info.files.flatMap(({ piecesRoot }) => (piecesRoot === undefined ? [] : [piecesRoot]));
  return { infoHash, infoBytes, pieceCount: info.pieceCount, pieceLength: info.pieceLength, roots };
}

/** Budgets hold. */
export function checkUsage({ engine }: Member, budget: number, maxConnections: number): void {
  const { pieceMemory, connections } = engine.usage;
  // A piece that is alone in memory may be longer than the budget.
  must(pieceMemory <= Math.max(budget, 32 * KiB), () => `pieces take ${pieceMemory} of ${budget} bytes`);
  must(connections <= maxConnections, () => `${connections} of ${maxConnections} connections are open`);
}

/** No torrent has failed, and all is over after the end. */
export async function checkEnd(swarm: MemorySwarm): Promise<void> {
  for (const member of swarm.members) {
    const [error] = member.log.errors;
    if (error !== undefined) throw error;
    for (const { message } of member.log.warnings)
      must(/[.!]$/.test(message), () => `no sentence: ${message}`);
  }
  await swarm.close();
  // What was said last still arrives.
  await swarm.clock.advanceAsync(70_000);
  mustEqual(swarm.clock.pending, 0, 'timers that are left');
  for (const { engine } of swarm.members) {
    mustEqual(engine.usage.pieceMemory, 0, 'memory for pieces that is left');
    mustEqual(engine.usage.connections, 0, 'connections that are left');
  }
}
