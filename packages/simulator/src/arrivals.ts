/** When viewers come. */

import type { SeededRandom } from 'freshet/memory';

export type Arrivals =
  /** Independently of each other, on average all within so many minutes. */
  | { readonly kind: 'poisson'; readonly minutes: number }
  /** A crowd: each at any moment of one minute, or of so many. */
  | { readonly kind: 'flash'; readonly minutes?: number | undefined }
  /** More and more up to the middle of so many minutes, and then fewer and fewer. */
  | { readonly kind: 'ramp'; readonly minutes: number }
  | { readonly kind: 'together' };

const MINUTE = 60_000;

/** Milliseconds at which `count` viewers come, ascending. */
export function arrivalTimes(arrivals: Arrivals, count: number, random: SeededRandom): number[] {
  const times = Array.from({ length: count }, () => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    switch (arrivals.kind) {
      case 'poisson':
        at += exponential((arrivals.minutes * MINUTE) / count, random);
        times[i] = at;
        break;
      case 'flash':
        times[i] = (arrivals.minutes ?? 1) * MINUTE * fraction(random);
        break;
      case 'ramp':
        // The mean of two is spread as a triangle.
        times[i] = (arrivals.minutes * MINUTE * (fraction(random) + fraction(random))) / 2;
        break;
      case 'together':
        break;
    }
  }
  return times.sort((a, b) => a - b);
}

/** A number in [0, 1). */
export function fraction(random: SeededRandom): number {
  return random.below(2 ** 32) / 2 ** 32;
}

/** An exponentially distributed number: the time until something that is as likely at one moment as at any other. */
export function exponential(mean: number, random: SeededRandom): number {
  return -mean * Math.log(1 - fraction(random));
}
