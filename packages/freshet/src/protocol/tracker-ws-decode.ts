/** Messages of the WebSocket tracker protocol, read and checked. */

import { fromBinaryString } from './bytes.ts';
import { ID_LENGTH, type InfoHash, type InfoHashHex, infoHashToHex, type PeerId } from './ids.ts';
import type { AnnounceEvent, ScrapeCounts } from './tracker-http.ts';
import type {
  SessionDescription,
  WsClientMessage,
  WsDecodeError,
  WsOfferItem,
  WsServerMessage,
} from './tracker-ws.ts';

type JsonObject = { readonly [key: string]: unknown };

/** Offers beyond these are dropped: no client sends more than 10, and each is a message to somebody. */
const MAX_OFFERS = 50;
const MAX_SCRAPE_HASHES = 1000;

/** Reads a frame that a client sent to a tracker. */
export function decodeWsClientMessage(text: string): WsClientMessage | WsDecodeError {
  const message = readObject(text);
  if (message === undefined) return { kind: 'error', reason: 'The message is not a JSON object.' };
  switch (message['action']) {
    case 'announce':
      return (message['answer'] ?? undefined) === undefined ? announce(message) : clientAnswer(message);
    case 'scrape':
      return scrape(message);
    default:
      return refuse(message, '"action" is neither "announce" nor "scrape".');
  }
}

function announce(message: JsonObject): WsClientMessage | WsDecodeError {
  const infoHash = id(message['info_hash']);
  if (infoHash === undefined) return badId(message, 'info_hash');
  const peerId = id(message['peer_id']);
  if (peerId === undefined) return badId(message, 'peer_id');
  const given = message['offers'] ?? [];
  if (!Array.isArray(given)) return refuse(message, '"offers" is not a list.');
  const offers: WsOfferItem[] = [];
  for (const item of given.slice(0, MAX_OFFERS) as unknown[]) {
    const offer = isObject(item) ? description(item['offer'], 'offer') : undefined;
    const offerId = isObject(item) ? id(item['offer_id']) : undefined;
    if (offer === undefined) return refuse(message, '"offers" has an entry without an offer and its SDP.');
    if (offerId === undefined) return badId(message, 'offer_id');
    offers.push({ offer, offerId });
  }
  return {
    kind: 'announce',
    infoHash: infoHash as InfoHash,
    peerId: peerId as PeerId,
    uploaded: count(message['uploaded']),
    downloaded: count(message['downloaded']),
    left: count(message['left']),
    event: event(message['event']),
    numwant: count(message['numwant']),
    offers,
    trackerId: string(message['trackerid']),
  };
}

function clientAnswer(message: JsonObject): WsClientMessage | WsDecodeError {
  const toPeerId = id(message['to_peer_id']);
  if (toPeerId === undefined) return badId(message, 'to_peer_id');
  const answer = relayedAnswer(message);
  return answer.kind === 'answer' ? { ...answer, toPeerId: toPeerId as PeerId } : answer;
}

function scrape(message: JsonObject): WsClientMessage | WsDecodeError {
  const given = message['info_hash'] ?? [];
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length > MAX_SCRAPE_HASHES) {
    return refuse(message, `"info_hash" has more than ${MAX_SCRAPE_HASHES} entries.`);
  }
  const infoHashes = new Map<InfoHashHex, InfoHash>();
  for (const item of list) {
    const infoHash = id(item) as InfoHash | undefined;
    if (infoHash === undefined) return badId(message, 'info_hash');
    infoHashes.set(infoHashToHex(infoHash), infoHash);
  }
  return { kind: 'scrape', infoHashes: [...infoHashes.values()] };
}

/** Reads a frame that a tracker sent to a client. */
export function decodeWsServerMessage(text: string): WsServerMessage | WsDecodeError {
  const message = readObject(text);
  if (message === undefined) return { kind: 'error', reason: "The tracker's message is not a JSON object." };
  const failure = string(message['failure reason']);
  if (failure !== undefined) return { kind: 'failure', reason: failure, ...context(message) };
  switch (message['action']) {
    case 'announce':
      // Null counts as absent: some trackers write every field.
      if ((message['offer'] ?? undefined) !== undefined) return relayedOffer(message);
      if ((message['answer'] ?? undefined) !== undefined) return relayedAnswer(message);
      return announceReply(message);
    case 'scrape':
      return scrapeReply(message);
    default:
      return refuse(message, '"action" is neither "announce" nor "scrape".');
  }
}

