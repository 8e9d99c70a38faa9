import type { SwarmKind } from '../swarm-hashes.ts';

/** A silent connection may be replaced by a new one of the same peer after so many milliseconds. */
const LOST_AFTER = 15_000;

/** A connection, as far as a second one to the same peer is concerned. */
export interface DuplicateConnection {
  readonly incoming: boolean;
  /** What both sides speak. */
  readonly swarm: SwarmKind | undefined;
  /** The swarm that the caller named. */
  readonly calledIn: SwarmKind | undefined;
  /** Milliseconds since the peer sent anything. */
  silence(now: number): number;
}

/**
 * Whether a new connection takes the place of one to the same peer. Both sides must come to the same answer without
 * asking each other, else each closes the other's and none is left: both keep the one by version 2 (BEP 52) if the
 * other is by version 1, else the one that the greater peer id opened and, of two that it opened in both swarms of a
 * hybrid torrent, the one in the v2 swarm.
 */
export function replacesExisting(
  candidate: DuplicateConnection,
  existing: DuplicateConnection,
  ourIdIsGreater: boolean,
  now: number,
): boolean {
  if (candidate.swarm !== existing.swarm) return candidate.swarm === 'v2';
  if (candidate.incoming === existing.incoming) {
    if (candidate.calledIn !== existing.calledIn) return candidate.calledIn === 'v2';
    // Nobody connects twice who has a connection: it was lost on the other side, and ours has not noticed.
    return existing.silence(now) > LOST_AFTER;
  }
  return ourIdIsGreater ? !candidate.incoming : candidate.incoming;
}
