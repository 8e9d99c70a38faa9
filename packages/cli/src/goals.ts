/** When a command that seeds has seeded enough. */

import type { Torrent, TorrentOptions } from 'freshet';
import { usageError } from './exit.ts';
import { formatBytes } from './ui/format.ts';
import type { Output } from './ui/output.ts';
import { printable } from './ui/text.ts';

export interface GoalOptions {
  /** Bytes sent per byte received, or per byte of the torrent if that is more. */
  readonly seedRatio?: number | undefined;
  /** Seconds. */
  readonly seedTime?: number | undefined;
}

export function hasGoals({ seedRatio, seedTime }: GoalOptions): boolean {
  return seedRatio !== undefined || seedTime !== undefined;
}

/** The goals as the library has them. */
export function goalsOf({
  seedRatio,
  seedTime,
}: GoalOptions): Pick<TorrentOptions, 'seedRatio' | 'seedTime'> {
  return { seedRatio, seedTime: seedTime === undefined ? undefined : seedTime * 1000 };
}

/** Resolves when a goal is reached, after telling so. */
export function seededEnough(torrent: Torrent, output: Output): Promise<void> {
  return new Promise((resolve) => {
    const onGoal = (goal: 'ratio' | 'seedTime'): void => {
      output.event({ event: 'goal', goal, uploaded: torrent.uploaded });
      const why = goal === 'ratio' ? 'its ratio is reached' : 'its time is over';
      output.say(
        `${printable(torrent.name ?? '')} is seeded enough, ${why}: gave ${formatBytes(torrent.uploaded)} in this run.`,
      );
      resolve();
    };
    if (torrent.reachedGoal === undefined) torrent.once('goal', onGoal);
    else onGoal(torrent.reachedGoal);
  });
}

/** Goals without seeding are a misunderstanding. @throws {CliError} */
export function refuseGoals(options: GoalOptions): void {
  if (!hasGoals(options)) return;
  const name = options.seedRatio === undefined ? '--seed-time' : '--seed-ratio';
  throw usageError(`${name} is about seeding, and --exit-when-done ends before that: leave one of them out.`);
}
