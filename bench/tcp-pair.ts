import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';
import { contestants, makeContent, named, rotated, transfer } from './tcp.ts';

/** Every client downloads from itself. */
export async function tcpPair(context: BenchContext): Promise<Result> {
  const content = await makeContent(context);
  const rows: Row[] = [];
  for (let round = 0; round < context.rounds; round++) {
    for (const contestant of rotated(contestants(context), round)) {
      const { wall, seeder, downloader, names } = await transfer(context, content, contestant, contestant);
      const rate = content.size / wall;
      addRound(rows, names.seeder, { rate, wall, seeder: seeder.cpu, downloader: downloader.cpu });
      context.say(`${round + 1} ${names.seeder}: ${(rate / 1e6).toFixed(0)} MB/s`);
    }
  }
  rows.sort((a, b) => a.name.localeCompare(b.name));
  return {
    ...named(context, 'tcp-pair', 'From each client to itself over TCP'),
    about: `The same ${context.size / 2 ** 20} MiB between two processes of the same client.`,
    columns: [
      { key: 'rate', title: 'MB/s', digits: 0, scale: 1e6 },
      { key: 'wall', title: 'wall, s', digits: 2 },
      { key: 'downloader', title: "downloader's CPU-s", digits: 2 },
      { key: 'seeder', title: "seeder's CPU-s", digits: 2 },
    ],
    rows,
    baseline: rows.find((row) => row.name.startsWith('libtorrent'))?.name,
  };
}
