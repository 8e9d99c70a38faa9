import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { LazyMap } from '../../protocol/lazy-collections.ts';

/** What the peers that would send something are worth, as of the last look at them. */
export interface PeerSpeeds {
  /** Bytes per second of all of them. */
  readonly total: number;
  /** Of the fastest. */
  readonly best: number;
  /** Milliseconds until the least busy of them could begin with something new. */
  readonly bestQueueTime: number;
}

/** Of one peer. */
export interface PeerSpeed {
  /** Bytes per second; 0 when it is not known. */
  readonly rate: number;
  /** Requests in flight. */
  readonly outstanding: number;
}

/** A slow peer is told to leave a piece to faster ones for so long, in milliseconds: they may not have it. */
const PATIENCE = 300;
const MAX_PIECES = 64;

/**
 * How many more blocks of a piece a peer may be asked for, so that the piece is whole as soon as all peers together
 * can have it so: the fast ones take a share by their rates, the slow ones what they bring in time.
 * @param missing blocks that the piece lacks, asked of somebody or not.
 * @param slack milliseconds until the piece is needed.
 */
export function urgentShare(peer: PeerSpeed, speeds: PeerSpeeds, missing: number, slack: number): number {
  const { rate, outstanding } = peer;
  // Nothing is known of it, or it is the only one.
  if (rate <= 0 || speeds.total <= rate) return missing;
  const within = (time: number): number => Math.floor((time * rate) / (1000 * BLOCK_LENGTH)) - outstanding;
  if (rate >= speeds.best / 2) {
    // A share that is just above a whole number is not rounded up: rates are not that exact.
    return Math.max(1, Math.ceil((missing * rate) / speeds.total - 0.1), within(slack));
  }
  const together = (1000 * missing * BLOCK_LENGTH) / speeds.total;
  return Math.max(0, within(Math.max(slack, 1.1 * together + speeds.bestQueueTime)));
}

/** For how long pieces have been kept for faster peers than those that offered themselves. */
export class Patience {
  readonly #since = new LazyMap<number, number>();

  /** Whether slow peers leave the piece to others at the moment. */
  keeps(piece: number, now: number): boolean {
    const since = this.#since.get(piece);
    return since !== undefined && now - since < PATIENCE;
  }

  /** A peer is too slow for the piece. Returns whether others are still waited for. */
  waits(piece: number, now: number): boolean {
    if (this.#since.has(piece)) return this.keeps(piece, now);
    if (this.#since.size >= MAX_PIECES) this.#since.clear();
    this.#since.set(piece, now);
    return true;
  }
}
