/** `freshet download`: gets a torrent's files, from whoever has them. */

import { mkdir, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, resolve } from 'node:path';
import type Client from 'freshet';
import type { File, Torrent } from 'freshet';
import { clientFailure, closeClient, type NetworkOptions, openClient } from '../client.ts';
import { CliError, ExitCode, systemCode, usageError } from '../exit.ts';
import { type GoalOptions, goalsOf, hasGoals, refuseGoals, seededEnough } from '../goals.ts';
import { catchInterrupts } from '../interrupt.ts';
import { selectFiles } from '../select.ts';
import { readInput, type TorrentInput } from '../source.ts';
import { formatBytes, formatDuration, formatSpeed } from '../ui/format.ts';
import { Output } from '../ui/output.ts';
import { printable } from '../ui/text.ts';
import { TorrentWatch, tellWarnings } from '../watch.ts';

export interface DownloadOptions extends NetworkOptions, GoalOptions {
  readonly out: string;
  readonly select?: readonly string[] | undefined;
  /** Port of the HTTP server, or `true` for any free one. */
  readonly stream?: number | true | undefined;
  readonly sequential?: boolean | undefined;
  readonly allocate?: boolean | undefined;
  readonly exitWhenDone?: boolean | undefined;
  readonly seed?: boolean | undefined;
  readonly tracker?: readonly string[] | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly webSeed?: readonly string[] | undefined;
  readonly timeout?: number | undefined;
  readonly quiet?: boolean | undefined;
  readonly json?: boolean | undefined;
}

export async function download(source: string, options: DownloadOptions): Promise<number> {
  if (options.exitWhenDone === true) refuseGoals(options);
  const interrupt = catchInterrupts();
  const output = new Output(options);
  interrupt.onExit(() => output.close());
  let client: Client | undefined;
  try {
    const input = await readInput(source, interrupt.signal);
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    // Of a torrent file everything may be there already.
    if (input.kind !== 'metainfo') refuseWithoutSources(input, options);
    const folder = await checkFolder(options.out);
    client = openClient(options);
    const job = new Download(client, input, folder, options, output);
    const code = await Promise.race([job.run(), clientFailure(client), interrupt.fired]);
    if (interrupt.exitCode === undefined) return code;
    output.settle();
    output.close();
    output.event({ event: 'stopped' });
    if (job.done) return ExitCode.ok;
    output.say('Stopped. The same command goes on where this one left off.');
    return interrupt.exitCode;
  } finally {
    output.close();
    await closeClient(client);
    interrupt.close();
  }
}

/** Without a DHT, a hash by itself leads nowhere. Whoever names a port expects to be connected to. */
function refuseWithoutSources(input: TorrentInput, options: DownloadOptions): void {
  if (hasSources(input, options)) return;
  const what = {
    magnet: 'The magnet link',
    infoHash: 'An info-hash by itself',
    metainfo: 'The torrent file',
  }[input.kind];
  throw new CliError(
    ExitCode.noPeers,
    `${what} names no tracker and no peer, so nobody can be asked: add --tracker URL or --peer HOST:PORT.`,
  );
}

function hasSources(input: TorrentInput, options: DownloadOptions): boolean {
  const given = [options.tracker, options.peer, options.webSeed].some((list) => (list?.length ?? 0) > 0);
  if (given || options.port !== undefined) return true;
  if (input.kind === 'infoHash') return false;
  if (input.kind === 'metainfo') {
    return input.metainfo.announceTiers.length + input.metainfo.urlList.length > 0;
  }
  const { trackers, peers, exactSources } = input.magnet;
  return trackers.length + peers.length + exactSources.length > 0;
}

/** @throws {CliError} when files cannot go there. */
async function checkFolder(out: string): Promise<string> {
  const folder = resolve(out);
  const stats = await stat(folder).catch(() => undefined);
  if (stats?.isDirectory()) return folder;
  if (stats !== undefined)
    throw usageError(`--out ${out} is not a folder; name one, or one that is to be made.`);
  try {
    await makeFolder(folder);
    return folder;
  } catch (error) {
    const why =
      systemCode(error) === 'ENOSPC'
        ? 'the disk is full'
        : systemCode(error) === 'ENOTDIR' || systemCode(error) === 'EEXIST'
          ? 'a part of that path is a file'
          : 'this user may not write there, or the disk is read-only';
    throw new CliError(
      ExitCode.disk,
      `The folder ${folder} cannot be made: ${why}; choose another with --out.`,
      {
        cause: error,
      },
    );
  }
}

