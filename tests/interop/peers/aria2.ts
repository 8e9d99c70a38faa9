import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeTempDir, removeDir } from '../../support/files.ts';
import { type FixedTracker, startFixedTracker } from '../../support/fixed-tracker.ts';
import { freePort } from '../../support/ports.ts';
import { needProgram, Program, type Usage } from '../../support/process.ts';
import { sleep, waitUntil } from '../../support/wait.ts';
import {
  type DownloadOptions,
  observed,
  type PeerDownload,
  type PeerStatus,
  type SeedOptions,
  type TestPeer,
} from './types.ts';

const run = promisify(execFile);
const FIELDS = [
  'status',
  'completedLength',
  'totalLength',
  'uploadLength',
  'connections',
  'seeder',
  'errorMessage',
];

/** How aria2 is set up; all optional. */
export interface Aria2Options {
  port?: number | undefined;
  /** Options of the command line, each as `--name=value`. */
  args?: readonly string[] | undefined;
}

/** aria2c as a peer. It takes no peer addresses, so `peers` go through a small tracker of ours. */
export class Aria2Peer implements TestPeer {
  readonly name: string;
  readonly port: number;
  readonly #program: Program;
  readonly #rpc: string;
  readonly #folder: string;
  #tracker: FixedTracker | undefined;
  #gid: string | undefined;

  static async start(options: Aria2Options = {}): Promise<Aria2Peer> {
    await needProgram('aria2c', 'aria2');
    const version = /aria2 version (\S+)/.exec((await run('aria2c', ['--version'])).stdout)?.[1] ?? '';
    const folder = await makeTempDir('aria2');
    const port = options.port ?? (await freePort());
    const rpcPort = await freePort();
    const program = new Program(
      'aria2',
      'aria2c',
      [
        '--no-conf=true',
        '--enable-rpc=true',
        `--rpc-listen-port=${rpcPort}`,
        '--rpc-listen-all=false',
        `--listen-port=${port}`,
        '--interface=127.0.0.1',
        '--enable-dht=false',
        '--enable-dht6=false',
        '--bt-enable-lpd=false',
        '--enable-peer-exchange=false',
        '--seed-ratio=0',
        '--check-integrity=true',
        '--bt-hash-check-seed=true',
        '--file-allocation=none',
        '--bt-save-metadata=false',
        '--summary-interval=0',
        '--console-log-level=warn',
        '--show-console-readout=false',
        `--dir=${folder}`,
        ...(options.args ?? []),
      ],
      { cwd: folder },
    );
    program.keepOutput();
    const peer = new Aria2Peer(program, port, `http://127.0.0.1:${rpcPort}/jsonrpc`, folder, version);
    try {
      await program.orEnd(
        waitUntil('aria2 to answer', () => peer.#call('getVersion'), { timeout: 10_000 }),
        12_000,
        'answered its RPC',
      );
    } catch (error) {
      await peer.stop();
      throw error;
    }
    return peer;
  }

  private constructor(program: Program, port: number, rpc: string, folder: string, version: string) {
    this.#program = program;
    this.port = port;
    this.#rpc = rpc;
    this.#folder = folder;
    this.name = `aria2 ${version}`;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#program.pid;
  }

  async seed(options: SeedOptions): Promise<void> {
    await this.#add({ ...options, dir: options.dataDir });
    await waitUntil(
      'aria2 to verify its data',
      async () => {
        const state = await this.#tell();
        return state['seeder'] === 'true';
      },
      { timeout: 60_000 },
    );
  }

  async download(options: DownloadOptions): Promise<PeerDownload> {
    await mkdir(options.dir, { recursive: true });
    await this.#add(options);
    const watch = async (): Promise<void> => {
      for (;;) {
        const state = await this.#tell();
        if (state['seeder'] === 'true' || state['status'] === 'complete') return;
        await sleep(30);
      }
    };
    return { completed: observed(this.#program.orEnd(watch(), 600_000, 'completed its download')) };
  }

  async status(): Promise<PeerStatus> {
    const state = await this.#tell();
    const total = Number(state['totalLength']);
    const done = Number(state['completedLength']);
    return {
      progress: total === 0 ? 0 : done / total,
      downloaded: done,
      uploaded: Number(state['uploadLength']),
      peers: Number(state['connections']),
    };
  }

  usage(): Promise<Usage> {
    return this.#program.usage();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    await this.#tracker?.close();
    await removeDir(this.#folder);
  }

  async #add(options: DownloadOptions): Promise<void> {
    const trackers = [...(options.trackers ?? [])];
    if (options.peers !== undefined && options.peers.length > 0) {
      this.#tracker = await startFixedTracker(options.peers);
      trackers.push(this.#tracker.url);
    }
    const settings: Record<string, string> = { dir: options.dir };
    if (trackers.length > 0) settings['bt-tracker'] = trackers.join(',');
    if (options.uploadRate !== undefined) settings['max-upload-limit'] = String(options.uploadRate);
    if (options.torrentFile !== undefined) {
      const torrent = await readFile(options.torrentFile);
      this.#gid = String(await this.#call('addTorrent', torrent.toString('base64'), [], settings));
    } else {
      this.#gid = String(await this.#call('addUri', [options.magnet], settings));
    }
  }

  async #tell(): Promise<Record<string, unknown>> {
    if (this.#gid === undefined) throw new Error('aria2 has no torrent yet');
    const state = (await this.#call('tellStatus', this.#gid, [...FIELDS, 'followedBy'])) as Record<
      string,
      unknown
    >;
    if (state['status'] === 'error') throw this.#program.error(String(state['errorMessage']));
    // A magnet is one download for its metadata, followed by one for its content.
    const followedBy = state['followedBy'];
    if (Array.isArray(followedBy)) {
      this.#gid = String(followedBy[0]);
      return this.#tell();
    }
    if (state['status'] === 'complete' && state['seeder'] === undefined)
      return { ...state, status: 'active' };
    return state;
  }

  async #call(method: string, ...params: unknown[]): Promise<unknown> {
    const response = await fetch(this.#rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: `aria2.${method}`, params }),
    });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error !== undefined) throw this.#program.error(`${method}: ${answer.error.message}`);
    return answer.result;
  }
}
