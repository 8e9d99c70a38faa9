import type { Random } from '../ports.ts';
import { decideChokes } from './choker.ts';
import type { PeerTraffic } from './peer-traffic.ts';

/** A connection, as far as choking goes. */
export interface ChokablePeer {
  readonly id: number;
  readonly peerInterested: boolean;
  readonly amChoking: boolean;
  readonly traffic: Pick<PeerTraffic, 'receivedInRound' | 'sentInRound' | 'sentSinceUnchoke' | 'nextRound'>;
  /** When it was last unchoked or choked, in clock milliseconds. */
  readonly chokeChangedAt: number;
  readonly connectedAt: number;
  choke(now: number): void;
  unchoke(now: number): void;
}

/**
 * The upload slots of one torrent. The choker decides from what it is shown; what must be remembered between two of
 * its decisions, who has the optimistic slot and since when, is here, and so is the carrying out.
 */
export class ChokeRounds {
  readonly #peers: ReadonlyMap<number, ChokablePeer>;
  readonly #slots: number;
  readonly #random: Random;
  #optimistic: number | undefined;
  #optimisticSince = 0;

  /**
   * @param peers those connected now, by id.
   * @param slots peers that may be unchoked at a time, the optimistic one included; at least 1.
   */
  constructor(peers: ReadonlyMap<number, ChokablePeer>, slots: number, random: Random) {
    this.#peers = peers;
    this.#slots = slots;
    this.#random = random;
  }

  /** The peer became interested: a free slot need not wait for the next round. */
  offerFreeSlot(peer: ChokablePeer, now: number): void {
    if (!peer.peerInterested || !peer.amChoking) return;
    let taken = 0;
    for (const other of this.#peers.values()) if (!other.amChoking && other.peerInterested) taken++;
    if (taken < this.#slots) peer.unchoke(now);
  }

  /** Every `CHOKE_INTERVAL`. @param seeding we have all that we want. */
  next(now: number, seeding: boolean): void {
    const decision = decideChokes({
      peers: [...this.#peers.values()].map((peer) => ({
        id: peer.id,
        interested: peer.peerInterested,
        unchoked: !peer.amChoking,
        received: peer.traffic.receivedInRound,
        sent: peer.traffic.sentInRound,
        sentSinceUnchoke: peer.traffic.sentSinceUnchoke,
        changedAt: peer.chokeChangedAt,
        connectedAt: peer.connectedAt,
      })),
      slots: this.#slots,
      seeding,
      now,
      optimistic: this.#optimistic,
      optimisticSince: this.#optimisticSince,
      below: (bound) => this.#random.below(bound),
    });
    this.#optimistic = decision.optimistic;
    this.#optimisticSince = decision.optimisticSince;
    // A message may end its connection, and with it others.
    for (const peer of [...this.#peers.values()]) {
      peer.traffic.nextRound();
      if (decision.unchoke.has(peer.id)) peer.unchoke(now);
      else if (!peer.amChoking) peer.choke(now);
    }
  }
}
