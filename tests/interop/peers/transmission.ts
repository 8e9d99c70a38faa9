import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir, removeDir } from '../../support/files.ts';
import { type FixedTracker, startFixedTracker } from '../../support/fixed-tracker.ts';
import { freePort, ownAddress } from '../../support/ports.ts';
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
  'percentDone',
  'metadataPercentComplete',
  'downloadedEver',
  'uploadedEver',
  'peersConnected',
  'status',
  'error',
  'errorString',
];
/** `status` of Transmission's RPC: 4 downloads, 6 seeds. */
const SEEDING = 6;
/** `error` of Transmission's RPC: 1 and 2 are the tracker's, 3 is the program's own. */
const LOCAL_ERROR = 3;

/** How Transmission is set up; all optional. */
export interface TransmissionOptions {
  port?: number | undefined;
  encryption?: 'off' | 'allowed' | 'forced' | undefined;
  /** Entries of settings.json. */
  settings?: Record<string, string | number | boolean> | undefined;
}

/**
 * transmission-daemon as a peer, driven through its RPC. It drops peers in 127.0.0.0/8 that a tracker names
 * (it still takes connections from there), so `peers` are rewritten to an address of this machine; the program
 * at the other end must then listen on all addresses.
 */
export class TransmissionPeer implements TestPeer {
  readonly name: string;
  readonly port: number;
  readonly #program: Program;
  readonly #rpc: string;
  readonly #folder: string;
  #sessionId = '';
  #tracker: FixedTracker | undefined;
  #torrent: number | undefined;

  static async start(options: TransmissionOptions = {}): Promise<TransmissionPeer> {
    await needProgram('transmission-daemon', 'transmission-daemon');
    const told = await run('transmission-daemon', ['--version']);
    const version = /transmission-daemon (\S+)/.exec(told.stdout + told.stderr)?.[1] ?? '';
    const folder = await makeTempDir('transmission');
    const port = options.port ?? (await freePort());
    const rpcPort = await freePort();
    const downloads = join(folder, 'downloads');
    await mkdir(downloads);
    const settings = {
      'bind-address-ipv4': '0.0.0.0',
      'peer-port': port,
      'peer-port-random-on-start': false,
      'port-forwarding-enabled': false,
      'rpc-enabled': true,
      'rpc-bind-address': '127.0.0.1',
      'rpc-port': rpcPort,
      'rpc-authentication-required': false,
      'rpc-whitelist-enabled': false,
      'rpc-host-whitelist-enabled': false,
      'dht-enabled': false,
      'lpd-enabled': false,
      'pex-enabled': false,
      'utp-enabled': false,
      encryption: { off: 0, allowed: 1, forced: 2 }[options.encryption ?? 'off'],
      'blocklist-enabled': false,
      'download-dir': downloads,
      'incomplete-dir-enabled': false,
      'rename-partial-files': false,
      'watch-dir-enabled': false,
      'start-added-torrents': true,
      'download-queue-enabled': false,
      'seed-queue-enabled': false,
      'ratio-limit-enabled': false,
      'idle-seeding-limit-enabled': false,
      'speed-limit-up-enabled': false,
      'speed-limit-down-enabled': false,
      preallocation: 0,
      ...options.settings,
    };
    await writeFile(join(folder, 'settings.json'), JSON.stringify(settings));
    const args = ['--foreground', '--config-dir', folder, '--log-error'];
    const program = new Program('transmission-daemon', 'transmission-daemon', args);
    program.keepOutput();
    const rpc = `http://127.0.0.1:${rpcPort}/transmission/rpc`;
    const peer = new TransmissionPeer(program, port, rpc, folder, version);
    try {
      await program.orEnd(
        waitUntil('transmission-daemon to answer', () => peer.#call('session-get'), { timeout: 10_000 }),
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
    this.name = `Transmission ${version}`;
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
      'transmission-daemon to verify its data',
      async () => {
        const state = await this.#tell();
        return state['status'] === SEEDING && state['percentDone'] === 1;
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
        if (state['metadataPercentComplete'] === 1 && state['percentDone'] === 1) return;
        await sleep(50);
      }
    };
    return { completed: observed(this.#program.orEnd(watch(), 600_000, 'completed its download')) };
  }

  async status(): Promise<PeerStatus> {
    const state = await this.#tell();
    return {
      progress: Number(state['percentDone']),
      downloaded: Number(state['downloadedEver']),
      uploaded: Number(state['uploadedEver']),
      peers: Number(state['peersConnected']),
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
    const fields: Record<string, unknown> = { 'download-dir': options.dir, paused: true };
    if (options.torrentFile !== undefined) {
      fields['metainfo'] = (await readFile(options.torrentFile)).toString('base64');
    } else {
      fields['filename'] = options.magnet;
    }
    const added = await this.#call('torrent-add', fields);
    const torrent = added['torrent-added'] ?? added['torrent-duplicate'];
    this.#torrent = (torrent as { id: number }).id;
    const ids = [this.#torrent];

    const trackers = [...(options.trackers ?? [])];
    if (options.peers !== undefined && options.peers.length > 0) {
      this.#tracker = await startFixedTracker(options.peers.map(withOwnAddress));
      trackers.push(this.#tracker.url);
    }
    if (trackers.length > 0) await this.#call('torrent-set', { ids, trackerAdd: trackers });
    if (options.uploadRate !== undefined) {
      const uploadLimit = Math.max(1, Math.round(options.uploadRate / 1000));
      await this.#call('torrent-set', { ids, uploadLimited: true, uploadLimit });
    }
    await this.#call('torrent-start-now', { ids });
  }

  async #tell(): Promise<Record<string, unknown>> {
    if (this.#torrent === undefined) throw new Error('Transmission has no torrent yet');
    const answer = await this.#call('torrent-get', { ids: [this.#torrent], fields: FIELDS });
    const [state] = answer['torrents'] as Record<string, unknown>[];
    if (state === undefined) throw this.#program.error('lost its torrent');
    if (state['error'] === LOCAL_ERROR) throw this.#program.error(String(state['errorString']));
    return state;
  }

  async #call(method: string, fields: object = {}): Promise<Record<string, unknown>> {
    const send = (): Promise<Response> =>
      fetch(this.#rpc, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-transmission-session-id': this.#sessionId },
        body: JSON.stringify({ method, arguments: fields }),
      });
    let response = await send();
    if (response.status === 409) {
      // Its guard against cross-site requests: the first answer only carries the id to send.
      await response.body?.cancel();
      this.#sessionId = response.headers.get('x-transmission-session-id') ?? '';
      response = await send();
    }
    if (!response.ok) throw this.#program.error(`${method}: HTTP ${response.status}`);
    const answer = (await response.json()) as { result: string; arguments: Record<string, unknown> };
    if (answer.result !== 'success') throw this.#program.error(`${method}: ${answer.result}`);
    return answer.arguments;
  }
}

function withOwnAddress(peer: string): string {
  if (!peer.startsWith('127.')) return peer;
  const own = ownAddress();
  if (own === undefined) {
    throw new Error(`Transmission does not connect to ${peer}, and this machine has only loopback addresses`);
  }
  return peer.replace(/^[\d.]+/, own);
}
