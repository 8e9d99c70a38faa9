/** What the page's address names after the `#`. */

/** A torrent in an address. */
export interface Address {
  /** What `client.add` takes. */
  readonly id: string;
  /** 40 or, of version 2 (BEP 52), 64 hexadecimal characters, where the address has them in that form. */
  readonly hashes: readonly string[];
}

const HEX = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;
const BASE32 = /^[a-z2-7]{32}$/i;

/**
 * Reads `#magnet:?xt=urn:btih:...`, `#magnet:?xt=urn:btmh:...` or `#<info-hash>`. `undefined` for an empty one; throws an `Error` with a sentence for
 * anything else.
 */
export function parseAddress(hash: string): Address | undefined {
  const text = decoded(hash.replace(/^#/, '')).trim();
  if (text === '') return undefined;
  if (HEX.test(text)) return { id: text.toLowerCase(), hashes: [text.toLowerCase()] };
  if (BASE32.test(text)) return { id: text, hashes: [] };
  const name = text.length > 60 ? `${text.slice(0, 60)}\u2026` : text;
  if (!/^magnet:\?/i.test(text))
    throw new Error(`\u201c${name}\u201d in the address is neither a magnet link nor an info-hash.`);
  // A v2 hash is written as a multihash: 1220 says SHA-256 of 32 bytes.
  const topics = [...text.matchAll(/[?&]xt(?:\.\d+)?=urn:bt(?:ih:|mh:1220)([0-9a-z]+)/gi)].map(
    ([, hash]) => hash!,
  );
  const hashes = topics.filter((hash) => HEX.test(hash)).map((hash) => hash.toLowerCase());
  if (hashes.length === 0 && !topics.some((hash) => BASE32.test(hash)))
    throw new Error(
      `The magnet link in the address has no info-hash (xt=urn:btih:\u2026): \u201c${name}\u201d.`,
    );
  return { id: text, hashes };
}

/** Whether one of an address's hashes is the torrent's; also the first 40 characters of a v2 one. */
export function names(
  hashes: readonly string[],
  torrent: { readonly infoHash: string; readonly infoHashV2?: string | undefined },
): boolean {
  return hashes.some(
    (hash) =>
      hash === torrent.infoHash || hash === torrent.infoHashV2 || hash === torrent.infoHashV2?.slice(0, 40),
  );
}

/** The address of this page that opens `id`, a magnet link or an info-hash. */
export function addressOf(page: string, id: string): string {
  const url = new URL(page);
  url.hash = id;
  return url.href;
}

/** The tracker of the site that the page is from. */
export function siteTracker(page: string): string {
  const url = new URL('announce', page);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** Some programs escape the fragment as a whole; in others only the magnet link's own parts are. */
function decoded(text: string): string {
  if (!/^magnet%3A/i.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
