import { describe, expect, it } from 'vitest';
import { billSentence, readBill } from './site-api.ts';

describe('readBill', () => {
  it('takes what is there', () => {
    const stats = { upload: { total: 5, tcp: 1 }, webSeed: { bytes: 7 }, betweenViewers: 9 };
    expect(readBill(stats)).toEqual({ peers: 5, webSeed: 7, betweenViewers: 9 });
  });

  it('takes nothing from what is not as it should be', () => {
    for (const stats of [
      undefined,
      null,
      3,
      {},
      { upload: null, webSeed: { bytes: '7' } },
      { upload: { total: -1 } },
    ])
      expect(readBill(stats)).toEqual({ peers: 0, webSeed: 0, betweenViewers: undefined });
  });
});

describe('billSentence', () => {
  it('says who gave how much', () => {
    expect(billSentence({ peers: 3_000_000, webSeed: 1_000_000, betweenViewers: 12_000_000 })).toBe(
      'This site has sent 4.00 MB (3.00 MB as a peer, 1.00 MB over plain HTTP). Its viewers gave each other 12.0 MB: 75% of all.',
    );
  });

  it('leaves out what is not known', () => {
    expect(billSentence({ peers: 0, webSeed: 500, betweenViewers: undefined })).toBe(
      'This site has sent 500 B (0 B as a peer, 500 B over plain HTTP).',
    );
    expect(billSentence({ peers: 0, webSeed: 0, betweenViewers: undefined })).toMatch(/nothing yet/);
  });
});
