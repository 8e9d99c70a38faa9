import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SwarmStore } from './swarm-store.ts';

interface Peer {
  readonly key: string;
}

function setUp(limits: { maxSwarms?: number; maxPeersPerSwarm?: number } = {}) {
  const clock = { now: 0 };
  const removed: string[] = [];
  const random = mulberry32(7);
  const store = new SwarmStore<Peer>({
    now: () => clock.now,
    random,
    expireAfter: 1_000,
    maxSwarms: limits.maxSwarms ?? 10_000,
    maxPeersPerSwarm: limits.maxPeersPerSwarm ?? 10_000,
    onRemove: (infoHash, member) => removed.push(`${infoHash}/${member.key}`),
  });
  return { store, clock, removed, random };
}

/** A small generator of reproducible numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('SwarmStore', () => {
  it('counts seeds and leeches as they come, finish and go', () => {
    const { store } = setUp();
    store.add('h', { key: 'a' }, false);
    store.add('h', { key: 'b' }, true);
    expect(store.counts('h')).toEqual({ complete: 1, incomplete: 1, downloaded: 0 });
    store.touch('h', 'a', true);
    store.countDownload('h');
    expect(store.counts('h')).toEqual({ complete: 2, incomplete: 0, downloaded: 1 });
    store.touch('h', 'a', undefined);
    expect(store.isComplete('h', 'a')).toBe(true);
    store.touch('h', 'a', false);
    expect(store.counts('h')).toEqual({ complete: 1, incomplete: 1, downloaded: 1 });
    expect(store.seedCount).toBe(1);
    expect(store.remove('h', 'b')).toBe(true);
    expect(store.remove('h', 'b')).toBe(false);
    expect(store.counts('h')).toEqual({ complete: 0, incomplete: 1, downloaded: 1 });
  });

  it('forgets a swarm with its last member', () => {
    const { store, removed } = setUp();
    store.add('h', { key: 'a' }, true);
    store.add('h', { key: 'b' }, false);
    store.remove('h', 'a');
    expect(store.swarmCount).toBe(1);
    store.remove('h', 'b');
    expect([store.swarmCount, store.peerCount, store.seedCount]).toEqual([0, 0, 0]);
    expect(store.counts('h')).toEqual({ complete: 0, incomplete: 0, downloaded: 0 });
    expect(removed).toEqual(['h/a', 'h/b']);
  });

  it('holds its bounds', () => {
    const { store } = setUp({ maxSwarms: 2, maxPeersPerSwarm: 2 });
    expect(store.add('1', { key: 'a' }, false)).toBe('added');
    expect(store.add('2', { key: 'a' }, false)).toBe('added');
    expect(store.add('3', { key: 'a' }, false)).toBe('too many swarms');
    expect(store.add('1', { key: 'b' }, false)).toBe('added');
    expect(store.add('1', { key: 'c' }, false)).toBe('swarm is full');
    expect([store.swarmCount, store.peerCount]).toEqual([2, 3]);
  });

  it('expires by the last announce, oldest first, no more than the limit at once', () => {
    const { store, clock, removed } = setUp();
    for (const key of ['a', 'b', 'c', 'd']) store.add('h', { key }, false);
    clock.now = 600;
    store.touch('h', 'a', undefined);
    clock.now = 1_001;
    expect(store.sweep(2)).toBe(2);
    expect(removed).toEqual(['h/b', 'h/c']);
    expect(store.sweep(2)).toBe(1);
    expect(store.sweep(2)).toBe(0);
    expect(store.peerCount).toBe(1);
    clock.now = 1_601;
    expect(store.sweep(10)).toBe(1);
    expect(store.swarmCount).toBe(0);
  });

  it('draws different members, never the asker, and only leeches for a seed', () => {
    const { store } = setUp();
    for (let i = 0; i < 20; i++) store.add('h', { key: `s${i}` }, true);
    for (let i = 0; i < 5; i++) store.add('h', { key: `l${i}` }, false);
    for (let round = 0; round < 200; round++) {
      const forLeech = store.sample('h', 10, 'l0', false).map((peer) => peer.key);
      expect(new Set(forLeech).size).toBe(10);
      expect(forLeech).not.toContain('l0');
      const forSeed = store.sample('h', 3, 's0', true).map((peer) => peer.key);
      expect(new Set(forSeed).size).toBe(3);
      expect(forSeed.every((key) => key.startsWith('l'))).toBe(true);
    }
    expect(store.sample('h', 100, 'l0', false)).toHaveLength(24);
    expect(store.sample('h', 100, 's0', true)).toHaveLength(5);
    expect(store.sample('h', 100, 'stranger', false)).toHaveLength(25);
    expect(store.sample('h', 0, 'l0', false)).toEqual([]);
    expect(store.sample('h', -1, 'l0', false)).toEqual([]);
    expect(store.sample('unknown', 5, 'l0', false)).toEqual([]);
  });

  it('draws every member equally often', () => {
    const { store } = setUp();
    const times = new Map<string, number>();
    for (let i = 0; i < 10; i++) store.add('h', { key: `p${i}` }, i % 3 === 0);
    const rounds = 9_000;
    for (let round = 0; round < rounds; round++) {
      for (const { key } of store.sample('h', 3, 'p4', false)) times.set(key, (times.get(key) ?? 0) + 1);
    }
    expect(times.has('p4')).toBe(false);
    // Each of nine is expected rounds/3 times; five standard deviations are about 224.
    for (const count of times.values()) expect(Math.abs(count - rounds / 3)).toBeLessThan(224);
    expect(times.size).toBe(9);
  });

  it('leaves nothing behind after 10,000 peers on 1,000 hashes have stopped or expired', () => {
    const { store, clock, random } = setUp();
    for (let i = 0; i < 10_000; i++) {
      clock.now = i / 100;
      store.add(`h${Math.floor(random() * 1_000)}`, { key: `p${i}` }, random() < 0.5);
    }
    expect(store.peerCount).toBe(10_000);
    const hashes = [...store.infoHashes()];
    for (let i = 0; i < 10_000; i += 2) {
      const infoHash = hashes.find((candidate) => store.get(candidate, `p${i}`) !== undefined);
      if (infoHash !== undefined) store.remove(infoHash, `p${i}`);
    }
    expect(store.peerCount).toBe(5_000);
    clock.now = 5_000;
    let sweeps = 0;
    while (store.sweep(500) > 0) sweeps++;
    expect(sweeps).toBe(10);
    expect([store.swarmCount, store.peerCount, store.seedCount]).toEqual([0, 0, 0]);
  });

  it('agrees with a naive model in any order of operations', () => {
    const step = fc.record({
      operation: fc.constantFrom('announce', 'remove', 'sample', 'sweep'),
      hash: fc.constantFrom('x', 'y', 'z'),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      complete: fc.constantFrom(true, false, undefined),
      later: fc.nat(400),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { store, clock } = setUp();
        const model = new Map<string, { complete: boolean; at: number }>();
        for (const { operation, hash, key, complete, later } of steps) {
          clock.now += later;
          const id = hash + key;
          const known = model.get(id);
          if (operation === 'announce') {
            if (known === undefined) store.add(hash, { key }, complete ?? false);
            else store.touch(hash, key, complete);
            model.set(id, { complete: complete ?? known?.complete ?? false, at: clock.now });
          } else if (operation === 'remove') {
            expect(store.remove(hash, key)).toBe(model.delete(id));
          } else if (operation === 'sweep') {
            store.sweep(100);
            for (const [name, { at }] of model) if (at < clock.now - 1_000) model.delete(name);
          } else {
            const drawn = store.sample(hash, 2, key, complete ?? false).map((peer) => peer.key);
            const others = [...model].filter(
              ([name, peer]) => name[0] === hash && name !== id && !(complete === true && peer.complete),
            );
            expect(new Set(drawn).size).toBe(Math.min(2, others.length));
            for (const name of drawn) expect(others.some(([other]) => other === hash + name)).toBe(true);
          }
          expect(store.peerCount).toBe(model.size);
          expect(store.seedCount).toBe([...model.values()].filter((peer) => peer.complete).length);
          expect(store.swarmCount).toBe(new Set([...model.keys()].map((name) => name[0])).size);
        }
      }),
      { numRuns: 300 },
    );
  });
});
