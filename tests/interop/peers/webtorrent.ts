import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { JsonProgram, type Usage } from '../../support/process.ts';
import { waitUntil } from '../../support/wait.ts';
import {
  type DownloadOptions,
  observed,
  type PeerDownload,
  type PeerStatus,
  type SeedOptions,
  type TestPeer,
} from './types.ts';

const FAMILY = new URL('../webtorrent-family/', import.meta.url);

/** WebTorrent's bundle for pages: an ES module whose default export is the client. */
export const webtorrentBundle: string = fileURLToPath(
  new URL('node_modules/webtorrent/dist/webtorrent.min.js', FAMILY),
);

/** WebTorrent's service worker for pages. */
export const webtorrentServiceWorker: string = fileURLToPath(
  new URL('node_modules/webtorrent/dist/sw.min.js', FAMILY),
);

/** How WebTorrent is set up. */
export interface WebtorrentOptions {
  /** `tcp` speaks to HTTP trackers and sockets only, `webrtc` to WebSocket trackers only. */
  readonly transport: 'tcp' | 'webrtc';
  readonly port?: number | undefined;
}

/** WebTorrent 3 in Node as a peer. */
export class WebtorrentPeer implements TestPeer {
  readonly name: string;
  readonly port: number;
  readonly #program: JsonProgram;
  readonly #finished: Promise<void>;

  static async start(options: WebtorrentOptions): Promise<WebtorrentPeer> {
    await needWebtorrentFamily();
    const script = fileURLToPath(new URL('peer.mjs', FAMILY));
    const program = new JsonProgram('WebTorrent', process.execPath, [script, JSON.stringify(options)]);
    try {
      const listening = await waitUntil(
        'WebTorrent to listen',
        async () => {
          const answer = await program.request('listening', {}, 15_000);
          return Number(answer['port']) > 0 && answer;
        },
        { timeout: 15_000 },
      );
      return new WebtorrentPeer(program, Number(listening['port']), String(listening['version']), options);
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  private constructor(program: JsonProgram, port: number, version: string, options: WebtorrentOptions) {
    this.#program = program;
    this.port = port;
    this.name = `WebTorrent ${version} over ${options.transport === 'tcp' ? 'TCP' : 'WebRTC'}`;
    this.#finished = observed(
      new Promise((resolve, reject) => {
        program.onEvent((event) => {
          if (event['event'] === 'finished') resolve();
          if (event['event'] === 'fault') reject(program.error(String(event['message'])));
        });
        void program.exited.then((code) => reject(program.error(`ended (${code})`)));
      }),
    );
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#program.pid;
  }

  async seed(options: SeedOptions): Promise<void> {
    await this.#program.request('add', { ...options, dir: options.dataDir, webSeeds: false });
    await this.#program.orEnd(this.#finished, 60_000, 'verified its data');
  }

  async download(options: DownloadOptions): Promise<PeerDownload> {
    await this.#program.request('add', options);
    return { completed: this.#finished };
  }

  async status(): Promise<PeerStatus> {
    const answer = await this.#program.request('status');
    return {
      progress: Number(answer['progress']),
      downloaded: Number(answer['downloaded']),
      uploaded: Number(answer['uploaded']),
      peers: Number(answer['peers']),
    };
  }

  /** How many connections it has had, by kind: a test can show that no other transport was used. */
  async wires(): Promise<{ tcp: number; webrtc: number; other: number }> {
    const answer = await this.#program.request('status');
    return answer['wires'] as { tcp: number; webrtc: number; other: number };
  }

  usage(): Promise<Usage> {
    return this.#program.usage();
  }

  /** Kills the program as a crash would. */
  kill(): Promise<void> {
    return this.#program.kill();
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}

/** The npm tracker of the WebTorrent family, running. */
export interface NpmTracker {
  /** Announce URL for HTTP. */
  readonly http: string;
  /** Announce URL for WebSocket. */
  readonly ws: string;
  readonly pid: number;
  usage(): Promise<Usage>;
  stop(): Promise<void>;
}

/** Starts `bittorrent-tracker` on 127.0.0.1, HTTP and WebSocket on one port. */
export async function startNpmTracker(): Promise<NpmTracker> {
  await needWebtorrentFamily();
  const script = fileURLToPath(new URL('tracker.mjs', FAMILY));
  const program = new JsonProgram('bittorrent-tracker', process.execPath, [script]);
  const listening = new Promise<number>((resolve) => {
    program.onEvent((event) => {
      if (event['event'] === 'listening') resolve(Number(event['port']));
    });
  });
  let port: number;
  try {
    port = await program.orEnd(listening, 15_000, 'listened');
  } catch (error) {
    await program.stop();
    throw error;
  }
  return {
    http: `http://127.0.0.1:${port}/announce`,
    ws: `ws://127.0.0.1:${port}`,
    pid: program.pid,
    usage: () => program.usage(),
    stop: () => program.stop(),
  };
}

async function needWebtorrentFamily(): Promise<void> {
  try {
    await access(webtorrentBundle);
  } catch {
    throw new Error('WebTorrent is not installed: run npm ci in tests/interop/webtorrent-family');
  }
}
