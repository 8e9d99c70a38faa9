import { type SeededRandom, sampleTorrent, writeFilm } from 'freshet/memory';
import { Downloader } from './actors/downloader.ts';
import { HttpViewer } from './actors/http-viewer.ts';
import { seeder } from './actors/seeder.ts';
import { Viewer, type ViewerOptions } from './actors/viewer.ts';
import { noteVisit, type Site, type Visitor, type VisitorEvents } from './actors/visitor.ts';
import { arrivalTimes, exponential, fraction } from './arrivals.ts';
import { phantomContent } from './content/phantom.ts';
import { type Content, realContent } from './content.ts';
import { type Film, filmOf, positionOf } from './film.ts';
import { Collector } from './metrics/collector.ts';
import type { SimulationResult } from './metrics/result.ts';
import type { LineOptions } from './network/network.ts';
import { type Policy, policies, type Scenario } from './scenario.ts';
import { trackerHost } from './servers/tracker-host.ts';
import { webSeedHost } from './servers/web-seed-host.ts';
import { World } from './world.ts';

export interface SimulationProgress {
  /** Milliseconds of virtual time. */
  readonly now: number;
  /** When the run ends at the latest. */
  readonly end: number;
  /** Viewers who are there. */
  readonly viewers: number;
  readonly events: number;
}

export interface SimulateOptions {
  /** Viewers; default the scenario's. */
  readonly peers?: number | undefined;
  readonly seed: number;
  /** Default the scenario's, else `freshet`. @see policies */
  readonly policy?: string | undefined;
  /** Virtual minutes at most; default the scenario's. */
  readonly minutes?: number | undefined;
  /** Ends the run early; what there is by then is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then. */
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
}

/** Films up to so many bytes are real, byte by byte: each viewer keeps a copy and hashes it. */
const REAL_FILM = 32 * 1024 * 1024;
const DEFAULT_PIECE_LENGTH = 262_144;
const DEFAULT_MINUTES = 60;
const MINUTE = 60_000;
const MEAN_PAUSE = 30_000;

/** What makes an engine follow a policy. */
const POLICIES: Readonly<Record<Exclude<Policy, 'http'>, Omit<ViewerOptions, 'line'>>> = {
  freshet: {},
  sequential: { spec: { strategy: 'sequential' }, aside: true },
  rarest: { spec: { strategy: 'rarest' }, aside: true },
  window: {},
};

/**
 * Runs a scenario with real engines in virtual time.
 * @throws {RangeError} for a policy that there is none of.
 */
export async function simulate(scenario: Scenario, options: SimulateOptions): Promise<SimulationResult> {
  const peers = options.peers ?? scenario.peers;
  const policy = policyOf(options.policy ?? scenario.policy ?? 'freshet');
  const film = filmOf(scenario.film.seconds, scenario.film.bytesPerSecond);
  const content = await contentOf(scenario, film, policy === 'http');
  const world = new World({ seed: options.seed });
  const run = new Run(world, scenario, policy, film, content, peers);
  const limit = (options.minutes ?? scenario.minutes ?? DEFAULT_MINUTES) * MINUTE;
  let stopped = false;
  await world.run({
    limit,
    until: () => stopped || run.over,
    onProgress: () => {
      stopped = options.signal?.aborted ?? false;
      const { present } = run.collector;
      options.onProgress?.({
        now: world.clock.now(),
        end: limit,
        viewers: present,
        events: world.loop.events,
      });
    },
  });
  const result = run.finish();
  await world.close();
  return { ...result, scenario: scenario.name, seed: options.seed, peers, policy };
}

