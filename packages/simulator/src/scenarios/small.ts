import { CABLE, ORIGIN, type Scenario } from '../scenario.ts';

export const small: Scenario = {
  name: 'small',
  about: 'ten viewers of a film of a minute at 2 Mbit/s: what tests run',
  peers: 10,
  film: { seconds: 60, bytesPerSecond: 250_000, pieceLength: 65_536 },
  arrivals: { kind: 'poisson', minutes: 0.5 },
  stay: { meanMinutes: 2, vanish: 0.1 },
  lines: [{ weight: 1, line: CABLE }],
  origin: { webSeed: ORIGIN },
};
