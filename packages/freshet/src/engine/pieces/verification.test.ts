import { beforeAll, describe, expect, it } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { deliver, FakeSource, openStore, type StoreFixture } from '../../../testing/store-fixture.ts';
import { MemoryHasher } from '../../memory/index.ts';
import { BLOCK_LENGTH, type HashRequest } from '../../protocol/index.ts';
import { MerkleStore } from '../merkle/merkle-store.ts';
import type { Hasher } from '../ports.ts';
import { BufferPool } from './buffer-pool.ts';
import { FREE, RECEIVED } from './partial-piece.ts';

const PIECE = 4 * BLOCK_LENGTH;

let v1: SampleTorrent;
let v2: SampleTorrent;
let hybrid: SampleTorrent;
let answer: (request: HashRequest) => Uint8Array | undefined;
beforeAll(async () => {
  const files = [
    { path: ['a'], length: 3 * PIECE + BLOCK_LENGTH + 7 },
    { path: ['b'], length: 3 * BLOCK_LENGTH },
  ];
  v1 = await sampleTorrent(4 * PIECE, PIECE);
  v2 = await sampleTorrent(0, PIECE, { files, version: 2 });
  hybrid = await sampleTorrent(0, PIECE, { files, version: 'hybrid' });
  answer = await answerer(v2);
});

interface Bench extends StoreFixture {
  readonly hashes: MerkleStore;
  readonly honest: FakeSource;
  readonly liar: FakeSource;
  /** The hashes of the blocks of the piece come. */
  learn(piece: number): void;
}

function bench(
  sample: SampleTorrent,
  options: {
    readonly layers?: boolean;
    readonly seekLeaves?: () => boolean;
    readonly hasher?: Hasher;
    readonly pool?: BufferPool;
  } = {},
): Bench {
  const hashes = new MerkleStore(sample.info, options.layers === false ? undefined : sample.pieceLayers);
  const fixture = openStore(sample, {
    hashes,
    seekLeaves: options.seekLeaves ?? ((): boolean => false),
    ...(options.hasher && { hasher: options.hasher }),
    ...(options.pool && { pool: options.pool }),
  });
  const [honest, liar] = [new FakeSource(1), new FakeSource(2)];
  fixture.store.addSource(honest);
  fixture.store.addSource(liar);
  const learn = (piece: number): void => {
    for (const request of hashes.leafRequests(piece)) {
      const adopted = hashes.adopt(request, answer(request)!)!;
      fixture.store.onPieceHashes(adopted.roots);
      for (const leaf of adopted.leaves) fixture.store.onLeaves(leaf);
    }
  };
  return { ...fixture, hashes, honest, liar, learn };
}

