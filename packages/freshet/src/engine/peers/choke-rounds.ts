import type { Random } from '../ports.ts';
import { CHOKE_INTERVAL, decideChokes } from './choker.ts';
import type { PeerTraffic } from './peer-traffic.ts';
import { UploadSlots } from './upload-slots.ts';

/** A connection, as far as choking goes. */
export interface ChokablePeer {
  readonly id: number;
  readonly peerInterested: boolean;
  readonly amChoking: boolean;
  readonly traffic: Pick<PeerTraffic, 'receivedLately' | 'sentInRound' | 'sentSinceUnchoke' | 'nextRound'>;
  /** When it was last unchoked or choked, in clock milliseconds. */
  readonly chokeChangedAt: number;
  readonly connectedAt: number;
  /** Bytes of ours that its link has not sent yet. */
  readonly backlog: number;
  /** Whether it takes and does not give. @see ChokerPeer.snubbing */
  snubs(now: number): boolean;
  choke(now: number): void;
  unchoke(now: number): void;
}

const NOBODY: ReadonlyMap<number, number> = new Map();

export interface ChokeRoundsOptions {
  /** Those connected now, by id. */
  readonly peers: ReadonlyMap<number, ChokablePeer>;
  /** Peers that may be unchoked at a time, the optimistic ones included, from 1; `undefined`: found from the rates. */
  readonly slots: number | undefined;
  /** Upload limit, in bytes per second; `undefined` for none. */
  limit(): number | undefined;
  readonly random: Random;
}

/**
 * The upload slots of one torrent. The choker decides from what it is shown; what must be remembered between two of
 * its decisions, how many slots there are and who has the optimistic ones, is here, and so is the carrying out.
 */
export class ChokeRounds {
  readonly #options: ChokeRoundsOptions;
  readonly #slots: UploadSlots;
  #optimistic: ReadonlyMap<number, number> = NOBODY;
  #lastRound: number | undefined;
  /** Bytes that waited in the links then. */
  #lastBacklog = 0;

  constructor(options: ChokeRoundsOptions) {
    this.#options = options;
    this.#slots = new UploadSlots(options.limit());
  }

  /** Peers that may be unchoked at a time. */
  get slots(): number {
    return this.#options.slots ?? this.#slots.count;
  }

  /** The peer became interested: a free slot need not wait for the next round. It is an optimistic one. */
  offerFreeSlot(peer: ChokablePeer, now: number): void {
    if (!peer.peerInterested || !peer.amChoking) return;
    let free = this.slots;
    for (const other of this.#options.peers.values()) if (!other.amChoking && other.peerInterested) free--;
    // Who snubs us waits for a round, or it would come back at once by losing and regaining interest.
    if (free <= 0 || peer.snubs(now)) return;
    this.#optimistic = new Map(this.#optimistic).set(peer.id, now);
    peer.unchoke(now);
  }

  /** Every `CHOKE_INTERVAL`. @param seeding we have all that we want. */
  next(now: number, seeding: boolean): void {
    const { peers, random } = this.#options;
    this.#measure(now);
    const decision = decideChokes({
      peers: [...peers.values()].map((peer) => ({
        id: peer.id,
        interested: peer.peerInterested,
        unchoked: !peer.amChoking,
        received: peer.traffic.receivedLately,
        sentSinceUnchoke: peer.traffic.sentSinceUnchoke,
        changedAt: peer.chokeChangedAt,
        connectedAt: peer.connectedAt,
        snubbing: peer.snubs(now),
      })),
      slots: this.slots,
      seeding,
      now,
      optimistic: this.#optimistic,
      below: (bound) => random.below(bound),
    });
    this.#optimistic = decision.optimistic;
    // A message may end its connection, and with it others.
    for (const peer of [...peers.values()]) {
      peer.traffic.nextRound();
      if (decision.unchoke.has(peer.id)) peer.unchoke(now);
      else if (!peer.amChoking) peer.choke(now);
    }
  }

  #measure(now: number): void {
    const elapsed = this.#lastRound === undefined ? CHOKE_INTERVAL : Math.max(1, now - this.#lastRound);
    this.#lastRound = now;
    if (this.#options.slots !== undefined) return;
    let sent = 0;
    let backlog = 0;
    let taken = 0;
    let waiting = 0;
    for (const peer of this.#options.peers.values()) {
      sent += peer.traffic.sentInRound;
      backlog += peer.backlog;
      if (!peer.peerInterested) continue;
      if (peer.amChoking) waiting++;
      else taken++;
    }
    // A link takes some hundred KiB at once from whoever is unchoked, which says nothing of the line behind it.
    const carried = Math.max(0, sent - (backlog - this.#lastBacklog));
    this.#lastBacklog = backlog;
    this.#slots.next({ rate: (carried * 1000) / elapsed, taken, waiting, limit: this.#options.limit() });
  }
}
