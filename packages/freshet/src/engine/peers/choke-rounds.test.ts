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

  constructor(id: number) {
    this.id = id;
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
function setup(count: number, slots: number) {
  const peers = new Map(Array.from({ length: count }, (_, i) => [i + 1, new FakePeer(i + 1)] as const));
  const random: Partial<Random> = { below: () => 0 };
  const rounds = new ChokeRounds(peers, slots, random as Random);
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

  it('goes by what came in the round that ends, not by what came before', () => {
    const { peers, rounds, unchoked } = setup(4, 2);
    peers.get(3)!.traffic.onReceived(1000, 0);
    rounds.next(10_000, false);
    expect(unchoked()).toContain(3);
    peers.get(4)!.traffic.onReceived(1, 11_000);
    rounds.next(20_000, false);
    expect(unchoked()).toContain(4);
    expect(unchoked()).not.toContain(3);
  });

  it('remembers from round to round who has the optimistic slot, for 30 s', () => {
    const { peers, rounds, unchoked } = setup(4, 2);
    const holders: number[] = [];
    for (let now = 10_000; now <= 50_000; now += 10_000) {
      peers.get(1)!.traffic.onReceived(1000, now);
      rounds.next(now, false);
      holders.push(...unchoked().filter((id) => id !== 1));
    }
    expect(holders).toEqual([2, 2, 2, 3, 3]);
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
