import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { makeTempDir } from '../../support/files.ts';
import { freePort } from '../../support/ports.ts';
import { needProgram, Program } from '../../support/process.ts';
import { RpcPeer, type RpcState } from './rpc-peer.ts';
import type { DownloadOptions, PeerStatus } from './types.ts';

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

/** aria2c as a peer. */
export class Aria2Peer extends RpcPeer {
  protected override readonly interval: number = 30;
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
    const name = `aria2 ${version}`;
    const rpc = `http://127.0.0.1:${rpcPort}/jsonrpc`;
    return new Aria2Peer({ program, name, port, rpc, folder }).answering();
  }

  protected override ping(): Promise<unknown> {
    return this.#call('getVersion');
  }

  protected override isSeeding(state: RpcState): boolean {
    return state['seeder'] === 'true';
  }

  protected override isComplete(state: RpcState): boolean {
    return state['seeder'] === 'true' || state['status'] === 'complete';
  }

  protected override toStatus(state: RpcState): PeerStatus {
    const total = Number(state['totalLength']);
    const done = Number(state['completedLength']);
    return {
      progress: total === 0 ? 0 : done / total,
      downloaded: done,
      uploaded: Number(state['uploadLength']),
      peers: Number(state['connections']),
    };
  }

  protected override async add(options: DownloadOptions): Promise<void> {
    const trackers = await this.trackersFor(options);
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

  protected override async tell(): Promise<RpcState> {
    if (this.#gid === undefined) throw new Error('aria2 has no torrent yet');
    const state = (await this.#call('tellStatus', this.#gid, [...FIELDS, 'followedBy'])) as RpcState;
    if (state['status'] === 'error') throw this.program.error(String(state['errorMessage']));
    // A magnet is one download for its metadata, followed by one for its content.
    const followedBy = state['followedBy'];
    if (Array.isArray(followedBy)) {
      this.#gid = String(followedBy[0]);
      return this.tell();
    }
    if (state['status'] === 'complete' && state['seeder'] === undefined)
      return { ...state, status: 'active' };
    return state;
  }

  async #call(method: string, ...params: unknown[]): Promise<unknown> {
    const response = await fetch(this.rpc, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: `aria2.${method}`, params }),
    });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error !== undefined) throw this.program.error(`${method}: ${answer.error.message}`);
    return answer.result;
  }
}
