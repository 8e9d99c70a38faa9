/** The choker's decision as a function over plain state. */

export interface ChokerPeer {
  readonly id: number;
  readonly interested: boolean;
  readonly unchoked: boolean;
  /** Payload received from it in the last round, in bytes. */
  readonly received: number;
  /** Payload sent to it in the last round, in bytes. */
  readonly sent: number;
  /** Payload sent to it since it was unchoked, in bytes. */
  readonly sentSinceUnchoke: number;
  /** When it was last unchoked or choked, in clock milliseconds. */
  readonly changedAt: number;
  readonly connectedAt: number;
}

export interface ChokerState {
  readonly peers: readonly ChokerPeer[];
  /** Peers that may be unchoked at a time, the optimistic one included; at least 1. */
  readonly slots: number;
  /** We have all that we want: nobody gives us anything to be thanked for. */
  readonly seeding: boolean;
  readonly now: number;
  /** The optimistically unchoked peer, and since when. */
  readonly optimistic: number | undefined;
  readonly optimisticSince: number;
  /** A uniformly distributed integer in [0, bound). */
  below(bound: number): number;
}

export interface ChokerDecision {
  readonly unchoke: ReadonlySet<number>;
  readonly optimistic: number | undefined;
  readonly optimisticSince: number;
}

/** Milliseconds between decisions. */
export const CHOKE_INTERVAL = 10_000;
/** How long an optimistic peer keeps its slot: long enough to show what it gives back. */
export const OPTIMISTIC_INTERVAL = 30_000;
/** A seed's turn for one peer: it ends when both are used up, so that fast and slow peers each get something. */
const SEED_QUOTA_TIME = 60_000;
const SEED_QUOTA_BYTES = 8 * 1024 * 1024;
/** A newcomer counts this often when the optimistic slot is drawn (BEP 3). */
const NEWCOMER_WEIGHT = 3;
const NEWCOMER_AGE = 60_000;

/**
 * Leeching: the slots but one go to the interested peers that gave most in the last round (tit for tat); one goes
 * to a peer drawn at random every 30 s, newcomers three times as likely. Seeding: peers whose turn is not over
 * keep their slots, then come those who have waited longest.
 */
export function decideChokes(state: ChokerState): ChokerDecision {
  const interested = state.peers.filter((peer) => peer.interested);
  if (interested.length <= state.slots) {
    const keep = interested.some((peer) => peer.id === state.optimistic);
    return {
      unchoke: new Set(interested.map((peer) => peer.id)),
      optimistic: keep ? state.optimistic : undefined,
      optimisticSince: keep ? state.optimisticSince : state.now,
    };
  }
  const ranked = state.seeding ? rankForSeeding(interested, state.now) : rankForTrade(interested);
  const regular = Math.max(state.slots - 1, state.slots === 1 ? 0 : 1);
  const unchoke = new Set(ranked.slice(0, regular).map((peer) => peer.id));
  const { optimistic, optimisticSince } = drawOptimistic(state, interested, unchoke);
  if (optimistic !== undefined) unchoke.add(optimistic);
  return { unchoke, optimistic, optimisticSince };
}

function rankForTrade(peers: ChokerPeer[]): ChokerPeer[] {
  return peers.sort(
    (a, b) => b.received - a.received || Number(b.unchoked) - Number(a.unchoked) || a.changedAt - b.changedAt,
  );
}

function rankForSeeding(peers: ChokerPeer[], now: number): ChokerPeer[] {
  const inTurn = (peer: ChokerPeer): boolean =>
    peer.unchoked &&
    (peer.sentSinceUnchoke < SEED_QUOTA_BYTES || now - peer.changedAt < SEED_QUOTA_TIME) &&
    // Who takes nothing does not hold a slot for longer than its time.
    (peer.sent > 0 || now - peer.changedAt < SEED_QUOTA_TIME);
  const rank = (peer: ChokerPeer): number => (inTurn(peer) ? 0 : peer.unchoked ? 2 : 1);
  return peers.sort((a, b) => rank(a) - rank(b) || a.changedAt - b.changedAt);
}

function drawOptimistic(
  state: ChokerState,
  interested: readonly ChokerPeer[],
  taken: ReadonlySet<number>,
): { optimistic: number | undefined; optimisticSince: number } {
  const current = interested.find((peer) => peer.id === state.optimistic);
  const candidates = interested.filter((peer) => !taken.has(peer.id));
  const due = state.now - state.optimisticSince >= OPTIMISTIC_INTERVAL;
  if (current !== undefined && !taken.has(current.id) && !due) {
    return { optimistic: current.id, optimisticSince: state.optimisticSince };
  }
  const fresh = candidates.filter((peer) => peer !== current);
  const pool = fresh.length > 0 ? fresh : candidates;
  if (pool.length === 0) return { optimistic: undefined, optimisticSince: state.now };
  const weight = (peer: ChokerPeer): number =>
    state.now - peer.connectedAt < NEWCOMER_AGE ? NEWCOMER_WEIGHT : 1;
  let draw = state.below(pool.reduce((sum, peer) => sum + weight(peer), 0));
  for (const peer of pool) {
    draw -= weight(peer);
    if (draw < 0) return { optimistic: peer.id, optimisticSince: state.now };
  }
  return { optimistic: pool[0]!.id, optimisticSince: state.now };
}
