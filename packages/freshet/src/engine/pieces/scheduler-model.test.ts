import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { FakeSource, openStore, settled } from '../../../testing/store-fixture.ts';
import { SeededRandom } from '../../memory/index.ts';
import { type Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import { PeerPieces } from '../peers/peer-pieces.ts';
import { type PartialPiece, RECEIVED } from './partial-piece.ts';
import type { PieceStore } from './piece-store.ts';
import { type RequestTarget, Scheduler, type UrgentPiece } from './scheduler.ts';

const PIECES = 10;
const BLOCKS = 3;
const PEERS = 4;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * BLOCKS * BLOCK_LENGTH - 1000, BLOCKS * BLOCK_LENGTH);
});

interface Asked {
  readonly partial: PartialPiece;
  readonly block: number;
}

/** Keeps its requests in a list that anybody can check. */
class ModelPeer extends FakeSource implements RequestTarget {
  readonly pieces = new PeerPieces();
  asked: Asked[] = [];
  queueTime = 0;
  rate = 0;
  costly = false;
  currentPiece = -1;
  barrenSince = -1;
  helpedAt = Number.NEGATIVE_INFINITY;
  rescuedAt = Number.NEGATIVE_INFINITY;
  banned = false;

  get have(): Bitfield | undefined {
    return this.pieces.have;
  }
  get outstanding(): number {
    return this.asked.length;
  }
  spare(now: number): number {
    return now % 3;
  }
  isRequesting(piece: number, block: number): boolean {
    return this.asked.some((each) => each.partial.index === piece && each.block === block);
  }
  request(partial: PartialPiece, block: number): void {
    expect(this.pieces.has(partial.index), 'asked only for what it has').toBe(true);
    expect(this.isRequesting(partial.index, block), 'asked once').toBe(false);
    this.asked.push({ partial, block });
  }
  withdraw(which: (asked: Asked) => boolean): void {
    for (const each of this.asked.filter(which)) each.partial.unrequest(each.block);
    this.asked = this.asked.filter((each) => !which(each));
  }
  override cancelBlock(piece: number, block: number): void {
    this.withdraw((each) => each.partial.index === piece && each.block === block);
  }
  override dropPiece(piece: number): void {
    this.withdraw((each) => each.partial.index === piece);
  }
  override ban(): void {
    this.banned = true;
  }
}

