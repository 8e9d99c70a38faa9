import { HIGH_DEMAND } from '../pieces/scheduler.ts';

/**
 * When web seeds are asked while somebody watches and there are peers to take from. Times are milliseconds. The less of it,
 * the less the origin sends, and the less time is left when peers fail.
 */
export interface WebSeedPolicy {
  /** A missing piece is fetched when it is due within this, whoever has it. Default 4000. */
  readonly highDemand?: number | undefined;
  /** A piece that no peer has is fetched when it is due within this. Default 12,000. */
  readonly aloneDemand?: number | undefined;
  /** As `highDemand`, while the first peers are expected: they may give the rest in a moment. Default 1500. */
  readonly waitingDemand?: number | undefined;
  /**
   * Runs of up to a mebibyte that all viewers together fetch each second of what no peer has and nobody waits for, so that
   * each brings in what the others share. From 0, for none. Default 1.
   */
  readonly prefetch?: number | undefined;
  /**
   * How often each part of a film is fetched ahead of need by all viewers together, on average, while no peer of theirs
   * has it. From 0, for never. Default 1.5.
   */
  readonly sharedCopies?: number | undefined;
}

/** The policy with all of its numbers. */
export function completePolicy(given: WebSeedPolicy = {}): {
  readonly [key in keyof WebSeedPolicy]-?: number;
} {
  return {
    highDemand: given.highDemand ?? HIGH_DEMAND,
    aloneDemand: given.aloneDemand ?? 3 * HIGH_DEMAND,
    waitingDemand: given.waitingDemand ?? 1500,
    prefetch: given.prefetch ?? 1,
    sharedCopies: given.sharedCopies ?? 1.5,
  };
}
