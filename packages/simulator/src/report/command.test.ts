import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { madeUpResult } from '../../testing/made-up-runs.ts';
import { type RunRequest, runCommand } from './command.ts';
import { Progress } from './progress.ts';

const SCRIPT = fileURLToPath(new URL('../../../../scripts/simulate.mjs', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-simulate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly requests: RunRequest[];
}

/** Runs the command on made-up results; stops it in that run, or fails in the first where it is `NaN`. */
async function simulate(args: string, stopAfter = Number.POSITIVE_INFINITY): Promise<Outcome> {
  const stop = new AbortController();
  const requests: RunRequest[] = [];
  let [out, err] = ['', ''];
  let cpu = 0;
  const code = await runCommand(args.split(' '), {
    scenarios: new Map([
      ['poisson', { about: 'one by one', peers: 100 }],
      ['small', { about: 'ten of them', peers: 10 }],
    ]),
    policies: ['freshet', 'rarest', 'http'],
    run: async (request) => {
      requests.push(request);
      if (Number.isNaN(stopAfter)) throw new Error('The engine failed.');
      request.onProgress({ now: 1, viewers: 1, events: 1 });
      if (requests.length === stopAfter) stop.abort();
      const { seed, peers = 100, policy = 'freshet' } = request;
      return madeUpResult({ seed, peers, policy });
    },
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    signal: stop.signal,
    folder,
    now: () => 0,
    cpuMs: () => (cpu += 1500),
  });
  return { code, out, err, requests };
}

describe('npm run simulate', () => {
  it('runs a scenario, prints its figures, and writes the report', async () => {
    const { code, out, err, requests } = await simulate('poisson --peers 40 --seed=7 --minutes 5');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(requests).toMatchObject([
      { scenario: 'poisson', peers: 40, seed: 7, policy: undefined, minutes: 5 },
    ]);
    expect(out).toContain('npm run simulate -- poisson --peers 40 --seed 7 --minutes 5');
    expect(out).toMatch(/CPU time +1.5 s/);
    expect(out).toContain('\nReport: reports/poisson-40-7.html\n');
    expect(readFileSync(join(folder, 'reports/poisson-40-7.html'), 'utf8')).toContain('<h1>poisson</h1>');
  });

  it('compares policies over several seeds, and writes the results where it is told', async () => {
    const { code, out, requests } = await simulate(
      'poisson --policy freshet,http --repeat 2 --seed 5 --out page.html --json deep/results.json',
    );
    expect(code).toBe(0);
    expect(requests.map(({ policy, seed }) => `${policy} ${seed}`)).toEqual([
      'freshet 5',
      'freshet 6',
      'http 5',
      'http 6',
    ]);
    expect(out).toContain('Report: page.html\nResults: deep/results.json\n');
    expect(readFileSync(join(folder, 'page.html'), 'utf8')).toContain('Plain HTTP');
    const results = JSON.parse(readFileSync(join(folder, 'deep/results.json'), 'utf8'));
    expect(results).toHaveLength(4);
    expect(results[3]).toMatchObject({
      command: 'npm run simulate -- poisson --peers 100 --seed 6 --policy http',
      result: { policy: 'http', seed: 6 },
      summary: { viewers: 100 },
    });
  });

  it('prints what there is when the user stops it', async () => {
    const { code, out, requests } = await simulate('poisson --policy freshet,rarest --repeat 3', 2);
    expect(code).toBe(130);
    expect(requests).toHaveLength(2);
    expect(out).toContain('--seed 2   # was stopped');
    expect(out).not.toContain('Rarest');
    expect(out).toContain('Report: reports/');
  });

  it('lets an error of the simulation through, with the command that brings it back', async () => {
    await expect(simulate('poisson --repeat 3 --peers 40', Number.NaN)).rejects.toThrow(
      /^The engine failed\.\nReplay: npm run simulate -- poisson --peers 40 --seed 1$/,
    );
  });

  it('lists what there is', async () => {
    expect((await simulate('--list')).out).toBe('poisson  one by one (100)\nsmall    ten of them (10)\n');
    const { code, out } = await simulate('poisson --help');
    expect(code).toBe(0);
    expect(out).toMatch(/^npm run simulate -- SCENARIO.*--seed S.*ten of them.*freshet, rarest, http\n$/s);
  });

  it.each([
    ['--peers 3', 'Which scenario? See --list, or --help.'],
    ['nope', 'There is no scenario nope; there are poisson, small.'],
    ['poisson small', 'One scenario at a time, but there are poisson and small.'],
    ['poisson --fast', 'There is no option --fast; see --help.'],
    ['poisson --list=yes', 'There is no option --list; see --help.'],
    ['poisson --seed', '--seed needs a value.'],
    ['poisson --out=', '--out needs a value.'],
    ['poisson --seed 1 --seed 2', '--seed is given twice.'],
    ['poisson --peers 0', '--peers must be a whole number from 1, not 0.'],
    ['poisson --seed 1.5', '--seed must be a whole number from 0, not 1.5.'],
    ['poisson --repeat many', '--repeat must be a whole number from 1, not many.'],
    ['poisson --minutes -1', '--minutes must be a number above 0, not -1.'],
    ['poisson --mode fine', '--mode must be detailed or coarse, not fine.'],
    ['poisson --policy best', 'There is no policy best; there are freshet, rarest, http.'],
    ['poisson --policy http,', 'There is no policy without a name; there are freshet, rarest, http.'],
    ['poisson --policy http,http', 'The policy http is named twice.'],
  ])('answers "%s" with one sentence', async (args, sentence) => {
    expect(await simulate(args)).toEqual({ code: 2, out: '', err: `${sentence}\n`, requests: [] });
  });

  it('is a program that runs from the sources', () => {
    const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [SCRIPT, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    expect(run('nope')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^There is no scenario nope; there are .*poisson.*\.\n$/),
    });
    const ran = run('lonely', '--policy', 'http', '--minutes', '0.5', '--out', 'lonely.html');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/digest +[0-9a-f]+\n/);
    expect(readFileSync(join(folder, 'lonely.html'), 'utf8')).toMatch(/<svg class="chart/);
  }, 90_000);
});

describe('progress', () => {
  const AT = { now: 120_000, end: 600_000, viewers: 42, events: 100_000 };

  it('is one line that changes on a terminal, cut to its width', () => {
    let [text, now] = ['', 0];
    const progress = new Progress(
      'poisson',
      { isTTY: true, columns: 60, write: (part) => (text += part) },
      () => now,
    );
    progress.update(AT);
    expect(text).toBe('');
    now = 2000;
    progress.update(AT);
    expect(text).toBe('\r\x1b[Kpoisson · 2:00 of about 10:00 · 42 viewers · 100,000 events');
    progress.end();
    expect(text.endsWith('\r\x1b[K')).toBe(true);
  });

  it('is a line now and then elsewhere', () => {
    let [text, now] = ['', 0];
    const progress = new Progress('poisson', { write: (part) => (text += part) }, () => now);
    for (; now < 40_000; now += 1000) progress.update({ ...AT, end: undefined });
    progress.end();
    expect(text).toBe(
      'poisson · 2:00 · 42 viewers · 100,000 events, 6.67k/s\n' +
        'poisson · 2:00 · 42 viewers · 100,000 events, 0/s\n',
    );
  });
});
