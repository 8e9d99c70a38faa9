/** The choker's decision as a function over plain state. */

export interface ChokerPeer {
  readonly id: number;
  readonly interested: boolean;
  readonly unchoked: boolean;
  /** Payload received from it lately, in bytes. @see PeerTraffic.receivedLately */
  readonly received: number;
  /** Payload sent to it since it was unchoked, in bytes. */
  readonly sentSinceUnchoke: number;
  /** When it was last unchoked or choked, in clock milliseconds. */
  readonly changedAt: number;
  readonly connectedAt: number;
  /** It takes from us and has given nothing back for a minute, though we want something that it has. */
  readonly snubbing: boolean;
}

export interface ChokerState {
  readonly peers: readonly ChokerPeer[];
  /** Peers that may be unchoked at a time, the optimistic ones included; at least 1. */
  readonly slots: number;
  /** We have all that we want: nobody gives us anything to be thanked for. */
  readonly seeding: boolean;
  readonly now: number;
  /** The optimistically unchoked peers, and since when. */
  readonly optimistic: ReadonlyMap<number, number>;
  /** A uniformly distributed integer in [0, bound). */
  below(bound: number): number;
}

export interface ChokerDecision {
  readonly unchoke: ReadonlySet<number>;
  readonly optimistic: ReadonlyMap<number, number>;
}

/** Milliseconds between decisions. */
export const CHOKE_INTERVAL = 10_000;
/** How long an optimistic peer keeps its slot: long enough to show what it gives back. */
export const OPTIMISTIC_INTERVAL = 30_000;
/**
 * A seed's turn for one peer ends with the first of these. By bytes alone a slow seed would never come round, by time
 * alone a fast one would spend a minute on whoever has the fastest line.
 */
export const SEED_TURN_TIME = 60_000;
export const SEED_TURN_BYTES: number = 8 * 1024 * 1024;
/** One slot of so many is optimistic, one at least. */
const SLOTS_PER_OPTIMISTIC = 5;
/** A newcomer's wait counts this often (BEP 3: three times as likely to be drawn as others). */
const NEWCOMER_WEIGHT = 3;
const NEWCOMER_AGE = 60_000;
/** Who snubs us waits three times as long as others, and not for ever: it may have been unlucky. */
const SNUBBING_WEIGHT = 1 / 3;

/** Slots that go to peers whatever they have given. */
export function optimisticSlots(slots: number): number {
  return Math.max(1, Math.floor(slots / SLOTS_PER_OPTIMISTIC));
}

/**
 * Leeching: regular slots go to the interested peers that gave most of late (tit for tat), and to nobody who
 * gave nothing. Seeding: to peers whose turn is not over, then to those who have waited longest. The other slots are
 * optimistic: each goes for 30 s to whoever has waited longest, newcomers' waits counted three times and those of
 * snubbing peers a third. The latter are left to the few slots that are always optimistic, however many are free.
 */
export function decideChokes(state: ChokerState): ChokerDecision {
  const { now, slots } = state;
  const interested = state.peers.filter((peer) => peer.interested);
  // With one slot a seed's turns are rotation enough.
  const reserved = state.seeding && slots === 1 ? 0 : optimisticSlots(slots);
  const ranked = state.seeding ? rankForSeeding(interested, now) : rankForTrade(interested);
  const unchoke = new Set<number>();
  for (const peer of ranked.slice(0, Math.max(0, slots - reserved))) unchoke.add(peer.id);
  const optimistic = new Map<number, number>();
  let snubbing = 0;
  const waiting = shuffled(
    interested.filter((peer) => !unchoke.has(peer.id)),
    state,
  );
  const heldSince = (peer: ChokerPeer): number => {
    const since = state.optimistic.get(peer.id);
    return since === undefined || now - since >= OPTIMISTIC_INTERVAL ? Number.POSITIVE_INFINITY : since;
  };
  const patience = (peer: ChokerPeer): number => {
    if (peer.unchoked) return 0;
    const wait = now - peer.changedAt;
    if (peer.snubbing) return wait * SNUBBING_WEIGHT;
    return now - peer.connectedAt < NEWCOMER_AGE ? wait * NEWCOMER_WEIGHT : wait;
  };
  waiting.sort((a, b) => compare(heldSince(a), heldSince(b)) || patience(b) - patience(a));
  for (const peer of waiting) {
    if (unchoke.size >= slots) break;
    if (peer.snubbing && ++snubbing > reserved) continue;
    const since = heldSince(peer);
    unchoke.add(peer.id);
    optimistic.set(peer.id, Number.isFinite(since) ? since : now);
  }
  return { unchoke, optimistic };
}

/** Those who gave something, most first. */
function rankForTrade(peers: readonly ChokerPeer[]): ChokerPeer[] {
  return peers
    .filter((peer) => peer.received > 0)
    .sort(
      (a, b) =>
        b.received - a.received || Number(b.unchoked) - Number(a.unchoked) || a.changedAt - b.changedAt,
    );
}

function rankForSeeding(peers: readonly ChokerPeer[], now: number): ChokerPeer[] {
  const rank = (peer: ChokerPeer): number => {
    if (!peer.unchoked) return 1;
    return peer.sentSinceUnchoke < SEED_TURN_BYTES && now - peer.changedAt < SEED_TURN_TIME ? 0 : 2;
  };
  return [...peers].sort((a, b) => rank(a) - rank(b) || a.changedAt - b.changedAt);
}

/** Who has waited equally long is taken at random, or all of a swarm would begin with the same peer. */
function shuffled(peers: ChokerPeer[], state: ChokerState): ChokerPeer[] {
  for (let i = peers.length - 1; i > 0; i--) {
    const j = state.below(i + 1);
    const swapped = peers[i]!;
    peers[i] = peers[j]!;
    peers[j] = swapped;
  }
  return peers;
}

/** Of numbers that may both be infinite. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