/** Digests that are given when it is said so, of what is then in the buffer. */
class LateHasher implements Hasher {
  readonly #hasher = new MemoryHasher();
  readonly due: (() => void)[] = [];
  sha1(data: Uint8Array): Promise<Uint8Array> {
    return this.#hasher.sha1(data);
  }
  prefixSha1(buffer: Uint8Array): ReturnType<Hasher['prefixSha1']> {
    return this.#hasher.prefixSha1(buffer);
  }
  sha256(data: Uint8Array, done: (digest: Uint8Array) => void): void {
    this.due.push(() => this.#hasher.sha256(data, done));
  }
  flush(): void {
    for (const digest of this.due.splice(0)) digest();
  }
}

const bans = (source: FakeSource): string[] => source.told.filter((line) => line.startsWith('ban'));

describe('v2 with the hashes of blocks', () => {
  it('calls each block right as it comes, and readable', async () => {
    const { store, honest, log, learn, pool } = bench(v2);
    store.begin(1, false);
    learn(1);
    for (const block of [1, 0]) deliver(v2, store, honest, 1, block);
    expect(log).toEqual(['right blocks 1', 'right blocks 1']);
    expect(store.readableFrom(1, 0)).toBe(2 * BLOCK_LENGTH);
    expect(store.readableFrom(1, BLOCK_LENGTH + 5)).toBe(BLOCK_LENGTH - 5);
    expect(store.readableFrom(1, 2 * BLOCK_LENGTH)).toBe(0);
    const [bytes] = store.read(1, 3, 100, () => {}) as Uint8Array[];
    expect(bytes).toEqual(v2.content.slice(PIECE + 3, PIECE + 103));
    for (const block of [2, 3]) deliver(v2, store, honest, 1, block);
    await store.whenWritten();
    expect(log.slice(-2)).toEqual(['verified 1', 'stored 1']);
    expect(store.readableFrom(1, 7)).toBe(PIECE - 7);
    expect(pool.used).toBe(0);
  });

  it('frees a wrong block only, and bans exactly who sent it', () => {
    const { store, honest, liar, log, learn } = bench(v2);
    const partial = store.begin(1, false)!;
    learn(1);
    deliver(v2, store, honest, 1, 0);
    deliver(v2, store, liar, 1, 1);
    deliver(v2, store, liar, 1, 2, true);
    expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 1']);
    expect(log.at(-1)).toBe(`refused ${BLOCK_LENGTH} of 1`);
    expect([0, 1, 2, 3].map((block) => partial.state(block))).toEqual([RECEIVED, RECEIVED, FREE, FREE]);
    expect([partial.freeBlocks, partial.receivedBlocks, partial.receivedBytes]).toEqual([
      2,
      2,
      2 * BLOCK_LENGTH,
    ]);
    expect(partial.firstFree()).toBe(2);
    for (const block of [2, 3]) deliver(v2, store, honest, 1, block);
    expect(store.verified.get(1)).toBe(true);
    expect(bans(honest)).toEqual([]);
  });

  it('compares what has come before the hashes did', () => {
    const { store, honest, liar, log, learn } = bench(v2);
    deliver(v2, store, liar, 2, 3, true);
    deliver(v2, store, honest, 2, 0);
    expect(log).toEqual([]);
    learn(2);
    expect(log).toEqual([`refused ${BLOCK_LENGTH} of 2`, 'right blocks 2']);
    expect(bans(liar)).toHaveLength(1);
    expect(bans(honest)).toEqual([]);
  });

  it('takes a short last block, and fills the rest of the piece with zeros', async () => {
    const pool = new BufferPool(64 * PIECE);
    // A buffer that was in use before is full of other bytes; another keeps the pool from letting go of it.
    const [used, busy] = [
      pool.acquire(PIECE, { yieldBuffer: () => false, onRoom: () => {} }, 0)!,
      new Uint8Array(9),
    ];
    pool.acquire(busy.length, { yieldBuffer: () => false, onRoom: () => {} }, 0);
    used.fill(0xff);
    pool.release(used);
    const { store, honest, disk, learn } = bench(v2, { pool });
    const partial = store.begin(3, false)!;
    expect([partial.length, partial.blockCount, partial.blockLength(1)]).toEqual([BLOCK_LENGTH + 7, 2, 7]);
    learn(3);
    deliver(v2, store, honest, 3, 1);
    expect(store.readableFrom(3, BLOCK_LENGTH)).toBe(7);
    deliver(v2, store, honest, 3, 0);
    await store.whenWritten();
    const stored = new Uint8Array(PIECE);
    await disk.read(3 * PIECE, stored);
    expect(Buffer.from(stored).equals(v2.content.subarray(3 * PIECE, 4 * PIECE))).toBe(true);
  });
});

describe('v2 without the hashes of blocks', () => {
  it('goes by the root of the piece', async () => {
    const { store, honest, liar, log } = bench(v2);
    for (const block of [0, 1, 2, 3]) deliver(v2, store, block % 2 === 0 ? honest : liar, 0, block);
    await store.whenWritten();
    expect(log).toEqual(['verified 0', 'stored 0']);
  });

  it('begins no piece whose root is not known', () => {
    const { store, learn, log } = bench(v2, { layers: false });
    expect(store.awaitsHashes).toBe(true);
    expect([0, 4].map((piece) => store.isMissing(piece))).toEqual([false, true]);
    expect(store.begin(0, true) === undefined).toBe(true);
    expect(store.picker.isOpen(0)).toBe(false);
    expect(store.picker.missing.get(0)).toBe(true);
    store.onPieceHashes([0]);
    expect(store.isMissing(0)).toBe(false);
    learn(0);
    expect(log).toEqual(['room']);
    expect(store.isMissing(0)).toBe(true);
    expect(store.picker.isOpen(0)).toBe(true);
    expect(store.picker.isOpen(1)).toBe(false);
  });

  it('waits with a wrong piece for the hashes that name the liar, and keeps what is right', () => {
    const { store, honest, liar, log, learn } = bench(v2, { seekLeaves: () => true });
    for (const block of [0, 1, 2]) deliver(v2, store, honest, 1, block);
    deliver(v2, store, liar, 1, 3, true);
    expect(log).toEqual(['seek 1']);
    expect(store.partials.get(1)?.complete).toBe(true);
    expect(store.wantsLeaves(1)).toBe(true);
    learn(1);
    expect(log.slice(1)).toEqual([`refused ${BLOCK_LENGTH} of 1`, 'right blocks 1']);
    expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 1']);
    expect(store.partials.get(1)?.freeBlocks).toBe(1);
    deliver(v2, store, honest, 1, 3);
    expect(store.verified.get(1)).toBe(true);
    expect(bans(honest)).toEqual([]);
  });

  it('opens a wrong piece again when nobody gives them, and names the liar by the good copy', () => {
    for (const seek of [true, false]) {
      const { store, honest, liar, log, pool } = bench(v2, { seekLeaves: () => seek });
      for (const block of [0, 1, 2]) deliver(v2, store, honest, 1, block);
      deliver(v2, store, liar, 1, 3, true);
      if (seek) {
        expect(store.partials.size).toBe(1);
        store.onNoLeaves(1);
      }
      expect(log.at(-1)).toBe('failed 1');
      expect(store.picker.isOpen(1)).toBe(true);
      // Hashes are kept for the comparison, no copy.
      expect(pool.used).toBe(0);
      expect(bans(liar)).toEqual([]);
      for (const block of [0, 1, 2, 3]) deliver(v2, store, honest, 1, block);
      expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 1']);
      expect(bans(honest)).toEqual([]);
    }
  });

  it('names the liar of a failed copy by hashes that come later', () => {
    const { store, honest, liar, learn } = bench(v2);
    for (const block of [0, 1, 2]) deliver(v2, store, honest, 1, block);
    deliver(v2, store, liar, 1, 3, true);
    expect(store.wantsLeaves(1)).toBe(true);
    learn(1);
    expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 1']);
    expect(store.wantsLeaves(1)).toBe(false);
    expect(bans(honest)).toEqual([]);
  });

  it('convicts who sent all of a wrong piece without asking anybody', () => {
    const { store, liar, log } = bench(v2, { seekLeaves: () => true });
    for (const block of [0, 1, 2, 3]) deliver(v2, store, liar, 1, block, block === 2);
    expect(log).toEqual(['failed 1']);
    expect(bans(liar)).toEqual(['ban: sent all of piece 1, whose hash is wrong']);
  });
});

describe('digests that come late', () => {
  it('count when they come, in any order', async () => {
    const hasher = new LateHasher();
    const { store, honest, log, learn } = bench(v2, { hasher });
    store.begin(1, false);
    learn(1);
    for (const block of [0, 1, 2, 3]) deliver(v2, store, honest, 1, block);
    expect(store.readableFrom(1, 0)).toBe(0);
    expect(store.partials.get(1)?.complete).toBe(true);
    hasher.due.reverse();
    hasher.due.shift()!();
    expect(store.readableFrom(1, 3 * BLOCK_LENGTH)).toBe(BLOCK_LENGTH);
    hasher.flush();
    expect(log.at(-1)).toBe('verified 1');
    await store.whenWritten();
  });

  it('name the sender of the block they are of, whoever else is asked for it meanwhile', () => {
    const hasher = new LateHasher();
    const { store, honest, liar, learn } = bench(v2, { hasher });
    const partial = store.begin(1, false)!;
    learn(1);
    partial.request(2, 0);
    deliver(v2, store, liar, 1, 2, true);
    // The other one, who was asked too, is told that the block is there.
    expect(honest.told).toEqual(['cancel 1 2']);
    partial.unrequest(2);
    expect(partial.claim(2, honest.id) === undefined).toBe(true);
    hasher.flush();
    expect(bans(liar)).toHaveLength(1);
    expect(bans(honest)).toEqual([]);
    expect(partial.state(2)).toBe(FREE);
    deliver(v2, store, honest, 1, 2);
    hasher.flush();
    expect(store.readableFrom(1, 2 * BLOCK_LENGTH)).toBe(BLOCK_LENGTH);
    expect(bans(honest)).toEqual([]);
  });

  it('of a piece that was given up are forgotten, and its memory is given back then and not before', () => {
    const hasher = new LateHasher();
    const { store, liar, learn, pool, log } = bench(v2, { hasher });
    const partial = store.begin(1, false)!;
    learn(1);
    deliver(v2, store, liar, 1, 0, true);
    store.abandon(partial);
    expect(pool.used).toBe(PIECE);
    store.begin(1, false);
    hasher.flush();
    expect(pool.used).toBe(PIECE);
    expect(bans(liar)).toEqual([]);
    expect(log).toEqual([]);
    store.close();
    expect(pool.used).toBe(0);
  });
});

describe('a hybrid', () => {
  it('is held to both hashes', async () => {
    const { store, honest, log, learn } = bench(hybrid);
    learn(1);
    for (const block of [0, 1, 2, 3]) deliver(hybrid, store, honest, 1, block);
    for (const block of [1, 0]) deliver(hybrid, store, honest, 3, block);
    await store.whenWritten();
    expect(log.filter((line) => line.startsWith('verified'))).toEqual(['verified 1', 'verified 3']);
  });

  it('goes by its SHA-1 where nothing else is known', async () => {
    const { store, honest, liar, log } = bench(hybrid, { layers: false });
    expect(store.awaitsHashes).toBe(false);
    for (const block of [0, 1, 2, 3]) deliver(hybrid, store, honest, 0, block);
    for (const block of [0, 1, 2, 3]) deliver(hybrid, store, liar, 1, block, block === 0);
    await store.whenWritten();
    expect(log).toEqual(['verified 0', 'failed 1', 'stored 0']);
    expect(bans(liar)).toHaveLength(1);
  });

  it('hashes anew what it had hashed when a block of it was wrong', () => {
    const { store, honest, liar, log, learn } = bench(hybrid);
    for (const block of [0, 2]) deliver(hybrid, store, honest, 1, block);
    deliver(hybrid, store, liar, 1, 1, true);
    learn(1);
    for (const block of [1, 3]) deliver(hybrid, store, honest, 1, block);
    expect(log.at(-1)).toBe('verified 1');
    expect(bans(liar)).toHaveLength(1);
  });

  it('is inconsistent when one of its hashes says right and the other wrong', () => {
    const pieces = hybrid.info.pieces!.slice();
    pieces[20] = pieces[20]! ^ 1;
    const info = {
      ...hybrid.info,
      pieceHash: (index: number) => pieces.subarray(20 * index, 20 * index + 20),
    };
    const { store, honest, log, pool } = bench({ ...hybrid, info });
    for (const block of [0, 1, 2, 3]) deliver(hybrid, store, honest, 1, block);
    expect(log).toEqual(['inconsistent 1']);
    expect(store.verified.get(1)).toBe(false);
    expect(bans(honest)).toEqual([]);
    expect(pool.used).toBe(0);
  });
});

describe('v1 after a failure', () => {
  it('asks one source at a time, so that whoever sends all of it answers for it', () => {
    const { store } = openStore(v1);
    const sources = [1, 2, 3].map((id) => new FakeSource(id));
    for (const source of sources) store.addSource(source);
    const [honest, liar, other] = sources as [FakeSource, FakeSource, FakeSource];
    for (const block of [0, 1, 2]) deliver(v1, store, honest, 0, block);
    deliver(v1, store, liar, 0, 3, true);
    const again = store.begin(0, false)!;
    expect(again.admits(liar.id)).toBe(true);
    again.request(0, 0);
    expect([honest, other].map(({ id }) => again.admits(id))).toEqual([false, false]);
    deliver(v1, store, liar, 0, 1, true);
    again.unrequest(0);
    // It is asked for nothing any more: somebody else has all of it to send, the block that had come included.
    expect(again.admits(other.id)).toBe(true);
    expect(again.receivedBlocks).toBe(0);
    for (const block of [0, 1, 2, 3]) deliver(v1, store, other, 0, block);
    expect(store.verified.get(0)).toBe(true);
    expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 0']);
    expect([...bans(honest), ...bans(other)]).toEqual([]);
  });

  it('does not forget who has left', () => {
    const { store } = openStore(v1);
    const [honest, liar, idle] = [new FakeSource(1), new FakeSource(2), new FakeSource(3)] as const;
    for (const source of [honest, liar, idle]) store.addSource(source);
    deliver(v1, store, liar, 0, 3, true);
    store.removeSource(liar);
    store.removeSource(idle);
    for (const block of [0, 1, 2]) deliver(v1, store, honest, 0, block);
    expect(store.verified.get(0)).toBe(false);
    for (const block of [0, 1, 2, 3]) deliver(v1, store, honest, 0, block);
    expect(bans(liar)).toEqual(['ban: sent a wrong block of piece 0']);
    expect([...bans(honest), ...bans(idle)]).toEqual([]);
  });

  it('does not forget who leaves while the piece is being hashed', () => {
    const due: (() => void)[] = [];
    const own = new MemoryHasher();
    const hasher: Hasher = {
      sha1: (data) => own.sha1(data),
      sha256: (data, done) => own.sha256(data, done),
      prefixSha1: (buffer) => ({
        advance: () => {},
        finish: (done) => void due.push(() => own.prefixSha1(buffer).finish(done)),
      }),
    };
    const { store } = openStore(v1, { hasher });
    const liar = new FakeSource(2);
    store.addSource(liar);
    for (const block of [0, 1, 2, 3]) deliver(v1, store, liar, 0, block, block === 1);
    store.removeSource(liar);
    for (const finish of due.splice(0)) finish();
    expect(bans(liar)).toEqual(['ban: sent all of piece 0, whose hash is wrong']);
  });
});
