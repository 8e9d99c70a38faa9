import type { PeerAddress } from '../../protocol/index.ts';

/** A connection, as far as giving up its place to another one goes. */
export interface EvictablePeer {
  readonly address: PeerAddress | undefined;
  readonly connectedAt: number;
  readonly traffic: { readonly receivedAt: number | undefined; readonly sentAt: number | undefined };
}

/** Milliseconds for which a connection may show what it is worth. */
const PROBATION = 60_000;
/** A connection that carried a block in the last so many milliseconds is of use, whatever its priority. */
const IDLE = 60_000;
/** Milliseconds between two connections that are given up for others. */
const INTERVAL = 10_000;

/**
 * Which connection gives up its place when there are enough and another peer comes (BEP 40): the one of lowest
 * priority, if the newcomer's is higher. All clients that go by it come to keep the same connections, so that the
 * swarm becomes a random graph and new peers find a place in it. What it would cost is bounded: one that carries
 * blocks, or is younger than a minute, stays, and there is one such change in ten seconds.
 */
export class PeerEviction {
  readonly #rank: (address: PeerAddress) => number | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /** @param rank an address's priority, the greater the better; `undefined` when it has none. */
  constructor(rank: (address: PeerAddress) => number | undefined) {
    this.#rank = rank;
  }

  /** The connection to end so that the newcomer is let in; `undefined`: it is not. */
  choose<P extends EvictablePeer>(
    newcomer: PeerAddress | undefined,
    peers: Iterable<P>,
    now: number,
  ): P | undefined {
    const rank = newcomer && this.#rank(newcomer);
    if (rank === undefined || now - this.#last < INTERVAL) return undefined;
    let worst: P | undefined;
    let lowest = rank;
    for (const peer of peers) {
      if (now - peer.connectedAt < PROBATION) continue;
      const { receivedAt, sentAt } = peer.traffic;
      if (now - Math.max(receivedAt ?? peer.connectedAt, sentAt ?? peer.connectedAt) < IDLE) continue;
      // A peer at no address cannot be compared (WebRTC): it stays.
      const other = peer.address && this.#rank(peer.address);
      if (other === undefined || other >= lowest) continue;
      worst = peer;
      lowest = other;
    }
    if (worst !== undefined) this.#last = now;
    return worst;
  }
}
