import { describe, expect, it } from 'vitest';
import { type ChokerPeer, type ChokerState, decideChokes } from './choker.ts';

function peer(id: number, state: Partial<ChokerPeer> = {}): ChokerPeer {
  return {
    id,
    interested: true,
    unchoked: false,
    received: 0,
    sent: 0,
    sentSinceUnchoke: 0,
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
    optimistic: undefined,
    optimisticSince: 0,
    below: () => 0,
    ...more,
  };
}

describe('decideChokes', () => {
  it('unchokes everybody interested while there are slots', () => {
    const decision = decideChokes(state([peer(1), peer(2), peer(3, { interested: false })]));
    expect([...decision.unchoke]).toEqual([1, 2]);
  });

  it('gives all slots but one to those who gave most, and one to somebody else', () => {
    const peers = [1, 2, 3, 4, 5].map((id) => peer(id, { received: id * 1000 }));
    const decision = decideChokes(state(peers));
    expect(decision.unchoke.size).toBe(3);
    expect(decision.unchoke.has(5)).toBe(true);
    expect(decision.unchoke.has(4)).toBe(true);
    expect([1, 2, 3]).toContain(decision.optimistic);
  });

  it('gives a free-rider nothing but the optimistic slot', () => {
    const sharers = [1, 2, 3, 4].map((id) => peer(id, { received: 1_000_000 }));
    const rider = peer(9, { received: 0, unchoked: true });
    let turns = 0;
    for (let draw = 0; draw < 30; draw++) {
      const decision = decideChokes(state([...sharers, rider], { below: (bound) => draw % bound }));
      if (decision.unchoke.has(9)) {
        expect(decision.optimistic).toBe(9);
        turns++;
      }
    }
    expect(turns).toBeGreaterThan(0);
    expect(turns).toBeLessThan(15);
  });

  it('keeps the optimistic peer for 30 s, then draws another', () => {
    const peers = [1, 2, 3, 4, 5].map((id) => peer(id, { received: id * 1000 }));
    const kept = decideChokes(state(peers, { optimistic: 1, optimisticSince: 80_000 }));
    expect(kept.optimistic).toBe(1);
    expect(kept.optimisticSince).toBe(80_000);
    const drawn = decideChokes(state(peers, { optimistic: 1, optimisticSince: 70_000 }));
    expect(drawn.optimistic).not.toBe(1);
    expect(drawn.optimisticSince).toBe(100_000);
  });

  it('draws newcomers three times as often', () => {
    const peers = [
      peer(1, { received: 9 }),
      peer(2, { received: 8 }),
      peer(3),
      peer(4, { connectedAt: 90_000 }),
    ];
    const drawn = Array.from(
      { length: 4 },
      (_, draw) => decideChokes(state(peers, { below: () => draw })).optimistic,
    );
    expect(drawn).toEqual([3, 4, 4, 4]);
  });

  it('when seeding lets everybody have a turn', () => {
    // Two regular slots, five peers: turns pass on by time and bytes, so that within five minutes all were served.
    let peers = [1, 2, 3, 4, 5].map((id) => peer(id));
    const served = new Set<number>();
    let optimistic: number | undefined;
    let optimisticSince = 0;
    for (let now = 0; now <= 300_000; now += 10_000) {
      const decision = decideChokes(state(peers, { seeding: true, now, optimistic, optimisticSince }));
      ({ optimistic, optimisticSince } = decision);
      expect(decision.unchoke.size).toBe(3);
      peers = peers.map((old) => {
        const unchoked = decision.unchoke.has(old.id);
        if (unchoked) served.add(old.id);
        const changed = unchoked !== old.unchoked;
        return {
          ...old,
          unchoked,
          sent: unchoked ? 5_000_000 : 0,
          sentSinceUnchoke: unchoked && !changed ? old.sentSinceUnchoke + 5_000_000 : 0,
          changedAt: changed ? now : old.changedAt,
        };
      });
    }
    expect([...served].sort()).toEqual([1, 2, 3, 4, 5]);
  });
});
