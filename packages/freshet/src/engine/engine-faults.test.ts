import { beforeAll, describe, expect, it } from 'vitest';
import { type Member, MemorySwarm, type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { FaultPlan, MemoryDisk, MemoryState } from '../memory/index.ts';
import { type Disk, DiskError, type Link } from './ports.ts';
import { ReaderError } from './streaming/reader.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

let small: SampleTorrent;
let large: SampleTorrent;
beforeAll(async () => {
  small = await sampleTorrent(1 * MiB + 5000, 64 * KiB);
  large = await sampleTorrent(4 * MiB + 123, 128 * KiB);
});

/** Lets time pass until the promise is settled. */
async function settle(swarm: MemorySwarm, promise: Promise<unknown>): Promise<void> {
  let done = false;
  const end = (): void => {
    done = true;
  };
  promise.then(end, end);
  await swarm.until(() => done, 5000);
}

async function closed(swarm: MemorySwarm): Promise<void> {
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

/** A disk that keeps its bytes when the torrent closes it, to be opened again. */
function reopening(disk: MemoryDisk): { open(): Promise<Disk>; opens: number; isOpen: number } {
  const state = {
    opens: 0,
    isOpen: 0,
    open: async (): Promise<Disk> => {
      state.opens++;
      state.isOpen++;
      let open = true;
      return new Proxy(disk as Disk, {
        get(target, property): unknown {
          if (property === 'close') {
            return async (): Promise<void> => {
              if (open) state.isOpen--;
              open = false;
            };
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  return state;
}

describe('a disk that fails', () => {
  it('stops a torrent whose disk is full, loses nothing, and goes on when there is room', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const space = { free: 1 * MiB };
    const disk = new MemoryDisk({ length: large.content.length, space });
    const storage = reopening(disk);
    const leech = await swarm.add({ disk, spec: { openDisk: storage.open, state: new MemoryState() } });
    const reader = leech.torrent.createReader({ start: 3 * MiB, end: 4 * MiB });
    let rejected: unknown;
    const readOn = async (): Promise<void> => {
      while ((await reader.read(1000)) !== undefined);
    };
    readOn().catch((error: unknown) => {
      rejected = error;
    });
    leech.torrent.selectPieces(0, 7, 7);
    swarm.introduce(leech, seed);
    await swarm.until(() => leech.torrent.state === 'failed', 10_000);
    expect(leech.log.errors).toHaveLength(1);
    expect(leech.log.errors[0]).toBeInstanceOf(DiskError);
    expect((leech.log.errors[0] as DiskError).code).toBe('FULL');
    expect(rejected).toBeInstanceOf(ReaderError);
    expect(leech.torrent.stats().connectedPeers).toBe(0);
    const { verifiedBytes } = leech.torrent.stats();
    expect(verifiedBytes).toBeLessThanOrEqual(1 * MiB);
    expect(() => leech.torrent.createReader({ start: 0, end: 1 })).toThrow(ReaderError);
    await swarm.clock.advanceAsync(20_000);
    expect(leech.torrent.state).toBe('failed');

    space.free = 100 * MiB;
    leech.torrent.resume();
    await swarm.until(() => leech.torrent.state === 'active', 1000);
    expect(leech.torrent.stats().verifiedBytes).toBeGreaterThanOrEqual(verifiedBytes);
    await swarm.until(() => leech.torrent.done, 10_000);
    expect(await swarm.hasContent(leech)).toBe(true);
    expect(storage.opens).toBe(2);
    await closed(swarm);
    expect(storage.isOpen).toBe(0);
  });

  it('downloads a piece again that cannot be read, and takes back that it has it', async () => {
    const swarm = new MemorySwarm(small);
    const faults = new FaultPlan();
    const disk = new MemoryDisk({ length: small.content.length, faults });
    const broken = await swarm.add({ seed: true, disk, engine: { uploadLimit: 1 * MiB } });
    const whole = await swarm.add({ seed: true, engine: { uploadLimit: 100 * KiB } });
    const leech = await swarm.add();
    swarm.introduce(broken, leech);
    swarm.introduce(whole, leech);
    await swarm.until(() => leech.torrent.stats().connectedPeers === 2, 5000);
    // A fault of a read ahead is nobody's yet: several in a row meet somebody who waits.
    const fault = new DiskError('IO', 'sample', 'sample cannot be read: bad sector.');
    for (let nth = 0; nth < 4; nth++) faults.fail('read', nth, fault);
    await swarm.until(() => leech.torrent.done && broken.torrent.done, 30_000);
    expect(faults.fired).toBe(4);
    expect(broken.log.warnings.length).toBeGreaterThan(0);
    for (const { message } of broken.log.warnings) {
      expect(message).toMatch(/^Piece \d+ cannot be read and is downloaded again: sample cannot be read/);
    }
    expect(broken.torrent.stats().received.memory).toBeGreaterThan(0);
    expect(await swarm.hasContent(leech)).toBe(true);
    await closed(swarm);
  });

  it('fails a seed whose file is not there any more', async () => {
    const swarm = new MemorySwarm(small);
    const seed = await swarm.add({
      disk: new MemoryDisk({ length: small.content.length }),
      spec: { skipCheck: true },
    });
    const leech = await swarm.add();
    swarm.introduce(leech, seed);
    await swarm.until(() => seed.torrent.state === 'failed', 5000);
    expect((seed.log.errors[0] as DiskError).code).toBe('CHANGED');
    expect(leech.torrent.stats().verifiedBytes).toBe(0);
    expect(leech.torrent.stats().hashFailures).toBe(0);
    await closed(swarm);
  });

  it('tells what is wrong when the storage cannot be opened, and tries again', async () => {
    const swarm = new MemorySwarm(small);
    let broken = true;
    const disk = new MemoryDisk({ length: small.content.length });
    const openDisk = (): Promise<Disk> =>
      broken
        ? Promise.reject(new DiskError('READ_ONLY', '/x', 'The folder /x is read-only.'))
        : Promise.resolve(disk);
    const leech = await swarm.add({ disk, spec: { openDisk } });
    expect(leech.torrent.state).toBe('failed');
    leech.torrent.pause();
    leech.torrent.resume();
    await swarm.clock.advanceAsync(10);
    expect(leech.log.errors.map((error) => error.message)).toEqual(
      new Array(2).fill('The folder /x is read-only.'),
    );
    broken = false;
    leech.torrent.resume();
    await swarm.clock.advanceAsync(10);
    expect(leech.torrent.state).toBe('active');
    await closed(swarm);
  });

  it('keeps memory bounded while the disk is slower than the network', async () => {
    const swarm = new MemorySwarm(large);
    const seed = await swarm.add({ seed: true });
    const disk = new MemoryDisk({ length: large.content.length });
    let waiting = 0;
    let most = 0;
    const slow = new Proxy(disk as Disk, {
      get(target, property): unknown {
        if (property === 'write') {
          return async (offset: number, parts: readonly Uint8Array[]): Promise<void> => {
            most = Math.max(most, ++waiting);
            await new Promise<void>((resolve) => void swarm.clock.setTimer(100, resolve));
            waiting--;
            await target.write(offset, parts);
          };
        }
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const leech = await swarm.add({
      disk,
      engine: { bufferBudget: 512 * KiB },
      spec: { openDisk: () => Promise.resolve(slow) },
    });
    swarm.introduce(leech, seed);
    const took = await swarm.until(() => leech.torrent.done, 20_000);
    expect(most).toBeLessThanOrEqual(5);
    // 33 pieces, four at a time, 100 ms each: as fast as the disk, no second-long naps in between.
    expect(took).toBeLessThan(3500);
    expect(await swarm.hasContent(leech)).toBe(true);
    await closed(swarm);
  });
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
    for (let i = 0; i < 4; i++) liars.push(await swarm.add({ seed: true, wrapLink: corrupting }));
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

/** A link that changes one byte in each large part that it sends. */
function corrupting(link: Link): Link {
  return new Proxy(link, {
    get(target, property): unknown {
      if (property === 'send') {
        return (parts: readonly Uint8Array[]): void =>
          target.send(
            parts.map((part) => {
              if (part.length < 4000) return part;
              const changed = part.slice();
              changed[1000] = changed[1000]! ^ 1;
              return changed;
            }),
          );
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