/** One folder after the other: `recursive` never comes back where a file system refuses with ENOENT, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent !== folder && (await stat(parent).catch(() => undefined)) === undefined)
    await makeFolder(parent);
  await mkdir(folder);
}

class Download {
  /** All that was wanted is there. */
  done = false;
  readonly #client: Client;
  readonly #options: DownloadOptions;
  readonly #output: Output;
  readonly #input: TorrentInput;
  readonly #torrent: Torrent;
  readonly #watch: TorrentWatch;
  readonly #started = performance.now();
  /** Places in `torrent.files`; all when undefined. */
  #selected: ReadonlySet<number> | undefined;

  constructor(client: Client, input: TorrentInput, folder: string, options: DownloadOptions, output: Output) {
    this.#client = client;
    this.#options = options;
    this.#output = output;
    this.#input = input;
    const { id, label } = idOf(input);
    this.#torrent = client.add(id, {
      ...goalsOf(options),
      path: folder,
      announce: options.tracker,
      peers: options.peer,
      urlList: options.webSeed,
      deselect: options.select !== undefined,
      strategy: options.sequential === true ? 'sequential' : undefined,
      allocation: options.allocate === true ? 'full' : undefined,
    });
    this.#watch = new TorrentWatch(this.#torrent, label, (file, place) => this.#isWanted(file, place));
    tellWarnings(this.#torrent, output);
  }

  /** Resolves with the exit code when there is nothing more to do. */
  async run(): Promise<number> {
    const torrent = this.#torrent;
    const output = this.#output;
    this.#client.on('listening', () => output.event({ event: 'listening', port: this.#client.torrentPort }));
    torrent.on('infoHash', () =>
      output.event({ event: 'added', infoHash: torrent.infoHash!, magnet: torrent.magnetURI! }),
    );
    torrent.on('ready', () => {
      const { wantedVerifiedBytes, wantedBytes } = torrent.stats;
      output.event({ event: 'ready', verified: wantedVerifiedBytes, wanted: wantedBytes });
    });
    output.show(this.#watch.view());
    await Promise.race([this.#finish(), this.#failure(), this.#timeout()]);
    this.done = true;
    const { stream } = this.#options;
    const ends = this.#options.exitWhenDone === true || (!this.#seeds && stream === undefined);
    output.settle();
    if (ends) output.hide();
    this.#tellDone();
    if (ends) return ExitCode.ok;
    await Promise.race([seededEnough(torrent, output), this.#failure()]);
    // Somebody may be watching: the addresses go on, from the disk.
    if (stream !== undefined) return this.#failure();
    output.settle();
    output.hide();
    return ExitCode.ok;
  }

  get #seeds(): boolean {
    return this.#options.seed === true || hasGoals(this.#options);
  }

  async #finish(): Promise<void> {
    const torrent = this.#torrent;
    // The listener selects before anything is requested; waiting for a promise would be too late.
    await new Promise<void>((resolve, reject) => {
      torrent.once('metadata', () => {
        try {
          this.#select();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    this.#tellMetadata();
    await torrent.untilReady();
    if (this.#watch.snapshot().progress < 1) refuseWithoutSources(this.#input, this.#options);
    if (this.#options.stream !== undefined) await this.#startStream(this.#options.stream);
    for (const [place, file] of torrent.files.entries()) {
      if (!this.#isWanted(file, place) || file.done) continue;
      file.once('done', () => {
        this.#output.event({ event: 'file', number: place + 1, path: file.path, length: file.length });
      });
    }
    await torrent.untilDone();
  }

  #select(): void {
    const { select } = this.#options;
    const { files } = this.#torrent;
    if (select !== undefined) {
      this.#selected = new Set(selectFiles(files, select));
      for (const place of this.#selected) files[place]!.select();
    } else if (this.#input.kind === 'magnet' && this.#input.magnet.selectOnly !== undefined) {
      // The library selects these by itself (BEP 53).
      const indexes = new Set(this.#input.magnet.selectOnly);
      this.#selected = new Set(files.flatMap((file, place) => (indexes.has(file.index) ? [place] : [])));
    }
  }

  #isWanted(_file: File, place: number): boolean {
    return this.#selected?.has(place) ?? true;
  }

  #tellMetadata(): void {
    const torrent = this.#torrent;
    this.#output.event({
      event: 'metadata',
      name: torrent.name ?? '',
      length: torrent.length,
      pieceLength: torrent.pieceLength,
      pieceCount: torrent.bitfield?.length ?? 0,
      private: torrent.private,
      path: torrent.path ?? '',
      files: torrent.files.map((file, place) => ({
        number: place + 1,
        path: file.path,
        length: file.length,
        selected: this.#isWanted(file, place),
      })),
    });
  }

  #tellDone(): void {
    const { torrent } = this.#watch;
    const seconds = (performance.now() - this.#started) / 1000;
    const { wanted, verified, received, uploaded } = this.#watch.snapshot();
    this.#output.event({
      event: 'done',
      infoHash: torrent.infoHash ?? '',
      verified,
      received,
      uploaded,
      seconds: Math.round(seconds * 10) / 10,
    });
    const how =
      received === 0
        ? 'It was all there already.'
        : `Got ${formatBytes(received)} in ${formatDuration(seconds)} (${formatSpeed(received / seconds)}), gave ${formatBytes(uploaded)}.`;
    this.#output.say(
      `${printable(torrent.name ?? '')} is complete: ${formatBytes(wanted)} in ${torrent.path}. ${how}`,
    );
    if (this.#seeds) this.#output.say('Seeding; Ctrl-C ends it.');
  }

  /** Rejects when the torrent cannot go on. */
  #failure(): Promise<never> {
    const failure = new Promise<never>((_, reject) => {
      if (this.#torrent.failure !== undefined) reject(this.#torrent.failure);
      this.#torrent.once('error', reject);
    });
    failure.catch(() => {});
    return failure;
  }

  /** Rejects when nothing has arrived for as long as the user has patience. */
  #timeout(): Promise<never> {
    const { timeout } = this.#options;
    return new Promise((_, reject) => {
      if (timeout === undefined) return;
      const timer = setInterval(
        () => {
          if (this.done || performance.now() - this.#watch.lastArrival < timeout * 1000) return;
          clearInterval(timer);
          reject(new CliError(ExitCode.noPeers, this.#timeoutSentence(timeout)));
        },
        Math.min(250, timeout * 100),
      );
      timer.unref();
    });
  }

  #timeoutSentence(seconds: number): string {
    const torrent = this.#torrent;
    const peers = torrent.numPeers;
    const after = `within ${formatDuration(seconds)}`;
    if (torrent.files.length === 0) {
      return peers === 0
        ? `No peer of ${this.#watch.label} could be reached ${after}: check that somebody seeds it, or add --tracker or --peer.`
        : `None of the ${peers} connected peers sent the metadata of ${this.#watch.label} ${after}; try again later.`;
    }
    return `Nothing of ${printable(torrent.name ?? '')} arrived ${after} (${peers} peers connected); the same command goes on from ${formatBytes(torrent.downloaded)} later.`;
  }

  async #startStream(port: number | true): Promise<void> {
    const host = this.#options.host ?? '127.0.0.1';
    const server = this.#client.createServer();
    const http = server.server as Server;
    await new Promise<void>((resolve, reject) => {
      http.once('error', (error) => reject(streamError(port, host, error)));
      http.listen(port === true ? 0 : port, host, () => resolve());
    });
    const { port: actual } = http.address() as AddressInfo;
    const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
    const streams = this.#torrent.files.flatMap((file, place) =>
      this.#isWanted(file, place)
        ? [{ number: place + 1, path: file.path, url: `http://${shown}:${actual}${file.streamURL}` }]
        : [],
    );
    this.#output.event({ event: 'stream', files: streams });
    this.#output.say('Open in any player:');
    for (const { url } of streams) this.#output.result(url);
  }
}

function idOf(input: TorrentInput): { id: string | Uint8Array; label: string } {
  switch (input.kind) {
    case 'magnet':
      return { id: input.uri, label: printable(input.magnet.name ?? input.infoHash) };
    case 'infoHash':
      return { id: input.id, label: input.infoHash };
    case 'metainfo':
      return { id: input.bytes, label: printable(input.metainfo.info.name) };
  }
}

function streamError(port: number | true, host: string, error: unknown): CliError {
  const which = port === true ? 'a free port' : `port ${port}`;
  const why =
    systemCode(error) === 'EADDRINUSE'
      ? 'another program uses it; choose another, or none for any free one'
      : systemCode(error) === 'EADDRNOTAVAIL'
        ? `this machine does not have the address ${host}`
        : systemCode(error) === 'EACCES'
          ? 'this user may not; choose one above 1023'
          : String(error instanceof Error ? error.message : error);
  return new CliError(ExitCode.failure, `--stream cannot listen on ${which}: ${why}.`, { cause: error });
}
