import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arrangeFiles,
  buildInfo,
  equalBytes,
  HASH_LENGTH,
  type Info,
  parseInfo,
} from '../../protocol/index.ts';
import { RootIndex } from './root-index.ts';

const PIECE = 32_768;

interface Sample {
  readonly length: number;
  readonly root: Uint8Array;
}

/** A torrent with these files, each of which begins at a piece. */
function infoOf(samples: readonly Sample[]): Info {
  const files = samples.map(({ length, root }, i) => ({
    path: [`${1_000_000 + i}`],
    length,
    piecesRoot: root,
  }));
  return parseInfo(
    buildInfo({ name: 'many', version: 2, pieceLength: PIECE, files: arrangeFiles(files, PIECE) }),
  );
}

/** A root that begins with four bytes of `start` and ends with one of `end`. */
function rootOf(start: number, end: number): Uint8Array {
  const root = new Uint8Array(HASH_LENGTH);
  root.fill(start, 0, 4);
  root[HASH_LENGTH - 1] = end;
  return root;
}

describe('RootIndex', () => {
  it('finds what a search of all files finds, also of roots that begin alike', () => {
    const root = fc.tuple(fc.constantFrom(0, 1, 128, 255), fc.integer({ min: 0, max: 3 }));
    const sample = fc.record({
      root: root.map(([start, end]) => rootOf(start, end)),
      length: fc.constantFrom(0, 1, 20_000, PIECE, 3 * PIECE),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 40 }), root, (samples, [start, end]) => {
        const info = infoOf(samples);
        const index = new RootIndex(info);
        const small = info.files.filter(({ length, padding }) => !padding && length > 0 && length <= PIECE);
        const placesOf = (wanted: Uint8Array): number[] => {
          const found = small.filter(({ piecesRoot }) => equalBytes(piecesRoot!, wanted));
          return found
            .filter(({ length }) => length === found[0]!.length)
            .map(({ offset }) => offset / PIECE);
        };
        const asked = [...small.map(({ piecesRoot }) => piecesRoot!), rootOf(start, end)];
        for (const wanted of asked) {
          expect(index.fileOf(wanted)).toBe(small.find(({ piecesRoot }) => equalBytes(piecesRoot!, wanted)));
          expect(index.piecesOf(wanted)).toEqual(placesOf(wanted));
        }
        const shared = new Set(
          asked.map((wanted) => `${placesOf(wanted)}`).filter((text) => text.includes(',')),
        );
        expect(new Set([...index.twins()].map((pieces) => `${pieces}`))).toEqual(shared);
        expect(index.hasTwins).toBe(shared.size > 0);
      }),
      { numRuns: 200 },
    );
  });
});
