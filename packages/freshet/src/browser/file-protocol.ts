/** What the service worker and a page say to each other about one request for a file. */

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

/** The page asks to be controlled: after a forced reload it is not. */
export interface ClaimMessage {
  readonly freshet: 'claim';
}

/** Worker to page, with a port for the rest of the conversation. */
export interface FileRequestMessage {
  readonly freshet: 'file';
  readonly url: string;
  readonly method: 'GET' | 'HEAD';
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** `Request.destination`: `document` when the file is opened in a tab of its own. */
  readonly destination: string;
}

/** Page to worker, over the port. `accepted` comes at once, and shows that somebody is there. */
export type PageMessage =
  | { readonly type: 'accepted' }
  | { readonly type: 'unknown' }
  | {
      readonly type: 'head';
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      /** A transferred stream; or `pull`: the worker asks for every chunk. */
      readonly body: ReadableStream<Uint8Array> | 'pull' | undefined;
    }
  | { readonly type: 'chunk'; readonly data: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'error'; readonly message: string };

/** Worker to page, over the port. */
export type WorkerMessage = { readonly type: 'pull' } | { readonly type: 'cancel' };

export function isFileRequest(data: unknown): data is FileRequestMessage {
  return typeof data === 'object' && data !== null && 'freshet' in data && data.freshet === 'file';
}

export function isClaim(data: unknown): data is ClaimMessage {
  return typeof data === 'object' && data !== null && 'freshet' in data && data.freshet === 'claim';
}
