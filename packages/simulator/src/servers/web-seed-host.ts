import type { HttpRequest } from 'freshet/engine';
import type { Info } from 'freshet/protocol';
import type { Content } from '../content.ts';
import type { Host } from '../host.ts';
import type { LineOptions, SimResponse } from '../network/network.ts';
import type { World } from '../world.ts';

/** What goes wrong at a web server. */
export type WebSeedFailure =
  /** Answers with this status, and `Retry-After` when it is to name a time. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number | undefined }
  /** Nobody answers. */
  | { readonly kind: 'unreachable' }
  /** Answers with 200 and the whole file whatever range is asked for. */
  | { readonly kind: 'whole' }
  /** Names another range in `content-range` than it was asked for, so many bytes further on. */
  | { readonly kind: 'wrong-range'; readonly by: number }
  /** Sends clients to another address: the same path below `to`. */
  | { readonly kind: 'redirect'; readonly to: string }
  /** Breaks the connection after so many bytes of the body. */
  | { readonly kind: 'break'; readonly after: number }
  /** Says nothing more after so many bytes of the body. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Thinks for so many milliseconds before it answers. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Bytes [offset, offset + length) of the torrent are wrong. Of use where all bytes are real. */
  | { readonly kind: 'corrupt'; readonly offset: number; readonly length: number }
  /** Another file of the same length. Of use where all bytes are real. */
  | { readonly kind: 'other-file' }
  /** The file is shorter by so many bytes. */
  | { readonly kind: 'short'; readonly by: number };

/** A failure, and which requests it befalls. Of several the first that applies is it. */
export type WebSeedFault = WebSeedFailure & {
  /** Index of the file in the torrent. Default: each. */
  readonly file?: number | undefined;
  /** Milliseconds of the world's time. Default: from the beginning, for ever. */
  readonly from?: number | undefined;
  readonly until?: number | undefined;
  /** Part of the requests, 0..1, by chance. Default 1. */
  readonly share?: number | undefined;
  /** Requests at most. Default: all. */
  readonly times?: number | undefined;
};

export interface WebSeedHostOptions {
  /** IP address; default that in `url`, or the next free one. */
  readonly address?: string | undefined;
  readonly line?: LineOptions | undefined;
  readonly content: Content;
  /** Address for the torrent. Default on port 80: `/`, below which the files lie, or `/seed` of a script. */
  readonly url?: string | undefined;
  /** `files`: a folder, or the one file (BEP 19). `pieces`: a script that gives pieces (BEP 17). Default `files`. */
  readonly layout?: 'files' | 'pieces' | undefined;
  /** Milliseconds that it thinks before each answer. Default 0. */
  readonly delayMs?: number | undefined;
  readonly faults?: readonly WebSeedFault[] | undefined;
}

/** A machine that serves the files of a content by range, as nginx does, or as a server that fails does. */
export interface WebSeedHost {
  readonly url: string;
  readonly host: Host;
  /** Requests that came in, and bytes of bodies that were given to the network to send. */
  readonly requests: number;
  readonly bytes: number;
  /** In place of those before. */
  setFaults(faults: readonly WebSeedFault[]): void;
  /** Requests that a failure of this kind befell. */
  fired(kind: WebSeedFailure['kind']): number;
  /** Ends the server: connections are refused. */
  stop(): void;
  start(): void;
}

export function webSeedHost(world: World, options: WebSeedHostOptions): WebSeedHost {
  return new SimulatedWebSeed(world, options);
}

/** Bytes [begin, end) of the torrent that one address stands for. */
interface Resource {
  readonly file: number;
  readonly begin: number;
  readonly end: number;
}

class SimulatedWebSeed implements WebSeedHost {
  readonly url: string;
  readonly host: Host;
  requests = 0;
  bytes = 0;
  readonly #world: World;
  readonly #content: Content;
  readonly #layout: 'files' | 'pieces';
  readonly #origin: string;
  /** Path of the torrent's address. */
  readonly #base: string;
  /** By path, without escapes. */
  readonly #files: ReadonlyMap<string, Resource>;
  readonly #random: { next(): number };
  readonly #delayMs: number;
  #faults: readonly WebSeedFault[] = [];
  /** How often each of the faults has come true. */
  #counts = new Map<WebSeedFault, number>();
  readonly #fired = new Map<WebSeedFailure['kind'], number>();

  constructor(world: World, options: WebSeedHostOptions) {
    const { content, url, layout = 'files' } = options;
    const given = url === undefined ? undefined : new URL(url);
    this.#world = world;
    this.#content = content;
    this.#layout = layout;
    this.#delayMs = options.delayMs ?? 0;
    this.host = world.host({ address: options.address ?? given?.hostname, line: options.line });
    this.url = url ?? `http://${this.host.address}/${layout === 'pieces' ? 'seed' : ''}`;
    const { origin, pathname } = new URL(this.url);
    this.#origin = origin;
    this.#base = decodeURIComponent(pathname);
    this.#files = filesByPath(content.info, this.#base);
    this.#random = world.random(`web seed ${this.url}`);
    this.setFaults(options.faults ?? []);
    this.start();
  }

  setFaults(faults: readonly WebSeedFault[]): void {
    this.#faults = faults;
    this.#counts = new Map();
  }

  fired(kind: WebSeedFailure['kind']): number {
    return this.#fired.get(kind) ?? 0;
  }

