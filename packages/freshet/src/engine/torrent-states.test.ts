import { beforeAll, describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { reopening } from '../../testing/reopening-disk.ts';
import { closed, settle } from '../../testing/swarm-checks.ts';
import { MemoryDisk, MemoryState } from '../memory/index.ts';
import type { Disk } from './ports.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

let small: SampleTorrent;
beforeAll(async () => {
  small = await sampleTorrent(1 * MiB + 5000, 64 * KiB);
});

describe('opening, checking and closing', () => {
  it('checks again at any moment, also while it checks, and never has the storage open twice', async () => {
    const swarm = new MemorySwarm(small);
    const disk = new MemoryDisk({ length: small.content.length });
    await disk.write(0, [small.content.subarray(0, 512 * KiB)]);
    const storage = reopening(disk);
    let most = 0;
    const openDisk = async (): Promise<Disk> => {
      const opened = await storage.open();
      most = Math.max(most, storage.isOpen);
      return opened;
    };
    const leech = await swarm.add({ disk, spec: { openDisk, state: new MemoryState() } });
    const checks = [leech.torrent.recheck(), leech.torrent.recheck()];
    await Promise.resolve();
    checks.push(leech.torrent.recheck());
    await swarm.clock.advanceAsync(100);
    await Promise.all(checks);
    expect(leech.torrent.state).toBe('active');
    expect(leech.torrent.verified?.count).toBe(8);
    expect(most).toBe(1);
    await closed(swarm);
    expect(storage.isOpen).toBe(0);
  });

  it('keeps the selection over a check', async () => {
    const swarm = new MemorySwarm(small);
    const disk = new MemoryDisk({ length: small.content.length });
    const storage = reopening(disk);
    const leech = await swarm.add({ disk, spec: { openDisk: storage.open } });
    leech.torrent.deselectPieces(3, 16);
    const { wantedBytes } = leech.torrent.stats();
    expect(wantedBytes).toBe(3 * 64 * KiB);
    await leech.torrent.recheck();
    expect(leech.torrent.stats().wantedBytes).toBe(wantedBytes);
    await closed(swarm);
  });

  it.each([0, 1, 2, 3, 5, 8])(
    'lets go of the storage when it is closed %i turns after it was added',
    async (turns) => {
      const swarm = new MemorySwarm(small);
      const disk = new MemoryDisk({ length: small.content.length });
      await disk.write(0, [small.content]);
      const storage = reopening(disk);
      const host = await swarm.add();
      await settle(swarm, host.torrent.close());
      const torrent = host.engine.add(
        { hashes: { v1: small.infoHash }, infoBytes: small.infoBytes, openDisk: storage.open },
        host.log,
      );
      for (let turn = 0; turn < turns; turn++) await undefined;
      const closing = torrent.close();
      expect(torrent.close()).toBe(closing);
      expect(torrent.state).toBe('closed');
      await settle(swarm, closing);
      expect(torrent.state).toBe('closed');
      expect(storage.isOpen).toBe(0);
      await torrent.recheck();
      torrent.resume();
      torrent.pause();
      expect(torrent.state).toBe('closed');
      await closed(swarm);
    },
  );

  it('removes what was stored, also when it is closed while it checks', async () => {
    const swarm = new MemorySwarm(small);
    const state = new MemoryState();
    const leech = await swarm.add({ seed: true, spec: { state } });
    const closing = leech.torrent.close({ destroyData: true });
    await swarm.clock.advanceAsync(10);
    await closing;
    expect(state.keys()).toEqual([]);
    await closed(swarm);
  });

  it('stays closed when it is closed from within any of its reports', async () => {
    for (const moment of [
      'onMetadata',
      'onReady',
      'onPeer',
      'onPeerClosed',
      'onVerified',
      'onDone',
    ] as const) {
      const swarm = new MemorySwarm(small);
      const seed = await swarm.add({ seed: true });
      const leech = await swarm.add({ magnet: true });
      let closes = 0;
      leech.log[moment] = (): void => {
        closes++;
        void leech.torrent.close();
      };
      swarm.introduce(leech, seed);
      await swarm.until(() => closes > 0 || leech.torrent.done, 10_000);
      if (moment === 'onPeerClosed') await leech.torrent.close();
      await swarm.clock.advanceAsync(1000);
      expect(`${moment} ${leech.torrent.state}`).toBe(`${moment} closed`);
      expect(leech.torrent.swarm.peers.size).toBe(0);
      expect(leech.engine.torrents.size).toBe(0);
      await closed(swarm);
    }
  });

  it('can be closed at any moment: nothing stays on the clock and no place stays taken', async () => {
    let reached = 0;
    for (let ticks = 0; ticks < 60; ticks += 3) {
      const swarm = new MemorySwarm(small);
      const seed = await swarm.add({ seed: true });
      const leech = await swarm.add({ magnet: true, spec: { state: new MemoryState() } });
      swarm.introduce(leech, seed);
      await swarm.clock.advanceAsync(ticks * 5);
      if (leech.torrent.done) reached++;
      const closing = leech.engine.close();
      for (let i = 0; i < 50; i++) await swarm.clock.advanceAsync(20);
      await closing;
      expect(leech.engine.usage).toEqual({ connections: 0, dialing: 0, pieceMemory: 0 });
      await swarm.clock.advanceAsync(5000);
      expect(seed.engine.usage).toEqual({ connections: 0, dialing: 0, pieceMemory: 0 });
      await closed(swarm);
    }
    expect(reached).toBeGreaterThan(0);
  });
});

describe('pause and resume', () => {
  it('goes offline in every state, and comes back at once', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add({ magnet: true });
    leech.torrent.pause();
    swarm.introduce(leech, seed);
    await swarm.clock.advanceAsync(2000);
    expect(leech.torrent.stats().connectedPeers).toBe(0);
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.state === 'active', 2000);
    leech.torrent.pause();
    expect(leech.torrent.state).toBe('paused');
    await swarm.clock.advanceAsync(2000);
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.stats().connectedPeers === 1, 200);
    leech.torrent.pause();
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.done, 30_000);
    await closed(swarm);
  });

  it.each(['onMetadata', 'onChecking', 'onReady'] as const)(
    'is offline when it was paused in %s',
    async (moment) => {
      const swarm = new MemorySwarm(small);
      const seed = await swarm.add({ seed: true });
      const leech = await swarm.add({ magnet: true });
      leech.log[moment] = (): void => leech.torrent.pause();
      swarm.introduce(leech, seed);
      await swarm.until(() => leech.torrent.info !== undefined, 5000);
      await swarm.clock.advanceAsync(5000);
      expect(leech.torrent.state).toBe('paused');
      expect(leech.torrent.stats().connectedPeers).toBe(0);
      leech.torrent.resume();
      await swarm.until(() => leech.torrent.done, 5000);
      await closed(swarm);
    },
  );

  it('tries an address again that was being dialled when it was paused', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.clock.advanceAsync(5);
    leech.torrent.pause();
    expect(leech.engine.usage.dialing).toBe(0);
    await swarm.clock.advanceAsync(1000);
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.done, 3000);
    await closed(swarm);
  });

  it('gives back the memory of pieces that are deselected while they come', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().received.memory > 50 * KiB, 5000);
    expect(leech.engine.usage.pieceMemory).toBeGreaterThan(0);
    leech.torrent.deselectPieces(0, 100);
    await swarm.clock.advanceAsync(100);
    expect(leech.engine.usage.pieceMemory).toBe(0);
    expect(leech.torrent.peers().map((peer) => peer.outstandingRequests)).toEqual([0]);
    leech.torrent.selectPieces(0, 100, 4);
    await swarm.until(() => leech.torrent.done, 10_000);
    await closed(swarm);
  });

  it('leaves its memory to others while it is paused', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({ seed: true, engine: { uploadLimit: 200 * KiB } });
    const leech = await swarm.add({ engine: { bufferBudget: 256 * KiB } });
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.stats().received.memory > 50 * KiB, 5000);
    leech.torrent.pause();
    expect(leech.engine.usage.pieceMemory).toBeGreaterThan(0);
    const second = await sampleTorrent(512 * KiB, 128 * KiB, { seed: 9 });
    const disk = new MemoryDisk({ length: second.content.length });
    await disk.write(0, [second.content]);
    const spec = { hashes: { v1: second.infoHash }, infoBytes: second.infoBytes };
    seed.engine.setLimits({});
    seed.engine.add({ ...spec, skipCheck: true, openDisk: () => Promise.resolve(disk) }, seed.log);
    const target = new MemoryDisk({ length: second.content.length });
    const torrent = leech.engine.add({ ...spec, openDisk: () => Promise.resolve(target) }, leech.log);
    await swarm.clock.advanceAsync(1);
    torrent.addPeer({ host: seed.host, port: 6881 });
    await swarm.until(() => torrent.done, 2000);
    await closed(swarm);
  });
});
