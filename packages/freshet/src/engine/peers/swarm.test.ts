import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';

const KiB = 1024;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(1024 * KiB, 64 * KiB);
});

describe('Swarm', () => {
  it('looks after a peer that comes while it waits for an address that does not answer', async () => {
    const swarm = new MemorySwarm(sample);
    const member = await swarm.add();
    member.torrent.addPeer({ host: '10.200.0.1', port: 1 });
    // After four failures the next attempt is minutes away.
    await swarm.clock.advanceAsync(215_000);
    expect(member.torrent.swarm.candidates.nextTryAt() - swarm.clock.now()).toBeGreaterThan(60_000);
    // It takes requests and never answers: only the tick notices.
    const stuck = await swarm.add({ seed: true, engine: { uploadLimit: 0 } });
    swarm.introduce(stuck, member);
    await swarm.clock.advanceAsync(1000);
    expect(member.torrent.peers()[0]!.outstandingRequests).toBeGreaterThan(1);
    await swarm.clock.advanceAsync(12_000);
    expect(member.torrent.peers()[0]!.outstandingRequests).toBe(1);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });

  it('stays within the limits for connections, of the torrent and of the client', async () => {
    const swarm = new MemorySwarm(sample);
    const few = await swarm.add({ engine: { maxPeersPerTorrent: 3, uploadLimit: 0 } });
    const tight = await swarm.add({ engine: { maxConnections: 2, uploadLimit: 0 } });
    for (let i = 0; i < 6; i++) {
      const other = await swarm.add();
      swarm.introduce(i % 2 === 0 ? few : other, i % 2 === 0 ? other : few);
      swarm.introduce(i % 2 === 0 ? tight : other, i % 2 === 0 ? other : tight);
    }
    for (let second = 0; second < 20; second++) {
      await swarm.clock.advanceAsync(1000);
      expect(few.torrent.peers().length).toBeLessThanOrEqual(3);
      expect(tight.engine.usage.connections).toBeLessThanOrEqual(2);
    }
    expect(few.torrent.peers()).toHaveLength(3);
    expect(tight.engine.usage.connections).toBe(2);
    await swarm.close();
    for (const member of swarm.members) {
      expect(member.engine.usage).toEqual({ connections: 0, dialing: 0, pieceMemory: 0 });
    }
  });

  it('ends connections between those who have everything, and looks for them again when more is wanted', async () => {
    const swarm = new MemorySwarm(sample);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    leech.torrent.deselectPieces(8, 15);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 5000);
    await swarm.clock.advanceAsync(100);
    expect([leech.torrent.peers().length, seed.torrent.peers().length]).toEqual([0, 0]);
    leech.torrent.selectPieces(8, 15, 4);
    await swarm.until(() => leech.torrent.done, 2000);
    expect(leech.log.events.filter((event) => event === 'done')).toHaveLength(2);
    // The same selection again is nothing new.
    leech.torrent.selectPieces(0, 15, 4);
    expect(leech.log.events.filter((event) => event === 'done')).toHaveLength(2);
    await swarm.close();
  });

  it('fetches what a reader needs of unselected pieces, and no more, without being undone', async () => {
    const swarm = new MemorySwarm(sample);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    leech.torrent.deselectPieces(1, 15);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.done, 5000);
    for (let i = 0; i < 3; i++) {
      const start = 640 * KiB + i * 30 * KiB;
      const reader = leech.torrent.createReader({ start, end: start + 30 * KiB });
      let read: Uint8Array | undefined;
      void reader.read(1000).then((bytes) => {
        read = bytes;
      });
      await swarm.until(() => read !== undefined, 3000);
      expect(read).toEqual(sample.content.subarray(start, start + 1000));
      reader.close();
      expect(leech.torrent.done).toBe(true);
    }
    await swarm.clock.advanceAsync(20_000);
    expect([...leech.torrent.verified!.indexes()]).toEqual([0, 10, 11]);
    expect(leech.torrent.stats().wasted).toBe(0);
    expect(leech.log.events.filter((event) => event === 'done')).toHaveLength(1);
    await swarm.close();
    expect(swarm.clock.pending).toBe(0);
  });
});
