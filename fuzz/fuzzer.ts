/** One target's run: what to try next, what to keep, what was found. */

import { createHash, type Hash } from 'node:crypto';
import { SeededRandom } from '../packages/freshet/src/memory/random.ts';
import { type Coverage, Reached } from './coverage.ts';
import { Dice } from './dice.ts';
import { confirm, execute, type Failure } from './execute.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { Target } from './target.ts';

export interface Finding {
  readonly failure: Failure;
  /** Minimised. */
  readonly input: Uint8Array;
}

export interface FuzzerOptions {
  readonly seed: number;
  /** Without it what is kept for mutations is what was generated last. */
  readonly coverage?: Coverage | undefined;
  /** Inputs to begin with. */
  readonly inputs?: readonly Uint8Array[] | undefined;
  readonly onFinding?: ((finding: Finding) => void) | undefined;
  /** Told of each input before it runs: should it never end, somebody else has it. */
  readonly beforeRun?: ((input: Uint8Array) => void) | undefined;
}

const MAX_CORPUS = 5000;
/** Inputs that are kept without coverage. */
const RECENT = 64;
const MOST = 256;
/** Where much is new, what it is that reached it is found sooner in few inputs. */
const FEWEST = 8;

/** Does the same for the same seed, inputs and code: it asks no clock. */
export class Fuzzer {
  readonly target: Target;
  readonly findings: Finding[] = [];
  executions = 0;
  readonly #options: FuzzerOptions;
  readonly #dice: Dice;
  readonly #corpus: Uint8Array[];
  readonly #signatures = new Set<string>();
  readonly #digest: Hash = createHash('sha1');
  readonly #given: number;
  readonly #reached = new Reached();
  /** Inputs are kept for what they reach, not because they came last. */
  readonly #guided: boolean;
  /** Inputs in a batch: more, the less of them is new. */
  #size: number;

  constructor(target: Target, options: FuzzerOptions) {
    this.target = target;
    this.#options = options;
    this.#corpus = [...(options.inputs ?? [])];
    this.#guided = options.coverage !== undefined && target.guided !== false;
    this.#size = this.#guided ? FEWEST : MOST;
    this.#given = this.#corpus.length;
    const name = [...target.name].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 2 ** 20, 7);
    this.#dice = new Dice(new SeededRandom((options.seed % 2 ** 32) * 2 ** 20 + name));
  }

  /** Inputs kept. */
  get corpus(): number {
    return this.#corpus.length;
  }

  /** Blocks of code that were reached; 0 without coverage. */
  get blocks(): number {
    return this.#reached.blocks;
  }

  /** Of all inputs tried so far: two runs that give the same did the same. */
  get digest(): string {
    return this.#digest.copy().digest('hex').slice(0, 12);
  }

  /** Tries some inputs, at most `most`. */
  async batch(most: number = Number.POSITIVE_INFINITY): Promise<void> {
    const { coverage } = this.#options;
    const inputs: Uint8Array[] = [];
    const count = Math.min(most, this.#size, this.target.batch ?? MOST);
    for (let i = 0; i < count; i++) {
      const input = this.#next();
      inputs.push(input);
      this.#digest.update(`${input.length} `).update(input);
      await this.#try(input);
      if (!this.#guided) this.#keep(input);
    }
    this.executions += count;
    if (coverage === undefined) return;
    const report = coverage.take();
    if (!this.#guided) {
      this.#reached.add(report);
      return;
    }
    if (!this.#reached.isNew(report)) {
      this.#size = Math.min(MOST, 2 * this.#size);
      return;
    }
    this.#size = Math.max(FEWEST, this.#size >> 1);
    await this.#keepThoseThatReach(inputs, coverage);
    // What does not come again, as code that runs once in a process, is not looked for again.
    this.#reached.add(report);
  }

  #next(): Uint8Array {
    const dice = this.#dice;
    const corpus = this.#corpus;
    if (this.executions < 8) return this.target.generate(dice);
    if (corpus.length === 0 || dice.chance(3, 10)) return this.target.generate(dice);
    // What came last is what is least explored.
    const newest = Math.min(corpus.length, 32);
    const input = dice.chance(1, 2) ? dice.pick(corpus) : corpus[corpus.length - 1 - dice.below(newest)]!;
    if (this.target.mutate !== undefined && dice.chance(1, 2)) return this.target.mutate(input, dice);
    const { tokens, maxLength = 4096 } = this.target;
    return mutate(input, dice.pick(corpus), dice, { tokens, maxLength: Math.max(maxLength, input.length) });
  }

  async #try(input: Uint8Array): Promise<void> {
    this.#options.beforeRun?.(input);
    let failure = await execute(this.target, input);
    if (failure === undefined || this.#signatures.has(failure.signature)) return;
    failure = await confirm(this.target, input);
    if (failure === undefined || this.#signatures.has(failure.signature)) return;
    const { signature } = failure;
    this.#signatures.add(signature);
    const fails = async (smaller: Uint8Array): Promise<boolean> => {
      this.#options.beforeRun?.(smaller);
      return (await confirm(this.target, smaller))?.signature === signature;
    };
    const smallest = await minimise(input, fails, this.target.minimiseRuns ?? 4000);
    const finding = { failure: (await confirm(this.target, smallest)) ?? failure, input: smallest };
    this.findings.push(finding);
    this.#options.onFinding?.(finding);
  }

  /** Something in the batch reached new code; what it was is found by running halves of it again. */
  async #keepThoseThatReach(inputs: readonly Uint8Array[], coverage: Coverage): Promise<void> {
    for (const input of inputs) {
      this.#options.beforeRun?.(input);
      await execute(this.target, input);
    }
    const report = coverage.take();
    if (!this.#reached.isNew(report)) return;
    const [input] = inputs;
    if (inputs.length === 1 && input !== undefined) {
      this.#reached.add(report);
      this.#keep(input);
      return;
    }
    const middle = inputs.length >> 1;
    await this.#keepThoseThatReach(inputs.slice(0, middle), coverage);
    await this.#keepThoseThatReach(inputs.slice(middle), coverage);
  }

  #keep(input: Uint8Array): void {
    const corpus = this.#corpus;
    corpus.push(input);
    const most = this.#guided ? MAX_CORPUS : this.#given + RECENT;
    // Those that were given stay.
    if (corpus.length > most) corpus.splice(this.#given, 1);
  }
}
