import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../../support/ports.ts';
import { JsonProgram, needProgram } from '../../support/process.ts';
import { waitUntil } from '../../support/wait.ts';
import { JsonPeer, listening } from './json-peer.ts';
import type { DownloadOptions, PeerDownload, SeedOptions } from './types.ts';

const SCRIPT = fileURLToPath(new URL('libtorrent_peer.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);

/** How libtorrent is set up; all optional. */
export interface LibtorrentOptions {
  port?: number | undefined;
  /** The address it listens on, 127.0.0.1 unless told. */
  listen?: string | undefined;
  /** Message stream encryption: off unless told. */
  encryption?: 'off' | 'allowed' | 'forced' | undefined;
  /** uTP beside TCP: off unless told. */
  utp?: boolean | undefined;
  /** Entries of libtorrent's settings pack. */
  settings?: Record<string, string | number | boolean> | undefined;
}

/** What `create` makes. */
export interface CreateOptions {
  /** A file or a folder. */
  readonly path: string;
  readonly output: string;
  /** Bytes; libtorrent chooses when absent. */
  readonly pieceLength?: number | undefined;
  readonly trackers?: readonly string[] | undefined;
  readonly webSeeds?: readonly string[] | undefined;
  readonly private?: boolean | undefined;
  /** v1 unless told. */
  readonly version?: 'v1' | 'v2' | 'hybrid' | undefined;
}

/** What `create` made. */
export interface CreatedTorrent {
  readonly infoHash: string;
  readonly pieces: number;
  readonly magnet: string;
}

/** libtorrent (`python3-libtorrent`) as a peer. */
export class LibtorrentPeer extends JsonPeer {
  static async start(options: LibtorrentOptions = {}): Promise<LibtorrentPeer> {
    await needLibtorrent();
    // Left to itself, libtorrent takes another port on every address of the machine.
    const port = options.port ?? (await freePort());
    const program = new JsonProgram('libtorrent', PYTHON, [
      '-u',
      SCRIPT,
      JSON.stringify({ ...options, port }),
    ]);
    const { port: chosen, version } = await listening(program, 10_000);
    return new LibtorrentPeer(program, chosen, `libtorrent ${version}`);
  }

  /** `trustData` skips the hashing of the data at the start. */
  override async seed(options: SeedOptions & { trustData?: boolean | undefined }): Promise<void> {
    await this.program.request('add', { ...options, dir: options.dataDir });
    await waitUntil(
      'libtorrent to verify its data',
      async () => {
        const status = await this.program.request('status');
        if (typeof status['fault'] === 'string') throw this.program.error(status['fault']);
        return status['seeding'] === true;
      },
      { timeout: 60_000 },
    );
  }

  override download(
    options: DownloadOptions & { downloadRate?: number | undefined; sequential?: boolean | undefined },
  ): Promise<PeerDownload> {
    return super.download(options);
  }

  /** Dials one more peer, `host:port`. */
  async connect(peer: string): Promise<void> {
    await this.program.request('connect', { peer });
  }

  /** Changes the upload limit while running; bytes per second, 0 for none. */
  async limitUpload(uploadRate: number): Promise<void> {
    await this.program.request('limits', { uploadRate });
  }

  async create(options: CreateOptions): Promise<CreatedTorrent> {
    const answer = await this.program.request('create', options, 120_000);
    return {
      infoHash: String(answer['infoHash']),
      pieces: Number(answer['pieces']),
      magnet: String(answer['magnet']),
    };
  }
}

/** Makes a torrent with libtorrent, in a process of its own. */
export async function createTorrentWithLibtorrent(options: CreateOptions): Promise<CreatedTorrent> {
  const peer = await LibtorrentPeer.start();
  try {
    return await peer.create(options);
  } finally {
    await peer.stop();
  }
}

async function needLibtorrent(): Promise<void> {
  await needProgram(PYTHON, 'python3-libtorrent');
  try {
    await run(PYTHON, ['-c', 'import libtorrent']);
  } catch {
    throw new Error(`${PYTHON} has no libtorrent: apt-get install python3-libtorrent`);
  }
}
