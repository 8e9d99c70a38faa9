import {
  decodeWsClientMessage,
  encodeWsAnnounceReply,
  encodeWsFailure,
  encodeWsRelayedAnswer,
  encodeWsRelayedOffer,
  encodeWsScrapeReply,
  type InfoHash,
  type WsAnnounce,
  type WsAnswer,
  type WsScrape,
} from 'freshet/protocol';
import { completeness, scrapeStore } from './address-announce.ts';
import type { TrackerCore } from './core.ts';
import { binaryKey } from './keys.ts';
import { MAX_WAITING_OFFERS, OFFER_LIFETIME } from './options.ts';
import type { RelayedOffer, WebRtcPeer, WebSocketSession } from './websocket-session.ts';

const FOREIGN_PEER_ID = 'This peer_id belongs to another connection';
const TOO_MANY_FOR_CONNECTION = 'This connection is in too many swarms';

/**
 * Handles one message of the WebTorrent tracker protocol. Bad ones are answered with a failure reason that
 * carries `action` and, where it is known, `info_hash`: clients share one socket between torrents and give it
 * up over a message that they cannot place. Returns a promise only while the operator's filter is asked.
 */
export function handleMessage(
  core: TrackerCore,
  session: WebSocketSession,
  text: string,
): Promise<void> | undefined {
  const message = decodeWsClientMessage(text);
  switch (message.kind) {
    case 'announce':
      return announce(core, session, message);
    case 'answer':
      answer(core, session, message);
      return undefined;
    case 'scrape':
      scrape(core, session, message);
      return undefined;
    case 'error': {
      // An action we do not know would make the client drop its connection when it comes back.
      const action = message.action === 'scrape' ? 'scrape' : 'announce';
      fail(core, session, action, message.infoHash, message.reason);
      return undefined;
    }
  }
}

function announce(
  core: TrackerCore,
  session: WebSocketSession,
  message: WsAnnounce,
): Promise<void> | undefined {
  core.counters.announces++;
  if (message.event === 'stopped') {
    stop(core, session, message);
    return undefined;
  }
  const refusal = core.refusal(message.infoHash);
  if (refusal instanceof Promise) {
    return refusal.then((reason) => {
      if (!session.isClosed) admit(core, session, message, reason);
    });
  }
  admit(core, session, message, refusal);
  return undefined;
}

function admit(
  core: TrackerCore,
  session: WebSocketSession,
  message: WsAnnounce,
  refusal: string | undefined,
): void {
  const peer = refusal ?? enter(core, session, message);
  if (typeof peer === 'string') {
    fail(core, session, 'announce', message.infoHash, peer);
    return;
  }
  reply(core, session, message.infoHash, peer.infoHash);
  relayOffers(core, peer, message);
}

/** Registers or refreshes the peer of an announce; a string says why that is not possible. */
function enter(core: TrackerCore, session: WebSocketSession, message: WsAnnounce): WebRtcPeer | string {
  const infoHash = binaryKey(message.infoHash);
  const key = binaryKey(message.peerId);
  const store = core.webrtc;
  const complete = completeness(message.event, message.left);
  const known = store.get(infoHash, key);
  if (known?.session === session) {
    refresh(core, known, message, complete);
    return known;
  }
  if (known !== undefined && !known.session.yieldsTo(session.connection.address)) return FOREIGN_PEER_ID;
  if (session.peerCount >= core.limits.maxSwarmsPerConnection) return TOO_MANY_FOR_CONNECTION;
  if (known !== undefined) {
    known.session.forget(known);
    known.session = session;
    session.adopt(known);
    refresh(core, known, message, complete);
    return known;
  }
  const peer: WebRtcPeer = { key, infoHash, session, offers: undefined };
  const result = store.add(infoHash, peer, complete ?? false);
  if (result !== 'added') return `The tracker cannot take more peers: ${result}`;
  session.adopt(peer);
  return peer;
}

function refresh(
  core: TrackerCore,
  { infoHash, key }: WebRtcPeer,
  message: WsAnnounce,
  complete: boolean | undefined,
): void {
  const store = core.webrtc;
  if (message.event === 'completed' && !store.isComplete(infoHash, key)) store.countDownload(infoHash);
  store.touch(infoHash, key, complete);
}

