import { HIGH_DEMAND } from '../pieces/scheduler.ts';

/**
 * When web seeds are asked while somebody watches and there are peers to take from. Times are milliseconds. The less of it,
 * the less the origin sends, and the less time is left when peers fail.
 */
export interface WebSeedPolicy {
  /** A missing piece is fetched when it is due within this, whoever has it. Default 4000. */
  readonly highDemand?: number | undefined;
  /** A piece that no peer has is fetched when it is due within this, by everybody who needs it; before, by somebody. Default 5000. */
  readonly aloneDemand?: number | undefined;
  /**
   * As `highDemand`, with no peer to take from: about what a player has in its buffer, and as much again. Default 20,000. What
   * nobody is about to watch is fetched once readers need nothing more.
   */
  readonly soleDemand?: number | undefined;
  /** As `highDemand`, while the first peers are expected: they may give the rest in a moment. Default 1500. */
  readonly waitingDemand?: number | undefined;
  /**
   * How often each part of a film is fetched ahead of need by all viewers together, on average, while no peer of theirs
   * has it. From 0, for never. Default 2.
   */
  readonly sharedCopies?: number | undefined;
  /**
   * A web seed is busy when, by how long its answers take, each viewer should wait longer than this from one request to the next.
   * Then it is asked for what no peer has, and only now and then for anything else. Default 2000; infinite for never.
   */
  readonly busyInterval?: number | undefined;
}

/** The policy with all of its numbers. */
export function completePolicy(given: WebSeedPolicy = {}): {
  readonly [key in keyof WebSeedPolicy]-?: number;
} {
  return {
    highDemand: given.highDemand ?? HIGH_DEMAND,
    aloneDemand: given.aloneDemand ?? 5000,
    soleDemand: given.soleDemand ?? 20_000,
    waitingDemand: given.waitingDemand ?? 1500,
    sharedCopies: given.sharedCopies ?? 2,
    busyInterval: given.busyInterval ?? 2000,
  };
}
