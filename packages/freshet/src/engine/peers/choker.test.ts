import { describe, expect, it } from 'vitest';
import { type ChokerPeer, type ChokerState, decideChokes } from './choker.ts';

function peer(id: number, state: Partial<ChokerPeer> = {}): ChokerPeer {
  return {
    id,
    interested: true,
    unchoked: false,
    received: 0,
    sentSinceUnchoke: 0,
    snubbing: false,
    changedAt: 0,
    connectedAt: -1e9,
    ...state,
  };
}

function state(peers: ChokerPeer[], more: Partial<ChokerState> = {}): ChokerState {
  return {
    peers,
    slots: 3,
    seeding: false,
    now: 100_000,
    optimistic: new Map(),
    below: () => 0,
    ...more,
  };
}

describe('decideChokes', () => {
  it('unchokes everybody interested while there are slots', () => {
    const decision = decideChokes(state([peer(1), peer(2), peer(3, { interested: false })]));
    expect([...decision.unchoke].sort()).toEqual([1, 2]);
  });

  it('gives all slots but one to those who gave most, and one to somebody else', () => {
    const peers = [1, 2, 3, 4, 5].map((id) => peer(id, { received: id * 1000 }));
    const decision = decideChokes(state(peers));
    expect(decision.unchoke.size).toBe(3);
    expect(decision.unchoke.has(5)).toBe(true);
    expect(decision.unchoke.has(4)).toBe(true);
    expect([1, 2, 3]).toContain([...decision.optimistic.keys()][0]);
  });

  it('has one optimistic slot in five', () => {
    const peers = Array.from({ length: 40 }, (_, id) => peer(id, { received: 1 }));
    const counts = [1, 2, 4, 9, 10, 20].map((slots) => decideChokes(state(peers, { slots })).optimistic.size);
    expect(counts).toEqual([1, 1, 1, 1, 2, 4]);
  });

  it('gives a free-rider nothing but the optimistic slot', () => {
    const sharers = [1, 2, 3, 4].map((id) => peer(id, { received: 1_000_000 }));
    const rider = peer(9, { received: 0, unchoked: true });
    let turns = 0;
    for (let draw = 0; draw < 30; draw++) {
      const waited = draw % 3 === 0 ? { unchoked: false, changedAt: -1 } : {};
      const decision = decideChokes(
        state([...sharers, { ...rider, ...waited }], { below: (bound) => draw % bound }),
      );
      if (decision.unchoke.has(9)) {
        expect(decision.optimistic.has(9)).toBe(true);
        turns++;
      }
    }
    expect(turns).toBe(10);
  });

  it('gives regular slots to nobody who gave nothing: they are optimistic, and change hands', () => {
    const idle = [1, 2, 3, 4, 5, 6].map((id) => peer(id, { changedAt: id }));
    const first = decideChokes(state([peer(9, { received: 1 }), ...idle], { slots: 4 }));
    expect([...first.unchoke]).toEqual([9, 1, 2, 3]);
    expect([...first.optimistic.keys()]).toEqual([1, 2, 3]);
    const later = decideChokes(
      state(
        [peer(9, { received: 1 }), ...idle].map((old) => ({
          ...old,
          unchoked: first.unchoke.has(old.id),
          changedAt: first.unchoke.has(old.id) ? 100_000 : old.changedAt,
        })),
        { slots: 4, now: 130_000, optimistic: first.optimistic },
      ),
    );
    expect([...later.unchoke]).toEqual([9, 4, 5, 6]);
  });

  it('leaves who snubs us to the reserved slot, even when others are free', () => {
    const snubbing = [1, 2, 3].map((id) => peer(id, { snubbing: true, unchoked: true }));
    const decision = decideChokes(state([...snubbing, peer(4), peer(5, { received: 1 })], { slots: 9 }));
    expect(decision.unchoke.size).toBe(3);
    expect(decision.unchoke.has(4)).toBe(true);
    expect(decision.unchoke.has(5)).toBe(true);
  });

  it('keeps the optimistic peer for 30 s, then takes another', () => {
    const peers = [1, 2, 3, 4, 5].map((id) => peer(id, { received: id * 1000, unchoked: id === 1 }));
    const kept = decideChokes(state(peers, { optimistic: new Map([[1, 80_000]]) }));
    expect([...kept.optimistic]).toEqual([[1, 80_000]]);
    const drawn = decideChokes(state(peers, { optimistic: new Map([[1, 70_000]]) }));
    expect(drawn.optimistic.has(1)).toBe(false);
    expect([...drawn.optimistic.values()]).toEqual([100_000]);
  });

  it('takes whoever has waited longest, a newcomer as if it had waited three times as long', () => {
    const taken = (waited: number, newcomerWaited: number): number | undefined =>
      [
        ...decideChokes(
          state([
            peer(1, { received: 9 }),
            peer(2, { received: 8 }),
            peer(3, { changedAt: 100_000 - waited }),
            peer(4, { connectedAt: 60_000, changedAt: 100_000 - newcomerWaited }),
          ]),
        ).optimistic.keys(),
      ][0];
    expect([taken(29_000, 10_000), taken(31_000, 10_000)]).toEqual([4, 3]);
  });

  it('has who snubs us wait three times as long', () => {
    for (const [waited, taken] of [
      [29_000, 4],
      [31_000, 3],
    ] as const) {
      const decision = decideChokes(
        state([
          peer(1, { received: 9 }),
          peer(2, { received: 8 }),
          peer(3, { changedAt: 100_000 - 3 * waited, snubbing: true }),
          peer(4, { changedAt: 70_000 }),
        ]),
      );
      expect([...decision.optimistic.keys()]).toEqual([taken]);
    }
  });

  it('draws among those who have waited equally long', () => {
    const peers = [1, 2, 3, 4, 5].map((id) => peer(id));
    const first = Array.from({ length: 5 }, (_, draw) => {
      const decision = decideChokes(state(peers, { slots: 1, below: (bound) => (draw * 7) % bound }));
      return [...decision.unchoke][0];
    });
    expect(new Set(first).size).toBeGreaterThan(2);
  });

  /** Rounds of a seed that gives each unchoked peer so many bytes a round; when each was first served. */
  function seedRounds(count: number, slots: number, bytes: number, until: number): Map<number, number> {
    let peers = Array.from({ length: count }, (_, id) => peer(id));
    const served = new Map<number, number>();
    let optimistic: ReadonlyMap<number, number> = new Map();
    for (let now = 0; now <= until; now += 10_000) {
      const decision = decideChokes(state(peers, { slots, seeding: true, now, optimistic }));
      ({ optimistic } = decision);
      expect(decision.unchoke.size).toBe(Math.min(slots, count));
      peers = peers.map((old) => {
        const unchoked = decision.unchoke.has(old.id);
        if (unchoked && !served.has(old.id)) served.set(old.id, now);
        const changed = unchoked !== old.unchoked;
        return {
          ...old,
          unchoked,
          sentSinceUnchoke: unchoked ? (changed ? 0 : old.sentSinceUnchoke) + bytes : old.sentSinceUnchoke,
          changedAt: changed ? now : old.changedAt,
        };
      });
    }
    return served;
  }

  it('when seeding lets everybody have a turn: by bytes when it is fast, by time when it is slow', () => {
    for (const [count, slots, bytes, bound] of [
      // Ten times the quota in a round: two regular slots pass on every 10 s.
      [5, 3, 80_000_000, 20_000],
      // Next to nothing: each turn takes its minute.
      [5, 3, 1000, 60_000],
      [12, 4, 1000, 180_000],
      [3, 1, 1000, 120_000],
    ] as const) {
      const served = seedRounds(count, slots, bytes, 300_000);
      expect(served.size).toBe(count);
      expect(Math.max(...served.values())).toBeLessThanOrEqual(bound);
    }
  });
});
