/** A hybrid torrent at its trackers: one torrent to us, two to them (BEP 52). */

import { TrackerCore } from 'freshet-tracker';
import { describe, expect, it } from 'vitest';
import {
  MemoryHttp,
  MemoryMessageSockets,
  MemoryNetwork,
  SeededRandom,
  VirtualClock,
} from '../../memory/index.ts';
import {
  encode,
  encodeCompactPeers,
  type InfoHash,
  infoHashFromBytes,
  peerIdFromBytes,
} from '../../protocol/index.ts';
import type { SwarmKind } from '../swarm-hashes.ts';
import { httpTrackers } from './http-tracker.ts';
import { OfferBudget } from './offer-budget.ts';
import { SwarmAnnouncers } from './swarm-announcers.ts';
import { TrackerSockets } from './tracker-sockets.ts';

const HTTP = 'http://a.example/announce';
const WS = 'wss://t.example';
const HASHES: Record<SwarmKind, InfoHash> = {
  v1: infoHashFromBytes(new Uint8Array(20).fill(1))!,
  v2: infoHashFromBytes(new Uint8Array(20).fill(2))!,
};

function setUp() {
  const clock = new VirtualClock();
  const http = new MemoryHttp(clock, { latencyMs: 10 });
  const network = new MemoryNetwork(clock, { link: { latencyMs: 15 } });
  const sockets = new MemoryMessageSockets(clock, { latencyMs: 15 });
  const core = new TrackerCore({ clock, random: () => 0.5, onWarning: () => {} });
  let connections = 0;
  sockets.serve(WS, (socket) => {
    connections++;
    const session = core.open({
      address: `10.0.0.${connections}`,
      send: (text) => socket.send(text),
      ping: () => {},
      pause: () => {},
      resume: () => {},
      close: () => socket.close(),
    });
    return { onMessage: (text) => session.receive(text), onClose: () => session.closed() };
  });
  const client = (n: number, swarms: readonly SwarmKind[], tiers: string[][]) => {
    const found: string[] = [];
    const links: string[] = [];
    const warnings: string[] = [];
    const budget = new OfferBudget({ clock, rtc: network.rtc(`host${n}`) });
    const announcers = new SwarmAnnouncers({
      clock,
      random: new SeededRandom(n),
      http,
      trackerSockets: new TrackerSockets({ clock, random: new SeededRandom(n + 50), sockets }),
      rtc: budget,
      peerId: peerIdFromBytes(new Uint8Array(20).fill(100 + n))!,
      tiers,
      openHttp: httpTrackers(),
      stats: () => ({ uploaded: 0, downloaded: 0, left: 5, wantPeers: 50, port: undefined }),
      observer: {
        onPeers: (peers, swarm) => found.push(...peers.map(({ host }) => `${swarm} ${host}`)),
        onLink: (_link, incoming, swarm) => links.push(`${swarm} ${incoming ? 'in' : 'out'}`),
        onAnnounced: () => {},
        onWarning: (_url, sentence) => warnings.push(sentence),
        wantsPeer: () => true,
      },
    });
    for (const swarm of swarms) announcers.join(swarm, HASHES[swarm]);
    return { announcers, found, links, warnings, budget };
  };
  return { clock, http, core, client, connections: () => connections };
}

const hashOf = (url: string): string => /info_hash=%(..)/.exec(url)![1]!;

describe('SwarmAnnouncers', () => {
  it('announce each swarm over HTTP, and tell where peers were found', () => {
    const { clock, http, client } = setUp();
    http.route(`${HTTP}*`, ({ url }) => {
      const host = `10.0.0.${Number(hashOf(url))}`;
      const { v4 } = encodeCompactPeers([{ host, port: 1 }]);
      return { body: encode({ interval: 1000, complete: Number(hashOf(url)), incomplete: 0, peers: v4 }) };
    });
    const { announcers, found, links } = client(1, ['v2'], [[HTTP]]);
    clock.advance(1000);
    expect(found).toEqual(['v2 10.0.0.2']);
    // The metadata tells of the other swarm later.
    announcers.join('v1', HASHES.v1);
    announcers.join('v1', HASHES.v1);
    clock.advance(1000);
    expect(found).toEqual(['v2 10.0.0.2', 'v1 10.0.0.1']);
    expect(announcers.status()).toMatchObject([{ url: HTTP, state: 'working', seeds: 2, peers: 1 }]);
    announcers.completed();
    clock.advance(1000);
    void announcers.stop();
    clock.advance(5000);
    const events = http.requests.map(({ url }) => `${hashOf(url)} ${/event=([a-z]*)/.exec(url)?.[1]}`);
    expect(events).toEqual([
      '02 started',
      '01 started',
      '02 completed',
      '01 completed',
      '02 stopped',
      '01 stopped',
    ]);
    expect(links).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('warn of a tracker that is down once, and again when it goes down again', () => {
    const { clock, http, client } = setUp();
    let up = false;
    http.route(`${HTTP}*`, () =>
      up ? { body: encode({ interval: 60, peers: new Uint8Array() }) } : { status: 500 },
    );
    const { warnings, announcers } = client(1, ['v1', 'v2'], [[HTTP]]);
    clock.advance(10_000);
    expect(warnings).toHaveLength(1);
    up = true;
    clock.advance(120_000);
    up = false;
    clock.advance(120_000);
    expect(warnings).toHaveLength(2);
    void announcers.stop();
    clock.advance(5000);
    expect(clock.pending).toBe(0);
  });

  it('share a socket, make few offers where peers are met already, and many where they are not', () => {
    const { clock, core, client, connections } = setUp();
    const hybrids = [1, 2, 3].map((n) => client(n, ['v2', 'v1'], [[WS]]));
    clock.advance(5000);
    const old = [4, 5, 6].map((n) => client(n, ['v1'], [[WS]]));
    clock.advance(5000);
    const late = client(7, ['v2', 'v1'], [[WS]]);
    clock.advance(5000);
    // One each, whatever the number of swarms.
    expect(connections()).toBe(7);
    expect(late.links.filter((link) => link.startsWith('v2')).length).toBe(3);
    // Six others are in the v1 swarm, of whom three were met in the other one.
    expect(late.links.filter((link) => link === 'v1 out').length).toBe(3);
    expect(late.budget.halfOpen).toBe(0);
    expect(old.every(({ links }) => links.length > 0)).toBe(true);
    expect(late.announcers.status()).toMatchObject([{ url: WS, state: 'working', seeds: 0, leechers: 7 }]);
    for (const { announcers } of [...hybrids, ...old, late]) void announcers.stop();
    clock.advance(60_000);
    expect(core.stats().webrtc.peers).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
