/**
 * WebTorrent's tracker protocol over WebSocket: JSON text frames by which a tracker introduces WebRTC peers. There
 * is no BEP for it. Hashes and ids are strings of 20 characters U+0000..U+00FF, one for each byte.
 *
 * A client announces and gives offers along; the tracker hands each to another peer of the swarm, whose answer goes
 * back the same way. The messages:
 *
 * | from | message | fields besides `action`, `info_hash` |
 * |---|---|---|
 * | client | announce | `peer_id`, `uploaded`, `downloaded`, `left`, `event`, `numwant`, `offers`, `trackerid` |
 * | client | answer (action announce) | `peer_id`, `to_peer_id`, `answer`, `offer_id` |
 * | client | scrape | `info_hash` one, several or absent for all |
 * | tracker | announce | `interval`, `complete`, `incomplete` |
 * | tracker | offer (action announce) | `peer_id` of the sender, `offer`, `offer_id` |
 * | tracker | answer (action announce) | `peer_id` of the sender, `answer`, `offer_id` |
 * | tracker | scrape | `files` |
 * | tracker | failure | `failure reason`; without `action` some clients drop the connection |
 */

import type { InfoHash, InfoHashHex, PeerId } from './ids.ts';
import type { AnnounceEvent, ScrapeCounts } from './tracker-http.ts';

export * from './tracker-ws-decode.ts';
export * from './tracker-ws-encode.ts';

/** Names an offer, chosen by who made it: 20 bytes. */
export type OfferId = Uint8Array;

/** A WebRTC session description; nothing else of what clients send in one is kept. */
export interface SessionDescription<Type extends 'offer' | 'answer' = 'offer' | 'answer'> {
  readonly type: Type;
  readonly sdp: string;
}

export interface WsOfferItem {
  readonly offer: SessionDescription<'offer'>;
  readonly offerId: OfferId;
}

export interface WsAnnounce {
  readonly kind: 'announce';
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** In bytes; absent counts as 0. */
  readonly uploaded?: number | undefined;
  readonly downloaded?: number | undefined;
  /** Bytes still to download; `undefined` (null on the wire) before a magnet's metadata is here. */
  readonly left?: number | undefined;
  /** Absent for a regular announce. */
  readonly event?: AnnounceEvent | undefined;
  /** How many peers the client would like; a whole number from 0. */
  readonly numwant?: number | undefined;
  readonly offers: readonly WsOfferItem[];
  readonly trackerId?: string | undefined;
}

/** An answer on its way to the tracker. It changes nothing in who is a member of the swarm. */
export interface WsAnswer {
  readonly kind: 'answer';
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Who made the offer. */
  readonly toPeerId: PeerId;
  readonly answer: SessionDescription<'answer'>;
  readonly offerId: OfferId;
}

export interface WsScrape {
  readonly kind: 'scrape';
  /** Empty for all torrents. */
  readonly infoHashes: readonly InfoHash[];
}

export type WsClientMessage = WsAnnounce | WsAnswer | WsScrape;

export interface WsAnnounceReply {
  readonly kind: 'announceReply';
  readonly infoHash: InfoHash;
  /** Seconds until the next regular announce. */
  readonly interval?: number | undefined;
  readonly minInterval?: number | undefined;
  /** Seeds. */
  readonly complete?: number | undefined;
  /** Leeches. */
  readonly incomplete?: number | undefined;
  readonly trackerId?: string | undefined;
  readonly warning?: string | undefined;
}

/** An offer on its way from the tracker. */
export interface WsRelayedOffer {
  readonly kind: 'offer';
  readonly infoHash: InfoHash;
  /** Who made it. */
  readonly peerId: PeerId;
  readonly offer: SessionDescription<'offer'>;
  readonly offerId: OfferId;
}

/** An answer on its way from the tracker. */
export interface WsRelayedAnswer {
  readonly kind: 'answer';
  readonly infoHash: InfoHash;
  /** Who made it. */
  readonly peerId: PeerId;
  readonly answer: SessionDescription<'answer'>;
  readonly offerId: OfferId;
}

export interface WsScrapeReply {
  readonly kind: 'scrapeReply';
  readonly files: ReadonlyMap<InfoHashHex, ScrapeCounts>;
  /** Seconds that must pass before another scrape. */
  readonly minRequestInterval?: number | undefined;
}

export interface WsFailure {
  readonly kind: 'failure';
  /** The tracker's words. */
  readonly reason: string;
  readonly action?: string | undefined;
  readonly infoHash?: InfoHash | undefined;
}

export type WsServerMessage = WsAnnounceReply | WsRelayedOffer | WsRelayedAnswer | WsScrapeReply | WsFailure;

/** A frame that is none of the messages. */
export interface WsDecodeError {
  readonly kind: 'error';
  /** One sentence that names the field. */
  readonly reason: string;
  /** What could be read, for the failure that is sent back. */
  readonly action?: string | undefined;
  readonly infoHash?: InfoHash | undefined;
}
