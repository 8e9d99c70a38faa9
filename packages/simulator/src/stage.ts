import type { Visitor, VisitorEvents } from './actors/visitor.ts';
import type { SimulationResult } from './metrics/result.ts';
import type { LineOptions } from './network/network.ts';

/** What a scenario is played on: real engines, or the coarse model. */
export interface Stage {
  readonly mode: SimulationResult['mode'];
  /** Pieces of the film. */
  readonly pieces: number;
  /** Somebody comes, now. */
  visitor(line: LineOptions, events: VisitorEvents): Visitor;
  /** Messages that the tracker has received and sent. */
  tracker(): SimulationResult['tracker'];
  /** What the origin has been asked over HTTP, and has sent. */
  http(): SimulationResult['http'];
}
