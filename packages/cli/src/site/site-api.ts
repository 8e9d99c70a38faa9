/** What the site tells its page. */

import type { SiteDescription, TorrentDescription } from '../serve/catalogue.ts';
import { formatBytes } from '../ui/format.ts';

export type { SiteDescription, TorrentDescription };

/** The part of `/api/stats.json` that the page shows. */
export interface SiteBill {
  /** Bytes that the site has sent to peers. */
  readonly peers: number;
  /** Bytes that the site has sent over plain HTTP. */
  readonly webSeed: number;
}

/** Rejects with a sentence. */
export async function fetchSite(): Promise<SiteDescription> {
  const found = await fetchJson('api/site.json');
  const { torrents } = found as Partial<SiteDescription>;
  if (!Array.isArray(torrents)) throw new Error('The site does not say what films it has.');
  return found as SiteDescription;
}

/** Rejects with a sentence. */
export async function fetchBill(): Promise<SiteBill> {
  return readBill(await fetchJson('api/stats.json'));
}

export function readBill(stats: unknown): SiteBill {
  const number = (...path: string[]): number | undefined => {
    let at: unknown = stats;
    for (const name of path) at = (at as Record<string, unknown> | undefined)?.[name];
    return typeof at === 'number' && Number.isFinite(at) && at >= 0 ? at : undefined;
  };
  return {
    peers: number('upload', 'total') ?? 0,
    webSeed: number('webSeed', 'bytes') ?? 0,
  };
}

/** What the site has paid for, beside what viewers gave each other as far as this page took part in it. */
export function billSentence({ peers, webSeed }: SiteBill, here: { got: number; gave: number }): string {
  const total = peers + webSeed;
  const sent =
    total === 0
      ? 'This site has sent nothing yet.'
      : `This site has sent ${formatBytes(total)} to all its viewers: ${formatBytes(peers)} as a peer, ${formatBytes(webSeed)} over plain HTTP.`;
  const { got, gave } = here;
  if (got === 0 && gave === 0) return sent;
  return `${sent} It did not have to send the ${formatBytes(got + gave)} that you and other viewers gave each other.`;
}

async function fetchJson(path: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(10_000) });
  } catch (cause) {
    throw new Error('The site does not answer; is it still running?', { cause });
  }
  if (!response.ok) throw new Error(`The site answered ${path} with the error ${response.status}.`);
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body !== 'object' || body === null)
    throw new Error(`What the site answered to ${path} is not what it should be.`);
  return body;
}
