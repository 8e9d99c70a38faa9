/**
 * What the service worker and the tabs say to each other about one request for a file.
 *
 * The worker sends a `FileRequestMessage` with a port to every tab of the site. Each says over its port whether it has
 * the torrent, and does nothing else yet. One of those that have it is told to `open`, answers with a `head`, and then
 * sends one `chunk` for each `pull`; the others are sent `cancel`. When that tab goes away in the middle, another one is
 * told to `open` the same answer behind what has been sent of it.
 */

import type { FileQuestion } from '../protocol/file-answer.ts';

/** Files are at `<scope>webtorrent/<info-hash>/<path>`, as in WebTorrent, whose users' pages know that address. */
export const FILE_ROUTE = 'webtorrent/';

const FILE_PATH = /^(?:[0-9a-f]{40}|[0-9a-f]{64})\/./i;

/** The part after the route, still percent-encoded, of an address that names a file; otherwise `undefined`. */
export function routedPath(url: string, scope: string): string | undefined {
  const { origin, pathname } = new URL(url);
  const base = new URL(scope);
  const prefix = base.pathname + FILE_ROUTE;
  if (origin !== base.origin || !pathname.startsWith(prefix)) return undefined;
  const path = pathname.slice(prefix.length);
  return FILE_PATH.test(path) ? path : undefined;
}

/** One name of a path, percent-encoded. `encodeURIComponent` alone throws on a lone surrogate. */
export function encodePathName(name: string): string {
  return encodeURIComponent(new TextDecoder().decode(new TextEncoder().encode(name)));
}

/** What a path says when it is decoded; `undefined` where it is not encoded as it should be. */
export function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** A page asks to be controlled: after a forced reload it is not. */
export interface ClaimMessage {
  readonly freshet: 'claim';
}

/** A page has streams running. Browsers stop a service worker that has heard nothing for half a minute. */
export interface KeepMessage {
  readonly freshet: 'keep';
}

/** Worker to tab, with a port for the rest of the conversation. */
export interface FileRequestMessage extends FileQuestion {
  readonly freshet: 'file';
  /** `<info-hash>/<path of the file>`, percent-encoded. */
  readonly path: string;
  readonly method: 'GET' | 'HEAD';
  /** `Request.destination`: `document` when the file is opened in a tab of its own. */
  readonly destination: string;
  /** For a multipart body: the same for all tabs that send parts of it. */
  readonly boundary: string;
}

/** Either end asks whether the other one is still there, and is answered with `pong`. */
type Liveness = { readonly type: 'ping' } | { readonly type: 'pong' };

/** Tab to worker, over the port. */
export type TabMessage =
  | Liveness
  /** The first word, at once: the tab has the torrent, or not. */
  | { readonly type: 'known' }
  | { readonly type: 'unknown' }
  | {
      readonly type: 'head';
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      /** Whether there are bytes to be pulled. */
      readonly body: boolean;
    }
  | { readonly type: 'chunk'; readonly data: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly message: string };

/** Worker to tab, over the port. */
export type WorkerMessage =
  | Liveness
  /** Answer it, and leave out the first `skip` bytes of the body. */
  | { readonly type: 'open'; readonly skip: number }
  | { readonly type: 'pull' }
  | { readonly type: 'cancel' };

export function isFileRequest(data: unknown): data is FileRequestMessage {
  return kindOf(data) === 'file';
}

export function isClaim(data: unknown): data is ClaimMessage {
  return kindOf(data) === 'claim';
}

function kindOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'freshet' in data ? data.freshet : undefined;
}