function announceReply(message: JsonObject): WsServerMessage | WsDecodeError {
  const infoHash = id(message['info_hash']);
  if (infoHash === undefined) return badId(message, 'info_hash');
  const interval = seconds(message['interval']);
  const complete = count(message['complete']);
  const incomplete = count(message['incomplete']);
  // Trackers leave out what they have nothing to say of; who says nothing at all is none.
  if ((interval ?? complete ?? incomplete) === undefined) {
    return refuse(message, 'A reply to an announce has neither an interval nor counts of peers.');
  }
  return {
    kind: 'announceReply',
    infoHash: infoHash as InfoHash,
    interval,
    minInterval: seconds(message['min interval']),
    complete,
    incomplete,
    trackerId: string(message['tracker id']),
    warning: string(message['warning message']),
  };
}

function relayedOffer(message: JsonObject): WsServerMessage | WsDecodeError {
  const ids = relayIds(message);
  if ('kind' in ids) return ids;
  const offer = description(message['offer'], 'offer');
  return offer === undefined
    ? refuse(message, '"offer" is no offer with an SDP.')
    : { kind: 'offer', ...ids, offer };
}

function relayedAnswer(
  message: JsonObject,
): Extract<WsServerMessage, { readonly kind: 'answer' }> | WsDecodeError {
  const ids = relayIds(message);
  if ('kind' in ids) return ids;
  const answer = description(message['answer'], 'answer');
  return answer === undefined
    ? refuse(message, '"answer" is no answer with an SDP.')
    : { kind: 'answer', ...ids, answer };
}

function relayIds(
  message: JsonObject,
): { infoHash: InfoHash; peerId: PeerId; offerId: Uint8Array } | WsDecodeError {
  const infoHash = id(message['info_hash']);
  if (infoHash === undefined) return badId(message, 'info_hash');
  const peerId = id(message['peer_id']);
  if (peerId === undefined) return badId(message, 'peer_id');
  const offerId = id(message['offer_id']);
  if (offerId === undefined) return badId(message, 'offer_id');
  return { infoHash: infoHash as InfoHash, peerId: peerId as PeerId, offerId };
}

function scrapeReply(message: JsonObject): WsServerMessage | WsDecodeError {
  const given = message['files'];
  if (!isObject(given)) return refuse(message, '"files" is not an object.');
  const files = new Map<InfoHashHex, ScrapeCounts>();
  for (const [key, value] of Object.entries(given)) {
    const infoHash = id(key) as InfoHash | undefined;
    if (infoHash === undefined || !isObject(value)) continue;
    files.set(infoHashToHex(infoHash), {
      complete: count(value['complete']) ?? 0,
      incomplete: count(value['incomplete']) ?? 0,
      downloaded: count(value['downloaded']) ?? 0,
    });
  }
  const flags = message['flags'];
  return {
    kind: 'scrapeReply',
    files,
    minRequestInterval: isObject(flags) ? seconds(flags['min_request_interval']) : undefined,
  };
}

function readObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function id(value: unknown): Uint8Array | undefined {
  return typeof value === 'string' && value.length === ID_LENGTH ? fromBinaryString(value) : undefined;
}

function description<Type extends 'offer' | 'answer'>(
  value: unknown,
  type: Type,
): SessionDescription<Type> | undefined {
  if (!isObject(value) || value['type'] !== type || typeof value['sdp'] !== 'string') return undefined;
  return { type, sdp: value['sdp'] };
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A whole number from 0; anything else counts as absent. */
function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

function event(value: unknown): AnnounceEvent | undefined {
  // "update", "empty", "" and null are what some clients write for a regular announce.
  return value === 'started' || value === 'stopped' || value === 'completed' || value === 'paused'
    ? value
    : undefined;
}

function context(message: JsonObject): { action?: string; infoHash?: InfoHash } {
  const action = string(message['action']);
  const infoHash = id(message['info_hash']) as InfoHash | undefined;
  return { ...(action === undefined ? {} : { action }), ...(infoHash === undefined ? {} : { infoHash }) };
}

function badId(message: JsonObject, field: string): WsDecodeError {
  return refuse(message, `"${field}" is not a string of 20 characters U+0000 to U+00FF.`);
}

function refuse(message: JsonObject, reason: string): WsDecodeError {
  return { kind: 'error', reason, ...context(message) };
}
