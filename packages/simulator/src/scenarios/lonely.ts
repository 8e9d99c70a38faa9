import { CABLE, FILM, ORIGIN, type Scenario } from '../scenario.ts';

export const lonely: Scenario = {
  name: 'lonely',
  about: 'one viewer and nobody else: everything comes from the origin',
  peers: 1,
  film: FILM,
  arrivals: { kind: 'together' },
  lines: [{ weight: 1, line: CABLE }],
  origin: { webSeed: ORIGIN },
};
