/** Stands in for `vitest` in a page, so that the contract suites of the ports run where the ports do. */

import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from '@vitest/expect';
import * as chai from 'chai';

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

type Step = () => unknown;

interface Case {
  readonly name: string;
  readonly run: Step;
  readonly after: readonly Step[];
}

export interface CaseResult {
  readonly name: string;
  /** Stack of what it threw; absent when it passed. */
  readonly failure?: string;
}

const LIMIT = 30_000;
let cases: Case[] = [];
let prefix = '';
let after: Step[] = [];

export const expect: typeof chai.expect = chai.expect;

export function describe(name: string, define: Step): void {
  const [outerPrefix, outerAfter] = [prefix, after];
  prefix += `${name} > `;
  after = [...after];
  define();
  [prefix, after] = [outerPrefix, outerAfter];
}

export function it(name: string, run: Step): void {
  cases.push({ name: prefix + name, run, after });
}

export function afterEach(step: Step): void {
  after.push(step);
}

/** Runs what the suites have defined since the last time. */
export async function runCases(): Promise<CaseResult[]> {
  const [defined, results] = [cases, [] as CaseResult[]];
  cases = [];
  for (const { name, run, after: steps } of defined) {
    try {
      try {
        await limited(run());
      } finally {
        for (const step of steps) await limited(step());
      }
      results.push({ name });
    } catch (error) {
      results.push({
        name,
        failure: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
      });
    }
  }
  return results;
}

async function limited(work: unknown): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${LIMIT} ms`)), LIMIT);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

// The two functions of Node's that the suites use to compare long arrays.
Object.assign(globalThis, {
  Buffer: {
    concat(parts: readonly Uint8Array[]): Uint8Array {
      const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
    compare(a: Uint8Array, b: Uint8Array): number {
      for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
      return a.length - b.length;
    },
  },
});
