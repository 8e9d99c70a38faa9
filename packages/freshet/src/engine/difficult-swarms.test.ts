import { beforeAll, describe, expect, it } from 'vitest';
import { type Member, MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { closed, tampering } from '../../testing/swarm-checks.ts';
import type { Link } from './ports.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

let small: SampleTorrent;
let large: SampleTorrent;
beforeAll(async () => {
  small = await sampleTorrent(1 * MiB + 5000, 64 * KiB);
  large = await sampleTorrent(4 * MiB + 123, 128 * KiB);
});

describe('odd torrents', () => {
  it.each([
    ['empty', 0, 16 * KiB],
    ['one byte', 1, 16 * KiB],
    ['one piece', 60_000, 64 * KiB],
    ['pieces of no whole number of blocks', 1_234_567, 100_000],
    ['pieces of one byte', 300, 1],
    ['pieces larger than all memory', 3 * MiB + 1, 1 * MiB],
  ])('%s', async (_, length, pieceLength) => {
    const sample = await sampleTorrent(length, pieceLength);
    const swarm = new MemorySwarm(sample);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add({ engine: { bufferBudget: 128 * KiB } });
    const magnet = await swarm.add({ magnet: true });
    swarm.introduce(leech, seed);
    swarm.introduce(magnet, seed);
    await swarm.until(() => leech.torrent.done && magnet.torrent.done, 20_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(await swarm.hasContent(magnet)).toBe(true);
    if (length > 0) {
      const reader = leech.torrent.createReader({ start: length - 1, end: length });
      const read = reader.read(10);
      await swarm.clock.advanceAsync(1);
      expect(await read).toEqual(sample.content.subarray(length - 1));
      reader.close();
    }
    const reader = leech.torrent.createReader({ start: length, end: length });
    expect(await reader.read(1)).toBeUndefined();
    reader.close();
    await closed(swarm);
  });
});

describe('difficult peers', () => {
  it('finishes beside peers that say nothing, promise much, or lie', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    // Takes requests and never answers.
    const stuck = await swarm.add({ seed: true, engine: { uploadLimit: 0 } });
    const leech = await swarm.add();
    const mute = swarm.network.listener('10.9.9.9');
    const links: Link[] = [];
    await mute.listen(1, (link) => {
      link.attach({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
      links.push(link);
    });
    leech.torrent.addPeer({ host: '10.9.9.9', port: 1 });
    swarm.introduce(leech, stuck);
    await swarm.clock.advanceAsync(500);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 40_000);
    expect(links).toHaveLength(1);
    expect(await swarm.hasContent(leech)).toBe(true);
    await swarm.clock.advanceAsync(20_000);
    expect(leech.engine.usage.connections).toBe(leech.torrent.peers().length);
    for (const link of links) link.close();
    await closed(swarm);
  });

  it('gets the metadata from peers that had none themselves when they met', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true });
    const first = await swarm.add({ magnet: true });
    const second = await swarm.add({ magnet: true });
    swarm.introduce(second, first);
    await swarm.clock.advanceAsync(1000);
    expect(second.torrent.peers()).toHaveLength(1);
    swarm.introduce(first, seed);
    await swarm.until(() => second.torrent.done, 20_000);
    expect(await swarm.hasContent(second)).toBe(true);
    await closed(swarm);
  });

  it('is not shut off by a host that opens connections and says nothing', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { maxConnections: 20 } });
    let refused = 0;
    const flood = (host: string, count: number): void => {
      for (let i = 0; i < count; i++) {
        const end = (): void => void refused++;
        swarm.network.dialer(host).dial(
          { host: seed.host, port: 6881 },
          {
            onLink: (link) => link.attach({ onData: () => {}, onDrain: () => {}, onClose: end }),
            onError: end,
          },
        );
      }
    };
    // One host, and then several.
    flood('10.9.0.1', 100);
    await swarm.clock.advanceAsync(1000);
    expect(seed.engine.usage.connections).toBe(8);
    for (let n = 2; n < 9; n++) flood(`10.9.0.${n}`, 100);
    await swarm.clock.advanceAsync(2500);
    expect(seed.engine.usage.connections).toBe(20);
    expect(refused).toBe(800 - 20);
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 5000);
    await closed(swarm);
  });

  it('is not held up by a liar about the size of the metadata who then says nothing', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true });
    const other = await sampleTorrent(100, 16 * KiB, { seed: 3 });
    // It has metadata of another size under our info-hash, and sends nothing of it.
    const liar = await swarm.add({
      spec: { hashes: { v1: small.infoHash }, infoBytes: other.infoBytes },
      wrapLink: (link) => muteMetadata(link),
    });
    const leech = await swarm.add({ magnet: true });
    swarm.introduce(leech, liar);
    await swarm.clock.advanceAsync(2000);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 30_000);
    await closed(swarm);
  });
});