  stop(): void {
    this.host.network.serveHttp(this.host.address, this.#origin, undefined);
  }

  start(): void {
    this.host.network.serveHttp(this.host.address, this.#origin, (request) => this.#serve(request));
  }

  #serve(request: HttpRequest): SimResponse | undefined {
    this.requests++;
    const response = this.#answer(request);
    this.bytes += response?.body?.length ?? 0;
    return response && { ...response, delayMs: (response.delayMs ?? 0) + this.#delayMs };
  }

  #answer(request: HttpRequest): SimResponse | undefined {
    const { pathname, search, searchParams } = new URL(request.url);
    const pieces = this.#layout === 'pieces';
    const resource = pieces ? this.#piece(searchParams) : this.#files.get(decoded(pathname));
    if (resource === undefined) return plain(404);
    const range = pieces ? rangeOf(searchParams) : request.range;
    const fault = this.#fault(resource, range);
    const file = { ...resource, end: resource.end - (fault?.kind === 'short' ? fault.by : 0) };
    if (fault?.kind === 'status') return statusOf(fault, pieces);
    if (fault?.kind === 'redirect') return { redirect: fault.to.replace(/\/$/, '') + pathname + search };
    if (fault?.kind === 'unreachable') return undefined;
    const response = this.#bytesOf(file, fault?.kind === 'whole' ? undefined : range, pieces, fault);
    switch (fault?.kind) {
      case 'break':
        return { ...response, breakAfter: fault.after };
      case 'stall':
        return { ...response, silentAfter: fault.after };
      case 'slow':
        return { ...response, delayMs: fault.delayMs };
      default:
        return response;
    }
  }

  /** The answer of a server that has this file; over BEP 17 the body alone says what it is. */
  #bytesOf(
    { begin, end, file }: Resource,
    range: { readonly first: number; readonly last: number } | undefined,
    pieces: boolean,
    fault: WebSeedFault | undefined,
  ): SimResponse {
    const length = end - begin;
    const first = range?.first ?? 0;
    const last = Math.min(range?.last ?? length - 1, length - 1);
    if (first > last) return { status: 416, headers: { 'content-range': `bytes */${length}` } };
    const body = this.#body(begin + first, last - first + 1, fault);
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'content-length': String(body.length),
    };
    if (!pieces) {
      headers['accept-ranges'] = 'bytes';
      headers['etag'] = `"${file.toString(16)}-${length.toString(16)}"`;
    }
    if (pieces || range === undefined) return { headers, body };
    const by = fault?.kind === 'wrong-range' ? fault.by : 0;
    headers['content-range'] = `bytes ${first + by}-${last + by}/${length}`;
    return { status: 206, headers, body };
  }

  #body(offset: number, length: number, fault: WebSeedFault | undefined): Uint8Array {
    const bytes = this.#content.bytes(offset, length);
    if (fault?.kind === 'other-file') return bytes.map((byte) => byte ^ 0xa5);
    if (fault?.kind !== 'corrupt') return bytes;
    const from = Math.max(0, fault.offset - offset);
    const to = Math.min(length, fault.offset + fault.length - offset);
    if (from >= to) return bytes;
    const wrong = bytes.slice();
    for (let i = from; i < to; i++) wrong[i]! ^= 0xff;
    return wrong;
  }

  #fault({ file, begin, end }: Resource, range: HttpRequest['range']): WebSeedFault | undefined {
    const now = this.#world.clock.now();
    for (const fault of this.#faults) {
      const {
        from = 0,
        until = Number.POSITIVE_INFINITY,
        share = 1,
        times = Number.POSITIVE_INFINITY,
      } = fault;
      if (now < from || now >= until || (fault.file !== undefined && fault.file !== file)) continue;
      if (fault.kind === 'corrupt') {
        const first = begin + (range?.first ?? 0);
        const last = begin + (range?.last ?? end - begin - 1);
        if (last < fault.offset || first >= fault.offset + fault.length) continue;
      }
      const count = this.#counts.get(fault) ?? 0;
      if (count >= times || (share < 1 && this.#random.next() / 2 ** 32 >= share)) continue;
      this.#counts.set(fault, count + 1);
      this.#fired.set(fault.kind, this.fired(fault.kind) + 1);
      return fault;
    }
    return undefined;
  }

  #piece(query: URLSearchParams): Resource | undefined {
    const piece = Number(query.get('piece') ?? Number.NaN);
    const { pieceCount, pieceLength, length } = this.#content.info;
    if (!(Number.isInteger(piece) && piece >= 0 && piece < pieceCount)) return undefined;
    const begin = piece * pieceLength;
    return { file: 0, begin, end: Math.min(begin + pieceLength, length) };
  }
}

function filesByPath({ files, name, multiFile }: Info, base: string): Map<string, Resource> {
  const paths = new Map<string, Resource>();
  const folder = base.endsWith('/') ? base : `${base}/`;
  for (const [file, { path, offset, length, padding }] of files.entries()) {
    if (padding) continue;
    const single = base.endsWith('/') ? base + name : base;
    paths.set(multiFile ? folder + path.join('/') : single, { file, begin: offset, end: offset + length });
  }
  return paths;
}

function rangeOf(query: URLSearchParams): { first: number; last: number } | undefined {
  const [, first, last] = /^([0-9]+)-([0-9]+)$/.exec(query.get('ranges') ?? '') ?? [];
  return first === undefined ? undefined : { first: Number(first), last: Number(last) };
}

function statusOf(
  { status, retryAfterSeconds }: WebSeedFailure & { kind: 'status' },
  pieces: boolean,
): SimResponse {
  if (retryAfterSeconds === undefined) return plain(status);
  // BEP 17 has the seconds in the body.
  if (pieces) return { ...plain(status), body: new TextEncoder().encode(String(retryAfterSeconds)) };
  return { ...plain(status), headers: { 'retry-after': String(retryAfterSeconds) } };
}

function plain(status: number): SimResponse {
  return { status, headers: { 'content-type': 'text/plain' } };
}

/** `undefined`-like for what is no escaped UTF-8: such a file there is none of. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}
