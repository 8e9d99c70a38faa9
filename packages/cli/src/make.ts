/** What `seed`, `create` and `serve` share: torrents made of files, with the hashing shown. */

import type { SeedOptions, Torrent } from 'freshet';
import type { TorrentFormat } from './ui/description.ts';
import { formatPercent } from './ui/format.ts';
import type { Output } from './ui/output.ts';
import { hashingLines } from './ui/transfer-view.ts';

/** Options of the command line that describe a torrent. */
export interface MetadataOptions {
  readonly name?: string | undefined;
  readonly comment?: string | undefined;
  readonly pieceLength?: number | undefined;
  /** Which clients it is for. */
  readonly format?: TorrentFormat | undefined;
  readonly private?: boolean | undefined;
  readonly tracker?: readonly string[] | undefined;
  readonly webSeed?: readonly string[] | undefined;
}

const VERSIONS: Readonly<Record<TorrentFormat, NonNullable<SeedOptions['version']>>> = {
  v1: 1,
  v2: 2,
  hybrid: 'hybrid',
};

export function seedOptionsOf(options: MetadataOptions): SeedOptions {
  return {
    name: options.name,
    comment: options.comment,
    pieceLength: options.pieceLength,
    version: options.format && VERSIONS[options.format],
    private: options.private,
    announce: options.tracker,
    urlList: options.webSeed,
  };
}

/** Resolves when the torrent's metadata is there; rejects when its files cannot be read. */
export async function showHashing(torrent: Torrent, name: string, output: Output): Promise<void> {
  const started = performance.now();
  let done = 0;
  let total = 0;
  torrent.on('hashing', (hashed, length) => {
    done = hashed;
    total = length;
  });
  const speed = (): number => done / Math.max(0.05, (performance.now() - started) / 1000);
  output.show({
    lines: (size, theme) =>
      total === 0 ? [] : hashingLines(name, { done, total, speed: speed() }, size, theme),
    text: () => `hashing ${name}: ${formatPercent(total === 0 ? 0 : done / total)}`,
    json: () => ({ event: 'hashing', hashed: done, total }),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      if (torrent.files.length > 0) resolve();
      torrent.once('metadata', () => resolve());
      torrent.once('error', reject);
    });
  } finally {
    output.hide();
  }
}
