import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeFilm } from '../../memory/index.ts';
import { MediaSurvey } from './media-survey.ts';

const PIECE = 16_384;
const LENGTH = 50 * PIECE;
const SHAPE = { seconds: 10, moov: 'last', moovLength: 3 * PIECE } as const;
/** Where the second file begins. */
const SECOND = 20_000;

let now: number;
let content: Uint8Array;
let verified: Set<number>;
/** Bytes at the start of pieces that can be read before the rest. */
let blocks: Map<number, number>;
let cold: boolean;
let wakes: (() => void)[];
let failure: Error | undefined;
let learned: boolean[];
let survey: MediaSurvey;

beforeEach(() => {
  now = 1000;
  content = new Uint8Array(SECOND + LENGTH);
  content.fill(0x20, 0, SECOND);
  writeFilm(content.subarray(SECOND), SHAPE);
  verified = new Set();
  blocks = new Map();
  cold = false;
  wakes = [];
  failure = undefined;
  learned = [];
  survey = new MediaSurvey({
    pieceLength: PIECE,
    files: [
      { path: ['a.txt'], offset: 0, length: SECOND - 100, padding: false },
      { path: ['pad'], offset: SECOND - 100, length: 100, padding: true },
      { path: ['b.mp4'], offset: SECOND, length: LENGTH, padding: false },
    ],
    now: () => now,
    readableFrom: (piece, begin) => (verified.has(piece) ? PIECE : (blocks.get(piece) ?? 0)) - begin,
    readVerified: (piece, begin, length, wake) => {
      expect(verified.has(piece) || begin + length <= (blocks.get(piece) ?? 0)).toBe(true);
      if (failure !== undefined) return failure;
      if (cold) {
        wakes.push(wake);
        return undefined;
      }
      const at = piece * PIECE + begin;
      return [content.subarray(at, at + 1), content.subarray(at + 1, at + length)];
    },
    onLearned: (essential) => learned.push(essential),
  });
});

function verify(...pieces: number[]): void {
  for (const piece of pieces) {
    verified.add(piece);
    survey.onReadable(piece);
  }
}

/** First piece of the film, and those of its description. */
const HEAD = Math.floor(SECOND / PIECE);
const MOOV = SECOND + LENGTH - SHAPE.moovLength;
const TAIL = Math.floor(MOOV / PIECE);
const EARLY = { start: MOOV, end: SECOND + LENGTH };

describe('MediaSurvey', () => {
  it('learns from the first piece what is needed at the end, and from that how fast the film is', () => {
    survey.open(SECOND);
    expect([survey.rate(SECOND), survey.early(SECOND)]).toEqual([undefined, []]);
    verify(HEAD + 1, HEAD);
    expect(survey.early(SECOND + 5)).toEqual([{ ...EARLY, deadline: 1000 }]);
    expect(learned).toContain(true);
    expect(survey.rate(SECOND)).toBeUndefined();
    now = 5000;
    learned.length = 0;
    verify(TAIL);
    expect(survey.rate(SECOND)).toBe(LENGTH / 10);
    expect(survey.rate(SECOND + LENGTH - 1)).toBe(LENGTH / 10);
    expect(survey.rate(0)).toBeUndefined();
    // It is needed as soon as it was before, and that is no news.
    expect(survey.early(SECOND)).toEqual([{ ...EARLY, deadline: 1000 }]);
    expect(learned).not.toContain(true);
  });

  it('needs no more of a piece than the blocks with what it looks for', () => {
    survey.open(SECOND);
    blocks.set(HEAD, SECOND + 39 - HEAD * PIECE);
    survey.onReadable(HEAD);
    expect(survey.early(SECOND)).toEqual([]);
    blocks.set(HEAD, SECOND + 40 - HEAD * PIECE);
    survey.onReadable(HEAD);
    expect(survey.early(SECOND)).toEqual([{ ...EARLY, deadline: 1000 }]);
  });

  it('has nothing fetched early for a reader in the middle, until one begins at the start', () => {
    survey.open(SECOND + 20 * PIECE);
    verify(HEAD);
    expect(survey.early(SECOND)).toEqual([]);
    expect(learned).not.toContain(true);
    now = 3000;
    survey.open(SECOND);
    expect(survey.early(SECOND)).toEqual([{ ...EARLY, deadline: 3000 }]);
    expect(learned.at(-1)).toBe(true);
  });

  it('goes on with what came while nobody read', () => {
    survey.open(SECOND);
    verified
      .add(HEAD)
      .add(TAIL)
      .add(TAIL + 1)
      .add(TAIL + 2)
      .add(TAIL + 3);
    expect(survey.rate(SECOND)).toBeUndefined();
    survey.open(SECOND);
    expect(survey.rate(SECOND)).toBe(LENGTH / 10);
  });

  it('has the cues of WebM fetched within ten seconds: they are for the first seek', () => {
    const webm = readFileSync(new URL('../../../testing/media/film.webm', import.meta.url));
    const there = new Set<number>();
    const told: boolean[] = [];
    const film = new MediaSurvey({
      pieceLength: 1024,
      files: [{ path: ['film.webm'], offset: 0, length: webm.length, padding: false }],
      now: () => 700,
      readableFrom: (piece, begin) => (there.has(piece) ? 1024 - begin : 0),
      readVerified: (piece, begin, length) => [webm.subarray(piece * 1024 + begin).subarray(0, length)],
      onLearned: (essential) => told.push(essential),
    });
    film.open(0);
    there.add(0);
    film.onReadable(0);
    const [cues, ...others] = film.early(0);
    expect(others).toEqual([]);
    expect(cues).toMatchObject({ deadline: 10_700, end: webm.length });
    expect(cues!.start).toBeGreaterThan(webm.length - 1024);
    expect(film.rate(0)).toBeCloseTo(webm.length / 6.008, 0);
    expect(told).not.toContain(true);
  });

  it('waits for the disk', () => {
    cold = true;
    survey.open(SECOND);
    verify(HEAD);
    expect(survey.early(SECOND)).toEqual([]);
    cold = false;
    for (const wake of wakes) wake();
    expect(survey.early(SECOND)).toHaveLength(1);
    // Woken twice.
    for (const wake of wakes) wake();
    expect(survey.early(SECOND)).toHaveLength(1);
  });

  it('gives a file up that cannot be read, and any after it is closed', () => {
    failure = new Error('bad sector');
    survey.open(SECOND);
    verify(HEAD);
    failure = undefined;
    verify(HEAD);
    expect(survey.early(SECOND)).toEqual([]);
    cold = true;
    const other = wakes.length;
    survey.open(0);
    verify(0);
    expect(wakes.length).toBe(other + 1);
    survey.close();
    cold = false;
    for (const wake of wakes) wake();
    survey.open(SECOND);
    expect([survey.rate(0), survey.rate(SECOND)]).toEqual([undefined, undefined]);
  });

  it('knows nothing of padding and of files that are no media, and believes no rate that cannot be', () => {
    survey.open(SECOND - 50);
    survey.open(0);
    verify(0, 1);
    expect([survey.rate(10), survey.early(10), learned]).toEqual([undefined, [], []]);
    // A film of three months.
    writeFilm(content.subarray(SECOND), { ...SHAPE, seconds: 4_000_000 });
    survey.open(SECOND);
    for (let piece = 0; piece <= TAIL + 3; piece++) verify(piece);
    expect(survey.rate(SECOND)).toBeUndefined();
    expect(survey.early(SECOND)).toHaveLength(1);
  });
});
