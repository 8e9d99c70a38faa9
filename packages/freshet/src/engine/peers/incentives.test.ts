import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { openStore } from '../../../testing/store-fixture.ts';
import { MemoryHasher, SeededRandom } from '../../memory/index.ts';
import { Bitfield, BLOCK_LENGTH } from '../../protocol/index.ts';
import { type IncentivePeer, Incentives } from './incentives.ts';
import type { Exchange } from './peer-owner.ts';

const PIECES = 100;
const PIECE = 2 * BLOCK_LENGTH;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * PIECE, PIECE);
});

class FakePeer implements IncentivePeer {
  readonly id: number;
  readonly heard: string[] = [];
  readonly infoHash = sample.infoHash;
  readonly connectedAt = 0;
  readonly address;
  readonly pieces = new Set<number>();
  fast = true;
  closed = false;
  amChoking = true;
  peerInterested = true;
  toldPieces = true;

  constructor(id: number, host: string | undefined) {
    this.id = id;
    this.address = host === undefined ? undefined : { host, port: 1 };
  }

  get pieceCount(): number {
    return this.pieces.size;
  }

  get isSeed(): boolean {
    return this.pieces.size === PIECES;
  }

  get allowed(): number[] {
    return this.heard.filter((line) => line.startsWith('allowed')).map((line) => Number(line.split(' ')[1]));
  }

  has(piece: number): boolean {
    return this.pieces.has(piece);
  }

  reveal(piece: number): void {
    this.heard.push(`have ${piece}`);
  }

  allowFast(piece: number): void {
    this.heard.push(`allowed ${piece}`);
  }

  suggest(piece: number): void {
    this.heard.push(`suggest ${piece}`);
  }
}

