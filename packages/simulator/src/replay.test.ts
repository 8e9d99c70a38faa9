import { describe, expect, it } from 'vitest';
import { replayCommand, testCommand, withReplay, withTestReplay } from './replay.ts';

/** What `run` rejects with. */
async function errorOf(run: Promise<unknown>): Promise<Error> {
  try {
    await run;
  } catch (error) {
    return error as Error;
  }
  throw new Error('It did not fail.');
}

describe('a command that replays', () => {
  it('names only what differs from the scenario', () => {
    expect(replayCommand('poisson', { peers: 40, seed: 7 })).toBe(
      'npm run simulate -- poisson --peers 40 --seed 7',
    );
    expect(replayCommand('flash', { seed: 1, policy: 'freshet', mode: 'detailed' })).toBe(
      'npm run simulate -- flash --seed 1',
    );
    expect(
      replayCommand('flash', { peers: 10_000, seed: 1, policy: 'rarest', mode: 'coarse', minutes: 5 }),
    ).toBe('npm run simulate -- flash --peers 10000 --seed 1 --policy rarest --mode coarse --minutes 5');
  });

  it('runs this test (seed 3), and no other', () => {
    expect(testCommand(expect.getState())).toBe(
      'npx vitest run --project unit packages/simulator/src/replay.test.ts ' +
        "-t 'a command that replays runs this test \\(seed 3\\), and no other'",
    );
    expect(testCommand({ currentTestName: "a peer's test" })).toBe(
      "npx vitest run --project unit -t 'a peer'\\''s test'",
    );
  });
});

describe('a failing test', () => {
  it('says how to replay its scenario, and still what was expected', async () => {
    const error = await errorOf(
      withReplay({ name: 'poisson' }, { peers: 40, seed: 7 }, () => {
        expect(2100).toBeLessThan(2000);
      }),
    );
    expect(error.message).toMatch(
      /to be less than 2000.*\nReplay: npm run simulate -- poisson --peers 40 --seed 7$/,
    );
    expect(error.stack).toContain('Replay: npm run simulate -- poisson --peers 40 --seed 7');
    expect(error).toMatchObject({ actual: 2100, expected: 2000 });
  });

  it('says how to run it alone where it is no scenario', async () => {
    const error = await errorOf(
      withTestReplay(expect.getState(), () => Promise.reject(new Error('A wrong byte was verified.'))),
    );
    expect(error.message).toBe(
      'A wrong byte was verified.\nReplay: npx vitest run --project unit packages/simulator/src/replay.test.ts ' +
        "-t 'a failing test says how to run it alone where it is no scenario'",
    );
  });

  it('says it once, also for what is no error or cannot be changed', async () => {
    const replay = { seed: 1 };
    const nested = withReplay('small', replay, () =>
      withReplay('small', replay, () => {
        throw Object.freeze(new Error('frozen'));
      }),
    );
    expect((await errorOf(nested)).message).toBe('frozen\nReplay: npm run simulate -- small --seed 1');
    const text = withReplay('small', replay, () => Promise.reject('a text'));
    expect((await errorOf(text)).message).toBe('a text\nReplay: npm run simulate -- small --seed 1');
  });

  it('passes on what a good one returns', async () => {
    expect(await withReplay('small', { seed: 1 }, () => 5)).toBe(5);
  });
});
