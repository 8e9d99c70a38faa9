import type { LineOptions } from '../network/network.ts';
import type { Peer } from '../world.ts';
import type { Site } from './visitor.ts';

/** The site's own seeder: a process that is there from the start and has everything, over TCP and WebRTC. */
export function seeder(site: Omit<Site, 'webSeeds'>, line: LineOptions): Peer {
  return site.world.peer({
    content: site.content,
    kind: 'node',
    line,
    seed: true,
    engine: { origin: true },
    spec: { trackers: site.trackers.length === 0 ? [] : [site.trackers] },
  });
}
