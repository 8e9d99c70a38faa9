import { describe, expect, it } from 'vitest';
import { Trace } from './trace.ts';

type Note = readonly [time: number, what: number, who: number, detail: number];

function digest(notes: readonly Note[]): string {
  const trace = new Trace();
  for (const note of notes) trace.note(...note);
  return trace.digest();
}

describe('a trace', () => {
  const NOTES: readonly Note[] = [
    [0, 1, 0, 5],
    [1.5, 2, 7, -1],
    [1e9, 255, 65_535, 2 ** 31],
  ];

  it('has 16 hexadecimal digits that are the same for the same notes', () => {
    expect(digest(NOTES)).toMatch(/^[0-9a-f]{16}$/);
    expect(digest(NOTES)).toBe(digest(NOTES));
    expect(digest([])).not.toBe(digest(NOTES));
  });

  it('differs with each number of a note, with their order, and with their count', () => {
    const seen = new Set([digest(NOTES), digest([...NOTES].reverse()), digest(NOTES.slice(1))]);
    for (let at = 0; at < NOTES.length; at++) {
      for (let field = 0; field < 4; field++) {
        const changed = NOTES.map((note) => [...note] as [number, number, number, number]);
        changed[at]![field]! += 1;
        seen.add(digest(changed));
      }
    }
    expect(seen.size).toBe(3 + 12);
  });

  it('differs with each byte that was delivered, and with where one delivery ends', () => {
    const of = (...chunks: number[][]): string => {
      const trace = new Trace();
      for (const chunk of chunks) trace.bytes(Uint8Array.from(chunk));
      return trace.digest();
    };
    expect(new Set([of([1, 2, 3]), of([1, 2, 4]), of([1, 2], [3]), of([1], [2, 3]), of()]).size).toBe(5);
  });

  it('counts its notes', () => {
    const trace = new Trace();
    for (const note of NOTES) trace.note(...note);
    expect(trace.count).toBe(3);
  });
});
