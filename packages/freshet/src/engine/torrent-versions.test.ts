/** Torrents of version 1, version 2 and both, as they find each other under two hashes (BEP 52). */

import { TrackerCore } from 'freshet-tracker';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  logObserver,
  type Member,
  type MemberOptions,
  MemorySwarm,
  type SampleTorrent,
  sampleTorrent,
} from '../../testing/memory-swarm.ts';
import { MemoryDisk } from '../memory/index.ts';
import {
  concatBytes,
  encodeHandshake,
  equalBytes,
  HANDSHAKE_LENGTH,
  infoHashFromBytes,
  infoHashV2FromBytes,
  peerIdFromBytes,
  RESERVED_BITS,
  truncatedInfoHash,
} from '../protocol/index.ts';
import type { Link } from './ports.ts';

const KiB = 1024;
const FILES = [
  { path: ['a'], length: 100_000 },
  { path: ['b'], length: 70_000 },
  { path: ['c'], length: 1 },
];

let hybrid: SampleTorrent;
beforeAll(async () => {
  hybrid = await sampleTorrent(0, 32 * KiB, { files: FILES, version: 'hybrid' });
});

/** What each connection of a member speaks. */
function spoken(member: Member): (string | undefined)[] {
  return [...member.torrent.swarm.peers.values()].map((peer) => peer.swarm);
}

async function end(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  // What was said last arrives at strangers too.
  await swarm.clock.advanceAsync(100);
  expect(swarm.clock.pending).toBe(0);
}

const v2Of = (sample: SampleTorrent): Uint8Array => truncatedInfoHash(sample.hashes.v2!);
const CALLER = peerIdFromBytes(new Uint8Array(20).fill(7))!;

/** A stranger's end of a link, by hand: what it hears, and whether it was turned away. */
class Stranger {
  heard: Uint8Array = new Uint8Array();
  closed = false;
  readonly link: Link;

  constructor(link: Link, answer: (stranger: Stranger) => void = () => {}) {
    this.link = link;
    link.attach({
      onData: (chunk) => {
        const before = this.heard.length;
        this.heard = concatBytes([this.heard, chunk]);
        if (before < HANDSHAKE_LENGTH && this.heard.length >= HANDSHAKE_LENGTH) answer(this);
      },
      onDrain: () => {},
      onClose: () => {
        this.closed = true;
      },
    });
  }

  /** The info-hash of the handshake that it was sent. */
  get named(): Uint8Array {
    return this.heard.slice(28, 48);
  }

  /** Whether that has the bit of version 2. */
  get hasBit(): boolean {
    const [byte, bit] = RESERVED_BITS.v2;
    return (this.heard[20 + byte]! & bit) !== 0;
  }
}

async function call(
  swarm: MemorySwarm,
  member: Member,
  infoHash: Uint8Array,
  v2: boolean,
): Promise<Stranger> {
  const dialled = new Promise<Stranger>((resolve, reject) => {
    swarm.network
      .dialer('10.1.0.1')
      .dial(
        { host: member.host, port: 6881 },
        { onLink: (link) => resolve(new Stranger(link)), onError: reject },
      );
  });
  await swarm.clock.advanceAsync(100);
  const stranger = await dialled;
  stranger.link.send([encodeHandshake({ infoHash, peerId: CALLER, reserved: { v2 } })]);
  await swarm.clock.advanceAsync(100);
  return stranger;
}

