/** `freshet seed`: shares files where they are. */

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type Client from 'freshet';
import type { Torrent } from 'freshet';
import { clientFailure, closeClient, type NetworkOptions, openClient } from '../client.ts';
import { CliError, ExitCode, usageError } from '../exit.ts';
import { type GoalOptions, goalsOf, seededEnough } from '../goals.ts';
import { checkInputs } from '../inputs.ts';
import { catchInterrupts } from '../interrupt.ts';
import { type MetadataOptions, seedOptionsOf, showHashing } from '../make.ts';
import { readInput } from '../source.ts';
import { refuseExisting, writeTorrentFile } from '../torrent-file.ts';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { Output } from '../ui/output.ts';
import { printable } from '../ui/text.ts';
import { TorrentWatch, tellWarnings } from '../watch.ts';

export interface SeedCommandOptions extends NetworkOptions, MetadataOptions, GoalOptions {
  /** Folder with the files of a torrent file. */
  readonly data?: string | undefined;
  readonly saveTorrent?: string | undefined;
  readonly force?: boolean | undefined;
  readonly peer?: readonly string[] | undefined;
  /** Send each piece once until there is another seed (BEP 16). */
  readonly superSeed?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function seed(paths: readonly string[], options: SeedCommandOptions): Promise<number> {
  const interrupt = catchInterrupts();
  const output = new Output(options);
  interrupt.onExit(() => output.close());
  let client: Client | undefined;
  try {
    await checkInputs(paths);
    if (options.saveTorrent !== undefined) await refuseExisting(options.saveTorrent, options.force === true);
    const opened = openClient(options);
    client = opened;
    opened.on('listening', () => output.event({ event: 'listening', port: opened.torrentPort }));
    const failure = clientFailure(opened);
    const torrent = await Promise.race([start(opened, paths, options, output), failure, interrupt.fired]);
    // Ctrl-C while hashing: nothing has been shared yet.
    if (typeof torrent === 'number') return torrent;
    if (options.saveTorrent !== undefined) {
      await writeTorrentFile(options.saveTorrent, torrent.torrentFile!, options.force === true);
    }
    tellSeeding(torrent, options, output);
    const watch = new TorrentWatch(torrent, torrent.name ?? '');
    output.show(watch.view());
    const ended = new Promise<never>((_, reject) => torrent.once('error', reject));
    await Promise.race([ended, failure, interrupt.fired, seededEnough(torrent, output)]);
    output.settle();
    output.close();
    if (interrupt.exitCode === undefined) return ExitCode.ok;
    output.event({ event: 'stopped' });
    output.say(`Stopped. Gave ${formatBytes(torrent.uploaded)}.`);
    return ExitCode.ok;
  } finally {
    output.close();
    await closeClient(client);
    interrupt.close();
  }
}

async function start(
  client: Client,
  paths: readonly string[],
  options: SeedCommandOptions,
  output: Output,
): Promise<Torrent> {
  const [path] = paths;
  if (options.data !== undefined) {
    if (paths.length !== 1) throw usageError('With --data, name one torrent file.');
    return await startFromTorrentFile(client, path!, options.data, options, output);
  }
  if (paths.length === 1 && /\.torrent$/i.test(path!) && (await stat(path!)).isFile()) {
    throw usageError(`${path} is a torrent file: add --data FOLDER, the folder that its files are in.`);
  }
  const torrent = client.seed([...paths], {
    ...seedOptionsOf(options),
    ...goalsOf(options),
    peers: options.peer,
    superSeed: options.superSeed,
  });
  tellWarnings(torrent, output);
  await showHashing(torrent, options.name ?? basename(path!), output);
  return torrent;
}

async function startFromTorrentFile(
  client: Client,
  path: string,
  folder: string,
  options: SeedCommandOptions,
  output: Output,
): Promise<Torrent> {
  const input = await readInput(path);
  const folderStats = await stat(folder).catch(() => undefined);
  if (folderStats?.isDirectory() !== true) throw usageError(`--data ${folder} is not a folder.`);
  if (input.kind !== 'metainfo') throw usageError('With --data, name a torrent file.');
  const torrent = client.add(input.bytes, {
    ...goalsOf(options),
    path: folder,
    announce: options.tracker,
    urlList: options.webSeed,
    peers: options.peer,
    superSeed: options.superSeed,
    // Nothing is to be fetched: what is missing there is a mistake that the user should hear of.
    paused: true,
  });
  tellWarnings(torrent, output);
  const watch = new TorrentWatch(torrent, input.metainfo.info.name);
  output.show(watch.view());
  await torrent.untilReady();
  output.hide();
  if (torrent.progress < 1) {
    const part = formatPercent(torrent.progress);
    throw new CliError(
      ExitCode.failure,
      `${folder} has only ${part} of ${printable(torrent.name ?? '')}: get the rest with freshet download ${path} --out ${folder}.`,
    );
  }
  torrent.resume();
  return torrent;
}

function tellSeeding(torrent: Torrent, options: SeedCommandOptions, output: Output): void {
  output.event({
    event: 'seeding',
    infoHash: torrent.infoHash!,
    magnet: torrent.magnetURI!,
    name: torrent.name!,
    length: torrent.length,
    files: torrent.files.map((file, place) => ({ number: place + 1, path: file.path, length: file.length })),
  });
  if (options.saveTorrent !== undefined) output.say(`Wrote ${options.saveTorrent}`);
  output.say(`Seeding ${printable(torrent.name!)}, ${formatBytes(torrent.length)}; Ctrl-C ends it.`);
  output.result(torrent.magnetURI!);
  if (torrent.announce.length === 0) {
    output.warn('No tracker is named, so only who is told your address can find you: add --tracker URL.');
  }
}
