/** Who sends wrong data is found and let go, nobody else is, and the download goes on: v1, where only pieces have hashes. */

import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Member,
  type MemberOptions,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../testing/memory-swarm.ts';
import { type Tampering, tamperedLink } from '../../testing/tampered-link.ts';
import { MemoryHasher, rangeResponse } from '../memory/index.ts';
import type { Link } from './ports.ts';

const KiB = 1024;
const BLOCK = 16 * KiB;

let sample: SampleTorrent;
let hybrid: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(1536 * KiB + 99, 128 * KiB);
  hybrid = await sampleTorrent(1536 * KiB + 99, 128 * KiB, { version: 'hybrid' });
});

function tampering(how: Tampering): MemberOptions {
  return { wrapLink: (link) => tamperedLink(link, how) };
}

function isBanned(by: Member, whom: Member): boolean {
  return by.torrent.swarm.candidates.isBanned({ host: whom.host, port: 6881 });
}

async function end(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

/** Two who are honest, and not as fast as a liar. */
async function honestSeeds(swarm: MemorySwarm): Promise<Member[]> {
  const seeds: Member[] = [];
  for (const uploadLimit of [120, 200]) {
    seeds.push(await swarm.add({ seed: true, engine: { uploadLimit: uploadLimit * KiB } }));
  }
  return seeds;
}

describe('among honest peers', () => {
  it.each([
    ['a block of each piece', { lies: (_piece: number, begin: number) => begin === 3 * BLOCK }],
    ['everything', { lies: () => true }],
    ['other bytes each time', { lies: (_piece: number, begin: number) => begin === BLOCK, fresh: true }],
    [
      'now and then',
      { lies: (piece: number, begin: number) => piece % 2 === 1 && begin % (2 * BLOCK) === 0 },
    ],
  ] as const)('a liar is banned, and nobody else: %s', async (_what, how) => {
    for (const torrent of [sample, { ...hybrid, pieceLayers: undefined }]) {
      const swarm = new MemorySwarm(torrent);
      const honest = await honestSeeds(swarm);
      const liar = await swarm.add({
        seed: true,
        engine: { uploadLimit: 400 * KiB },
        ...tampering({ ...how, v1Only: true }),
      });
      const leech = await swarm.add();
      const bans: string[] = [];
      leech.log.onPeerBanned = (peer, reason): void => void bans.push(`${peer.address?.host} ${reason}`);
      for (const seed of [...honest, liar]) swarm.introduce(leech, seed);
      await swarm.until(() => leech.torrent.done, 60_000);
      expect(await swarm.hasContent(leech)).toBe(true);
      expect(honest.map((seed) => isBanned(leech, seed))).toEqual([false, false]);
      expect(leech.torrent.stats().hashFailures).toBeGreaterThan(0);
      expect(isBanned(leech, liar)).toBe(true);
      // The observer is told, with the reason, of the liar and of nobody else.
      expect(bans.length).toBeGreaterThan(0);
      for (const ban of bans) {
        expect(ban).toMatch(
          new RegExp(`^${liar.host.replaceAll('.', '\\.')} sent (all|a wrong block) of piece \\d+`),
        );
      }
      await end(swarm);
    }
  });

  it('a liar who leaves before the piece is complete, and comes back, is remembered', async () => {
    const swarm = new MemorySwarm(sample);
    const honest = await swarm.add({ seed: true, engine: { uploadLimit: 60 * KiB } });
    const links: Link[] = [];
    let lied = 0;
    const liar = await swarm.add({
      seed: true,
      engine: { uploadLimit: 60 * KiB },
      wrapLink: (link) => {
        links.push(link);
        return tamperedLink(link, { lies: () => ++lied > 0 });
      },
    });
    const leech = await swarm.add();
    swarm.introduce(leech, honest);
    swarm.introduce(leech, liar);
    const received = (from: Member): number =>
      [...leech.torrent.swarm.peers.values()].find((peer) => peer.address?.host === from.host)?.traffic
        .downloaded.total ?? 0;
    await swarm.until(() => received(liar) >= 2 * BLOCK && received(honest) >= 2 * BLOCK, 10_000);
    expect(leech.torrent.stats().hashFailures).toBe(0);
    for (const link of links.splice(0)) link.close();
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 2000);
    expect(isBanned(leech, liar)).toBe(false);
    swarm.introduce(liar, leech);
    await swarm.until(() => leech.torrent.done, 120_000);
    expect(leech.torrent.stats().hashFailures).toBeGreaterThan(0);
    expect(isBanned(leech, liar)).toBe(true);
    expect(isBanned(leech, honest)).toBe(false);
    expect(await swarm.hasContent(leech)).toBe(true);
    await end(swarm);
  });

  it.each(['v1', 'v2'] as const)('a web seed that lies is not used any more (%s)', async (version) => {
    const torrent = version === 'v1' ? sample : hybrid;
    const swarm = new MemorySwarm(torrent);
    const url = 'http://files.example/sample';
    const wrong = torrent.content.slice();
    for (let at = 5000; at < wrong.length; at += 100_000) wrong[at] = wrong[at]! ^ 1;
    swarm.http.route(url, (request) => rangeResponse(wrong, request));
    const honest = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add({ spec: { webSeeds: [url] } });
    swarm.introduce(leech, honest);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(isBanned(leech, honest)).toBe(false);
    const [status] = leech.torrent.webSeeds();
    expect(status?.state).toBe('failed');
    expect(status?.lastError).toMatch(/sent (all|a wrong block) of piece \d+.* and is not used any more\.$/);
    await end(swarm);
  });
});

describe('while the metadata of a magnet link is missing', () => {
  it('peers whose metadata hashes to something else are told of, but not each of them', async () => {
    const swarm = new MemorySwarm(sample);
    const hasher = new MemoryHasher();
    // As with peers that lie: nothing that they send is what the link names.
    hasher.sha1 = async () => new Uint8Array(20);
    const leech = await swarm.add({ magnet: true, ports: { hasher } });
    const bans: (string | undefined)[] = [];
    leech.log.onPeerBanned = ({ address }): void => void bans.push(address?.host);
    const meet = async (): Promise<void> => {
      const before = bans.length;
      swarm.introduce(leech, await swarm.add({ seed: true }));
      await swarm.until(() => bans.length > before, 10_000);
    };
    for (let i = 0; i < 3; i++) await meet();
    expect(leech.log.warnings.map(({ message }) => message)).toEqual([
      `The peer ${bans[0]}:6881 sent metadata that does not match the info-hash and is not let in again: the torrent waits for others.`,
    ]);
    await swarm.clock.advanceAsync(10 * 60_000);
    await meet();
    await meet();
    expect(bans).toHaveLength(5);
    expect(leech.log.warnings).toHaveLength(2);
    expect(leech.log.warnings[1]!.message).toContain(`${bans[3]}:6881`);
    expect(leech.torrent.state).toBe('metadata');
    await end(swarm);
  });
});
