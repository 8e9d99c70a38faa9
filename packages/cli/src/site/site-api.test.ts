import { describe, expect, it } from 'vitest';
import { billSentence, readBill } from './site-api.ts';

describe('readBill', () => {
  it('takes what is there', () => {
    const stats = { upload: { total: 5, tcp: 1 }, webSeed: { bytes: 7 } };
    expect(readBill(stats)).toEqual({ peers: 5, webSeed: 7 });
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
      expect(readBill(stats)).toEqual({ peers: 0, webSeed: 0 });
  });
});

describe('billSentence', () => {
  it('says who gave how much', () => {
    expect(billSentence({ peers: 3_000_000, webSeed: 1_000_000 }, { got: 8_000_000, gave: 4_000_000 })).toBe(
      'This site has sent 4.00 MB to all its viewers: 3.00 MB as a peer, 1.00 MB over plain HTTP. ' +
        'It did not have to send the 12.0 MB that you and other viewers gave each other.',
    );
  });

  it('leaves out what has not happened', () => {
    expect(billSentence({ peers: 0, webSeed: 500 }, { got: 0, gave: 0 })).toBe(
      'This site has sent 500 B to all its viewers: 0 B as a peer, 500 B over plain HTTP.',
    );
    expect(billSentence({ peers: 0, webSeed: 0 }, { got: 0, gave: 0 })).toBe(
      'This site has sent nothing yet.',
    );
  });
});
