import { LibtorrentPeer } from '../tests/interop/peers/libtorrent.ts';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';
import { contestants, makeContent, named, rotated, transfer } from './tcp.ts';

/** libtorrent downloads the same file from every client. */
export async function tcpSeed(context: BenchContext): Promise<Result> {
  const content = await makeContent(context);
  const downloader = { name: 'libtorrent', start: () => LibtorrentPeer.start() };
  const rows: Row[] = [];
  for (let round = 0; round < context.rounds; round++) {
    for (const contestant of rotated(contestants(context), round)) {
      const { wall, seeder, names } = await transfer(context, content, contestant, downloader);
      addRound(rows, names.seeder, { wall, ...seeder });
      context.say(
        `${round + 1} ${names.seeder}: ${seeder.cpu.toFixed(2)} CPU-s in ${wall.toFixed(2)} s, ` +
          `${Math.round(seeder.memory / 1e6)} MB`,
      );
    }
  }
  rows.sort((a, b) => a.name.localeCompare(b.name));
  return {
    ...named(context, 'tcp-seed', 'Seeding over TCP'),
    about:
      `The same ${context.size / 2 ** 20} MiB the other way: libtorrent downloads from each client. The seeder has ` +
      'checked its data before; its CPU time is that of the transfer alone, its memory the peak since its start.',
    columns: [
      { key: 'cpu', title: "seeder's CPU-s", digits: 2 },
      { key: 'memory', title: "seeder's peak resident, MB", digits: 0, scale: 1e6 },
      { key: 'wall', title: 'wall, s', digits: 2 },
    ],
    rows,
    baseline: rows.find((row) => row.name.startsWith('libtorrent'))?.name,
  };
}