/** A torrent of which the first `verified` pieces are there. */
function setup(
  options: {
    readonly verified?: number;
    readonly superSeed?: boolean;
    readonly slots?: number;
    readonly limit?: number;
  } = {},
) {
  const verified = new Bitfield(PIECES);
  for (let piece = 0; piece < (options.verified ?? PIECES); piece++) verified.set(piece);
  const { store } = openStore(sample, { verified });
  const peers = new Map<number, FakePeer>();
  const clock = { at: 0, now: (): number => clock.at };
  const incentives = new Incentives({
    hasher: new MemoryHasher(),
    clock,
    random: new SeededRandom(5),
    peers,
    superSeed: options.superSeed ?? false,
    readCache: 16 * 1024 * 1024,
    uploadSlots: options.slots,
    uploadLimiter: { rate: options.limit },
  });
  incentives.adopt({ info: sample.info, store } as Partial<Exchange> as Exchange);
  const add = (host: string | undefined): FakePeer => {
    const peer = new FakePeer(peers.size + 1, host);
    peers.set(peer.id, peer);
    incentives.onPieces(peer);
    return peer;
  };
  const tick = async (now: number): Promise<void> => {
    clock.at = now;
    incentives.tick(now);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { incentives, peers, add, tick, store };
}

const request = (piece: number, block = 0) => ({ piece, begin: block * BLOCK_LENGTH, length: BLOCK_LENGTH });

describe('Incentives', () => {
  it('allows a newcomer that is still choked after a second ten pieces, once', async () => {
    const { add, tick } = setup();
    const peer = add('80.4.4.200');
    await tick(999);
    expect(peer.allowed).toEqual([]);
    await tick(1000);
    expect(new Set(peer.allowed).size).toBe(10);
    await tick(2000);
    expect(peer.allowed).toHaveLength(10);
  });

  it('allows nothing to who needs it not, or would not understand', async () => {
    const { add, tick } = setup();
    const peers = Array.from({ length: 5 }, (_, i) => add(`80.4.${i}.1`));
    const [unchoked, rich, uninterested, old, gone] = peers as [
      FakePeer,
      FakePeer,
      FakePeer,
      FakePeer,
      FakePeer,
    ];
    unchoked.amChoking = false;
    for (let piece = 0; piece < 10; piece++) rich.pieces.add(piece);
    uninterested.peerInterested = false;
    old.fast = false;
    gone.closed = true;
    await tick(5000);
    expect(peers.map((peer) => peer.heard)).toEqual([[], [], [], [], []]);
  });

  it('allows nothing when nothing is to be uploaded', async () => {
    for (const options of [{ slots: 0 }, { limit: 0 }]) {
      const { add, tick } = setup(options);
      const peer = add('80.4.4.200');
      await tick(5000);
      expect(peer.heard).toEqual([]);
    }
  });

  it('allows only what is there', async () => {
    const { add, tick } = setup({ verified: 50 });
    const peer = add('80.4.4.200');
    await tick(1000);
    expect(peer.allowed.length).toBeGreaterThan(0);
    expect(peer.allowed.length).toBeLessThan(10);
    expect(peer.allowed.every((piece) => piece < 50)).toBe(true);
  });

  it('answers a choked peer within its pieces, and each network within the bytes of one set', async () => {
    const { incentives, add, tick } = setup();
    const peer = add('80.4.4.200');
    expect(incentives.accepts(peer, request(0))).toBe(false);
    await tick(1000);
    const other = Array.from({ length: PIECES }, (_, i) => i).find((piece) => !peer.allowed.includes(piece))!;
    expect(incentives.accepts(peer, request(other))).toBe(false);
    // The same again and again counts again and again.
    let served = 0;
    for (let i = 0; i < 1000; i++) if (incentives.accepts(peer, request(peer.allowed[0]!))) served++;
    expect(served).toBe(20);
    const neighbour = add('80.4.4.7');
    await tick(3000);
    expect(neighbour.allowed).toEqual(peer.allowed);
    expect(incentives.accepts(neighbour, request(neighbour.allowed[1]!))).toBe(false);
    peer.amChoking = false;
    expect(incentives.accepts(peer, request(other))).toBe(true);
  });

  it('answers a choked peer no longer when it has something to trade', async () => {
    const { incentives, add, tick } = setup();
    const peer = add('80.4.4.200');
    await tick(1000);
    for (const piece of peer.allowed) peer.pieces.add(piece);
    expect(incentives.accepts(peer, request(peer.allowed[0]!))).toBe(true);
    peer.pieces.add(peer.allowed.includes(0) ? 1 : 0);
    peer.pieces.add(peer.allowed.includes(2) ? 3 : 2);
    expect(incentives.accepts(peer, request(peer.allowed[0]!))).toBe(false);
  });

  it('suggests what was just sent to who is unchoked and lacks it', () => {
    const { incentives, add, store } = setup({ verified: 50 });
    for (const piece of [3, 4, 5]) incentives.onSent(piece);
    const peer = add('1.2.3.4');
    peer.pieces.add(5);
    store.verified.unset(4);
    incentives.onUnchoked(peer);
    expect(peer.heard).toEqual(['suggest 3']);
    const old = add('1.2.4.4');
    old.fast = false;
    incentives.onUnchoked(old);
    expect(old.heard).toEqual([]);
  });

  it('super-seeds only what is whole: claims nothing, reveals one, answers for that alone', async () => {
    expect(setup({ superSeed: true, verified: 99 }).incentives.superSeeding).toBe(false);
    const { incentives, add, tick } = setup({ superSeed: true });
    expect([incentives.superSeeding, incentives.announced!.isEmpty]).toEqual([true, true]);
    const peer = add('1.2.3.4');
    expect(peer.heard).toHaveLength(1);
    await tick(5000);
    expect(peer.heard).toHaveLength(1);
    peer.amChoking = false;
    const told = Number(peer.heard[0]!.split(' ')[1]);
    expect(incentives.accepts(peer, request(told))).toBe(true);
    expect(incentives.accepts(peer, request((told + 1) % PIECES))).toBe(false);
    // Another seed comes.
    const seed = add('1.2.4.4');
    for (let piece = 0; piece < PIECES; piece++) seed.pieces.add(piece);
    incentives.onPieces(seed);
    expect(incentives.superSeeding).toBe(false);
    expect(incentives.announced!.isFull).toBe(true);
    await tick(6000);
    expect(new Set(peer.heard.filter((line) => line.startsWith('have'))).size).toBe(PIECES);
    expect(incentives.accepts(peer, request((told + 1) % PIECES))).toBe(true);
  });

  it('super-seeds those who come after it has become whole, unless there is another seed', () => {
    for (const otherSeed of [false, true]) {
      const { incentives, add, store } = setup({ superSeed: true, verified: PIECES - 1 });
      const old = add('80.4.4.1');
      old.amChoking = false;
      if (otherSeed) for (let piece = 0; piece < PIECES; piece++) old.pieces.add(piece);
      store.verified.set(PIECES - 1);
      incentives.onComplete();
      expect(incentives.superSeeding).toBe(!otherSeed);
      const young = add('80.4.4.2');
      young.amChoking = false;
      expect(young.heard.length).toBe(otherSeed ? 0 : 1);
      expect(old.heard).toEqual([]);
      const granted = (peer: FakePeer): number => {
        let count = 0;
        for (let piece = 0; piece < PIECES; piece++) if (incentives.accepts(peer, request(piece))) count++;
        return count;
      };
      expect([granted(old), granted(young)]).toEqual([PIECES, otherSeed ? PIECES : 1]);
    }
  });

  it('tells a peer that says nothing of its pieces of one with the next tick', async () => {
    const { incentives, peers, tick } = setup({ superSeed: true });
    const silent = new FakePeer(7, '1.2.3.4');
    silent.toldPieces = false;
    peers.set(7, silent);
    incentives.onPieces(silent);
    expect(silent.heard).toEqual([]);
    await tick(1000);
    expect(silent.heard).toHaveLength(1);
  });
});
