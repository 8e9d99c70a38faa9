import { describe, expect, it } from 'vitest';
import type { Random } from '../ports.ts';
import { type ChokablePeer, ChokeRounds } from './choke-rounds.ts';
import { PeerTraffic } from './peer-traffic.ts';

class FakePeer implements ChokablePeer {
  readonly id: number;
  readonly traffic = new PeerTraffic();
  readonly connectedAt = -1e9;
  chokeChangedAt = 0;
  peerInterested = true;
  amChoking = true;
  snubbing = false;
  backlog = 0;

  constructor(id: number) {
    this.id = id;
  }

  snubs(): boolean {
    return this.snubbing;
  }

  choke(now: number): void {
    this.amChoking = true;
    this.chokeChangedAt = now;
  }

  unchoke(now: number): void {
    if (!this.amChoking) return;
    this.amChoking = false;
    this.chokeChangedAt = now;
    this.traffic.onUnchoked();
  }
}

/** As many peers as told, and a draw that always takes the first. */
function setup(count: number, slots: number | undefined, limit?: number) {
  const peers = new Map(Array.from({ length: count }, (_, i) => [i + 1, new FakePeer(i + 1)] as const));
  const random: Partial<Random> = { below: () => 0 };
  const rounds = new ChokeRounds({ peers, slots, limit: () => limit, random: random as Random });
  const unchoked = (): number[] => [...peers.values()].filter((peer) => !peer.amChoking).map(({ id }) => id);
  return { peers, rounds, unchoked };
}

describe('ChokeRounds', () => {
  it('gives a free slot at once, and none beyond what there are or to who wants nothing', () => {
    const { peers, rounds, unchoked } = setup(4, 2);
    peers.get(1)!.peerInterested = false;
    for (const peer of peers.values()) rounds.offerFreeSlot(peer, 5);
    expect(unchoked()).toEqual([2, 3]);
    // A slot counts as free again when its peer has lost interest.
    peers.get(2)!.peerInterested = false;
    rounds.offerFreeSlot(peers.get(4)!, 6);
    expect(unchoked()).toEqual([2, 3, 4]);
  });

  it('goes by what came lately: each round counts half as much as the next', () => {
    const { peers, rounds, unchoked } = setup(4, 2);
    peers.get(3)!.traffic.onReceived(64_000, 0);
    rounds.next(10_000, false);
    expect(unchoked()).toContain(3);
    peers.get(4)!.traffic.onReceived(20_000, 11_000);
    rounds.next(20_000, false);
    expect(unchoked()).toContain(3);
    peers.get(4)!.traffic.onReceived(20_000, 21_000);
    rounds.next(30_000, false);
    expect(unchoked()).toContain(4);
  });

  it('does not have two peers take turns that give in turns', () => {
    // Two who would each thank the other for the last round alone, and five who give nothing.
    const sides = [setup(6, 2), setup(6, 2)] as const;
    let both = 0;
    sides[0].peers.get(1)!.traffic.onReceived(100_000, 0);
    for (let now = 10_000; now <= 100_000; now += 10_000) {
      for (const { rounds } of sides) rounds.next(now, false);
      const open = sides.map(({ peers }) => !peers.get(1)!.amChoking);
      if (open[0] && open[1]) both++;
      for (const [i, { peers }] of sides.entries()) {
        if (open[1 - i]) peers.get(1)!.traffic.onReceived(100_000, now);
      }
    }
    expect(both).toBeGreaterThanOrEqual(8);
  });

  it('remembers from round to round who has the optimistic slot, for 30 s', () => {
    const { peers, rounds, unchoked } = setup(4, 2);
    const holders: number[] = [];
    for (let now = 10_000; now <= 70_000; now += 10_000) {
      peers.get(1)!.traffic.onReceived(100_000, now);
      rounds.next(now, false);
      holders.push(...unchoked().filter((id) => id !== 1));
    }
    expect(holders.slice(0, 3)).toEqual([holders[0], holders[0], holders[0]]);
    expect(holders.slice(3, 6)).toEqual([holders[3], holders[3], holders[3]]);
    expect(new Set(holders).size).toBe(3);
  });

  it('a slot given between rounds is an optimistic one, and not for who snubs us', () => {
    const { peers, rounds, unchoked } = setup(4, 3);
    peers.get(1)!.snubbing = true;
    for (const peer of peers.values()) rounds.offerFreeSlot(peer, 5000);
    expect(unchoked()).toEqual([2, 3, 4]);
    // It is kept at the next rounds for 30 s, though none of them gives anything.
    rounds.next(10_000, false);
    rounds.next(20_000, false);
    expect(unchoked()).toEqual([2, 3, 4]);
    rounds.next(40_000, false);
    expect(unchoked()).toContain(1);
    expect(unchoked()).toHaveLength(3);
  });

  it('does not take what waits in the links for what the line carries', () => {
    const { peers, rounds, unchoked } = setup(40, undefined);
    for (let now = 10_000; now <= 200_000; now += 10_000) {
      for (const peer of peers.values()) if (peer.amChoking) peer.backlog = 0;
      for (const id of unchoked()) {
        const peer = peers.get(id)!;
        // Each link takes 256 KiB at once; all of them together carry 300 KB/s.
        peer.traffic.onSent(3_000_000 / unchoked().length + 262_144 - peer.backlog, now);
        peer.backlog = 262_144;
      }
      rounds.next(now, true);
    }
    expect(rounds.slots).toBeGreaterThanOrEqual(12);
    expect(rounds.slots).toBeLessThanOrEqual(16);
  });

  it('has more slots when the line carries them, and as many as told when told', () => {
    for (const [slots, limit, expected] of [
      [undefined, undefined, 22],
      [undefined, 100_000, 6],
      [5, undefined, 5],
    ] as const) {
      const { peers, rounds, unchoked } = setup(40, slots, limit);
      for (let now = 10_000; now <= 50_000; now += 10_000) {
        const rate = limit ?? 1_000_000;
        for (const id of unchoked()) peers.get(id)!.traffic.onSent((rate * 10) / unchoked().length, now);
        rounds.next(now, true);
      }
      expect(unchoked().length).toBe(rounds.slots);
      expect(rounds.slots).toBeGreaterThanOrEqual(expected);
      expect(rounds.slots).toBeLessThanOrEqual(expected * 1.25);
    }
  });

  it('takes the slot back from who is no longer interested', () => {
    const { peers, rounds, unchoked } = setup(2, 2);
    rounds.next(10_000, true);
    expect(unchoked()).toEqual([1, 2]);
    peers.get(1)!.peerInterested = false;
    rounds.next(20_000, true);
    expect(unchoked()).toEqual([2]);
  });
});
