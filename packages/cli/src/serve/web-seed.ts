/** An HTTP web seed (BEP 19): the torrents' files and nothing else, with ranges, for pages of any origin. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { contentRange, contentType, parseRange } from 'freshet/protocol';
import { type SharedFile, type SharedTorrent, webSeedPath } from './catalogue.ts';

export interface WebSeedCounters {
  /** Body bytes sent. */
  bytes: number;
  requests: number;
  /** Answers being sent. */
  active: number;
}

export interface WebSeedOptions {
  /** Called once for each file that has changed since it was hashed, and so is not served any more. */
  onChanged(file: SharedFile): void;
}

export class WebSeed {
  readonly counters: WebSeedCounters = { bytes: 0, requests: 0, active: 0 };
  readonly #files = new Map<string, { file: SharedFile; infoHash: string }>();
  readonly #changed = new Set<SharedFile>();
  readonly #options: WebSeedOptions;

  constructor(options: WebSeedOptions) {
    this.#options = options;
  }

  add(shared: SharedTorrent): void {
    for (const file of shared.files) {
      this.#files.set(webSeedPath(shared, file.path), { file, infoHash: shared.infoHash });
    }
  }

  /** Answers a request for a path below `/webseed/`. Never throws. */
  async handle(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A range in the simple form needs no preflight; what needs one gets it.
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'content-range, content-length, accept-ranges');
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    response.setHeader('accept-ranges', 'bytes');
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', 'GET, HEAD');
      response.setHeader('access-control-allow-headers', 'range');
      response.setHeader('access-control-max-age', '86400');
      response.writeHead(204).end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD, OPTIONS');
      answer(response, 405, 'Only GET and HEAD are allowed here.');
      return;
    }
    const found = this.#files.get(canonical(path));
    if (found === undefined) {
      answer(response, 404, 'There is no such file on this web seed.');
      return;
    }
    this.counters.requests++;
    if (!(await this.#unchanged(found.file))) {
      answer(response, 410, 'The file has changed since this torrent was made.');
      return;
    }
    this.#send(found.file, `"${found.infoHash}"`, request, response);
  }

  async #unchanged(file: SharedFile): Promise<boolean> {
    if (this.#changed.has(file)) return false;
    const stats = await stat(file.source).catch(() => undefined);
    if (stats !== undefined && stats.size === file.length && stats.mtimeMs === file.modified) return true;
    this.#changed.add(file);
    this.#options.onChanged(file);
    return false;
  }

  #send(file: SharedFile, etag: string, request: IncomingMessage, response: ServerResponse): void {
    const { length } = file;
    // A range of another version of the file would not fit what is left of it (RFC 9110, section 13.1.5).
    const ifRange = request.headers['if-range'];
    const header = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
    const wanted = parseRange(header, length);
    response.setHeader('etag', etag);
    response.setHeader('content-type', contentType(file.path));
    response.setHeader('cache-control', 'public, max-age=3600');
    if (wanted.kind === 'unsatisfiable') {
      response.setHeader('content-range', contentRange(undefined, length));
      answer(response, 416, 'The range lies beyond the end of the file.');
      return;
    }
    // Of several ranges the whole file is a valid answer, and nobody but an attacker asks for them.
    const range = wanted.kind === 'satisfiable' && wanted.ranges.length === 1 ? wanted.ranges[0] : undefined;
    const { start, end } = range ?? { start: 0, end: length };
    response.setHeader('content-length', end - start);
    if (range !== undefined) response.setHeader('content-range', contentRange(range, length));
    response.writeHead(range === undefined ? 200 : 206);
    if (request.method === 'HEAD' || start === end) {
      response.end();
      return;
    }
    const { counters } = this;
    const source = createReadStream(file.source, { start, end: end - 1, highWaterMark: 256 * 1024 });
    source.on('data', (chunk) => {
      counters.bytes += chunk.length;
    });
    counters.active++;
    // An error breaks the connection off, which is how the visitor hears of it after the head.
    pipeline(source, response, () => {
      counters.active--;
    });
  }
}

/** The same spelling of escapes for every client: some leave characters plain that others escape. */
function canonical(path: string): string {
  try {
    return path
      .split('/')
      .map((part) => encodeURIComponent(decodeURIComponent(part)))
      .join('/');
  } catch {
    return path;
  }
}

function answer(response: ServerResponse, status: number, sentence: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.removeHeader('cache-control');
  response.removeHeader('etag');
  response.writeHead(status).end(`${sentence}\n`);
}
