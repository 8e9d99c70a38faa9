import { describe, expect, it } from 'vitest';
import { bestQueueTime, countUseful, hasFreeSeed, type SurveyedPeer } from './peer-survey.ts';

const peer = (state: Partial<SurveyedPeer> = {}): SurveyedPeer => ({
  peerChoking: false,
  amInterested: true,
  isSeed: false,
  isOrigin: false,
  pipeline: { queueTime: 500 },
  ...state,
});

describe('a survey of peers', () => {
  it('counts those that would send something', () => {
    expect(countUseful([peer(), peer({ peerChoking: true }), peer({ amInterested: false })])).toBe(1);
  });

  it('finds a seed only where it is free and would send', () => {
    expect(hasFreeSeed([peer(), peer({ isSeed: true, isOrigin: true })])).toBe(false);
    expect(hasFreeSeed([peer({ isSeed: true, peerChoking: true })])).toBe(false);
    expect(hasFreeSeed([peer(), peer({ isSeed: true })])).toBe(true);
  });

  it('takes the shortest queue of those that would send, and none for nothing', () => {
    const idle = { queueTime: 10 };
    const busy = peer({ pipeline: { queueTime: 900 } });
    expect(bestQueueTime([busy, peer(), peer({ pipeline: idle, peerChoking: true })])).toBe(500);
    expect(bestQueueTime([busy, peer({ pipeline: idle })])).toBe(10);
    expect(bestQueueTime([peer({ pipeline: undefined })])).toBe(0);
    expect(bestQueueTime([])).toBe(0);
  });
});
