import type { SeededRandom } from 'freshet/memory';
import { noteVisit, type Visitor } from './actors/visitor.ts';
import { arrivalTimes, exponential, fraction } from './arrivals.ts';
import { CoarseStage } from './coarse/coarse-stage.ts';
import { DetailedStage } from './detailed-stage.ts';
import { type Film, filmOf, positionOf } from './film.ts';
import { Collector } from './metrics/collector.ts';
import type { SimulationResult } from './metrics/result.ts';
import { type Policy, policies, type Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { planVisit } from './visit-plan.ts';
import { World } from './world.ts';

export interface SimulationProgress {
  /** Milliseconds of virtual time. */
  readonly now: number;
  /** When the run is expected to end: viewers who wait for their film stay longer. */
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
  /** Real engines block by block, or a model by pieces for thousands of viewers (docs/simulation.md). Default `detailed`. */
  readonly mode?: SimulationResult['mode'] | undefined;
  /** Virtual minutes at most; default the scenario's. */
  readonly minutes?: number | undefined;
  /** Ends the run early; what there is by then is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then. */
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
}

const DEFAULT_MINUTES = 60;
const MINUTE = 60_000;
const MEAN_PAUSE = 30_000;

/**
 * Runs a scenario in virtual time.
 * @throws {RangeError} for a policy that there is none of.
 */
export async function simulate(scenario: Scenario, options: SimulateOptions): Promise<SimulationResult> {
  const peers = options.peers ?? scenario.peers;
  const policy = policyOf(options.policy ?? scenario.policy ?? 'freshet');
  const film = filmOf(scenario.film.seconds, scenario.film.bytesPerSecond);
  const world = new World({ seed: options.seed });
  const stage =
    options.mode === 'coarse'
      ? new CoarseStage(world, scenario, policy, film)
      : await DetailedStage.open(world, scenario, policy, film);
  const run = new Run(world, scenario, film, stage, peers);
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
        end: Math.min(limit, run.expectedEnd),
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

/** One run of a scenario. */
class Run {
  readonly collector: Collector;
  /** When the last one leaves, if nobody has to wait. */
  readonly expectedEnd: number;
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #film: Film;
  readonly #stage: Stage;
  readonly #visitors = new Set<Visitor>();
  #expected: number;

  constructor(world: World, scenario: Scenario, film: Film, stage: Stage, peers: number) {
    this.#world = world;
    this.#scenario = scenario;
    this.#film = film;
    this.#stage = stage;
    this.#expected = peers;
    this.collector = new Collector(world, stage.pieces);
    const times = arrivalTimes(scenario.arrivals, peers, world.random('arrivals'));
    for (const [index, at] of times.entries()) world.clock.setTimer(at, () => this.#arrive(index));
    const longest = film.seconds * 1000 + (scenario.stay?.lingerMinutes ?? 0) * MINUTE;
    const stays = times.map((at, index) => {
      const { leavesAfter = longest } = planVisit(scenario, world.random(`visitor ${index}`));
      return at + Math.min(leavesAfter, longest);
    });
    this.expectedEnd = stays.reduce((a, b) => Math.max(a, b), 0);
  }

  /** All have come and gone. */
  get over(): boolean {
    return this.#expected === 0 && this.#visitors.size === 0;
  }

  finish(): Omit<SimulationResult, 'scenario' | 'seed' | 'peers' | 'policy'> {
    const { loop, trace, clock } = this.#world;
    for (const visitor of [...this.#visitors]) this.#leave(visitor, false);
    const offloadBound = this.collector.bound();
    return {
      mode: this.#stage.mode,
      durationMs: clock.now(),
      viewers: this.collector.results,
      timeline: this.collector.timeline,
      tracker: this.#stage.tracker(),
      http: this.#stage.http(),
      offloadBound,
      events: loop.events,
      digest: trace.digest(),
    };
  }

  #arrive(index: number): void {
    const world = this.#world;
    const { stay = {}, seeksPerMinute = 0, pausesPerMinute = 0 } = this.#scenario;
    const random = world.random(`visitor ${index}`);
    const { line, leavesAfter, silently } = planVisit(this.#scenario, random);
    const leave = (): void => this.#leave(visitor, silently);
    this.#expected--;
    noteVisit(world.trace, world.clock.now(), 'arrived', index);
    const visitor: Visitor = this.#stage.visitor(line, {
      onPiece: (piece) => this.collector.onPiece(visitor, piece),
      // Never at once: who tells it is in the middle of something.
      onFinished: () => void world.clock.setTimer((stay.lingerMinutes ?? 0) * MINUTE, leave),
    });
    this.#visitors.add(visitor);
    this.collector.arrived(index, visitor);
    if (leavesAfter !== undefined) world.clock.setTimer(leavesAfter, leave);
    const film = this.#film;
    this.#repeat(visitor, seeksPerMinute, random, () => {
      visitor.playback?.seek(positionOf(film, fraction(random) * film.seconds * 1000));
    });
    this.#repeat(visitor, pausesPerMinute, random, () => {
      visitor.playback?.pause();
      world.clock.setTimer(exponential(MEAN_PAUSE, random), () => visitor.playback?.resume());
    });
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