/** Drops what looks like a metadata message: an extended message that is no handshake. */
function muteMetadata(link: Link): Link {
  return new Proxy(link, {
    get(target, property): unknown {
      if (property === 'send') {
        return (parts: readonly Uint8Array[]): void =>
          target.send(parts.filter((part) => !(part.length > 6 && part[4] === 20 && part[5] !== 0)));
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('many peers', () => {
  const finish = async (swarm: MemorySwarm, leeches: readonly Member[], limit: number): Promise<number> => {
    const took = await swarm.until(() => leeches.every((leech) => leech.torrent.done), limit);
    for (const leech of leeches) expect(await swarm.hasContent(leech)).toBe(true);
    return took;
  };

  it('ten leeches and one seed all finish, and the seed gives little more than one copy', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 1 * MiB } });
    const leeches: Member[] = [];
    for (let i = 0; i < 10; i++) {
      const leech = await swarm.add({ engine: { uploadLimit: 1 * MiB } });
      swarm.introduce(leech, seed);
      for (const other of leeches) swarm.introduce(leech, other);
      leeches.push(leech);
    }
    await finish(swarm, leeches, 60_000);
    expect(seed.torrent.stats().uploaded).toBeLessThan(3 * large.content.length);
    const wasted = leeches.reduce((sum, leech) => sum + leech.torrent.stats().wasted, 0);
    expect(wasted).toBeLessThan(0.05 * 10 * large.content.length);
    await closed(swarm);
  });

  it('twelve peers of whom four lie all get the right bytes', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 500 * KiB } });
    const liars: Member[] = [];
    for (let i = 0; i < 4; i++)
      liars.push(await swarm.add({ seed: true, ...tampering({ lies: () => true }) }));
    const leeches: Member[] = [];
    for (let i = 0; i < 7; i++) {
      const leech = await swarm.add();
      for (const other of [seed, ...liars, ...leeches]) swarm.introduce(leech, other);
      leeches.push(leech);
    }
    await finish(swarm, leeches, 120_000);
    for (const leech of leeches) {
      const banned = liars.filter((liar) =>
        leech.torrent.swarm.candidates.isBanned({ host: liar.host, port: 6881 }),
      );
      expect(banned.length).toBeGreaterThan(0);
      expect(leech.torrent.swarm.candidates.isBanned({ host: seed.host, port: 6881 })).toBe(false);
    }
    await closed(swarm);
  });

  it('a free rider that finds no seed is done after those who share', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({
      seed: true,
      engine: { uploadLimit: 120 * KiB },
      spec: { uploadSlots: 6 },
    });
    const leeches: Member[] = [];
    const rider = await swarm.add({ engine: { uploadLimit: 0 } });
    for (let i = 0; i < 6; i++) {
      const leech = await swarm.add({ engine: { uploadLimit: 40 * KiB }, spec: { uploadSlots: 3 } });
      swarm.introduce(leech, seed);
      swarm.introduce(leech, rider);
      for (const other of leeches) swarm.introduce(leech, other);
      leeches.push(leech);
    }
    const finished: Member[] = [];
    for (const member of [...leeches, rider]) member.log.onDone = (): void => void finished.push(member);
    await finish(swarm, [...leeches, rider], 200_000);
    expect(finished.indexOf(rider)).toBeGreaterThanOrEqual(5);
    await closed(swarm);
  });
});
