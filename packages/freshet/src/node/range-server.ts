/** HTTP with ranges over whatever can be read: the server behind stream addresses. */

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerFile, type ByteRange, contentDisposition, contentType } from '../protocol/index.ts';
import { indexPage, type ServedIndex } from './range-page.ts';
import { listenSentence } from './system-error.ts';

export type { ServedEntry, ServedIndex } from './range-page.ts';

/** How long running answers may go on after `close`, in ms. A film being watched never ends by itself. */
const CLOSING_GRACE = 250;

/** Types that a browser would run as a page of this server's origin. */
const ACTIVE_TYPES = /^(text\/html|application\/xhtml\+xml|image\/svg\+xml|(text|application)\/xml)\b/;

const METHODS = 'GET, HEAD, OPTIONS';

/** A file that can be asked for. */
export interface ServedFile {
  /** The name it is saved under. */
  readonly name: string;
  /** Bytes. */
  readonly length: number;
  /** Media type. Default: by the ending of the name. */
  readonly type?: string | undefined;
  /** Names this content for ever, such as info-hash and file index; makes `ETag`. No quotes in it. */
  readonly etag?: string | undefined;
  /**
   * The bytes [start, endInclusive]. The chunks must not change after they are given out. `signal` aborts when
   * nobody wants them any more.
   */
  read(start: number, endInclusive: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface RangeServerOptions {
  /** What is at this path (still percent-encoded, without the query); `undefined` if nothing is. */
  lookup(pathname: string): Promise<ServedFile | ServedIndex | undefined>;
  /** Which pages of other origins may read answers. Default `'*'`, all; `false`, none; else one origin. */
  readonly origin?: string | false | undefined;
  /**
   * The only host names under which the server may be asked. A page of an attacker whose name suddenly points
   * to this machine (DNS rebinding) is refused by it. Default: any.
   */
  readonly hostname?: string | readonly string[] | undefined;
}

/** Answers GET, HEAD and OPTIONS. `handle` can be put into a server of one's own. */
export interface RangeServer {
  /** Resolves with the port. Rejects with a sentence naming the port. Default host `127.0.0.1`. */
  listen(port: number, host?: string): Promise<number>;
  /** Answers one request. Never throws or rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Stops listening, aborts all reads and ends open answers, in less than a second. Idempotent. */
  close(): Promise<void>;
}

export function createRangeServer(options: RangeServerOptions): RangeServer {
  return new NodeRangeServer(options);
}

class NodeRangeServer implements RangeServer {
  readonly #lookup: RangeServerOptions['lookup'];
  readonly #origin: string | false;
  readonly #hostnames: readonly string[] | undefined;
  readonly #running = new Map<AbortController, ServerResponse>();
  #server: Server | undefined;
  #closing = false;

  constructor(options: RangeServerOptions) {
    this.#lookup = (pathname) => options.lookup(pathname);
    this.#origin = options.origin ?? '*';
    const { hostname } = options;
    this.#hostnames = (typeof hostname === 'string' ? [hostname] : hostname)?.map(plainHost);
  }

  listen(port: number, host = '127.0.0.1'): Promise<number> {
    return new Promise((resolve, reject) => {
      const server = createServer((request, response) => void this.handle(request, response));
      server.once('error', (error) => reject(new Error(listenSentence(port, host, error), { cause: error })));
      try {
        server.listen({ port, host }, () => {
          server.on('error', () => {});
          this.#server = server;
          const address = server.address();
          resolve(address !== null && typeof address === 'object' ? address.port : port);
        });
      } catch (error) {
        reject(new Error(listenSentence(port, host, error), { cause: error }));
      }
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    server?.closeIdleConnections();
    if (this.#running.size > 0) await new Promise((resolve) => setTimeout(resolve, CLOSING_GRACE));
    for (const [controller, response] of this.#running) {
      controller.abort();
      response.destroy();
    }
    server?.closeAllConnections();
    await closed;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    this.#running.set(controller, response);
    // Without a listener a client that goes away in the middle would be an exception.
    response.on('error', () => controller.abort());
    response.on('close', () => controller.abort());
    try {
      await this.#answer(request, response, controller.signal);
    } catch {
      // Whatever could not be read: before the head it is said, after it the broken connection says it.
      if (response.headersSent) response.destroy();
      else sentence(response, 500, 'The file cannot be read at the moment.');
    } finally {
      this.#running.delete(controller);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    this.#allowOrigin(request, response);
    if (this.#closing) {
      sentence(response, 503, 'The server is closing.');
      return;
    }
    if (this.#hostnames?.includes(plainHost(request.headers.host ?? '')) === false) {
      sentence(response, 403, 'This server is not known under this host name.');
      return;
    }
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { Allow: METHODS }).end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', METHODS);
      sentence(response, 405, `The method ${request.method} is not supported here.`);
      return;
    }
    const pathname = /^[^?#]*/.exec(request.url ?? '/')![0];
    const found = await this.#lookup(pathname);
    if (found === undefined) sentence(response, 404, 'There is nothing at this address.');
    else if ('entries' in found) sendPage(response, found);
    else await sendFile(request, response, found, signal);
  }

  /** CORS (Fetch standard, section 3.2). */
  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (this.#origin === false) return;
    if (this.#origin !== '*') {
      response.setHeader('Vary', 'Origin');
      if (origin !== this.#origin) return;
    }
    response.setHeader('Access-Control-Allow-Origin', this.#origin);
    response.setHeader(
      'Access-Control-Expose-Headers',
      'Accept-Ranges, Content-Range, Content-Disposition, ETag',
    );
    if (request.method !== 'OPTIONS') return;
    response.setHeader('Access-Control-Allow-Methods', METHODS);
    response.setHeader('Access-Control-Max-Age', '600');
    const wanted = request.headers['access-control-request-headers'];
    if (wanted !== undefined) response.setHeader('Access-Control-Allow-Headers', wanted);
    // A page of the public web may ask a server of the local network only with this.
    if (request.headers['access-control-request-private-network'] === 'true') {
      response.setHeader('Access-Control-Allow-Private-Network', 'true');
    }
  }
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: ServedFile,
  signal: AbortSignal,
): Promise<void> {
  const { length } = file;
  const type = file.type ?? contentType(file.name);
  const etag = file.etag === undefined ? undefined : `"${file.etag}"`;
  const answer = answerFile(
    {
      method: request.method ?? '',
      range: request.headers.range,
      ifRange: request.headers['if-range'] as string | undefined,
      ifNoneMatch: request.headers['if-none-match'],
    },
    { length, type, etag },
    `freshet-${randomBytes(12).toString('hex')}`,
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', 'no-cache');
  if (ACTIVE_TYPES.test(type)) response.setHeader('Content-Security-Policy', 'sandbox');
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  if (answer.status === 416) {
    sentence(response, 416, `The file has ${length} bytes; the range asked for is beyond them.`);
    return;
  }
  response.setHeader('Content-Disposition', contentDisposition('inline', file.name));
  response.writeHead(answer.status);
  if (request.method === 'HEAD' || answer.status === 304) {
    response.end();
    return;
  }
  // Players decide by the head; it need not wait for the first byte.
  response.flushHeaders();
  for (const part of answer.body) {
    if (typeof part === 'string') {
      if (!response.write(part)) await drained(response, signal);
    } else if (!(await sendRange(response, file, part, signal))) return;
  }
  response.end();
}

/** Sends the bytes of `range`; false when nobody wants them any more. */
async function sendRange(
  response: ServerResponse,
  file: ServedFile,
  { start, end }: ByteRange,
  signal: AbortSignal,
): Promise<boolean> {
  let left = end - start;
  if (left === 0) return !signal.aborted;
  for await (const chunk of file.read(start, end - 1, signal)) {
    if (signal.aborted) return false;
    const wanted = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= wanted.length;
    if (!response.write(wanted)) await drained(response, signal);
    if (signal.aborted) return false;
    if (left === 0) return true;
  }
  if (!signal.aborted) throw new Error(`${file.name} ended ${left} bytes early`);
  return false;
}

/** Resolves when the socket takes more, or will never do so. */
function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted || !response.writableNeedDrain) {
      resolve();
      return;
    }
    response.once('drain', done);
    signal.addEventListener('abort', done);
  });
}

function sendPage(response: ServerResponse, index: ServedIndex): void {
  const page = Buffer.from(indexPage(index));
  response
    .writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': String(page.length),
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      'Cache-Control': 'no-store',
    })
    .end(page);
}

function sentence(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  response
    .writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': String(body.length) })
    .end(body);
}

/** A host name without port, brackets and trailing dot, in lower case. */
function plainHost(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  const name = bracketed ?? (host.split(':').length > 2 ? host : host.replace(/:\d*$/, ''));
  return name.toLowerCase().replace(/\.$/, '');
}
