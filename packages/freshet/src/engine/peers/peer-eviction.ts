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
/** Places of one host that are a household's, and stay. */
const HOUSEHOLD = 4;
/** Milliseconds after which one of a larger number must have carried something. */
const FIRST_BLOCK = 5000;
/** Milliseconds between two connections that are given up for others. */
const INTERVAL = 10_000;

/**
 * Which connection gives up its place when there are enough and another peer comes (BEP 40): the one of lowest
 * priority, if the newcomer's is higher. All clients that go by it come to keep the same connections, so that the
 * swarm becomes a random graph and new peers find a place in it. What it would cost is bounded: one that carries
 * blocks, or is younger than a minute, stays, and there is one such change in ten seconds.
 *
 * Before that a host that has taken many places, under as many names, gives them up to hosts that have fewer.
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
    const all = [...peers];
    return fromCrowd(newcomer, all, now) ?? this.#leastSuited(newcomer, all, now);
  }

  #leastSuited<P extends EvictablePeer>(
    newcomer: PeerAddress | undefined,
    peers: readonly P[],
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

/** Of the host that has most places, if those are too many beside the newcomer's, an idle one: the one idle for longest. */
function fromCrowd<P extends EvictablePeer>(
  newcomer: PeerAddress | undefined,
  peers: readonly P[],
  now: number,
): P | undefined {
  const places = new Map<string, number>();
  for (const { address } of peers) {
    if (address !== undefined) places.set(address.host, (places.get(address.host) ?? 0) + 1);
  }
  const own = newcomer === undefined ? 0 : (places.get(newcomer.host) ?? 0);
  let worst: P | undefined;
  let most = Math.max(HOUSEHOLD, own + 1);
  let idlest = Number.POSITIVE_INFINITY;
  for (const peer of peers) {
    const count = peer.address === undefined ? 0 : places.get(peer.address.host)!;
    const { receivedAt, sentAt } = peer.traffic;
    const carried = Math.max(receivedAt ?? Number.NEGATIVE_INFINITY, sentAt ?? Number.NEGATIVE_INFINITY);
    if (now - carried < IDLE || now - peer.connectedAt < FIRST_BLOCK) continue;
    const idleSince = Math.max(carried, peer.connectedAt);
    if (count < most || (count === most && (worst === undefined || idleSince >= idlest))) continue;
    worst = peer;
    most = count;
    idlest = idleSince;
  }
  return worst;
}