function stop(core: TrackerCore, session: WebSocketSession, message: WsAnnounce): void {
  const infoHash = binaryKey(message.infoHash);
  const key = binaryKey(message.peerId);
  const peer = core.webrtc.get(infoHash, key);
  if (peer !== undefined && peer.session !== session) {
    fail(core, session, 'announce', message.infoHash, FOREIGN_PEER_ID);
    return;
  }
  core.webrtc.remove(infoHash, key);
  reply(core, session, message.infoHash, infoHash);
}

function reply(core: TrackerCore, session: WebSocketSession, infoHash: InfoHash, key: string): void {
  const { complete, incomplete } = core.webrtc.counts(key);
  session.send(encodeWsAnnounceReply({ infoHash, interval: core.interval, complete, incomplete }));
}

function relayOffers(core: TrackerCore, peer: WebRtcPeer, message: WsAnnounce): void {
  const waiting = expireOffers(core, peer);
  const { infoHash, peerId, offers } = message;
  const { maxOffers } = core.limits;
  const count = Math.min(offers.length, message.numwant ?? maxOffers, maxOffers);
  if (count === 0) return;
  const isSeed = core.webrtc.isComplete(peer.infoHash, peer.key);
  const relayedAt = core.now();
  const targets = core.webrtc.sample(peer.infoHash, count, peer.key, isSeed);
  for (const [i, { key, session }] of targets.entries()) {
    const item = offers[i];
    if (item === undefined) break;
    const { offer, offerId } = item;
    waiting.push({ offerId: binaryKey(offerId), to: key, sessionId: session.id, relayedAt });
    core.counters.offers++;
    session.send(encodeWsRelayedOffer({ infoHash, peerId, offer, offerId }));
  }
  if (waiting.length > MAX_WAITING_OFFERS) waiting.splice(0, waiting.length - MAX_WAITING_OFFERS);
  peer.offers = waiting.length > 0 ? waiting : undefined;
}

/** Drops the peer's offers that nobody can answer any more, and returns the others. */
function expireOffers(core: TrackerCore, peer: WebRtcPeer): RelayedOffer[] {
  const deadline = core.now() - OFFER_LIFETIME;
  const waiting = (peer.offers ?? []).filter((offer) => offer.relayedAt >= deadline);
  peer.offers = waiting.length > 0 ? waiting : undefined;
  return waiting;
}

/** An answer goes back only to the peer whose offer was relayed here, and says nothing about membership. */
function answer(core: TrackerCore, session: WebSocketSession, message: WsAnswer): void {
  const infoHash = binaryKey(message.infoHash);
  const peerId = binaryKey(message.peerId);
  if (core.webrtc.get(infoHash, peerId)?.session !== session) {
    fail(
      core,
      session,
      'announce',
      message.infoHash,
      'This connection does not speak for peer_id in this swarm',
    );
    return;
  }
  const target = core.webrtc.get(infoHash, binaryKey(message.toPeerId));
  const offerId = binaryKey(message.offerId);
  const waiting = target === undefined ? [] : expireOffers(core, target);
  const index = waiting.findIndex(
    (offer) => offer.offerId === offerId && (offer.to === peerId || offer.sessionId === session.id),
  );
  if (target === undefined || index < 0) {
    fail(core, session, 'announce', message.infoHash, 'No offer waits for this answer; it may have expired');
    return;
  }
  waiting.splice(index, 1);
  if (waiting.length === 0) target.offers = undefined;
  core.counters.answers++;
  target.session.send(encodeWsRelayedAnswer(message));
}

function scrape(core: TrackerCore, session: WebSocketSession, message: WsScrape): void {
  core.counters.scrapes++;
  const files = scrapeStore(core, core.webrtc, message.infoHashes);
  if (typeof files === 'string') fail(core, session, 'scrape', undefined, files);
  else session.send(encodeWsScrapeReply(files));
}

function fail(
  core: TrackerCore,
  session: WebSocketSession,
  action: 'announce' | 'scrape',
  infoHash: InfoHash | undefined,
  reason: string,
): void {
  core.counters.failures++;
  session.send(encodeWsFailure({ action, infoHash, reason }));
}
