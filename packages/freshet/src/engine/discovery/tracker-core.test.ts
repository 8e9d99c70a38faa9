/** Announcers of several clients against the real tracker's core, in virtual time. */

import { TrackerCore } from 'freshet-tracker';
import { describe, expect, it } from 'vitest';
import {
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  VirtualClock,
} from '../../memory/index.ts';
import { infoHashFromBytes, type PeerId, peerIdFromBytes, toHex } from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { Announcer } from './announcer.ts';
import { OfferBudget } from './offer-budget.ts';
import { TrackerSockets } from './tracker-sockets.ts';

const URL = 'wss://t.example';
const INFO_HASH = infoHashFromBytes(new Uint8Array(20).fill(9))!;

function world() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { link: { latencyMs: 15 } });
  const sockets = new MemoryMessageSockets(clock, { latencyMs: 15 });
  const warnings: string[] = [];
  const core = new TrackerCore({
    clock,
    random: () => 0.5,
    onWarning: (sentence) => warnings.push(sentence),
  });
  let hosts = 0;
  sockets.serve(URL, (socket) => {
    const session = core.open({
      address: `10.0.0.${hosts++}`,
      send: (text) => socket.send(text),
      ping: () => {},
      pause: () => {},
      resume: () => {},
      close: () => socket.close(),
    });
    return { onMessage: (text) => session.receive(text), onClose: () => session.closed() };
  });
  const join = (n: number, left: number | undefined) => {
    const peerId = peerIdFromBytes(new Uint8Array(20).fill(0xc0 + n))!;
    const links = new Map<string, Link>();
    let duplicates = 0;
    const budget = new OfferBudget({ clock, rtc: network.rtc(`host${n}`) });
    const trackerSockets = new TrackerSockets({ clock, random: new SeededRandom(n), sockets });
    const announcer = new Announcer({
      clock,
      random: new SeededRandom(100 + n),
      http: new MemoryHttp(clock),
      trackerSockets,
      rtc: budget,
      infoHash: INFO_HASH,
      peerId,
      tiers: [[URL]],
      stats: () => ({ uploaded: 0, downloaded: 0, left, wantPeers: 30 - links.size, port: undefined }),
      observer: {
        onPeers: () => {},
        onLink: (link, remote) => {
          const key = toHex(remote!);
          if (links.has(key)) {
            duplicates++;
            link.close();
          } else links.set(key, link);
        },
        onAnnounced: () => {},
        onWarning: (_url, sentence) => warnings.push(sentence),
        wantsPeer: (remote: PeerId) => !links.has(toHex(remote)),
      },
    });
    announcer.start();
    return { announcer, links, budget, trackerSockets, peerId, duplicates: () => duplicates };
  };
  return { clock, core, warnings, join };
}

describe('announcers at a real tracker', () => {
  it('meet within a second of the second one coming', () => {
    const { clock, core, warnings, join } = world();
    const seed = join(0, 0);
    clock.advance(30_000);
    expect(seed.budget.halfOpen).toBe(0);
    const leech = join(1, undefined);
    clock.advance(1_000);
    expect([...leech.links.keys()]).toEqual([toHex(seed.peerId)]);
    expect([...seed.links.keys()]).toEqual([toHex(leech.peerId)]);
    expect(core.stats().webrtc).toMatchObject({ swarms: 1, peers: 2, seeds: 1 });
    expect(warnings).toEqual([]);
  });

  it('make a swarm of eight whole, and leave nothing behind', () => {
    const { clock, core, warnings, join } = world();
    const peers = Array.from({ length: 8 }, (_, n) => {
      clock.advance(500);
      return join(n, 1000);
    });
    clock.advance(600_000);
    for (const { links } of peers) expect(links.size).toBeGreaterThanOrEqual(5);
    expect(warnings).toEqual([]);
    for (const { announcer } of peers) announcer.stop();
    clock.advance(60_000);
    expect(core.stats().webrtc).toMatchObject({ swarms: 0, peers: 0 });
    expect(core.stats().connections).toBe(0);
    for (const { budget, trackerSockets } of peers)
      expect([budget.halfOpen, trackerSockets.size]).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });
});
