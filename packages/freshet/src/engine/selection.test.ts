import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../testing/memory-swarm.ts';
import { openStore } from '../../testing/store-fixture.ts';
import type { PieceStore } from './pieces/piece-store.ts';
import { Selection } from './selection.ts';

let sample: SampleTorrent;
beforeAll(async () => {
  // Pieces of 100: a has 0, 1 and half of 2, b the other half of 2 and 3, c is empty, d has 4 to 5.
  const files = [
    { path: ['a'], length: 250 },
    { path: ['b'], length: 150 },
    { path: ['c'], length: 0 },
    { path: ['d'], length: 130 },
  ];
  sample = await sampleTorrent(530, 100, { files });
});

function bench(): { store: PieceStore; selection: Selection; priorities(): number[] } {
  const { store } = openStore(sample);
  return {
    store,
    selection: new Selection(sample.info, store),
    priorities: () => [0, 1, 2, 3, 4, 5].map((piece) => store.picker.priority(piece)),
  };
}

describe('Selection', () => {
  it('gives a piece the highest priority of its files', () => {
    const { selection, priorities } = bench();
    expect(priorities()).toEqual([4, 4, 4, 4, 4, 4]);
    selection.setFiles([0, 2, 7, 9]);
    expect(priorities()).toEqual([0, 0, 2, 2, 7, 7]);
    expect(selection.filePriorities()).toEqual([0, 2, 7, 7]);
    expect(selection.wantedFiles()).toEqual([false, true, true, true]);
    expect(selection.wantedBytes).toBe(330);
    selection.setFiles([0]);
    expect(priorities()).toEqual([0, 0, 4, 4, 4, 4]);
  });

  it('counts what is wanted and there', () => {
    const { selection, store } = bench();
    selection.setPieces(4, 1000, 0);
    expect([selection.wantedBytes, selection.complete]).toEqual([400, false]);
    for (const piece of [0, 1, 2, 3, 5]) {
      store.verified.set(piece);
      selection.onVerified(piece);
    }
    expect([selection.verifiedBytes, selection.wantedVerifiedBytes, selection.complete]).toEqual([
      430,
      400,
      true,
    ]);
    selection.setPieces(-5, 5, 3);
    expect([selection.wantedBytes, selection.wantedVerifiedBytes, selection.complete]).toEqual([
      530,
      430,
      false,
    ]);
    store.verified.unset(0);
    selection.recount();
    expect(selection.verifiedBytes).toBe(330);
    selection.setPieces(0, 5, 0);
    expect(selection.complete).toBe(false);
  });

  it('lends unselected pieces to readers, however they and selections overlap, and counts none as wanted', () => {
    const { selection, priorities } = bench();
    selection.setPieces(0, 5, 0);
    const a = selection.lend(150, 350);
    expect(a.changed).toBe(true);
    expect(priorities()).toEqual([0, 1, 1, 1, 0, 0]);
    expect(selection.wantedBytes).toBe(0);
    const b = selection.lend(299, 301);
    expect(b.changed).toBe(false);
    // Selected and deselected again while they read.
    selection.setPieces(0, 5, 6);
    expect(selection.lend(0, 530).changed).toBe(false);
    selection.setPieces(0, 5, 0);
    expect(priorities()).toEqual([1, 1, 1, 1, 1, 1]);
    const c = selection.lend(0, 100);
    expect(a.release()).toBe(false);
    expect(c.release()).toBe(false);
    expect(priorities()).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('takes a loan back once, when the last reader has gone', () => {
    const { selection, priorities } = bench();
    selection.setPieces(0, 5, 0);
    const a = selection.lend(0, 200);
    const b = selection.lend(100, 300);
    expect(a.release()).toBe(true);
    expect(a.release()).toBe(false);
    expect(priorities()).toEqual([0, 1, 1, 0, 0, 0]);
    selection.setPieces(2, 2, 5);
    expect(b.release()).toBe(true);
    expect(priorities()).toEqual([0, 0, 5, 0, 0, 0]);
    expect(selection.lend(100, 100)).toMatchObject({ changed: false });
  });

  it('is the same again after it was restored', () => {
    const { selection } = bench();
    selection.setFiles([1, 0, 0, 2]);
    selection.setPieces(3, 3, 7);
    const other = bench();
    other.selection.restore(selection.state);
    expect(other.priorities()).toEqual([1, 1, 1, 7, 2, 2]);
    expect(other.selection.filePriorities()).toEqual([1, 0, 0, 2]);
    expect(other.selection.wantedBytes).toBe(530);
  });

  it('agrees with a naive model on any layout, selection and order of pieces', async () => {
    const lengths = fc.array(fc.oneof(fc.nat(40), fc.nat(250)), { minLength: 1, maxLength: 12 });
    const step = fc.record({
      kind: fc.constantFrom('files', 'pieces', 'verify', 'lose', 'lend'),
      values: fc.array(fc.nat(9), { minLength: 3, maxLength: 12 }),
    });
    const everything = fc.tuple(lengths, fc.array(step, { maxLength: 15 }));
    await fc.assert(
      fc.asyncProperty(everything, async ([fileLengths, steps]) => {
        const files = fileLengths.map((length, i) => ({ path: [`${i}`], length }));
        const length = fileLengths.reduce((sum, each) => sum + each, 0);
        const { info } = await sampleTorrent(length, 100, { files });
        const { store } = openStore({ ...sample, info });
        const selection = new Selection(info, store);
        const model = Array.from({ length: info.pieceCount }, () => 4);
        const verified = new Set<number>();
        for (const { kind, values } of steps) {
          const [a, b, c] = [values[0]!, values[1]!, values[2]!];
          if (kind === 'files') {
            selection.setFiles(values);
            model.fill(0);
            for (const [i, file] of info.files.entries()) {
              for (let at = file.offset; at < file.offset + file.length; at++) {
                const piece = Math.floor(at / 100);
                model[piece] = Math.max(model[piece]!, Math.min(7, values[i] ?? 4));
              }
            }
          } else if (kind === 'pieces') {
            selection.setPieces(a, b, c);
            for (let piece = a; piece <= b && piece < model.length; piece++) model[piece] = Math.min(7, c);
          } else if (kind === 'verify' && a < model.length && !verified.has(a)) {
            verified.add(a);
            store.verified.set(a);
            store.picker.finish(a);
            selection.onVerified(a);
          } else if (kind === 'lose' && verified.delete(a)) {
            store.distrust(a);
            selection.recount();
          } else if (kind === 'lend' && a + b > 0) {
            const loan = selection.lend(Math.min(length, 20 * a), Math.min(length, 20 * (a + b)));
            for (let piece = 0; piece < model.length; piece++) {
              expect(store.picker.priority(piece)).toBeGreaterThanOrEqual(model[piece]!);
            }
            loan.release();
          }
          const bytes = (which: (piece: number) => boolean): number =>
            [...model.keys()].filter(which).reduce((sum, piece) => sum + store.pieceLength(piece), 0);
          expect(selection.wantedBytes).toBe(bytes((piece) => model[piece]! > 0));
          expect(selection.verifiedBytes).toBe(bytes((piece) => verified.has(piece)));
          expect(selection.wantedVerifiedBytes).toBe(
            bytes((piece) => verified.has(piece) && model[piece]! > 0),
          );
          for (const [piece, priority] of model.entries())
            expect(store.picker.priority(piece)).toBe(priority);
        }
      }),
      { numRuns: 60 },
    );
  });
});