describe('handshakes of a hybrid torrent', () => {
  it('are upgraded to version 2, whoever calls', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const caller = await swarm.add();
    const called = await swarm.add();
    swarm.introduce(caller, seed);
    swarm.introduce(seed, called);
    await swarm.until(() => caller.torrent.done && called.torrent.done, 60_000);
    expect(await swarm.hasContent(caller)).toBe(true);
    expect(await swarm.hasContent(called)).toBe(true);
    const all = [seed, caller, called].flatMap(spoken);
    expect(all).not.toContain('v1');
    expect(all.length).toBeGreaterThan(0);
    await end(swarm);
  });

  it('answer a caller in the version that it speaks, and upgrade one that sets the bit', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const cases = [
      { named: hybrid.hashes.v1!, bit: false, answer: hybrid.hashes.v1!, speaks: 'v1' },
      { named: hybrid.hashes.v1!, bit: true, answer: v2Of(hybrid), speaks: 'v2' },
      { named: v2Of(hybrid), bit: false, answer: v2Of(hybrid), speaks: 'v2' },
      { named: v2Of(hybrid), bit: true, answer: v2Of(hybrid), speaks: 'v2' },
    ];
    for (const { named, bit, answer, speaks } of cases) {
      const stranger = await call(swarm, seed, named, bit);
      expect(stranger.closed).toBe(false);
      expect([bit, stranger.named]).toEqual([bit, Uint8Array.from(answer)]);
      expect(stranger.hasBit).toBe(true);
      expect(spoken(seed)).toEqual([speaks]);
      stranger.link.close();
      await swarm.clock.advanceAsync(100);
    }
    const lost = await call(swarm, seed, new Uint8Array(20).fill(5), true);
    expect([lost.closed, lost.heard.length]).toEqual([true, 0]);
    await end(swarm);
  });

  it('exchange with a peer that knows nothing of version 2', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    // Until it has the metadata it knows one hash only, and does not set the bit.
    const leech = await swarm.add({ magnet: 'v1' });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.info !== undefined, 10_000);
    expect(spoken(leech)).toEqual(['v1']);
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    await end(swarm);
  });

  it('follow on the metadata when that has told of version 2, and put the better connection in place', async () => {
    const swarm = new MemorySwarm(hybrid);
    // They want nothing, so that they stay.
    const spec = { filePriorities: () => FILES.flatMap(() => [0, 0]) };
    const other = await swarm.add({ spec });
    const leech = await swarm.add({ magnet: 'v1', spec });
    swarm.introduce(leech, other);
    await swarm.until(() => spoken(leech).includes('v1'), 1000);
    await swarm.until(() => spoken(leech).includes('v2'), 1000);
    expect([spoken(leech), spoken(other)]).toEqual([['v2'], ['v2']]);
    await swarm.clock.advanceAsync(120_000);
    expect(leech.log.events.filter((event) => event === 'peer')).toHaveLength(2);
    await end(swarm);
  });

  it('leave a connection alone that the peer does not want twice', async () => {
    const swarm = new MemorySwarm(hybrid);
    const leech = await swarm.add({ magnet: 'v1' });
    let calls = 0;
    swarm.network.setHost('10.1.0.2', { latencyMs: 10 });
    const words = { infoHash: hybrid.hashes.v1!, peerId: CALLER, reserved: { v2: true } };
    await swarm.network.listener('10.1.0.2').listen(6881, (link) => {
      const first = calls++ === 0;
      new Stranger(link, () => (first ? link.send([encodeHandshake(words)]) : link.close()));
    });
    leech.torrent.addPeer({ host: '10.1.0.2', port: 6881 });
    await swarm.until(() => spoken(leech).length === 1, 1000);
    await leech.torrent.setMetadata(hybrid.infoBytes);
    await swarm.clock.advanceAsync(60_000);
    expect([calls, spoken(leech)]).toEqual([2, ['v1']]);
    await end(swarm);
  });

  it('wait for the first word of whoever made the WebRTC offer, for two seconds', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    /** A link on which a stranger has made the offer, in the v1 swarm. */
    const offered = async (n: number): Promise<Stranger> => {
      const strangers: Stranger[] = [];
      swarm.network.setHost(`10.1.1.${n}`, { latencyMs: 10 });
      await swarm.network.listener(`10.1.1.${n}`).listen(1, (link) => strangers.push(new Stranger(link)));
      swarm.network.dialer(`10.1.2.${n}`).dial(
        { host: `10.1.1.${n}`, port: 1 },
        {
          onLink: (link) => seed.torrent.swarm.addLink(link, true, 'v1'),
          onError: (error) => expect.unreachable(error.message),
        },
      );
      await swarm.clock.advanceAsync(100);
      return strangers[0]!;
    };
    const quick = await offered(1);
    expect(quick.heard.length).toBe(0);
    quick.link.send([
      encodeHandshake({ infoHash: hybrid.hashes.v1!, peerId: CALLER, reserved: { v2: true } }),
    ]);
    await swarm.clock.advanceAsync(100);
    expect([quick.named, spoken(seed)]).toEqual([Uint8Array.from(v2Of(hybrid)), ['v2']]);
    quick.link.close();

    const slow = await offered(2);
    await swarm.clock.advanceAsync(1800);
    expect(slow.heard.length).toBe(0);
    await swarm.clock.advanceAsync(200);
    expect([slow.named, slow.hasBit]).toEqual([Uint8Array.from(hybrid.hashes.v1!), true]);
    slow.link.send([encodeHandshake({ infoHash: v2Of(hybrid), peerId: CALLER })]);
    await swarm.clock.advanceAsync(100);
    expect(spoken(seed)).toEqual(['v2']);
    slow.link.close();

    const silent = await offered(3);
    silent.link.close();
    await swarm.clock.advanceAsync(3000);
    await end(swarm);
  });

  it('try the other hash on a peer that says nothing to the first', async () => {
    for (const [only, named] of [
      ['v2', [hybrid.hashes.v1!, v2Of(hybrid)]],
      ['v1', [v2Of(hybrid), hybrid.hashes.v1!]],
    ] as const) {
      const swarm = new MemorySwarm(hybrid);
      const leech = await swarm.add();
      const strangers: Stranger[] = [];
      swarm.network.setHost('10.1.0.2', { latencyMs: 10 });
      await swarm.network.listener('10.1.0.2').listen(6881, (link) => {
        strangers.push(
          new Stranger(link, (stranger) => {
            const known = named[1];
            if (!equalBytes(stranger.named, known)) link.close();
            else link.send([encodeHandshake({ infoHash: known, peerId: CALLER })]);
          }),
        );
      });
      const from = only === 'v2' ? undefined : 'v2';
      leech.torrent.swarm.addAddress({ host: '10.1.0.2', port: 6881 }, from);
      await swarm.clock.advanceAsync(1000);
      expect(strangers.map((stranger) => stranger.named)).toEqual(named.map((hash) => Uint8Array.from(hash)));
      expect(spoken(leech)).toEqual([only]);
      await end(swarm);
    }
  });

  it('are not repeated without end on a peer that knows neither hash', async () => {
    const swarm = new MemorySwarm(hybrid);
    const leech = await swarm.add();
    let calls = 0;
    swarm.network.setHost('10.1.0.2', { latencyMs: 10 });
    await swarm.network.listener('10.1.0.2').listen(6881, (link) => {
      calls++;
      new Stranger(link, () => link.close());
    });
    leech.torrent.addPeer({ host: '10.1.0.2', port: 6881 });
    await swarm.clock.advanceAsync(20_000);
    expect(calls).toBe(2);
    await swarm.clock.advanceAsync(20_000);
    expect(calls).toBe(4);
    await end(swarm);
  });
});

