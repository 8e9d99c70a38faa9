import type { Scenario } from '../scenario.ts';
import { poisson } from './poisson.ts';

export const seeks: Scenario = {
  ...poisson,
  name: 'seeks',
  about: 'viewers who come one by one, jump about in the film twice a minute, and pause now and then',
  seeksPerMinute: 2,
  pausesPerMinute: 0.2,
};
