import type { Scenario } from '../scenario.ts';
import { poisson } from './poisson.ts';

export const flash: Scenario = {
  ...poisson,
  name: 'flash',
  about: 'a crowd: all viewers come within one minute',
  peers: 1000,
  arrivals: { kind: 'flash' },
};