describe('a magnet link of a hybrid torrent', () => {
  it.each([
    ['v1', 'v1'],
    ['v2', 'v2'],
    [true, 'v2'],
  ] as const)('that names %s finds the metadata, the other hash and the content', async (magnet, first) => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ magnet });
    const key = magnet === 'v2' ? v2Of(hybrid) : hybrid.hashes.v1!;
    expect(equalBytes(leech.torrent.infoHash, key)).toBe(true);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.info !== undefined, 10_000);
    expect(spoken(leech)).toEqual([first]);
    expect(leech.torrent.hashes.all).toEqual(hybrid.hashes);
    expect(equalBytes(leech.torrent.infoHash, key)).toBe(true);
    const { v1, v2 } = hybrid.hashes;
    for (const hashes of [{ v1 }, { v2 }, { v1, v2 }, { v1: infoHashFromBytes(v2Of(hybrid)) }]) {
      expect(leech.engine.find(hashes)).toBe(leech.torrent);
    }
    await swarm.until(() => leech.torrent.done, 60_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    // Who comes by the other hash is let in.
    for (const hash of [v1!, v2Of(hybrid)]) {
      const stranger = await call(swarm, leech, hash, false);
      expect(equalBytes(stranger.named, hash)).toBe(true);
      stranger.link.close();
      await swarm.clock.advanceAsync(100);
    }
    await end(swarm);
  });

  it('does not believe metadata that only one of its two hashes is of', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const wrong = infoHashV2FromBytes(new Uint8Array(32).fill(1))!;
    const leech = await swarm.add({ magnet: true, spec: { hashes: { v1: hybrid.hashes.v1, v2: wrong } } });
    swarm.introduce(leech, seed);
    await swarm.clock.advanceAsync(20_000);
    expect(leech.torrent.info).toBeUndefined();
    await end(swarm);
  });

  it('is the same torrent as the one that another link names by the other hash', async () => {
    const swarm = new MemorySwarm(hybrid);
    const seed = await swarm.add({ seed: true });
    const first = await swarm.add({ magnet: 'v1' });
    const log = logObserver();
    const openDisk = (): Promise<MemoryDisk> =>
      Promise.resolve(new MemoryDisk({ length: hybrid.info.length, files: hybrid.info.files }));
    const other = first.engine.add({ hashes: { v2: hybrid.hashes.v2 }, openDisk }, log);
    expect(first.engine.torrents.size).toBe(2);
    other.addPeer({ host: seed.host, port: 6881 });
    await swarm.until(() => other.done, 60_000);
    expect(first.log.errors.map((error) => error.message)).toEqual([
      `Cannot add duplicate torrent ${other.infoHashHex}`,
    ]);
    expect(first.torrent.state).toBe('failed');
    expect(first.engine.find({ v1: hybrid.hashes.v1 })).toBe(other);
    const closing = first.torrent.close();
    await swarm.clock.advanceAsync(3000);
    await closing;
    expect(first.engine.find({ v1: hybrid.hashes.v1 })).toBe(other);
    expect(() => first.engine.add({ hashes: { v1: hybrid.hashes.v1 }, openDisk }, log)).toThrow(/duplicate/);
    await end(swarm);
  });

  it('is the same torrent as another link’s, also when both learn that at the same time', async () => {
    const swarm = new MemorySwarm(hybrid);
    const first = await swarm.add({ magnet: 'v1' });
    const log = logObserver();
    const { length, files } = hybrid.info;
    const openDisk = (): Promise<MemoryDisk> => Promise.resolve(new MemoryDisk({ length, files }));
    const other = first.engine.add({ hashes: { v2: hybrid.hashes.v2 }, openDisk }, log);
    await swarm.clock.advanceAsync(1);
    const set = [first.torrent, other].map((torrent) => torrent.setMetadata(hybrid.infoBytes));
    await swarm.clock.advanceAsync(1000);
    await Promise.all(set);
    expect([...first.log.errors, ...log.errors]).toHaveLength(1);
    expect([first.torrent.state, other.state].sort()).toEqual(['active', 'failed']);
    expect(first.engine.find(hybrid.hashes)?.state).toBe('active');
    await end(swarm);
  });

  it('takes metadata that was found elsewhere while no peer has sent it', async () => {
    const swarm = new MemorySwarm(hybrid);
    const member = await swarm.add({ magnet: 'v2' });
    expect(await member.torrent.setMetadata(hybrid.infoBytes.slice(1))).toBe(false);
    const set = member.torrent.setMetadata(hybrid.infoBytes, hybrid.pieceLayers);
    await swarm.until(() => member.torrent.info !== undefined, 1000);
    expect(await set).toBe(true);
    expect(member.torrent.hashes.all).toEqual(hybrid.hashes);
    expect(await member.torrent.setMetadata(hybrid.infoBytes)).toBe(false);
    expect(member.log.events.filter((event) => event === 'metadata')).toHaveLength(1);
    await end(swarm);
  });
});

