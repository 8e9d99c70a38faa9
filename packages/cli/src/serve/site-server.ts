/** One HTTP port for all of a site: its page, its API, its torrent files, its web seed and its tracker. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tracker } from 'freshet-tracker';
import sirv from 'sirv';
import {
  describeTorrent,
  type SharedTorrent,
  type SiteAddress,
  type SiteDescription,
  siteAddress,
  torrentFileFor,
} from './catalogue.ts';
import type { WebSeed } from './web-seed.ts';

export interface SiteOptions {
  /** Folder with the page. */
  readonly pageFolder: string;
  readonly tracker: Tracker;
  /** Absent when there is none. */
  readonly webSeed: WebSeed | undefined;
  readonly version: string;
  readonly iceServers: SiteDescription['iceServers'];
  readonly torrents: readonly SharedTorrent[];
  /** For `/api/stats.json`. */
  stats(): object;
}

export interface SiteServer {
  readonly server: Server;
  /** Resolves with the port. Rejects with Node's error. */
  listen(port: number, host: string): Promise<number>;
  /** Breaks off what is still being sent. */
  close(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export function createSite(options: SiteOptions): SiteServer {
  // Looked up on every request, so that the site of a working copy shows what was built last.
  const page = sirv(options.pageFolder, { dev: true, etag: true });
  let port = 0;

  const addressOf = (request: IncomingMessage): SiteAddress => {
    const secure = request.headers['x-forwarded-proto'] === 'https';
    return siteAddress(request.headers.host, `localhost:${port}`, secure);
  };

  const siteJson: Answer = (request, response) => {
    const address = addressOf(request);
    const description: SiteDescription = {
      name: 'Freshet',
      version: options.version,
      tracker: address.trackers[0]!,
      iceServers: options.iceServers,
      torrents: options.torrents.map((shared) =>
        describeTorrent(shared, address, options.webSeed !== undefined),
      ),
    };
    sendJson(response, description);
  };

  const torrentFile = (infoHash: string, request: IncomingMessage, response: ServerResponse): void => {
    const shared = options.torrents.find((known) => known.infoHash === infoHash.toLowerCase());
    if (shared === undefined) {
      sendText(response, 404, 'There is no such torrent here.');
      return;
    }
    const bytes = torrentFileFor(shared, addressOf(request), options.webSeed !== undefined);
    response.writeHead(200, {
      'content-type': 'application/x-bittorrent',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(`${shared.name}.torrent`)}`,
      'access-control-allow-origin': '*',
      'cache-control': 'no-cache',
    });
    response.end(bytes);
  };

  const handle: Answer = (request, response) => {
    response.on('error', () => response.destroy());
    const path = /^[^?#]*/.exec(request.url ?? '/')![0];
    if (path.startsWith('/webseed/') && options.webSeed !== undefined) {
      void options.webSeed.handle(path, request, response);
      return;
    }
    if (options.tracker.handleRequest(request, response)) return;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      sendText(response, 405, 'Only GET and HEAD are allowed here.');
      return;
    }
    const [, infoHash] = /^\/torrents\/([0-9a-f]{40})\.torrent$/i.exec(path) ?? [];
    if (infoHash !== undefined) torrentFile(infoHash, request, response);
    else if (path === '/api/site.json') siteJson(request, response);
    else if (path === '/api/stats.json') sendJson(response, options.stats());
    else page(request, response, () => sendText(response, 404, 'There is nothing at this address.'));
  };

  const server = createServer({ requestTimeout: 30_000 }, handle);
  options.tracker.attach(server, { accepts: ({ url = '' }) => /^\/(announce)?(\?|$)/.test(url) });
  server.on('upgrade', (request, socket) => {
    // What the tracker does not take would stay open for ever.
    if (!/^\/(announce)?(\?|$)/.test(request.url ?? '')) socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  });

  return {
    server,
    listen: (wanted, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(wanted, host, () => {
          server.off('error', reject);
          port = (server.address() as AddressInfo).port;
          resolve(port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'access-control-allow-origin': '*',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(value));
}

function sendText(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${sentence}\n`);
}
