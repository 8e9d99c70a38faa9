import type { Scenario } from '../scenario.ts';
import { poisson } from './poisson.ts';

export const evening: Scenario = {
  ...poisson,
  name: 'evening',
  about: 'more and more viewers up to the middle of half an hour, and then fewer and fewer',
  peers: 200,
  arrivals: { kind: 'ramp', minutes: 30 },
};