function policyOf(name: string): Policy {
  const found = policies.find((policy) => policy === name);
  if (found === undefined) throw new RangeError(`There is no policy "${name}", only ${policies.join(', ')}.`);
  return found;
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

/** One run of a scenario. */
class Run {
  readonly collector: Collector;
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #policy: Policy;
  readonly #site: Site;
  readonly #tracker: ReturnType<typeof trackerHost> | undefined;
  readonly #webSeed: ReturnType<typeof webSeedHost> | undefined;
  readonly #visitors = new Set<Visitor>();
  #expected: number;

  constructor(world: World, scenario: Scenario, policy: Policy, film: Film, content: Content, peers: number) {
    this.#world = world;
    this.#scenario = scenario;
    this.#policy = policy;
    this.#expected = peers;
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
    this.#site = { world, content, film, trackers, webSeeds };
    if (origin.seeder !== undefined && swarm) seeder(this.#site, origin.seeder);
    this.collector = new Collector(world, content.info.pieceCount);
    const times = arrivalTimes(scenario.arrivals, peers, world.random('arrivals'));
    for (const [index, at] of times.entries()) world.clock.setTimer(at, () => this.#arrive(index));
  }

  /** All have come and gone. */
  get over(): boolean {
    return this.#expected === 0 && this.#visitors.size === 0;
  }

  finish(): Omit<SimulationResult, 'scenario' | 'seed' | 'peers' | 'policy'> {
    const { loop, trace, clock, network } = this.#world;
    for (const visitor of [...this.#visitors]) this.#leave(visitor, false);
    const offloadBound = this.collector.bound();
    const viewers = this.collector.results;
    const seed = this.#webSeed;
    const counters = this.#tracker?.counters;
    return {
      mode: 'detailed',
      durationMs: clock.now(),
      viewers,
      timeline: this.collector.timeline,
      tracker: { received: counters?.received ?? 0, sent: counters?.sent ?? 0 },
      http: {
        requests: seed?.requests ?? 0,
        bytes: seed === undefined ? 0 : network.traffic(seed.host.address).up,
      },
      offloadBound,
      events: loop.events,
      digest: trace.digest(),
    };
  }

  #arrive(index: number): void {
    const world = this.#world;
    const { stay = {}, seeksPerMinute = 0, pausesPerMinute = 0 } = this.#scenario;
    const random = world.random(`visitor ${index}`);
    const line = lineOf(this.#scenario, fraction(random));
    const leavesAfter =
      stay.meanMinutes === undefined ? undefined : exponential(stay.meanMinutes * MINUTE, random);
    const silently = fraction(random) < (stay.vanish ?? 0);
    const leave = (): void => this.#leave(visitor, silently);
    this.#expected--;
    noteVisit(world.trace, world.clock.now(), 'arrived', index);
    const visitor: Visitor = this.#visitor(line, {
      onPiece: (piece) => this.collector.onPiece(visitor, piece),
      // Never at once: who tells it is in the middle of something.
      onFinished: () => void world.clock.setTimer((stay.lingerMinutes ?? 0) * MINUTE, leave),
    });
    this.#visitors.add(visitor);
    this.collector.arrived(index, visitor);
    if (leavesAfter !== undefined) world.clock.setTimer(leavesAfter, leave);
    const { film } = this.#site;
    this.#repeat(visitor, seeksPerMinute, random, () => {
      visitor.playback?.seek(positionOf(film, fraction(random) * film.seconds * 1000));
    });
    this.#repeat(visitor, pausesPerMinute, random, () => {
      visitor.playback?.pause();
      world.clock.setTimer(exponential(MEAN_PAUSE, random), () => visitor.playback?.resume());
    });
  }

  #visitor(line: LineOptions, events: VisitorEvents): Visitor {
    const { purpose = 'watch' } = this.#scenario;
    if (this.#policy === 'http') {
      const url = this.#site.webSeeds[0];
      if (url === undefined || purpose !== 'watch') {
        throw new RangeError('The policy "http" is for films on a web server.');
      }
      return new HttpViewer(this.#site, { line, url }, events);
    }
    const options = { line, ...POLICIES[this.#policy] };
    return purpose === 'watch'
      ? new Viewer(this.#site, options, events)
      : new Downloader(this.#site, options, events);
  }

  #leave(visitor: Visitor, silently: boolean): void {
    if (!this.#visitors.delete(visitor)) return;
    this.collector.leaves(visitor);
    visitor.leave(silently);
    const { fromPeers, fromHttp } = visitor.totals();
    noteVisit(this.#world.trace, this.#world.clock.now(), 'left', fromPeers + 3 * fromHttp);
  }

  /** As often as that on average, until the visitor has gone. */
  #repeat(visitor: Visitor, perMinute: number, random: SeededRandom, action: () => void): void {
    if (perMinute === 0) return;
    this.#world.clock.setTimer(exponential(MINUTE / perMinute, random), () => {
      if (!this.#visitors.has(visitor)) return;
      action();
      this.#repeat(visitor, perMinute, random, action);
    });
  }
}

function lineOf({ lines }: Scenario, chance: number): LineOptions {
  let left = chance * lines.reduce((sum, { weight }) => sum + weight, 0);
  for (const { weight, line } of lines) {
    left -= weight;
    if (left < 0) return line;
  }
  throw new RangeError('A scenario has one class of lines at least.');
}
