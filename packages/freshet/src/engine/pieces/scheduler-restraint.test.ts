import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { RecordingPeer, type SchedulerBench, schedulerBench } from '../../../testing/scheduler-bench.ts';
import { Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import { NEAR } from './restraint.ts';
import type { UrgentPiece } from './scheduler.ts';

const PIECES = 40;
const BLOCKS = 4;
/** 10 blocks a second for deadlines: at most 20 blocks far ahead at once, and ten a second. */
const DEMAND = 10 * BLOCK_LENGTH;
const BURST = 20;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * BLOCKS * BLOCK_LENGTH, BLOCKS * BLOCK_LENGTH);
});

/** A reader with rivals about, and no free seed. */
function viewer(): SchedulerBench {
  const b = schedulerBench(sample);
  b.streaming = true;
  b.demand = DEMAND;
  b.scheduler.rivals = 1;
  return b;
}

/** Pieces with deadlines that many milliseconds away. */
const due = (first: number, count: number, slack: number): UrgentPiece[] =>
  Array.from({ length: count }, (_, i) => ({ piece: first + i, deadline: slack }));

const asked = (b: SchedulerBench, now = 0): RecordingPeer => {
  const peer = new RecordingPeer(1);
  b.scheduler.assign(peer, 1000, now);
  return peer;
};

const behind = (peer: RecordingPeer, piece: number): number =>
  peer.asked.filter((key) => Number(key.split('/')[0]) >= piece).length;

describe('a viewer with rivals', () => {
  it('asks for all that is due soon, and for little of what is due later', () => {
    const b = viewer();
    b.urgent = [...due(0, 10, NEAR), ...due(10, 20, NEAR + 1)];
    const peer = asked(b);
    expect(peer.asked.slice(0, 10 * BLOCKS)).toEqual(
      Array.from({ length: 10 * BLOCKS }, (_, i) => `${Math.floor(i / BLOCKS)}/${i % BLOCKS}`),
    );
    expect(behind(peer, 10)).toBe(BURST);
  });

  it('holds back with what has no deadline just so', () => expect(asked(viewer()).asked).toHaveLength(BURST));

  it('counts both together, whoever is asked', () => {
    const b = viewer();
    b.urgent = due(0, 3, NEAR + 1);
    expect(asked(b).asked).toHaveLength(BURST);
    const other = new RecordingPeer(2);
    b.scheduler.assign(other, 1000, 0);
    expect(other.asked).toEqual([]);
    b.scheduler.assign(other, 1000, 1000);
    expect(other.asked).toHaveLength(BURST / 2);
  });

  it('never holds back with what is due soon, though it asked for too much before', () => {
    const b = viewer();
    b.urgent = due(0, 10, NEAR + 1);
    expect(asked(b).asked).toHaveLength(BURST);
    b.urgent = due(30, 10, NEAR);
    const peer = asked(b);
    expect(behind(peer, 30)).toBe(10 * BLOCKS);
    expect(peer.asked).toHaveLength(10 * BLOCKS);
  });

  it('asks a peer for what is due later only as far as that has upload to spare', () => {
    const b = viewer();
    b.urgent = [...due(0, 2, NEAR), ...due(10, 20, NEAR + 1)];
    const peer = new RecordingPeer(1);
    peer.spareBlocks = 3;
    b.scheduler.assign(peer, 1000, 0);
    expect(peer.asked.length - behind(peer, 10)).toBe(2 * BLOCKS);
    // As much again of what has no deadline: this peer's room does not shrink.
    expect(behind(peer, 10)).toBe(6);
    const busy = new RecordingPeer(2);
    busy.spareBlocks = 0;
    b.scheduler.assign(busy, 1000, 0);
    expect(busy.asked).toEqual([]);
  });

  it('asks for what few have first, of what is due later, and goes on with what it has begun', () => {
    const b = viewer();
    // 40 pieces are more than one draw compares; these eight are all that the peer has.
    const has = [20, 23, 25, 26, 30, 31, 33, 38];
    const peer = new RecordingPeer(1);
    peer.have = new Bitfield(PIECES);
    for (const piece of has) {
      peer.have.set(piece);
      b.store.picker.addAvailability(piece);
      if (piece !== 26) b.store.picker.addAvailability(piece);
    }
    b.urgent = due(0, 40, NEAR + 1);
    b.demand = DEMAND / 4;
    peer.spareBlocks = 2;
    b.scheduler.assign(peer, 2, 0);
    b.scheduler.assign(peer, 2, 0);
    expect(peer.asked).toEqual(['26/0', '26/1', '26/2', '26/3']);
  });

  it.each<[string, (b: SchedulerBench) => void]>([
    [
      'a free seed',
      (b) => {
        b.scheduler.hasFreeSeed = true;
      },
    ],
    [
      'no rival',
      (b) => {
        b.scheduler.rivals = 0;
      },
    ],
    [
      'no reader, as in a plain download',
      (b) => {
        b.streaming = false;
      },
    ],
    [
      'readers that need nothing more',
      (b) => {
        b.demand = 0;
      },
    ],
  ])('takes all it can get with %s', (_name, change) => {
    const b = viewer();
    change(b);
    b.urgent = b.streaming ? due(0, 20, NEAR + 1) : [];
    expect(asked(b).asked).toHaveLength(PIECES * BLOCKS);
  });
});
