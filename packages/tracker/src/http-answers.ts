import {
  encodeAnnounceResponse,
  encodeFailure,
  encodeScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
} from 'freshet/protocol';
import type { AddressReply } from './address-announce.ts';
import type { TrackerCore } from './core.ts';

/**
 * The body that answers an announce over HTTP (BEP 3, 7, 23, 24), failures included; whoever carries requests sends it
 * with status 200. A promise only while the operator's filter is asked.
 * @param query what follows the `?`
 * @param host IP address that the request came from
 */
export function answerAnnounce(
  core: TrackerCore,
  query: string,
  host: string,
): Uint8Array | Promise<Uint8Array> {
  const parsed = parseAnnounceQuery(query);
  if (parsed.kind === 'failure') return failure(core, parsed.reason);
  const { infoHash, peerId, port, event, left, numwant, compact, noPeerId } = parsed;
  const encode = (reply: AddressReply): Uint8Array => {
    if ('failure' in reply) return encodeFailure(reply.failure);
    const { interval, complete, incomplete, downloaded, peers } = reply;
    return encodeAnnounceResponse({
      interval,
      complete,
      incomplete,
      downloaded,
      peers,
      compact,
      noPeerId,
      externalIp: host,
    });
  };
  const reply = core.announce({ infoHash, peerId, host, port, event, left, numwant });
  return reply instanceof Promise ? reply.then(encode) : encode(reply);
}

/** The body that answers a scrape over HTTP (BEP 48), failures included. @param query what follows the `?` */
export function answerScrape(core: TrackerCore, query: string): Uint8Array {
  const parsed = parseScrapeQuery(query);
  if (parsed.kind === 'failure') return failure(core, parsed.reason);
  const files = core.scrape(parsed.infoHashes);
  return 'failure' in files ? encodeFailure(files.failure) : encodeScrapeResponse(files);
}

function failure(core: TrackerCore, reason: string): Uint8Array {
  core.counters.failures++;
  return encodeFailure(reason);
}
