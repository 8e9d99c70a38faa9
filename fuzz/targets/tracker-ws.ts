/** Frames of WebSocket trackers, from both sides. */

import * as p from '../../packages/freshet/src/protocol/index.ts';
import type { Dice } from '../dice.ts';
import { anyFrame } from '../grammar/tracker.ts';
import { must, mustEqual, type Target, weight } from '../target.ts';

function anyText(dice: Dice): Uint8Array {
  const text = JSON.stringify(anyFrame(dice));
  return Buffer.from(dice.chance(1, 20) ? text.slice(0, dice.below(text.length)) : text);
}

/** A value of the frame changed, which stays JSON. */
function changed(input: Uint8Array, dice: Dice): Uint8Array {
  let frame: unknown;
  try {
    frame = JSON.parse(p.utf8Decode(input));
  } catch {
    return anyText(dice);
  }
  if (typeof frame !== 'object' || frame === null) return anyText(dice);
  const other = Object.entries(anyFrame(dice, undefined, 3));
  const entries = dice.several(3, () => dice.pick(other));
  return Buffer.from(JSON.stringify({ ...frame, ...Object.fromEntries(entries) }));
}

const TOKENS: readonly string[] = [
  '"action":"announce"',
  '"offers":[]',
  '"answer":{}',
  'null',
  '{',
  '}',
  '"__proto__":',
  '\\u0000',
  '\\ud800',
  '1e999',
  ',',
];

const isNumber = (value: unknown): boolean =>
  value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);

export const wsClient: Target = {
  name: 'ws-tracker',
  about: 'frames of WebSocket trackers as a client reads them; written again they are the same',
  shortRuns: 2000,
  tokens: TOKENS,
  generate: anyText,
  mutate: changed,
  run: (input) => {
    const message = p.decodeWsServerMessage(p.utf8Decode(input));
    must(weight(message, input) < 10_000 + 100 * input.length, 'the message takes too much memory');
    const again = encodeServer(message);
    if (again !== undefined) mustEqual(p.decodeWsServerMessage(again), message, 'the message written anew');
    if (message.kind === 'announceReply') {
      const { interval, minInterval, complete, incomplete } = message;
      must([interval, minInterval, complete, incomplete].every(isNumber), 'numbers out of range');
    }
  },
};

function encodeServer(message: ReturnType<typeof p.decodeWsServerMessage>): string | undefined {
  switch (message.kind) {
    case 'announceReply':
      return p.encodeWsAnnounceReply(message);
    case 'offer':
      return p.encodeWsRelayedOffer(message);
    case 'answer':
      return p.encodeWsRelayedAnswer(message);
    case 'scrapeReply': {
      const files = [...message.files].map(([hash, counts]) => [p.infoHashFromHex(hash)!, counts] as const);
      return p.encodeWsScrapeReply(files, message.minRequestInterval);
    }
    case 'failure':
      return message.action === undefined ? undefined : p.encodeWsFailure(message);
    case 'error':
      must(message.reason.endsWith('.') && message.reason.length < 200, 'the reason is no sentence');
      return undefined;
  }
}

export const wsServer: Target = {
  name: 'ws-client',
  about: 'frames of WebSocket clients as a tracker reads them; written again they are the same',
  shortRuns: 2000,
  tokens: TOKENS,
  generate: anyText,
  mutate: changed,
  run: (input) => {
    const message = p.decodeWsClientMessage(p.utf8Decode(input));
    must(weight(message, input) < 10_000 + 100 * input.length, 'the message takes too much memory');
    if (message.kind === 'announce') {
      must(message.offers.length <= 50, 'too many offers');
      must(
        [message.left, message.numwant, message.uploaded, message.downloaded].every(isNumber),
        'numbers out of range',
      );
      const again = p.decodeWsClientMessage(p.encodeWsAnnounce(message));
      mustEqual(
        again,
        { ...message, uploaded: message.uploaded ?? 0, downloaded: message.downloaded ?? 0 },
        'the announce written anew',
      );
    } else if (message.kind === 'answer') {
      mustEqual(p.decodeWsClientMessage(p.encodeWsAnswer(message)), message, 'the answer written anew');
    } else if (message.kind === 'scrape') {
      mustEqual(
        p.decodeWsClientMessage(p.encodeWsScrape(message.infoHashes)),
        message,
        'the scrape written anew',
      );
    }
  },
};
