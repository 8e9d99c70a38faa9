/** One client for all elements of a page, and the torrents that they share. */

import Client, {
  type ClientOptions,
  registerServiceWorker,
  type Torrent,
  type TorrentId,
  type TorrentOptions,
} from 'freshet';

let client: Client | undefined;
const users = new WeakMap<Torrent, number>();
/** An address of a torrent file does not tell which torrent it is, so elements with the same one meet here. */
const bySource = new Map<TorrentId, Torrent>();

/**
 * The page's client, made with the first call.
 * @throws {Error} if it exists already and `options` are given, which would then have no effect.
 */
export function sharedClient(options?: ClientOptions): Client {
  if (client?.destroyed === true) client = undefined;
  if (client !== undefined && options !== undefined)
    throw new Error('The page has a Freshet client already; give its options before the first element.');
  client ??= new Client(options);
  return client;
}

/**
 * Registers the service worker that `file.streamURL` needs, once for the page, and gives the client its server. Where it is
 * impossible `file.streamTo` finds another way, and says why.
 */
export function ensureServer(url: string | URL): void {
  const shared = sharedClient();
  if (shared.server === undefined && !shared.destroyed)
    shared.createServer({ controller: registerServiceWorker(url) });
}

/** Adds a torrent, or joins the elements that have it already. Give it back with `releaseTorrent`. */
export async function acquireTorrent(id: TorrentId, options: TorrentOptions): Promise<Torrent> {
  const shared = sharedClient();
  const known = await shared.get(id);
  const joined = known ?? bySource.get(id);
  if (joined?.destroyed === false) {
    // One that no element has is the page's own, and stays when the last element goes.
    users.set(joined, (users.get(joined) ?? 1) + 1);
    return joined;
  }
  const torrent = shared.add(id, options);
  users.set(torrent, 1);
  bySource.set(id, torrent);
  torrent.once('close', () => {
    if (bySource.get(id) === torrent) bySource.delete(id);
  });
  return torrent;
}

/** Removes the torrent with its last element. One that the page itself added stays. */
export function releaseTorrent(torrent: Torrent): void {
  const left = (users.get(torrent) ?? 1) - 1;
  users.set(torrent, left);
  if (left <= 0 && !torrent.destroyed) torrent.destroy().catch(() => undefined);
}
