import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { RecordingPeer, type SchedulerBench, schedulerBench } from '../../../testing/scheduler-bench.ts';
import { deliver, openStore } from '../../../testing/store-fixture.ts';
import { SeededRandom } from '../../memory/index.ts';
import { Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import { MerkleStore } from '../merkle/merkle-store.ts';
import { PartialPiece } from './partial-piece.ts';
import { Scheduler, type UrgentPiece } from './scheduler.ts';

const PIECES = 12;
const BLOCKS = 4;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * BLOCKS * BLOCK_LENGTH, BLOCKS * BLOCK_LENGTH);
});

class FakePeer extends RecordingPeer {
  set lacks(lacks: ReadonlySet<number>) {
    this.have = new Bitfield(PIECES);
    for (let piece = 0; piece < PIECES; piece++) if (!lacks.has(piece)) this.have.set(piece);
  }
}

const bench = (options?: Parameters<typeof schedulerBench>[1]): SchedulerBench =>
  schedulerBench(sample, options);

const pieces = (asked: readonly string[]): number[] => [
  ...new Set(asked.map((key) => Number(key.split('/')[0]))),
];

describe('Scheduler', () => {
  it('gives what has a deadline first, then the piece at hand, then others in progress, then a new one', () => {
    const b = bench();
    const peer = new FakePeer(1);
    b.store.begin(7, false)!.request(0, 0);
    b.store.begin(4, false);
    peer.currentPiece = 7;
    b.urgent = [{ piece: 9, deadline: 5000 }];
    b.scheduler.assign(peer, 4 + 3 + 4 + 2, 0);
    expect(pieces(peer.asked)).toEqual([9, 7, 4, peer.currentPiece]);
    expect(peer.asked.slice(4, 7)).toEqual(['7/1', '7/2', '7/3']);
    expect(new Set(peer.asked).size).toBe(13);
  });

  it('goes on behind the piece that the peer was given last, each peer in its own place', () => {
    const verified = new Bitfield(PIECES);
    // Past the first pieces, which are random.
    for (const piece of [0, 1, 2, 3]) verified.set(piece);
    const b = bench({ strategy: 'rarest', verified });
    const [one, two] = [new FakePeer(1), new FakePeer(2)];
    const taken = new Set([0, 1, 2, 3]);
    for (const peer of [one, two]) {
      b.scheduler.assign(peer, 3 * BLOCKS, 0);
      for (const [i, piece] of pieces(peer.asked).entries()) {
        const next = i === 0 ? -1 : pieces(peer.asked)[i - 1]! + 1;
        if (i > 0 && next < PIECES && !taken.has(next)) expect(piece).toBe(next);
        expect(taken.has(piece)).toBe(false);
        taken.add(piece);
      }
    }
    expect(pieces([...one.asked, ...two.asked])).toHaveLength(6);
  });

  it('gives nothing that the peer lacks or nobody wants', () => {
    const b = bench();
    const peer = new FakePeer(1);
    peer.lacks = new Set([0, 1, 2]);
    b.store.picker.setPriority(5, 0);
    b.scheduler.assign(peer, 1000, 0);
    expect(pieces(peer.asked).sort((x, y) => x - y)).toEqual([3, 4, 6, 7, 8, 9, 10, 11]);
  });

  it('does not search again for a peer without anything to give until something has changed', () => {
    const b = bench();
    const peer = new FakePeer(1);
    peer.lacks = new Set(Array.from({ length: PIECES }, (_, piece) => piece));
    const pick = vi.spyOn(b.store.picker, 'pick');
    const random = vi.spyOn(b.store.picker, 'pickRandom');
    const looked = (): number => pick.mock.calls.length + random.mock.calls.length;
    b.scheduler.assign(peer, 10, 0);
    expect(looked()).toBe(1);
    for (let i = 0; i < 100; i++) b.scheduler.assign(peer, 10, 0);
    expect(looked()).toBe(1);
    // A piece of another peer is open again; then this peer gets one.
    b.store.begin(3, false);
    b.store.abandon(b.store.partials.get(3)!);
    b.scheduler.assign(peer, 10, 0);
    expect(looked()).toBe(2);
    peer.lacks = new Set([0]);
    peer.barrenSince = -1;
    b.scheduler.assign(peer, 10, 0);
    expect(peer.asked).toHaveLength(10);
  });

  it('leaves an urgent piece to a peer that is much sooner through', () => {
    const b = bench();
    const slow = new FakePeer(1);
    slow.queueTime = 5000;
    slow.lacks = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]);
    b.urgent = [{ piece: 9, deadline: 800 }];
    b.scheduler.speeds = { total: 0, best: 0, bestQueueTime: 100 };
    const urgentOnly = (): string[] => slow.asked.filter((key) => key.startsWith('9/'));
    b.store.begin(9, true);
    b.scheduler.assign(slow, 1, 0);
    expect(urgentOnly()).toEqual(['9/0']); // As one in progress, not as an urgent one.
    slow.forget();
    slow.asked.length = 0;
    b.scheduler.speeds = { total: 0, best: 0, bestQueueTime: 4000 };
    b.scheduler.assign(slow, 4, 0);
    expect(urgentOnly()).toHaveLength(4);
  });

  it('asks another peer for an urgent block that is late, and one more each time it is late again', () => {
    const b = bench();
    b.urgent = [{ piece: 0, deadline: 4500 }];
    const peers = [1, 2, 3, 4, 5, 6].map((id) => new FakePeer(id));
    const late = b.scheduler.lateAfter;
    b.scheduler.assign(peers[0]!, 4, 0);
    b.scheduler.assign(peers[1]!, 4, late - 1);
    expect(peers[1]!.asked.filter((key) => key.startsWith('0/'))).toEqual([]);
    b.scheduler.assign(peers[2]!, 4, late);
    expect(peers[2]!.asked).toEqual(['0/0', '0/1', '0/2', '0/3']);
    b.scheduler.assign(peers[3]!, 4, late + 1);
    expect(peers[3]!.asked.filter((key) => key.startsWith('0/'))).toEqual([]);
    b.scheduler.assign(peers[4]!, 4, 4 * late);
    expect(peers[4]!.asked).toHaveLength(4);
  });

  it('asks another peer sooner for what is needed at once, when that peer could have it sooner', () => {
    const b = bench();
    b.urgent = [{ piece: 0, deadline: 0 }];
    const [slow, busy, idle] = [1, 2, 3].map((id) => new FakePeer(id)) as [FakePeer, FakePeer, FakePeer];
    busy.queueTime = 900;
    idle.queueTime = 100;
    b.scheduler.assign(slow, 4, 0);
    b.scheduler.assign(idle, 4, 249);
    expect(idle.asked.filter((key) => key.startsWith('0/'))).toEqual([]);
    b.scheduler.assign(busy, 4, 999);
    expect(busy.asked.filter((key) => key.startsWith('0/'))).toEqual([]);
    b.scheduler.assign(idle, 4, 300);
    expect(idle.asked.slice(-4)).toEqual(['0/0', '0/1', '0/2', '0/3']);
  });

  it('keeps a piece that is needed at once for fast peers, though not for long', () => {
    const b = bench();
    const [slow, fast] = [new FakePeer(1), new FakePeer(2)];
    slow.rate = 10_000;
    fast.rate = 1_000_000;
    b.scheduler.speeds = { total: 1_010_000, best: 1_000_000, bestQueueTime: 0 };
    b.urgent = [{ piece: 5, deadline: 0 }];
    const asked = (peer: FakePeer): string[] => peer.asked.filter((key) => key.startsWith('5/'));
    b.scheduler.assign(slow, 4, 0);
    expect(asked(slow)).toEqual([]);
    b.scheduler.assign(fast, 4, 0);
    expect(asked(fast)).toHaveLength(4);
    // Nobody fast has it.
    b.urgent = [{ piece: 6, deadline: 0 }];
    b.scheduler.assign(slow, 1, 1000);
    b.scheduler.assign(slow, 4, 1299);
    expect(slow.asked.filter((key) => key.startsWith('6/')).length).toBeLessThan(4);
    b.scheduler.assign(slow, 4, 1300);
    expect(slow.asked.filter((key) => key.startsWith('6/'))).toHaveLength(4);
  });

  it('asks for blocks that are of use by themselves in order, from the first that is waited for, of all peers', async () => {
    const v2 = await sampleTorrent(128 * BLOCK_LENGTH, 64 * BLOCK_LENGTH, { version: 2 });
    const hashes = new MerkleStore(v2.info, v2.pieceLayers);
    const { store } = openStore(v2, { hashes });
    const urgent = [
      { piece: 0, deadline: 0, firstBlock: 20 },
      { piece: 1, deadline: 9000 },
    ];
    const scheduler = new Scheduler(
      store,
      new SeededRandom(3),
      () => urgent,
      () => true,
    );
    const [one, two] = [new FakePeer(1), new FakePeer(2)];
    for (const peer of [one, two]) peer.rate = 20 * BLOCK_LENGTH;
    // Ten blocks are a quarter of a second of both.
    scheduler.speeds = { total: 40 * BLOCK_LENGTH, best: 20 * BLOCK_LENGTH, bestQueueTime: 0 };
    const blocks = (peer: FakePeer): number[] => peer.asked.map((key) => Number(key.slice(2)));
    scheduler.assign(one, 10, 0);
    scheduler.assign(two, 10, 0);
    expect(blocks(one)).toEqual([20, 21, 22, 23, 24, 30, 31, 32, 33, 34]);
    expect(blocks(two)).toEqual([25, 26, 27, 28, 29, 35, 36, 37, 38, 39]);
    // What lies before is needed too until the first block is known to be right.
    one.asked.length = 0;
    scheduler.assign(one, 64, 0);
    expect(blocks(one)).toContain(40);
    expect(blocks(one)).toContain(0);
    expect(blocks(one).indexOf(0)).toBeGreaterThan(blocks(one).indexOf(40));
  });

  it('learns how long blocks take', () => {
    const { scheduler } = bench();
    for (let i = 0; i < 200; i++) scheduler.observe(50);
    expect(scheduler.lateAfter).toBe(400);
    for (let i = 0; i < 200; i++) scheduler.observe(60_000);
    expect(scheduler.lateAfter).toBe(8000);
  });

  describe('at the end', () => {
    function lastPiece(): { b: SchedulerBench; slow: FakePeer; idle: FakePeer } {
      const verified = new Bitfield(PIECES);
      for (let piece = 1; piece < PIECES; piece++) verified.set(piece);
      const b = bench({ verified });
      const [slow, idle] = [new FakePeer(1), new FakePeer(2)] as const;
      b.scheduler.assign(slow, 100, 0);
      expect(slow.asked).toHaveLength(BLOCKS);
      return { b, slow, idle };
    }

    it('asks an idle peer too, one more at a time, and the same block of nobody twice', () => {
      const { b, idle } = lastPiece();
      b.scheduler.assign(idle, 2, 10);
      expect(idle.asked).toEqual(['0/0', '0/1']);
      b.scheduler.assign(idle, 2, 10);
      expect(idle.asked).toHaveLength(2);
      const third = new FakePeer(3);
      b.scheduler.assign(third, 100, 10);
      expect(third.asked).toEqual(['0/2', '0/3']);
      const fourth = new FakePeer(4);
      b.scheduler.assign(fourth, 100, 10);
      expect(fourth.asked).toEqual([]);
    });

    it('cancels the other request when the block has come', () => {
      const { b, slow, idle } = lastPiece();
      b.store.addSource(slow);
      b.store.addSource(idle);
      b.scheduler.assign(idle, 1, 10);
      deliver(sample, b.store, idle, 0, 0);
      expect(slow.told).toEqual(['cancel 0 0']);
    });

    it('helps with what is late also while pieces are open that the idle peer lacks', () => {
      const b = bench();
      const [slow, idle] = [new FakePeer(1), new FakePeer(2)] as const;
      slow.lacks = new Set([1]);
      idle.lacks = new Set(Array.from({ length: PIECES - 1 }, (_, i) => i + 1));
      b.urgent = [];
      b.store.picker.setPriority(0, 7);
      b.scheduler.assign(slow, BLOCKS * PIECES, 0);
      expect(b.store.picker.openPieces).toBe(1);
      b.scheduler.assign(idle, 10, 100);
      expect(idle.asked).toEqual([]);
      b.scheduler.assign(idle, 10, 100 + b.scheduler.lateAfter);
      expect(idle.asked).toEqual(['0/0', '0/1', '0/2', '0/3']);
    });
  });

  describe('a source that costs money', () => {
    it('gives while somebody watches only what nobody else can in time', () => {
      const b = bench();
      const origin = new FakePeer(1);
      origin.costly = true;
      b.streaming = true;
      b.store.picker.addAvailability(2);
      b.store.picker.addAvailability(3);
      expect(b.scheduler.leaveToFree(2, 10_000)).toBe(true);
      expect(b.scheduler.leaveToFree(2, 1000)).toBe(false);
      expect(b.scheduler.leaveToFree(0, 10_000)).toBe(false);
      b.urgent = [
        { piece: 3, deadline: 1000 },
        { piece: 2, deadline: 9000 },
      ];
      b.scheduler.assign(origin, 1000, 0);
      expect(pieces(origin.asked)).toContain(3);
      expect(pieces(origin.asked)).not.toContain(2);
      b.scheduler.hasFreeSeed = true;
      expect(b.scheduler.leaveToFree(0, 10_000)).toBe(true);
      b.streaming = false;
      b.scheduler.assign(origin, 1000, 0);
      expect(pieces(origin.asked)).toContain(2);
    });
  });

  it('gives a fast peer pieces in runs past rarer ones, and a slow one the rarest', async () => {
    const many = await sampleTorrent(256 * BLOCKS * BLOCK_LENGTH, BLOCKS * BLOCK_LENGTH);
    const random = new SeededRandom(9);
    const shareOfRuns = (rate: number): number => {
      const verified = new Bitfield(256);
      for (const piece of [0, 50, 100, 150]) verified.set(piece);
      const { store } = openStore(many, { strategy: 'rarest', verified });
      for (let i = 0; i < 5000; i++) store.picker.addAvailability(random.below(256));
      const scheduler = new Scheduler(
        store,
        random,
        () => [],
        () => false,
      );
      const peer = new FakePeer(1);
      peer.rate = rate;
      for (let i = 0; i < 252; i++) scheduler.assign(peer, BLOCKS, 0);
      const begun = pieces(peer.asked);
      expect(begun).toHaveLength(252);
      return begun.filter((piece, i) => i > 0 && piece === begun[i - 1]! + 1).length / begun.length;
    };
    expect(shareOfRuns(100_000)).toBeLessThan(0.2);
    expect(shareOfRuns(1_000_000)).toBeGreaterThan(0.75);
  });

  it('looks at few of many pieces in progress for one call, at others the next time', async () => {
    const many = await sampleTorrent(1000 * BLOCK_LENGTH, BLOCK_LENGTH);
    const { store } = openStore(many);
    const urgent: UrgentPiece[] = [];
    const scheduler = new Scheduler(
      store,
      new SeededRandom(1),
      () => urgent,
      () => urgent.length > 0,
    );
    const slow = new FakePeer(1);
    scheduler.assign(slow, 1000, 0);
    expect(store.partials.size).toBe(1000);
    const looks = vi.spyOn(PartialPiece.prototype, 'requesters');
    const idle = new FakePeer(2);
    // Only what nobody else has been asked for is left to it, somewhere in the middle.
    for (const partial of store.partials.values()) if (partial.index !== 700) partial.request(0, 0);
    let calls = 0;
    for (; idle.asked.length === 0 && calls < 40; calls++) scheduler.assign(idle, 10, 1);
    expect(idle.asked).toEqual(['700/0']);
    expect(looks.mock.calls.length).toBeLessThanOrEqual(64 * calls);
    looks.mockClear();
    for (let piece = 0; piece < 1000; piece++) urgent.push({ piece, deadline: 100 });
    const last = new FakePeer(3);
    last.helpedAt = Number.POSITIVE_INFINITY;
    scheduler.assign(last, 10, 2);
    expect(looks.mock.calls.length).toBeLessThanOrEqual(256 + 64);
    looks.mockRestore();
  });

  it('begins nothing when there is no memory, and urgent pieces beyond that', () => {
    const length = BLOCKS * BLOCK_LENGTH;
    const b = bench({ budget: 2 * length });
    const peer = new FakePeer(1);
    b.scheduler.assign(peer, 1000, 0);
    expect(b.store.partials.size).toBe(2);
    b.urgent = [8, 9, 10].map((piece) => ({ piece, deadline: 100 }));
    b.scheduler.assign(peer, 1000, 0);
    expect(b.store.partials.size).toBe(4);
    expect(b.pool.used).toBe(4 * length);
  });
});
