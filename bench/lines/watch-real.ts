import { join } from 'node:path';
import type { Film, Policy, Scenario } from 'freshet-simulator';
import { bundleChild, type ChildScript } from '../../tests/support/child-script.ts';
import { within } from '../../tests/support/wait.ts';
import type { Felt, Watched } from './felt.ts';
import { machineOf, startLines } from './lines.ts';
import { Program } from './program.ts';
import type { Task } from './viewer.ts';

export const SITE = '10.9.0.1';
export const TRACKER = '10.9.0.2';
/** Milliseconds for which everybody may stall. */
const PATIENCE = 300_000;

export interface RealSwarm {
  readonly scenario: Scenario;
  readonly policy: Policy;
  /** @see Machine.fair */
  readonly fair: boolean;
  /** Milliseconds. */
  readonly arrivals: readonly number[];
  readonly film: Film;
  readonly file: string;
  readonly torrentFile: string;
  /** Empty; the viewers' files go there. */
  readonly folder: string;
}

/** The programs of a swarm on real lines, bundled once. */
export class RealSwarms {
  readonly #origin: ChildScript;
  readonly #tracker: ChildScript;
  readonly #viewer: ChildScript;

  static async open(): Promise<RealSwarms> {
    const [origin, tracker, viewer] = await Promise.all(
      ['origin', 'tracker', 'viewer'].map((name) => bundleChild(new URL(`./${name}.ts`, import.meta.url))),
    );
    return new RealSwarms(origin!, tracker!, viewer!);
  }

  private constructor(origin: ChildScript, tracker: ChildScript, viewer: ChildScript) {
    this.#origin = origin;
    this.#tracker = tracker;
    this.#viewer = viewer;
  }

  async close(): Promise<void> {
    await Promise.all([this.#origin.remove(), this.#tracker.remove(), this.#viewer.remove()]);
  }

  async watch({ scenario, policy, fair, arrivals, ...files }: RealSwarm): Promise<Watched> {
    const { line } = scenario.lines[0]!;
    const lines = await startLines([
      machineOf(SITE, scenario.origin.webSeed!, fair),
      // As the simulator's tracker: a line without a limit.
      machineOf(TRACKER, {}, fair),
      ...arrivals.map((_, i) => machineOf(`10.9.1.${i + 1}`, line, fair)),
    ]);
    const started: Program[] = [];
    const start = async (machine: number, script: ChildScript, ...args: string[]): Promise<Program> => {
      const program = new Program(lines.node(machine, [script.path, ...args]));
      started.push(program);
      await program.line();
      return program;
    };
    try {
      const origin = await start(0, this.#origin, SITE, files.file);
      const tracker = await start(1, this.#tracker, TRACKER);
      const { torrentFile, film } = files;
      const programs: Program[] = [];
      for (const i of arrivals.keys()) {
        const folder = join(files.folder, String(i));
        const task: Task = { policy, url: `http://${SITE}/film.mp4`, torrentFile, folder, film };
        programs.push(await start(i + 2, this.#viewer, JSON.stringify(task)));
      }
      const felt = arrivals.map(async (at, i): Promise<Felt> => {
        await new Promise((resolve) => setTimeout(resolve, at));
        return JSON.parse(await programs[i]!.ask('')) as Felt;
      });
      const patience = Math.max(...arrivals) + film.seconds * 1000 + PATIENCE;
      const viewers = await within(Promise.all(felt), patience, 'the viewers on real lines');
      const { requests } = JSON.parse(await origin.ask('')) as { requests: number };
      const messages = JSON.parse(await tracker.ask('')) as Watched['tracker'];
      const totals = await lines.close();
      const sent = totals.slice(2).reduce((sum, line) => sum + line.sent, 0);
      const dropped = totals.reduce((sum, line) => sum + line.dropped, 0);
      return { viewers, requests, tracker: messages, sent, dropped };
    } finally {
      for (const program of started) program.kill();
      await lines.close();
    }
  }
}
