import { CABLE, FILM, ORIGIN, type Scenario } from '../scenario.ts';

export const poisson: Scenario = {
  name: 'poisson',
  about:
    'viewers of a film of ten minutes come one by one, all within about ten minutes, and stay for six on average',
  peers: 100,
  film: FILM,
  arrivals: { kind: 'poisson', minutes: 10 },
  stay: { meanMinutes: 6, vanish: 0.1 },
  lines: [{ weight: 1, line: CABLE }],
  origin: { webSeed: ORIGIN },
};
