/** Messages of the WebSocket tracker protocol, written. */

import { toBinaryString } from './bytes.ts';
import type { InfoHash } from './ids.ts';
import type { ScrapeCounts } from './tracker-http.ts';
import type {
  WsAnnounce,
  WsAnnounceReply,
  WsAnswer,
  WsFailure,
  WsRelayedAnswer,
  WsRelayedOffer,
} from './tracker-ws.ts';

/** `kind` may be left out: the function's name says it. */
type Fields<Message> = Omit<Message, 'kind'>;

// `undefined` entries vanish in JSON.stringify, which is what the protocol wants of absent fields.

export function encodeWsAnnounce(message: Fields<WsAnnounce>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: toBinaryString(message.infoHash),
    peer_id: toBinaryString(message.peerId),
    uploaded: message.uploaded ?? 0,
    downloaded: message.downloaded ?? 0,
    left: message.left ?? null,
    // Absent, not "update" or null: some trackers close the connection on those.
    event: message.event,
    numwant: message.numwant,
    offers: message.offers.map(({ offer, offerId }) => ({
      offer: { type: offer.type, sdp: offer.sdp },
      offer_id: toBinaryString(offerId),
    })),
    trackerid: message.trackerId,
  });
}

export function encodeWsAnswer(message: Fields<WsAnswer>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: toBinaryString(message.infoHash),
    peer_id: toBinaryString(message.peerId),
    to_peer_id: toBinaryString(message.toPeerId),
    answer: { type: message.answer.type, sdp: message.answer.sdp },
    offer_id: toBinaryString(message.offerId),
  });
}

export function encodeWsScrape(infoHashes: readonly InfoHash[]): string {
  const hashes = infoHashes.map((infoHash) => toBinaryString(infoHash));
  return JSON.stringify({
    action: 'scrape',
    info_hash: hashes.length === 0 ? undefined : hashes.length === 1 ? hashes[0] : hashes,
  });
}

export function encodeWsAnnounceReply(message: Fields<WsAnnounceReply>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: toBinaryString(message.infoHash),
    interval: message.interval,
    'min interval': message.minInterval,
    complete: message.complete,
    incomplete: message.incomplete,
    'tracker id': message.trackerId,
    'warning message': message.warning,
  });
}

export function encodeWsRelayedOffer(message: Fields<WsRelayedOffer>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: toBinaryString(message.infoHash),
    peer_id: toBinaryString(message.peerId),
    offer: { type: message.offer.type, sdp: message.offer.sdp },
    offer_id: toBinaryString(message.offerId),
  });
}

export function encodeWsRelayedAnswer(message: Fields<WsRelayedAnswer>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: toBinaryString(message.infoHash),
    peer_id: toBinaryString(message.peerId),
    answer: { type: message.answer.type, sdp: message.answer.sdp },
    offer_id: toBinaryString(message.offerId),
  });
}

export function encodeWsScrapeReply(
  files: Iterable<readonly [InfoHash, ScrapeCounts]>,
  minRequestInterval?: number,
): string {
  const entries = [...files].map(([infoHash, { complete, incomplete, downloaded }]) => [
    toBinaryString(infoHash),
    { complete, incomplete, downloaded },
  ]);
  return JSON.stringify({
    action: 'scrape',
    files: Object.fromEntries(entries) as Record<string, ScrapeCounts>,
    flags: minRequestInterval === undefined ? undefined : { min_request_interval: minRequestInterval },
  });
}

/** Without an action in it, existing clients drop the connection that all their torrents share. */
export function encodeWsFailure(message: Fields<WsFailure>): string {
  return JSON.stringify({
    action: message.action ?? 'announce',
    info_hash: message.infoHash === undefined ? undefined : toBinaryString(message.infoHash),
    'failure reason': message.reason,
  });
}
