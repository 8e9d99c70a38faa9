import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../memory/index.ts';
import { type SuperSeededPeer, SuperSeeding } from './super-seeding.ts';

class FakePeer implements SuperSeededPeer {
  readonly id: number;
  readonly pieces = new Set<number>();
  readonly told: number[] = [];
  readonly count: number;
  peerInterested = true;

  constructor(id: number, count: number) {
    this.id = id;
    this.count = count;
  }

  get isSeed(): boolean {
    return this.pieces.size === this.count;
  }

  get last(): number {
    return this.told.at(-1)!;
  }

  has(piece: number): boolean {
    return this.pieces.has(piece);
  }

  reveal(piece: number): void {
    this.told.push(piece);
  }
}

function setup(peerCount: number, pieceCount = 10) {
  const peers = new Map<number, FakePeer>();
  for (let id = 1; id <= peerCount; id++) peers.set(id, new FakePeer(id, pieceCount));
  const lost = new Set<number>();
  const seeding = new SuperSeeding({
    pieceCount,
    random: new SeededRandom(3),
    peers,
    availability: (piece) => [...peers.values()].filter((peer) => !peer.isSeed && peer.has(piece)).length,
    isVerified: (piece) => !lost.has(piece),
  });
  const get = (id: number): FakePeer => peers.get(id)!;
  const gets = (id: number, piece: number): void => {
    get(id).pieces.add(piece);
    seeding.onHave(get(id), 0);
  };
  for (const peer of peers.values()) seeding.add(peer, 0);
  return { peers, seeding, get, gets, lost };
}

describe('SuperSeeding', () => {
  it('tells each peer of one piece, another to each, and lets it ask for no other', () => {
    const { seeding, get } = setup(3);
    const told = [1, 2, 3].map((id) => get(id).told);
    expect(told.map((list) => list.length)).toEqual([1, 1, 1]);
    expect(new Set(told.flat()).size).toBe(3);
    expect([seeding.allows(1, get(1).last), seeding.allows(1, get(2).last)]).toEqual([true, false]);
  });

  it('tells of the next one when the piece is seen at somebody else, not when it has arrived', () => {
    const { get, gets } = setup(2);
    const first = get(1).last;
    gets(1, first);
    expect(get(1).told).toHaveLength(1);
    gets(2, first);
    expect(get(1).told).toHaveLength(2);
    expect(get(2).told).toHaveLength(1);
  });

  it('does not wait for others when there are none who lack the piece', () => {
    const { get, gets } = setup(1);
    for (let i = 1; i < 10; i++) {
      gets(1, get(1).last);
      expect(get(1).told).toHaveLength(i + 1);
    }
    expect(new Set(get(1).told).size).toBe(10);
  });

  it('gives a piece to somebody else when its peer leaves before anybody has it', () => {
    const { peers, seeding, get } = setup(3);
    const orphan = get(2).last;
    peers.delete(2);
    seeding.remove(2);
    const late = new FakePeer(9, 10);
    peers.set(9, late);
    seeding.add(late, 0);
    expect(late.told).toEqual([orphan]);
  });

  it('tells no piece twice that somebody has, until 30 s have passed without anything to do', () => {
    const { seeding, get, gets } = setup(2, 4);
    // All four have been told: 1 has two of them, 2 the others.
    const [a, b] = [get(1).last, get(2).last];
    gets(1, a);
    gets(2, a);
    gets(2, b);
    gets(1, b);
    const [c, d] = [get(1).last, get(2).last];
    expect(new Set([a, b, c, d]).size).toBe(4);
    gets(1, c);
    gets(2, c);
    const before = get(1).told.length;
    seeding.tick(0);
    seeding.tick(29_999);
    expect(get(1).told).toHaveLength(before);
    seeding.tick(30_000);
    // The only one that it still lacks.
    expect(get(1).last).toBe(d);
  });

  it('tells a peer of more and more when nobody takes anything from it', () => {
    const { seeding, get, gets } = setup(2, 100);
    get(2).peerInterested = false;
    const counts: number[] = [];
    for (let now = 0; now <= 120_000; now += 10_000) {
      for (const piece of get(1).told) if (!get(1).has(piece)) gets(1, piece);
      seeding.tick(now);
      counts.push(get(1).told.length);
    }
    expect(counts.at(-1)).toBe(1 + 1 + 2 + 4 + 8);
  });

  it('waits for as long as a peer takes its piece, however slow', () => {
    const { seeding, get } = setup(2);
    for (let now = 0; now <= 600_000; now += 1000) seeding.tick(now);
    expect(get(1).told).toHaveLength(1);
    // Who does not want its piece is told of another.
    get(1).peerInterested = false;
    for (let now = 600_000; now <= 631_000; now += 1000) seeding.tick(now);
    expect(get(1).told).toHaveLength(2);
  });

  it('is over when there is another seed: everybody is told of everything that we have', () => {
    const { seeding, get, gets, lost } = setup(3, 3000);
    lost.add(17);
    for (let piece = 0; piece < 3000; piece++) get(2).pieces.add(piece);
    gets(2, 0);
    expect([seeding.over, seeding.allows(1, 5)]).toEqual([true, true]);
    seeding.tick(1000);
    expect(get(1).told).toHaveLength(1 + 1024);
    for (let i = 0; i < 5; i++) seeding.tick(2000 + i);
    expect(new Set(get(1).told).size).toBe(2999);
    expect(get(1).told).toHaveLength(2999);
    expect(get(1).told).not.toContain(17);
  });

  it('keeps nothing of peers that were not told to begin with', () => {
    const { seeding } = setup(1);
    seeding.remove(77);
    expect(seeding.allows(77, 1)).toBe(false);
  });

  it('leaves those alone who know already what we have, until they come again', () => {
    const old = new FakePeer(1, 10);
    const peers = new Map([[1, old]]);
    const seeding = new SuperSeeding({
      pieceCount: 10,
      random: new SeededRandom(3),
      peers,
      knowing: peers.keys(),
      availability: () => 0,
      isVerified: () => true,
    });
    seeding.add(old, 0);
    for (let now = 0; now < 120_000; now += 1000) seeding.tick(now);
    expect(old.told).toEqual([]);
    expect(Array.from({ length: 10 }, (_, piece) => seeding.allows(1, piece))).not.toContain(false);
    seeding.remove(1);
    seeding.add(old, 0);
    expect(old.told).toHaveLength(1);
    expect(seeding.allows(1, (old.last + 1) % 10)).toBe(false);
  });
});
