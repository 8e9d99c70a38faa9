/** A world with WebSocket trackers and WebRTC, for tests of the announcer. */

import {
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  type ServerSocket,
  VirtualClock,
} from '../../memory/index.ts';
import {
  decodeWsClientMessage,
  encodeWsAnnounceReply,
  infoHashFromBytes,
  type PeerId,
  peerIdFromBytes,
  type WsAnnounce,
  type WsAnswer,
} from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { httpTrackers } from './http-tracker.ts';
import { OfferBudget, type OfferBudgetOptions } from './offer-budget.ts';
import { TrackerSockets } from './tracker-sockets.ts';
import type { AnnounceStats } from './types.ts';

export const A = 'wss://a.example';
export const B = 'wss://b.example';
export const INFO_HASH = infoHashFromBytes(new Uint8Array(20).fill(7))!;
export const OUR_ID = peerIdFromBytes(new Uint8Array(20).fill(0xe1))!;
export const THEIR_ID = peerIdFromBytes(new Uint8Array(20).fill(0x42))!;

interface Tracker {
  readonly announces: WsAnnounce[];
  readonly answers: WsAnswer[];
  /** "seconds event" of announces without offers. */
  readonly log: string[];
  readonly frames: string[];
  /** Said to each announce; `undefined` for nothing. */
  reply: ((announce: WsAnnounce) => string | undefined) | undefined;
  socket: ServerSocket | undefined;
  connections: number;
}

export function setUp(
  tiers: string[][] = [[A]],
  more: Partial<AnnouncerOptions> & {
    rtcOptions?: Partial<OfferBudgetOptions>;
    wantsPeer?: (id: PeerId) => boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const sockets = new MemoryMessageSockets(clock, { latencyMs: 20 });
  const trackerSockets = new TrackerSockets({ clock, random: new SeededRandom(5), sockets });
  const budget = new OfferBudget({ clock, rtc: network.rtc('us'), ...more.rtcOptions });
  const stats: { -readonly [K in keyof AnnounceStats]: AnnounceStats[K] } = {
    uploaded: 1,
    downloaded: 2,
    left: undefined,
    wantPeers: 30,
    port: undefined,
  };
  const links: { link: Link; peerId: PeerId | undefined; url: string }[] = [];
  const warnings: string[] = [];
  const advices: (string | undefined)[] = [];
  const trackers = new Map<string, Tracker>();
  const serve = (url: string): Tracker => {
    const tracker: Tracker = trackers.get(url) ?? {
      announces: [],
      answers: [],
      log: [],
      frames: [],
      reply: () => encodeWsAnnounceReply({ infoHash: INFO_HASH, interval: 120, complete: 5, incomplete: 5 }),
      socket: undefined,
      connections: 0,
    };
    trackers.set(url, tracker);
    sockets.serve(url, (socket) => {
      tracker.socket = socket;
      tracker.connections++;
      return {
        onMessage: (text) => {
          tracker.frames.push(text);
          const message = decodeWsClientMessage(text);
          if (message.kind === 'answer') tracker.answers.push(message);
          if (message.kind !== 'announce') return;
          tracker.announces.push(message);
          if (message.offers.length === 0) {
            tracker.log.push(`${Math.round(clock.now() / 1000)} ${message.event ?? 'update'}`);
          }
          const answer = tracker.reply?.(message);
          if (answer !== undefined) socket.send(answer);
        },
      };
    });
    return tracker;
  };
  const announcer = new Announcer({
    clock,
    random: new SeededRandom(6),
    http: new MemoryHttp(clock),
    trackerSockets,
    rtc: budget,
    infoHash: INFO_HASH,
    peerId: OUR_ID,
    tiers,
    openHttp: httpTrackers(),
    stats: () => ({ ...stats }),
    observer: {
      onPeers: () => {},
      onLink: (link, peerId, url) => links.push({ link, peerId, url }),
      onAnnounced: () => {},
      onWarning: (_url, sentence, advice) => {
        warnings.push(sentence);
        advices.push(advice);
      },
      ...(more.wantsPeer === undefined ? {} : { wantsPeer: more.wantsPeer }),
    },
    ...more,
  });
  const status = (url: string) => announcer.status().find((entry) => entry.url === url)!;
  return {
    clock,
    network,
    sockets,
    trackerSockets,
    budget,
    stats,
    links,
    warnings,
    advices,
    serve,
    announcer,
    status,
  };
}

export const counts = (complete: number, incomplete: number): string =>
  encodeWsAnnounceReply({ infoHash: INFO_HASH, interval: 120, complete, incomplete });
