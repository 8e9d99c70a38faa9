import { describe, expect, it } from 'vitest';
import { percents, SourceLedger } from './source-ledger.ts';

const peer = (id: number, downloaded: number, isOrigin = false) => ({ id, downloaded, isOrigin });

describe('SourceLedger', () => {
  it('begins with nothing', () => {
    expect(new SourceLedger().shares({})).toEqual({ viewers: 0, origin: 0, webSeed: 0, total: 0 });
  });

  it('tells the seeder, viewers and the web seed apart', () => {
    const book = new SourceLedger();
    book.note([peer(1, 300, true), peer(2, 100), peer(3, 200)]);
    expect(book.shares({ webrtc: 600, webseed: 400 })).toEqual({
      viewers: 300,
      origin: 300,
      webSeed: 400,
      total: 1000,
    });
  });

  it('remembers peers that have gone, and takes only the latest count of each', () => {
    const book = new SourceLedger();
    book.note([peer(1, 50, true), peer(2, 100)]);
    book.note([peer(2, 300)]);
    expect(book.shares({ webrtc: 350 })).toMatchObject({ viewers: 300, origin: 50 });
  });

  it('shares bytes that no peer accounts for like the others, and loses none', () => {
    const book = new SourceLedger();
    book.note([peer(1, 100, true), peer(2, 300)]);
    expect(book.shares({ webrtc: 800 })).toMatchObject({ viewers: 600, origin: 200, total: 800 });
  });

  it('gives the very first bytes to the only kind of peer that is there', () => {
    const book = new SourceLedger();
    book.note([peer(1, 0, true)]);
    expect(book.shares({ webrtc: 10 })).toMatchObject({ viewers: 0, origin: 10 });
  });
});

describe('a page that shares the engine of another tab', () => {
  it('counts what came since it is there', () => {
    const book = new SourceLedger();
    book.begin({ webrtc: 900, webseed: 100 });
    expect(book.shares({ webrtc: 900, webseed: 100 })).toMatchObject({ total: 0 });
    book.note([peer(1, 50)]);
    expect(book.shares({ webrtc: 950, webseed: 110 })).toEqual({
      viewers: 50,
      origin: 0,
      webSeed: 10,
      total: 60,
    });
    // Another engine, which counts from nothing.
    expect(book.shares({ webrtc: 0, webseed: 0 })).toMatchObject({ total: 0 });
  });
});

describe('percents', () => {
  it('adds up to 100', () => {
    expect(percents({ viewers: 1, origin: 1, webSeed: 1, total: 3 })).toEqual([34, 33, 33]);
    expect(percents({ viewers: 999, origin: 1, webSeed: 0, total: 1000 })).toEqual([100, 0, 0]);
  });

  it('is nothing of nothing', () => {
    expect(percents({ viewers: 0, origin: 0, webSeed: 0, total: 0 })).toEqual([0, 0, 0]);
  });
});
