import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { JsonProgram, type Usage } from '../../support/process.ts';
import { JsonPeer, listening } from './json-peer.ts';
import type { SeedOptions } from './types.ts';

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
export class WebtorrentPeer extends JsonPeer {
  static async start(options: WebtorrentOptions): Promise<WebtorrentPeer> {
    await needWebtorrentFamily();
    const script = fileURLToPath(new URL('peer.mjs', FAMILY));
    const program = new JsonProgram('WebTorrent', process.execPath, [script, JSON.stringify(options)]);
    const { port, version } = await listening(program, 15_000);
    const transport = options.transport === 'tcp' ? 'TCP' : 'WebRTC';
    return new WebtorrentPeer(program, port, `WebTorrent ${version} over ${transport}`);
  }

  override async seed(options: SeedOptions): Promise<void> {
    await this.program.request('add', { ...options, dir: options.dataDir, webSeeds: false });
    await this.program.orEnd(this.finished, 60_000, 'verified its data');
  }

  /** How many connections it has had, by kind: a test can show that no other transport was used. */
  async wires(): Promise<{ tcp: number; webrtc: number; other: number }> {
    const answer = await this.program.request('status');
    return answer['wires'] as { tcp: number; webrtc: number; other: number };
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
