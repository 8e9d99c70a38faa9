import { sampleTorrent, writeFilm } from 'freshet/memory';
import { Downloader } from './actors/downloader.ts';
import { HttpViewer } from './actors/http-viewer.ts';
import { seeder } from './actors/seeder.ts';
import { Viewer, type ViewerOptions } from './actors/viewer.ts';
import type { Site, Visitor, VisitorEvents } from './actors/visitor.ts';
import { phantomContent } from './content/phantom.ts';
import { type Content, realContent } from './content.ts';
import type { Film } from './film.ts';
import type { SimulationResult } from './metrics/result.ts';
import type { LineOptions } from './network/network.ts';
import { DEFAULT_PIECE_LENGTH, type Policy, type Scenario } from './scenario.ts';
import { trackerHost } from './servers/tracker-host.ts';
import { webSeedHost } from './servers/web-seed-host.ts';
import type { Stage } from './stage.ts';
import type { World } from './world.ts';

/** Films up to so many bytes are real, byte by byte: each viewer keeps a copy and hashes it. */
const REAL_FILM = 32 * 1024 * 1024;

/** What makes an engine follow a policy. */
const POLICIES: Readonly<Record<Exclude<Policy, 'http'>, Omit<ViewerOptions, 'line'>>> = {
  freshet: {},
  sequential: { spec: { strategy: 'sequential' }, aside: true },
  rarest: { spec: { strategy: 'rarest' }, aside: true },
  window: {
    spec: {
      webSeedPolicy: {
        highDemand: 15_000,
        aloneDemand: 15_000,
        waitingDemand: 15_000,
        busyInterval: Number.POSITIVE_INFINITY,
      },
    },
  },
};

/** Real engines, or plain players, on simulated machines. */
export class DetailedStage implements Stage {
  readonly mode: SimulationResult['mode'] = 'detailed';
  readonly pieces: number;
  readonly #site: Site;
  readonly #purpose: 'watch' | 'download';
  readonly #policy: Policy;
  readonly #tracker: ReturnType<typeof trackerHost> | undefined;
  readonly #webSeed: ReturnType<typeof webSeedHost> | undefined;

  static async open(world: World, scenario: Scenario, policy: Policy, film: Film): Promise<DetailedStage> {
    return new DetailedStage(
      world,
      scenario,
      policy,
      film,
      await contentOf(scenario, film, policy === 'http'),
    );
  }

  private constructor(world: World, scenario: Scenario, policy: Policy, film: Film, content: Content) {
    this.#policy = policy;
    this.#purpose = scenario.purpose ?? 'watch';
    this.pieces = content.info.pieceCount;
    const { origin } = scenario;
    const swarm = policy !== 'http';
    if (scenario.tracker !== false && swarm) {
      this.#tracker = trackerHost(world, { url: 'ws://198.51.100.1:8000/announce', transports: ['ws'] });
    }
    if (origin.webSeed !== undefined) {
      const url = 'http://203.0.113.1/film.mp4';
      this.#webSeed = webSeedHost(world, { content, url, line: origin.webSeed });
    }
    const trackers = this.#tracker === undefined ? [] : [this.#tracker.url];
    const webSeeds = this.#webSeed === undefined ? [] : [this.#webSeed.url];
    const seeded = origin.seeder !== undefined && swarm;
    this.#site = { world, content, film, trackers, webSeeds, seeded };
    if (origin.seeder !== undefined && swarm) seeder(this.#site, origin.seeder);
  }

  visitor(line: LineOptions, events: VisitorEvents): Visitor {
    if (this.#policy === 'http') {
      const url = this.#site.webSeeds[0];
      if (url === undefined || this.#purpose !== 'watch') {
        throw new RangeError('The policy "http" is for films on a web server.');
      }
      return new HttpViewer(this.#site, { line, url }, events);
    }
    const options = { line, ...POLICIES[this.#policy] };
    return this.#purpose === 'watch'
      ? new Viewer(this.#site, options, events)
      : new Downloader(this.#site, options, events);
  }

  tracker(): SimulationResult['tracker'] {
    const { received = 0, sent = 0 } = this.#tracker?.counters ?? {};
    return { received, sent };
  }

  http(): SimulationResult['http'] {
    const seed = this.#webSeed;
    if (seed === undefined) return { requests: 0, bytes: 0 };
    return { requests: seed.requests, bytes: this.#site.world.network.traffic(seed.host.address).up };
  }
}

async function contentOf({ film: spec }: Scenario, film: Film, whole: boolean): Promise<Content> {
  const { pieceLength = DEFAULT_PIECE_LENGTH, version = 1 } = spec;
  const shape = { seconds: film.seconds, moov: 'first', moovLength: film.head - 32 } as const;
  if (film.length <= REAL_FILM) {
    const write = (bytes: Uint8Array): void => writeFilm(bytes, shape);
    return realContent(await sampleTorrent(film.length, pieceLength, { version, write }));
  }
  const content = await phantomContent({ length: film.length, pieceLength, version, film: shape });
  if (!whole) return content;
  // One answer holds all of it: memory that nobody writes to takes no room.
  const bytes = new Uint8Array(film.length);
  return { ...content, bytes: (offset, length) => bytes.subarray(offset, offset + length) };
}
