/** All scenarios, by name. */

import type { Scenario } from '../scenario.ts';
import { download } from './download.ts';
import { evening } from './evening.ts';
import { flash } from './flash.ts';
import { lonely } from './lonely.ts';
import { mixed } from './mixed.ts';
import { poisson } from './poisson.ts';
import { seeks } from './seeks.ts';
import { small } from './small.ts';

export const scenarios: ReadonlyMap<string, Scenario> = new Map(
  [small, lonely, poisson, flash, evening, seeks, mixed, download].map((one) => [one.name, one]),
);

export { download, evening, flash, lonely, mixed, poisson, seeks, small };
