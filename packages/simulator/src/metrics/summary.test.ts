import { describe, expect, it } from 'vitest';
import type { SimulationResult, ViewerResult } from './result.ts';
import { gini, percentile, spread } from './spread.ts';
import { summarise } from './summary.ts';

const VIEWER: ViewerResult = {
  arrivedAt: 1000,
  leftAt: 3_601_000,
  startupMs: 500,
  stalls: 0,
  stalledMs: 0,
  watchedMs: 1_800_000,
  seekMs: [],
  completedAt: undefined,
  fromPeers: 600,
  fromSeeder: 100,
  fromHttp: 300,
  uploaded: 0,
  wasted: 0,
};

function resultOf(viewers: readonly ViewerResult[]): SimulationResult {
  return {
    scenario: 'test',
    seed: 1,
    peers: viewers.length,
    mode: 'detailed',
    policy: 'freshet',
    durationMs: 3_601_000,
    viewers,
    timeline: [],
    tracker: { received: 10, sent: 6 },
    http: { requests: 4, bytes: 600 },
    offloadBound: 0.75,
    events: 1,
    digest: 'abc',
  };
}

describe('spread', () => {
  it('takes percentiles that occurred', () => {
    const values = Array.from({ length: 20 }, (_, i) => 20 - i);
    expect(spread(values)).toEqual({ count: 20, p10: 2, p50: 10, p90: 18, p95: 19, max: 20 });
    expect(percentile([7], 0)).toBe(7);
    expect(spread([])).toEqual({ count: 0 });
  });

  it('tells equal from unequal', () => {
    expect(gini([5, 5, 5, 5])).toBeCloseTo(0);
    expect(gini([0, 0, 0, 8])).toBeCloseTo(0.75);
    expect(gini([1, 3])).toBeCloseTo(0.25);
    expect(gini([0, 0])).toBeUndefined();
    expect(gini([])).toBeUndefined();
  });
});

describe('the summary', () => {
  it('counts what viewers felt and gave', () => {
    const summary = summarise(
      resultOf([
        VIEWER,
        {
          ...VIEWER,
          startupMs: 1500,
          stalls: 3,
          stalledMs: 36_000,
          seekMs: [200, 400],
          completedAt: 61_000,
          uploaded: 1200,
          wasted: 20,
        },
      ]),
    );
    expect(summary).toMatchObject({
      viewers: 2,
      startupMs: { count: 2, p50: 500, max: 1500 },
      neverStarted: 0,
      stallsPerHour: 3,
      stalledViewers: 0.5,
      seekMs: { count: 2, p50: 200, p95: 400 },
      completionMs: { count: 1, p50: 60_000 },
      completed: 1,
      received: 2000,
      offload: 0.6,
      offloadBound: 0.75,
      uploaded: { p10: 0, p90: 1200 },
      wastedShare: 0.01,
      trackerMessages: 8,
      httpRequests: 2,
    });
    expect(summary.stalledShare).toBeCloseTo(36 / 3636);
    expect(summary.offloadRatio).toBeCloseTo(0.8);
    expect(summary.uploadGini).toBeCloseTo(0.5);
  });

  it('says undefined, not zero or infinity, where nothing was measured', () => {
    const waiting = {
      ...VIEWER,
      startupMs: undefined,
      watchedMs: 0,
      fromPeers: 0,
      fromSeeder: 0,
      fromHttp: 0,
    };
    expect(summarise(resultOf([waiting]))).toMatchObject({
      neverStarted: 1,
      startupMs: { count: 0, p50: undefined },
      stallsPerHour: undefined,
      stalledShare: undefined,
      offload: undefined,
      offloadRatio: undefined,
      wastedShare: undefined,
      uploadGini: undefined,
    });
    expect(summarise(resultOf([])).trackerMessages).toBeUndefined();
  });
});
