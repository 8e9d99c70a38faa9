/** A world with HTTP trackers that can be switched, for tests of the announcer. */

import { MemoryHttp, MemoryMessageSockets, SeededRandom, VirtualClock } from '../../memory/index.ts';
import { encode, infoHashFromHex, type PeerAddress, peerIdFromBytes } from '../../protocol/index.ts';
import { Announcer, type AnnouncerOptions } from './announcer.ts';
import { httpTrackers } from './http-tracker.ts';
import { TrackerSockets } from './tracker-sockets.ts';
import type { AnnounceStats, AnnounceSummary } from './types.ts';

export const INFO_HASH = infoHashFromHex('0102030405060708090a0b0c0d0e0f1011121314')!;
const PEER_ID = peerIdFromBytes(new Uint8Array(20).fill(0x41))!;
export const A = 'http://a.example/announce';
export const B = 'http://b.example/announce';
export const C = 'http://c.example/announce';

export type Reply = Parameters<typeof encode>[0];

/** A world with HTTP trackers that can be switched, and an announcer in it. */
export function setUp(tiers: string[][], more: Partial<AnnouncerOptions> = {}) {
  const clock = new VirtualClock();
  const http = new MemoryHttp(clock, { latencyMs: 10 });
  const trackerSockets = new TrackerSockets({
    clock,
    random: new SeededRandom(2),
    sockets: new MemoryMessageSockets(clock),
  });
  const stats: { -readonly [K in keyof AnnounceStats]: AnnounceStats[K] } = {
    uploaded: 1,
    downloaded: 2,
    left: 1000,
    wantPeers: 30,
    port: 6881,
  };
  const peers: PeerAddress[] = [];
  const warnings: string[] = [];
  const announced: [string, AnnounceSummary][] = [];
  /** "seconds host event", in order. */
  const log: string[] = [];
  const announcer = new Announcer({
    clock,
    random: new SeededRandom(1),
    http,
    trackerSockets,
    infoHash: INFO_HASH,
    peerId: PEER_ID,
    tiers,
    openHttp: httpTrackers(),
    stats: () => ({ ...stats }),
    observer: {
      onPeers: (found) => peers.push(...found),
      onLink: () => {},
      onAnnounced: (url, summary) => announced.push([url, summary]),
      onWarning: (_url, sentence) => warnings.push(sentence),
    },
    ...more,
  });
  const reply = (url: string, answer: Reply | undefined | (() => Reply)): void => {
    http.route(`${url}*`, ({ url: asked }) => {
      const host = asked[7]!;
      log.push(`${Math.round(clock.now() / 1000)} ${host} ${parameter(asked, 'event') ?? 'update'}`);
      if (answer === undefined) return { silentAfter: -1 };
      return { body: encode(typeof answer === 'function' ? answer() : answer) };
    });
  };
  const status = (url: string) => announcer.status().find((entry) => entry.url === url)!;
  return { clock, http, announcer, stats, peers, warnings, announced, log, reply, status };
}

export function parameter(url: string, name: string): string | undefined {
  return new RegExp(`[?&]${name}=([^&]*)`).exec(url)?.[1];
}

export const OK = { interval: 1000, complete: 3, incomplete: 4 };
export const REFUSAL = { 'failure reason': 'not registered' };
