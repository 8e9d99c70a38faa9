import { CABLE, ORIGIN, type Scenario } from '../scenario.ts';

export const download: Scenario = {
  name: 'download',
  about: 'all download a file of 100 MB within a minute of each other, and stay for one more',
  peers: 50,
  film: { seconds: 200, bytesPerSecond: 500_000, pieceLength: 262_144 },
  purpose: 'download',
  arrivals: { kind: 'flash' },
  stay: { lingerMinutes: 1 },
  lines: [{ weight: 1, line: CABLE }],
  origin: { webSeed: ORIGIN },
};
