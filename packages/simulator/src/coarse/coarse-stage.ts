import type { Visitor, VisitorEvents } from '../actors/visitor.ts';
import type { Film } from '../film.ts';
import type { SimulationResult } from '../metrics/result.ts';
import type { LineOptions } from '../network/network.ts';
import { DEFAULT_PIECE_LENGTH, type Policy, type Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import type { World } from '../world.ts';
import { CoarseSwarm } from './coarse-swarm.ts';
import { coarsePolicies } from './policies.ts';

/** The coarse model as a scenario's stage. */
export class CoarseStage implements Stage {
  readonly mode: SimulationResult['mode'] = 'coarse';
  readonly #swarm: CoarseSwarm;

  /** @throws {RangeError} for what the model does not have: downloads, and seeders of the site beside a web seed. */
  constructor(world: World, scenario: Scenario, policy: Policy, film: Film) {
    const { origin, purpose = 'watch', tracker = true } = scenario;
    if (purpose !== 'watch' || origin.seeder !== undefined || origin.webSeed === undefined || !tracker) {
      throw new RangeError(
        `The coarse mode has viewers, a tracker and a web seed only: "${scenario.name}" runs in the detailed one.`,
      );
    }
    this.#swarm = new CoarseSwarm({
      clock: world.clock,
      film,
      pieceLength: scenario.film.pieceLength ?? DEFAULT_PIECE_LENGTH,
      origin: origin.webSeed,
      policy: coarsePolicies[policy],
      random: world.random('coarse'),
    });
  }

  get pieces(): number {
    return this.#swarm.pieceCount;
  }

  visitor(line: LineOptions, events: VisitorEvents): Visitor {
    return this.#swarm.add(line, events);
  }

  /** Not modelled. */
  tracker(): SimulationResult['tracker'] {
    return { received: 0, sent: 0 };
  }

  http(): SimulationResult['http'] {
    const { requests, bytes } = this.#swarm;
    return { requests, bytes: Math.round(bytes) };
  }
}
