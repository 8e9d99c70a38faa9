/** What the TCP benchmarks share: the data, the contestants and one timed transfer. */

import { join } from 'node:path';
import { Aria2Peer } from '../tests/interop/peers/aria2.ts';
import { createTorrentWithLibtorrent, LibtorrentPeer } from '../tests/interop/peers/libtorrent.ts';
import type { TestPeer } from '../tests/interop/peers/types.ts';
import { WebtorrentPeer } from '../tests/interop/peers/webtorrent.ts';
import { makeFile, removeDir, sha256 } from '../tests/support/files.ts';
import { within } from '../tests/support/wait.ts';
import type { BenchContext } from './main.ts';
import { FreshetPeer } from './peers/freshet.ts';

const PIECE_LENGTH = 2 ** 20;
/** Far above what the slowest contestant needs. */
const TIMEOUT = 300_000;

export interface Content {
  readonly torrentFile: string;
  /** The folder that holds the file. */
  readonly dataDir: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

export async function makeContent(context: BenchContext): Promise<Content> {
  const name = 'content.bin';
  const dataDir = join(context.folder, 'data');
  const file = join(dataDir, name);
  const torrentFile = join(context.folder, 'content.torrent');
  await makeFile(file, context.size);
  await createTorrentWithLibtorrent({
    path: file,
    output: torrentFile,
    pieceLength: PIECE_LENGTH,
    version: context.format,
  });
  return { torrentFile, dataDir, name, size: context.size, sha256: await sha256(file) };
}

/** Name and title of a result; those of other versions stand beside that of version 1. */
export function named(
  { format }: BenchContext,
  bench: string,
  title: string,
): { readonly bench: string; readonly title: string } {
  return format === 'v1' ? { bench, title } : { bench: `${bench}-${format}`, title: `${title}, ${format}` };
}

export interface Contestant {
  readonly name: string;
  start(): Promise<TestPeer>;
}

/** Every client that can do it over TCP, Freshet first. */
export function contestants(context: BenchContext): Contestant[] {
  const nodeOptions =
    context.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${context.profile}`];
  const all: Contestant[] = [
    { name: 'Freshet', start: () => FreshetPeer.start({ transport: 'tcp', nodeOptions }) },
    // Its own choice of buffers and threads: only what would leave the machine is off.
    { name: 'libtorrent', start: () => LibtorrentPeer.start() },
  ];
  if (context.format === 'v1') {
    // aria2 takes a hybrid for another torrent; both know version 1 only.
    all.push(
      { name: 'aria2', start: () => Aria2Peer.start() },
      { name: 'WebTorrent', start: () => WebtorrentPeer.start({ transport: 'tcp' }) },
    );
  }
  return all.filter(({ name }) => context.only === undefined || name.toLowerCase().includes(context.only));
}

/** The contestants in another order every round, so that none always follows the same one. */
export function rotated<T>(list: readonly T[], round: number): T[] {
  const by = round % list.length;
  return [...list.slice(by), ...list.slice(0, by)];
}

export interface Transfer {
  /** Seconds from the command to download until everything is verified and written. */
  readonly wall: number;
  /** The same from the start of the downloader's process. */
  readonly process: number;
  readonly downloader: { readonly cpu: number; readonly memory: number };
  readonly seeder: { readonly cpu: number; readonly memory: number };
  readonly names: { readonly downloader: string; readonly seeder: string };
}

/**
 * One transfer between two new processes. The seeder has hashed its data before, and only its CPU time during the
 * transfer counts; the downloader's counts from its start. What arrived is compared.
 */
export async function transfer(
  context: BenchContext,
  content: Content,
  seederOf: Contestant,
  downloaderOf: Contestant,
): Promise<Transfer> {
  const dir = join(context.folder, 'download');
  const seeder = await seederOf.start();
  let downloader: TestPeer | undefined;
  try {
    await seeder.seed({ torrentFile: content.torrentFile, dataDir: content.dataDir });
    const before = await seeder.usage();
    const born = performance.now();
    downloader = await downloaderOf.start();
    const told = performance.now();
    const { completed } = await downloader.download({
      torrentFile: content.torrentFile,
      dir,
      peers: [seeder.address],
    });
    await within(completed, TIMEOUT, `${downloader.name} from ${seeder.name}`);
    const end = performance.now();
    const [used, given] = await Promise.all([downloader.usage(), seeder.usage()]);
    const names = { downloader: downloader.name, seeder: seeder.name };
    await downloader.stop();
    if ((await sha256(join(dir, content.name))) !== content.sha256) {
      throw new Error(`${downloader.name} has written other bytes than ${seeder.name} has`);
    }
    return {
      wall: (end - told) / 1000,
      process: (end - born) / 1000,
      downloader: { cpu: used.cpuSeconds, memory: used.peakResidentBytes },
      seeder: { cpu: given.cpuSeconds - before.cpuSeconds, memory: given.peakResidentBytes },
      names,
    };
  } finally {
    await Promise.all([downloader?.stop(), seeder.stop()]);
    await removeDir(dir);
  }
}
