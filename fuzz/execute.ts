/** One execution, and what came of it. */

import { takeRejections } from './rejections.ts';
import type { Target } from './target.ts';

/** Why an input is a finding. */
export interface Failure {
  /** The same for inputs that fail in the same way. */
  readonly signature: string;
  /** For people: the error with where it came from. */
  readonly text: string;
}

const MAX_TIME = 1000;

/** `undefined` if all was as it must be. */
export async function execute(target: Target, input: Uint8Array): Promise<Failure | undefined> {
  const before = process.cpuUsage();
  try {
    // A copy: a decoder that writes to its input, or keeps it, would change what is reported.
    const running = target.run(input.slice());
    if (running !== undefined) {
      await running;
      const [rejection] = await takeRejections();
      if (rejection !== undefined) return failureOf(rejection, 'a promise was rejected and nobody took it: ');
    }
  } catch (error) {
    return failureOf(error, '');
  }
  const { user, system } = process.cpuUsage(before);
  const limit = target.maxTime ?? MAX_TIME;
  return (user + system) / 1000 > limit
    ? { signature: 'slow', text: `took more than ${limit} ms of CPU` }
    : undefined;
}

/** Like `execute`, but slow is only what is slow three times: other things run on the machine, and collect garbage. */
export async function confirm(target: Target, input: Uint8Array): Promise<Failure | undefined> {
  let failure = await execute(target, input);
  for (let i = 0; i < 2 && failure?.signature === 'slow'; i++) failure = await execute(target, input);
  return failure;
}

function failureOf(error: unknown, prefix: string): Failure {
  if (!(error instanceof Error))
    return { signature: `${prefix}${typeof error}`, text: prefix + String(error) };
  const frame = /\n\s+at .*?((?:packages|fuzz)\/[^\s)]+)/.exec(
    (error.stack ?? '').replace(/\n.*\/fuzz\/target\.ts.*/g, ''),
  );
  // Numbers and texts of the input are not what tells failures apart.
  const what = error.message
    .replace(/["'<{[].*/s, '')
    .replace(/[0-9]+/g, '#')
    .slice(0, 100);
  return {
    signature: `${prefix}${error.name}: ${what} ${frame?.[1]?.replace(/:[0-9]+$/, '') ?? ''}`,
    text: prefix + (error.stack ?? error.message),
  };
}
