/** Headers of HTTP about parts of files. */

import type { Dice } from '../dice.ts';

export function anyRange(dice: Dice, size: number): string {
  const place = (): string => `${dice.chance(3, 4) ? dice.below(size + 2) : dice.edge()}`;
  const spec = (): string =>
    dice.pick([
      () => `${place()}-${place()}`,
      () => `${place()}-`,
      () => `-${place()}`,
      () => '-',
      () => '0-0',
      () => dice.pick(['', ' ', 'a-b', '1--2', '+1-2', '1e3-', `${'9'.repeat(400)}-`]),
    ])();
  const count = dice.chance(1, 10) ? 20 : 1 + dice.below(4);
  return (
    dice.pick(['bytes=', 'bytes=', 'bytes=', 'Bytes = ', 'items=', 'bytes']) +
    Array.from({ length: count }, spec).join(dice.pick([',', ', ', ',,']))
  );
}

export function anyContentRange(dice: Dice, first: number, last: number, size: number): string {
  const near = (value: number): string =>
    `${dice.chance(3, 4) ? value : dice.chance(1, 2) ? Math.max(0, value + dice.below(5) - 2) : dice.edge()}`;
  return (
    dice.pick(['bytes ', 'bytes ', 'bytes=', 'BYTES  ', ' bytes ']) +
    dice.pick([`${near(first)}-${near(last)}`, '*']) +
    dice.pick([`/${near(size)}`, '/*', '', `/${near(size)} `])
  );
}
