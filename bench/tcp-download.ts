import { LibtorrentPeer } from '../tests/interop/peers/libtorrent.ts';
import type { BenchContext } from './main.ts';
import { addRound, type Result, type Row } from './report.ts';
import { contestants, makeContent, named, rotated, transfer } from './tcp.ts';

/** Every client downloads the same file from libtorrent. */
export async function tcpDownload(context: BenchContext): Promise<Result> {
  const content = await makeContent(context);
  const seeder = { name: 'libtorrent', start: () => LibtorrentPeer.start() };
  const rows: Row[] = [];
  for (let round = 0; round < context.rounds; round++) {
    for (const contestant of rotated(contestants(context), round)) {
      const { wall, process, downloader, names } = await transfer(context, content, seeder, contestant);
      addRound(rows, names.downloader, { wall, process, ...downloader });
      context.say(
        `${round + 1} ${names.downloader}: ${wall.toFixed(2)} s, ${downloader.cpu.toFixed(2)} CPU-s, ` +
          `${Math.round(downloader.memory / 1e6)} MB`,
      );
    }
  }
  rows.sort((a, b) => a.name.localeCompare(b.name));
  return {
    ...named(context, 'tcp-download', 'Download over TCP'),
    about:
      `${context.size / 2 ** 20} MiB in one file with pieces of 1 MiB, over loopback TCP without encryption, from one ` +
      'libtorrent seeder into a new folder. Wall time is from the command to download until all is verified and ' +
      'written; "with start" is from the start of the process. CPU and memory are those of the whole downloading ' +
      `process with its threads. Median of ${context.rounds} (least to greatest), then the ratio to libtorrent; the ` +
      'contestants take turns.',
    columns: [
      { key: 'wall', title: 'wall, s', digits: 2 },
      { key: 'process', title: 'with start, s', digits: 2 },
      { key: 'cpu', title: 'CPU-s', digits: 2 },
      { key: 'memory', title: 'peak resident, MB', digits: 0, scale: 1e6 },
    ],
    rows,
    baseline: rows.find((row) => row.name.startsWith('libtorrent'))?.name,
  };
}
