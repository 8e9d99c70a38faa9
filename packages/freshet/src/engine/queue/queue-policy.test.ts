import { describe, expect, it } from 'vitest';
import { isSlow, mayRun, type QueueEntry, type QueueLimits, reachedGoal } from './queue-policy.ts';

/** `d` downloads, `s` seeds; capital: forced; followed by `-`: slow. */
function entries(text: string): QueueEntry[] {
  return text.split(' ').map((word) => ({
    seeding: word[0]!.toLowerCase() === 's',
    forced: word[0] !== word[0]!.toLowerCase(),
    slow: word[1] === '-',
  }));
}

function run(text: string, limits: QueueLimits): string {
  return mayRun(entries(text), limits)
    .map((running) => (running ? 'x' : '.'))
    .join('');
}

describe('mayRun', () => {
  it.each<[string, string, QueueLimits, string]>([
    ['all without limits', 'd s d', {}, 'xxx'],
    ['the first downloads', 'd d d s s', { maxActiveDownloads: 2 }, 'xx.xx'],
    ['the first seeds', 'd s s s d', { maxActiveSeeds: 1 }, 'xx..x'],
    ['downloads before seeds', 's s d d', { maxActive: 3 }, 'x.xx'],
    ['slow ones beside the others', 'd- d- d d d', { maxActiveDownloads: 2 }, 'xxxx.'],
    ['slow ones within the whole', 'd- d- d d d', { maxActiveDownloads: 2, maxActive: 3 }, 'xxx..'],
    [
      'forced ones without a place',
      'd d D S s s',
      { maxActiveDownloads: 1, maxActiveSeeds: 1, maxActive: 2 },
      'x.xxx.',
    ],
    ['nobody where there are no places', 'd d- s D', { maxActiveDownloads: 0, maxActiveSeeds: 0 }, '...x'],
    ['nobody where the whole is 0', 'd s- S', { maxActive: 0 }, '..x'],
  ])('lets run %s', (_name, text, limits, expected) => {
    expect(run(text, limits)).toBe(expected);
  });
});

describe('isSlow', () => {
  it('is patient for a minute', () => {
    expect([isSlow(0, 59_999), isSlow(0, 60_000), isSlow(2047, 60_000), isSlow(2048, 1e6)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('reachedGoal', () => {
  const progress = { uploaded: 200, downloaded: 0, length: 100, seedTime: 5000 };
  it.each([
    [{}, {}, undefined],
    [{ ratio: 2 }, {}, 'ratio'],
    [{ ratio: 2.1 }, {}, undefined],
    [{}, { ratio: 1 }, 'ratio'],
    [{ ratio: 3 }, { ratio: 1 }, undefined],
    [{ seedTime: 5000 }, {}, 'seedTime'],
    [{ ratio: 3 }, { seedTime: 4999 }, 'seedTime'],
    [{ ratio: 1, seedTime: 1 }, {}, 'ratio'],
    [{ ratio: 0 }, {}, 'ratio'],
    [
      { ratio: Number.POSITIVE_INFINITY, seedTime: Number.POSITIVE_INFINITY },
      { ratio: 1, seedTime: 1 },
      undefined,
    ],
  ])('of %o and of the client %o: %s', (own, general, goal) => {
    expect(reachedGoal(own, general, progress)).toBe(goal);
  });

  it('counts what was received beyond the length', () => {
    expect(reachedGoal({ ratio: 1 }, {}, { ...progress, downloaded: 201 })).toBeUndefined();
  });
});