const step = fc.record({
  what: fc.constantFrom(
    // What happens most comes most often, or nothing would ever be verified.
    ...Array.from({ length: 6 }, () => 'assign' as const),
    ...Array.from({ length: 14 }, () => 'deliver' as const),
    'lie',
    'forget',
    'have',
    'have',
    'haveAll',
    'dontHave',
    'priority',
    'urgent',
    'lose',
    'time',
    'leave',
    'streaming',
    'dropUnwanted',
  ),
  peer: fc.nat(PEERS - 1),
  piece: fc.nat(PIECES - 1),
  value: fc.nat(40),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly store: PieceStore;
  readonly scheduler: Scheduler;
  readonly peers: ModelPeer[] = [];
  urgent: UrgentPiece[] = [];
  streaming = false;
  now = 0;

  constructor(budget: number) {
    this.store = openStore(sample, { budget, strategy: 'rarest' }).store;
    this.scheduler = new Scheduler(
      this.store,
      new SeededRandom(17),
      () => this.urgent.filter(({ piece }) => !this.store.verified.get(piece)),
      () => this.streaming,
    );
    for (let i = 0; i < PEERS; i++) this.peers.push(this.#join(i + 1));
  }

  #join(id: number): ModelPeer {
    const peer = new ModelPeer(id);
    peer.pieces.adopt(this.store);
    peer.costly = id % PEERS === 0;
    this.store.addSource(peer);
    return peer;
  }

  leave(index: number): void {
    const peer = this.peers[index]!;
    peer.withdraw(() => true);
    peer.pieces.close();
    this.store.removeSource(peer);
    this.peers[index] = this.#join(peer.id + PEERS);
  }

  deliver(peer: ModelPeer, which: number, wrong: boolean): void {
    const asked = peer.asked[which % Math.max(1, peer.asked.length)];
    if (asked === undefined) return;
    const { partial, block } = asked;
    const place = partial.claim(block, peer.id);
    if (place === undefined) return;
    const at = partial.index * BLOCKS * BLOCK_LENGTH + block * BLOCK_LENGTH;
    place.set(sample.content.subarray(at, at + place.length));
    if (wrong) place[0] = place[0]! ^ 1;
    peer.withdraw((each) => each === asked);
    this.store.receive(partial, block, peer);
  }

  do({ what, peer: index, piece, value }: Step): void {
    const { store } = this;
    const peer = this.peers[index]!;
    if (what === 'assign') {
      this.scheduler.assign(peer, 1 + (value % 12), this.now);
    } else if (what === 'deliver' || what === 'lie') {
      for (let i = 0; i <= value % 5; i++) this.deliver(peer, value, what === 'lie');
    } else if (what === 'forget') {
      peer.withdraw(() => true);
    } else if (what === 'have' || what === 'haveAll') {
      if (what === 'have') peer.pieces.add(piece);
      else peer.pieces.setAll();
      peer.barrenSince = -1;
    } else if (what === 'dontHave') {
      peer.pieces.drop(piece);
      peer.dropPiece(piece);
    } else if (what === 'priority') {
      store.picker.setPriority(piece, value % 8);
    } else if (what === 'urgent') {
      this.urgent = Array.from({ length: value % 4 }, (_, i) => ({
        piece: (piece + i) % PIECES,
        deadline: this.now + 100 * value + i,
      }));
    } else if (what === 'lose') {
      store.distrust(piece);
    } else if (what === 'time') {
      this.now += 100 * value;
    } else if (what === 'leave') {
      this.leave(index);
    } else if (what === 'streaming') {
      this.streaming = value % 2 === 0;
    } else {
      store.dropUnwanted();
    }
    for (const [i, each] of this.peers.entries()) if (each.banned) this.leave(i);
  }

  check(): void {
    const { store } = this;
    const { picker } = store;
    for (let piece = 0; piece < PIECES; piece++) {
      const partial = store.partials.get(piece);
      const verified = store.verified.get(piece);
      const open = partial === undefined && store.isMissing(piece) && picker.priority(piece) > 0;
      expect(picker.isOpen(piece), `${piece} is open`).toBe(open);
      expect(picker.missing.get(piece), `${piece} is missing`).toBe(!verified && picker.priority(piece) > 0);
      expect(store.unasked.get(piece), `${piece} is unasked`).toBe(
        partial !== undefined && partial.freeBlocks > 0,
      );
      if (partial === undefined) continue;
      expect(verified).toBe(false);
      for (let block = 0; block < partial.blockCount; block++) {
        const requesters = this.peers.filter((peer) => peer.isRequesting(piece, block)).length;
        expect(partial.requesters(block), `who is asked for ${piece}/${block}`).toBe(requesters);
        if (partial.state(block) === RECEIVED) expect(requesters).toBe(0);
      }
    }
    for (const peer of this.peers) {
      for (const { partial } of peer.asked) expect(store.partials.get(partial.index)).toBe(partial);
      const wanted = [...picker.missing.indexes()].some((piece) => peer.pieces.has(piece));
      expect(peer.pieces.interesting).toBe(wanted);
    }
    const counted = this.peers.filter((peer) => !peer.pieces.isSeed);
    for (let piece = 0; piece < PIECES; piece++) {
      const least = counted.filter((peer) => peer.pieces.has(piece)).length;
      expect(picker.availability(piece)).toBeGreaterThanOrEqual(least);
      expect(picker.availability(piece)).toBeLessThanOrEqual(PEERS);
    }
  }
}

describe('the scheduler, the store, the picker and what peers have', () => {
  it('agree after any sequence of what can happen', async () => {
    const budgets = fc.constantFrom(2, 4, 100).map((pieces) => pieces * BLOCKS * BLOCK_LENGTH);
    const steps = fc.array(step, { minLength: 30, maxLength: 150, size: 'max' });
    await fc.assert(
      fc.asyncProperty(budgets, steps, async (budget, sequence) => {
        const world = new World(budget);
        for (const each of sequence) {
          world.do(each);
          world.check();
        }
        await settled();
        world.check();
        // Whatever went before, honest peers with everything bring it to its end.
        world.urgent = [];
        world.streaming = false;
        for (let piece = 0; piece < PIECES; piece++) world.store.picker.setPriority(piece, 4);
        for (const peer of world.peers) {
          peer.pieces.setAll();
          peer.barrenSince = -1;
        }
        for (let round = 0; round < 400 && !world.store.verified.isFull; round++) {
          world.now += 500;
          for (const peer of [...world.peers]) {
            world.scheduler.assign(peer, 4, world.now);
            for (let i = 0; i < 4; i++) world.deliver(peer, 0, false);
          }
          for (const [i, each] of world.peers.entries()) {
            if (!each.banned) continue;
            world.leave(i);
            world.peers[i]!.pieces.setAll();
          }
          await settled();
        }
        expect(world.store.verified.isFull).toBe(true);
        world.check();
        world.store.close();
      }),
      { numRuns: 60 },
    );
  });
});
