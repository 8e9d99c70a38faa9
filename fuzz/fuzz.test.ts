/** The short run: a fixed number of executions of every target, and what the fuzzer itself must be able to do. */

import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCrashes, saveCrash } from './crashes.ts';
import { execute } from './execute.ts';
import { Fuzzer } from './fuzzer.ts';
import { must, type Target } from './target.ts';
import { TARGETS } from './targets/index.ts';

const SEED = 4;

describe('what was found once stays mended', () => {
  it.each(TARGETS)('$name', async (target) => {
    for (const { file, input } of readCrashes(target.name)) {
      expect({ file, failure: (await execute(target, input))?.text }).toEqual({ file, failure: undefined });
    }
  });

  it('in inputs of all kinds', () => {
    const kept = TARGETS.flatMap(({ name }) => readCrashes(name));
    expect(kept.length).toBeGreaterThanOrEqual(4);
  });
});

/** Keeps the input, and says how to run it again. */
function replayOf({ name }: Target, input: Uint8Array): string {
  const file = relative(process.cwd(), saveCrash(name, input));
  return `input: ${Buffer.from(input).toString('hex')}\nagain: npm run fuzz -- ${name} --replay ${file}`;
}

describe('a short run', () => {
  it.each(TARGETS)('$name: $about', { timeout: 60_000 }, async (target) => {
    const fuzzer = new Fuzzer(target, {
      seed: SEED,
      inputs: readCrashes(target.name).map(({ input }) => input),
    });
    while (fuzzer.executions < target.shortRuns && fuzzer.findings.length === 0) {
      await fuzzer.batch(target.shortRuns - fuzzer.executions);
    }
    const [finding] = fuzzer.findings;
    expect(finding && `${finding.failure.text}\n${replayOf(target, finding.input)}`).toBeUndefined();
    expect(fuzzer.executions).toBe(target.shortRuns);
    expect(fuzzer.executions).toBeGreaterThan(0);
  });

  it('has targets that are called differently', () => {
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
    expect(TARGETS.length).toBeGreaterThanOrEqual(20);
  });
});

/** A parser with a fault deep inside, which generated input never reaches by itself. */
function faulty(run: (input: Uint8Array) => void | Promise<void>): Target {
  return {
    name: 'faulty',
    about: '',
    shortRuns: 1,
    generate: (dice) => dice.bytes(20),
    tokens: ['MAGIC'],
    run,
  };
}

async function found(target: Target, runs: number): Promise<Fuzzer> {
  const fuzzer = new Fuzzer(target, { seed: 1 });
  while (fuzzer.executions < runs && fuzzer.findings.length === 0) await fuzzer.batch();
  return fuzzer;
}

describe('the fuzzer', () => {
  const magic = (input: Uint8Array): void => {
    must(
      !Buffer.from(input).toString('latin1').includes('MAGIC'),
      `it has the word in ${input.length} bytes`,
    );
  };

  it('finds a planted fault, and makes the input as small as it goes', async () => {
    const { findings } = await found(faulty(magic), 5000);
    expect(findings.map(({ input }) => Buffer.from(input).toString())).toEqual(['MAGIC']);
    expect(findings[0]!.failure.text).toContain('it has the word in 5 bytes');
  });

  it('finds what is rejected, also where nobody waits for it', async () => {
    const late = faulty(async (input) => {
      if (input.length > 22) void Promise.reject(new Error('nobody takes it'));
    });
    const { findings } = await found(late, 2000);
    expect(findings[0]?.failure.text).toContain('nobody takes it');
    expect(findings[0]?.input.length).toBe(23);
  });

  it('does the same again with the same seed, and something else with another', async () => {
    const digest = async (seed: number): Promise<string> => {
      const fuzzer = new Fuzzer(faulty(magic), { seed });
      for (let i = 0; i < 3; i++) await fuzzer.batch();
      return fuzzer.digest;
    };
    const first = await digest(1);
    expect(await digest(1)).toBe(first);
    expect(await digest(2)).not.toBe(first);
  });

  it('tells a failure once, however many inputs have it', async () => {
    const fuzzer = new Fuzzer(
      faulty(() => must(false, 'always')),
      { seed: 1 },
    );
    for (let i = 0; i < 3; i++) await fuzzer.batch();
    expect(fuzzer.findings).toHaveLength(1);
    expect(fuzzer.findings[0]!.input).toHaveLength(0);
  });
});
