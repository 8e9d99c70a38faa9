import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTempDir } from '../../support/files.ts';
import { freePort, ownAddress } from '../../support/ports.ts';
import { needProgram, Program } from '../../support/process.ts';
import { RpcPeer, type RpcState } from './rpc-peer.ts';
import type { DownloadOptions, PeerStatus } from './types.ts';

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
 * transmission-daemon as a peer. It drops peers in 127.0.0.0/8 that a tracker names
 * (it still takes connections from there), so `peers` are rewritten to an address of this machine; the program
 * at the other end must then listen on all addresses.
 */
export class TransmissionPeer extends RpcPeer {
  protected override readonly interval: number = 50;
  #sessionId = '';
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
    const name = `Transmission ${version}`;
    return new TransmissionPeer({ program, name, port, rpc, folder }).answering();
  }

  protected override ping(): Promise<unknown> {
    return this.#call('session-get');
  }

  protected override isSeeding(state: RpcState): boolean {
    return state['status'] === SEEDING && state['percentDone'] === 1;
  }

  protected override isComplete(state: RpcState): boolean {
    return state['metadataPercentComplete'] === 1 && state['percentDone'] === 1;
  }

  protected override toStatus(state: RpcState): PeerStatus {
    return {
      progress: Number(state['percentDone']),
      downloaded: Number(state['downloadedEver']),
      uploaded: Number(state['uploadedEver']),
      peers: Number(state['peersConnected']),
    };
  }

  protected override async add(options: DownloadOptions): Promise<void> {
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

    const trackers = await this.trackersFor(options, withOwnAddress);
    if (trackers.length > 0) await this.#call('torrent-set', { ids, trackerAdd: trackers });
    if (options.uploadRate !== undefined) {
      const uploadLimit = Math.max(1, Math.round(options.uploadRate / 1000));
      await this.#call('torrent-set', { ids, uploadLimited: true, uploadLimit });
    }
    await this.#call('torrent-start-now', { ids });
  }

  protected override async tell(): Promise<RpcState> {
    if (this.#torrent === undefined) throw new Error('Transmission has no torrent yet');
    const answer = await this.#call('torrent-get', { ids: [this.#torrent], fields: FIELDS });
    const [state] = answer['torrents'] as RpcState[];
    if (state === undefined) throw this.program.error('lost its torrent');
    if (state['error'] === LOCAL_ERROR) throw this.program.error(String(state['errorString']));
    return state;
  }

  async #call(method: string, fields: object = {}): Promise<Record<string, unknown>> {
    const send = (): Promise<Response> =>
      fetch(this.rpc, {
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
    if (!response.ok) throw this.program.error(`${method}: HTTP ${response.status}`);
    const answer = (await response.json()) as { result: string; arguments: Record<string, unknown> };
    if (answer.result !== 'success') throw this.program.error(`${method}: ${answer.result}`);
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
