/** How a run is repeated: the command that a report prints, and that a failing test says. */

import { relative } from 'node:path';

/** What makes a run of a scenario what it is. */
export interface Replay {
  /** Default: the scenario's own number. */
  readonly peers?: number | undefined;
  readonly seed: number;
  readonly policy?: string | undefined;
  readonly mode?: 'detailed' | 'coarse' | undefined;
  /** Virtual minutes; default: the scenario's own duration. */
  readonly minutes?: number | undefined;
}

/** The command line that runs `scenario` again, event by event. */
export function replayCommand(scenario: string, { peers, seed, policy, mode, minutes }: Replay): string {
  const words = ['npm run simulate --', scenario];
  if (peers !== undefined) words.push(`--peers ${peers}`);
  words.push(`--seed ${seed}`);
  if (policy !== undefined && policy !== 'freshet') words.push(`--policy ${policy}`);
  if (mode === 'coarse') words.push('--mode coarse');
  if (minutes !== undefined) words.push(`--minutes ${minutes}`);
  return words.join(' ');
}

/**
 * Runs the checks of a test; what they throw says how to replay the scenario.
 *
 *     await withReplay('poisson', { peers: 40, seed: 7 }, async () => {
 *       const summary = summarise(await simulate(poisson, { peers: 40, seed: 7 }));
 *       expect(summary.startupMs.p95).toBeLessThan(2000);
 *     });
 */
export function withReplay<T>(
  scenario: string | { readonly name: string },
  replay: Replay,
  body: () => Promise<T> | T,
): Promise<T> {
  const name = typeof scenario === 'string' ? scenario : scenario.name;
  return explained(replayCommand(name, replay), body);
}

/** The test that runs, as vitest's `expect.getState()` tells. */
export interface RunningTest {
  readonly testPath?: string | undefined;
  readonly currentTestName?: string | undefined;
}

/**
 * The same for a test that is no scenario. Its seed belongs in the test's name.
 *
 *     it.each(seeds)('survives a liar, seed %i', (seed) =>
 *       withTestReplay(expect.getState(), async () => { ... }));
 */
export function withTestReplay<T>(test: RunningTest, body: () => Promise<T> | T): Promise<T> {
  return explained(testCommand(test), body);
}

/** The command line that runs one test of the unit tests again. */
export function testCommand({ testPath, currentTestName }: RunningTest): string {
  const words = ['npx vitest run --project unit'];
  if (testPath !== undefined) words.push(shellWord(relative(process.cwd(), testPath)));
  // The state has arrows between the names of suites and test; the option is an expression that is matched without.
  if (currentTestName !== undefined) {
    const pattern = currentTestName.replaceAll(' > ', ' ').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    words.push('-t', `'${pattern.replaceAll("'", "'\\''")}'`);
  }
  return words.join(' ');
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

async function explained<T>(command: string, body: () => Promise<T> | T): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw explain(error, command);
  }
}

/** The same error where its message can be changed, so that a test runner still shows what was expected and what came. */
function explain(error: unknown, command: string): unknown {
  const line = `Replay: ${command}`;
  if (!(error instanceof Error)) return new Error(`${String(error)}\n${line}`, { cause: error });
  const { message, stack } = error;
  if (message.includes(line)) return error;
  const explained = `${message}\n${line}`;
  try {
    Object.defineProperty(error, 'message', { value: explained, configurable: true, writable: true });
    if (stack !== undefined) {
      const shown = stack.includes(message) ? stack.replace(message, () => explained) : stack;
      Object.defineProperty(error, 'stack', { value: shown, configurable: true, writable: true });
    }
    return error;
  } catch {
    return new Error(explained, { cause: error });
  }
}
