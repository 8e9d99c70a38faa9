/** What a tracker says that has lost its mind, or that is something else altogether. */

import type { SeededRandom } from 'freshet/memory';
import type { SimResponse } from '../network/network.ts';

/**
 * - `noise`: random bytes
 * - `html`: a page, as of a hotel's network or a parked domain
 * - `truncated`: a reply that ends in its middle
 * - `types`: a well-formed reply whose values have the wrong types
 * - `deep`: ten thousand lists in one another
 * - `error`: HTTP status 500 with a page; over a WebSocket a message without a meaning
 * - `lies`: a well-formed reply that is not true: intervals of nothing or of ages, peers and offers that lead nowhere
 */
export type GarbageKind = (typeof GARBAGE_KINDS)[number];

export const GARBAGE_KINDS = ['noise', 'html', 'truncated', 'types', 'deep', 'error', 'lies'] as const;

const PAGE = '<!DOCTYPE html><html><title>Welcome</title><body>Please accept our terms.</body></html>';
const DEPTH = 10_000;
const MOST_NOISE = 2000;
/** Seconds between announces as liars have them. */
const LYING_INTERVALS = [0, -1, 1, 2 ** 31, 1e15];

/** Messages in place of the reply to `request`, a client's message over a WebSocket. */
export function socketGarbage(kind: GarbageKind, random: SeededRandom, request: string): string[] {
  const infoHash = infoHashOf(request);
  switch (kind) {
    case 'noise':
      return [String.fromCharCode(...noise(random))];
    case 'html':
      return [PAGE];
    case 'truncated':
      return [`{"action":"announce","info_hash":"${'a'.repeat(12)}`];
    case 'types':
      return [
        JSON.stringify({
          action: 'announce',
          info_hash: infoHash,
          interval: 'soon',
          complete: [],
          offers: 5,
        }),
        JSON.stringify({ action: 7, info_hash: { 0: 1 }, offer: null }),
        '[]',
        'null',
        '42',
      ];
    case 'deep':
      return ['['.repeat(DEPTH) + ']'.repeat(DEPTH)];
    case 'error':
      return [JSON.stringify({ action: 'explode', info_hash: infoHash })];
    case 'lies': {
      const offer = {
        action: 'announce',
        info_hash: infoHash,
        peer_id: String.fromCharCode(...bytes(random, 20)),
        offer_id: String.fromCharCode(...bytes(random, 20)),
        offer: { type: 'offer', sdp: 'v=0\r\nnothing of use\r\n' },
      };
      const counts = { complete: 1e12, incomplete: 1e12 };
      return [
        JSON.stringify({ action: 'announce', info_hash: infoHash, interval: pick(random), ...counts }),
        JSON.stringify(offer),
        JSON.stringify({ ...offer, offer: undefined, answer: { type: 'answer', sdp: '' } }),
      ];
    }
  }
}

/** What comes back in place of the reply to a request over HTTP. */
export function httpGarbage(kind: GarbageKind, random: SeededRandom): SimResponse {
  const text = { 'content-type': 'text/plain' };
  switch (kind) {
    case 'noise':
      return { headers: text, body: noise(random) };
    case 'html':
      return { headers: { 'content-type': 'text/html' }, body: ascii(PAGE) };
    case 'truncated':
      return { headers: text, body: ascii('d8:intervali120e5:peers600:\x0a\x00\x00\x01') };
    case 'types':
      return { headers: text, body: ascii('d8:completele8:interval4:soon5:peersi17ee') };
    case 'deep':
      return { headers: text, body: ascii('l'.repeat(DEPTH) + 'e'.repeat(DEPTH)) };
    case 'error':
      return { status: 500, headers: { 'content-type': 'text/html' }, body: ascii(PAGE) };
    case 'lies': {
      // An address that nobody has, port 0, the broadcast address, a multicast group, and the client itself.
      const peers = [
        [10, 255, 255, 254, 26, 225],
        [10, 0, 0, 1, 0, 0],
        [255, 255, 255, 255, 26, 225],
        [224, 0, 0, 1, 26, 225],
        [127, 0, 0, 1, 26, 225],
      ];
      const list = String.fromCharCode(...peers.flat());
      const head = `d8:completei1000000000000e10:incompletei-7e8:intervali${pick(random)}e5:peers${list.length}:`;
      return { headers: text, body: ascii(`${head}${list}e`) };
    }
  }
}

function infoHashOf(request: string): unknown {
  try {
    return (JSON.parse(request) as { info_hash?: unknown }).info_hash;
  } catch {
    return undefined;
  }
}

function pick(random: SeededRandom): number {
  return LYING_INTERVALS[random.below(LYING_INTERVALS.length)]!;
}

function noise(random: SeededRandom): Uint8Array {
  return bytes(random, random.below(MOST_NOISE));
}

function bytes(random: SeededRandom, length: number): Uint8Array {
  const result = new Uint8Array(length);
  random.fill(result);
  return result;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
