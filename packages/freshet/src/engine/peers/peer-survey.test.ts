import { describe, expect, it } from 'vitest';
import { countRivals, countUseful, hasFreeSeed, type SurveyedPeer, speedsOf } from './peer-survey.ts';

const peer = (state: Partial<SurveyedPeer> = {}): SurveyedPeer => ({
  peerChoking: false,
  amInterested: true,
  isSeed: false,
  uploadOnly: false,
  isOrigin: false,
  pipeline: { queueTime: 500, rate: 100 },
  ...state,
});

describe('a survey of peers', () => {
  it('counts those that would send something', () => {
    expect(countUseful([peer(), peer({ peerChoking: true }), peer({ amInterested: false })])).toBe(1);
  });

  it('counts as rivals those that want what we want, whether they send or not', () => {
    const others = [peer({ isSeed: true }), peer({ uploadOnly: true }), peer({ isOrigin: true })];
    expect(countRivals(others)).toBe(0);
    expect(countRivals([...others, peer(), peer({ peerChoking: true, amInterested: false })])).toBe(2);
  });

  it('finds a seed only where it is free and would send', () => {
    expect(hasFreeSeed([peer(), peer({ isSeed: true, isOrigin: true })])).toBe(false);
    expect(hasFreeSeed([peer({ isSeed: true, peerChoking: true })])).toBe(false);
    expect(hasFreeSeed([peer(), peer({ isSeed: true })])).toBe(true);
  });

  it('adds up the rates of those that would send, and finds the fastest and the shortest queue', () => {
    const idle = { queueTime: 10, rate: 0 };
    const busy = peer({ pipeline: { queueTime: 900, rate: 300 } });
    const choked = peer({ pipeline: { queueTime: 10, rate: 5000 }, peerChoking: true });
    expect(speedsOf([busy, peer(), choked])).toEqual({ total: 400, best: 300, bestQueueTime: 500 });
    expect(speedsOf([busy, peer({ pipeline: idle })])).toEqual({ total: 300, best: 300, bestQueueTime: 10 });
    const nobody = { total: 0, best: 0, bestQueueTime: 0 };
    expect(speedsOf([peer({ pipeline: undefined })])).toEqual(nobody);
    expect(speedsOf([])).toEqual(nobody);
  });
});