describe('browsers and a tracker', () => {
  const URL = 'wss://tracker.example';

  /** A swarm that meets over WebRTC only. */
  function pages(sample: SampleTorrent) {
    const swarm = new MemorySwarm(sample);
    const core = new TrackerCore({ clock: swarm.clock, random: () => 0.5, onWarning: () => {} });
    let hosts = 0;
    swarm.sockets.serve(URL, (socket) => {
      const session = core.open({
        address: `10.0.1.${hosts++}`,
        send: (text) => socket.send(text),
        ping: () => {},
        pause: () => {},
        resume: () => {},
        close: () => socket.close(),
      });
      return { onMessage: (text) => session.receive(text), onClose: () => session.closed() };
    });
    const page = (options: MemberOptions): Promise<Member> =>
      swarm.add({
        ...options,
        ports: { dialer: undefined, rtc: swarm.network.rtc(`page${swarm.members.length}`) },
        spec: { ...options.spec, trackers: [[URL]] },
      });
    return { swarm, page };
  }

  it('meet in either swarm of a hybrid torrent, and speak version 2 in both', async () => {
    for (const magnet of ['v1', 'v2', false] as const) {
      const { swarm, page } = pages(hybrid);
      await page({ seed: true });
      const leech = await page({ magnet });
      await swarm.until(() => leech.torrent.done, 60_000);
      expect(await swarm.hasContent(leech)).toBe(true);
      // It wants nothing, so that it stays with those who have everything.
      const late = await page({ spec: { filePriorities: (info) => info.files.map(() => 0) } });
      await swarm.until(() => spoken(late).length === 2, 60_000);
      expect(spoken(late)).toEqual(['v2', 'v2']);
      const [tracker] = leech.torrent.trackers();
      expect(leech.torrent.trackers()).toHaveLength(1);
      expect(tracker).toMatchObject({ url: URL, state: 'working' });
      expect((tracker!.seeds ?? 0) + (tracker!.leechers ?? 0)).toBeLessThanOrEqual(3);
      await end(swarm);
    }
  });
});
