/** Web seeds through the API, from real servers on loopback. */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import Client from './index.node.ts';
import { encodeTorrent, parseTorrent } from './protocol/index.ts';

const PIECE = 16_384;
const bytes = Buffer.from(Array.from({ length: 300_001 }, (_, i) => (i * 7919) >> 3));

let root = '';
let server: Server;
let base = '';
let requests: IncomingMessage[] = [];
let open = 0;
let mostOpen = 0;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const clients: Client[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'freshet-web-seeds-'));
  requests = [];
  [open, mostOpen] = [0, 0];
  server = createServer((request, response) => {
    requests.push(request);
    mostOpen = Math.max(mostOpen, ++open);
    response.once('close', () => open--);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.destroy()));
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true, force: true });
});

function client(options: object = {}): Client {
  const made = new Client({ tracker: false, webrtc: false, tcp: false, ...options });
  clients.push(made);
  return made;
}

/** The torrent file of the bytes, with these web seeds. */
async function torrentFile(seeds: { urlList?: string[]; httpSeeds?: string[] }): Promise<Uint8Array> {
  const seeder = client();
  const seed = await seeder.seed(bytes, { name: 'film.bin', pieceLength: PIECE }).untilReady();
  const { infoBytes } = parseTorrent(seed.torrentFile!);
  await seeder.remove(seed);
  return encodeTorrent({ infoBytes, ...seeds });
}

/** What a script of BEP 17 does. */
function givePieces(request: IncomingMessage, response: ServerResponse): void {
  const query = new Map(
    (request.url ?? '')
      .replace(/^[^?]*\?/, '')
      .split('&')
      .map((each) => each.split('=') as [string, string]),
  );
  const begin = Number(query.get('piece')) * PIECE;
  const piece = bytes.subarray(begin, begin + PIECE);
  const ranges = (query.get('ranges') ?? `0-${piece.length - 1}`)
    .split(',')
    .map((range) => range.split('-').map(Number));
  response.end(Buffer.concat(ranges.map(([first, last]) => piece.subarray(first, last! + 1))));
}

describe('web seeds', () => {
  it('of BEP 17 bring a whole torrent, and stay in its file', async () => {
    answer = givePieces;
    const file = await torrentFile({ httpSeeds: [`${base}/seed?key=1`] });
    const torrent = client().add(file, { path: root });
    await torrent.untilDone();
    expect(readFileSync(join(root, 'film.bin')).equals(bytes)).toBe(true);
    expect(torrent.stats.received['webseed']).toBe(bytes.length);
    const escaped = Buffer.from(torrent.infoHash!, 'hex').reduce(
      (text, byte) => `${text}%${byte.toString(16).padStart(2, '0').toUpperCase()}`,
      '',
    );
    for (const request of requests) {
      expect(request.url?.startsWith(`/seed?key=1&info_hash=${escaped}&piece=`)).toBe(true);
      expect(request.headers.range).toBeUndefined();
    }
    expect(parseTorrent(torrent.torrentFile!).httpSeeds).toEqual([`${base}/seed?key=1`]);
    expect(await torrent.webSeeds()).toMatchObject([{ url: `${base}/seed?key=1`, downloaded: bytes.length }]);
  });

  it('are left alone when the client is told so', async () => {
    answer = givePieces;
    const file = await torrentFile({ httpSeeds: [`${base}/seed`] });
    const torrent = await client({ webSeeds: false }).add(file, { path: root }).untilReady();
    expect(await torrent.webSeeds()).toEqual([]);
    expect(requests).toEqual([]);
  });

  it('of several torrents have no more connections to a server than allowed', async () => {
    answer = (request, response) => {
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const part = bytes.subarray(Number(first), Number(last) + 1);
      response.writeHead(206, {
        'content-range': `bytes ${first}-${last}/${bytes.length}`,
        'content-length': part.length,
      });
      setTimeout(() => response.end(part), 20);
    };
    const infos = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        const seed = await client().seed(bytes, { name, pieceLength: PIECE }).untilReady();
        return encodeTorrent({
          infoBytes: parseTorrent(seed.torrentFile!).infoBytes,
          urlList: [`${base}/${name}`],
        });
      }),
    );
    const leech = client({ maxOriginConns: 2 });
    await Promise.all(infos.map((file, i) => leech.add(file, { path: join(root, `${i}`) }).untilDone()));
    expect(mostOpen).toBeLessThanOrEqual(2);
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
      expect(readFileSync(join(root, `${i}`, name)).equals(bytes)).toBe(true);
    }
  });
});
