import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

/** One request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
}

/** A plain web server on 127.0.0.1 over one or more folders. */
export interface StaticServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly requests: SeenRequest[];
  /** Bytes of bodies handed to sockets. */
  bytesSent(): number;
  close(): Promise<void>;
}

export interface StaticPage {
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What `serveFolder` can be told beside the folders. */
export interface StaticServerOptions {
  /** Paths answered by a function instead of a file; it returns a body, its media type and what other headers there are. */
  pages?: Record<string, () => StaticPage> | undefined;
  /** Answer ranges with 206 (the default), or ignore them as simple servers do. */
  ranges?: boolean | undefined;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.mkv': 'video/x-matroska',
  '.torrent': 'application/x-bittorrent',
};

/** Serves files with ranges and CORS. `mounts` maps a path prefix (`/`, `/assets/`) to a folder. */
export async function serveFolder(
  mounts: string | Record<string, string>,
  options: StaticServerOptions = {},
): Promise<StaticServer> {
  const folders = Object.entries(typeof mounts === 'string' ? { '/': mounts } : mounts).sort(
    ([a], [b]) => b.length - a.length,
  );
  const requests: SeenRequest[] = [];
  let sent = 0;

  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    requests.push({ method: request.method ?? '', path, range: request.headers.range });
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'content-range, content-length, accept-ranges');
    const page = options.pages?.[path];
    if (page !== undefined) {
      const { type, body, headers } = page();
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store', ...headers }).end(body);
      return;
    }
    const mount = folders.find(([prefix]) => path.startsWith(prefix));
    const inside = mount === undefined ? undefined : normalize(path.slice(mount[0].length));
    if (mount === undefined || inside === undefined || inside.split(sep).includes('..')) {
      response.writeHead(404).end();
      return;
    }
    const file = join(mount[1], inside);
    const size = await stat(file).then(
      (info) => (info.isFile() ? info.size : undefined),
      () => undefined,
    );
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    send(request, response, file, size);
  }

  function send(request: IncomingMessage, response: ServerResponse, file: string, size: number): void {
    response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
    const ranged = options.ranges !== false;
    if (ranged) response.setHeader('accept-ranges', 'bytes');
    const match = ranged ? /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') : null;
    let first = 0;
    let last = size - 1;
    if (match !== null && (match[1] !== '' || match[2] !== '')) {
      first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
      if (match[1] !== '' && match[2] !== '') last = Math.min(last, Number(match[2]));
      if (first > last) {
        response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
        return;
      }
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${first}-${last}/${size}`);
    }
    response.setHeader('content-length', last - first + 1);
    if (request.method === 'HEAD' || size === 0) {
      response.end();
      return;
    }
    const body = createReadStream(file, { start: first, end: last });
    body.on('data', (chunk) => {
      sent += chunk.length;
    });
    body.on('error', () => response.destroy());
    response.on('close', () => body.destroy());
    body.pipe(response);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    bytesSent: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
