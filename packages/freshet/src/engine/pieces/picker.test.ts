import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../memory/index.ts';
import { Bitfield } from '../../protocol/index.ts';
import { type Offer, PiecePicker } from './picker.ts';

const everything: Offer = { have: undefined };
const only = (may: (piece: number) => boolean): Offer => ({ have: undefined, may });

function offer(length: number, pieces: Iterable<number>): Offer {
  const have = new Bitfield(length);
  for (const piece of pieces) have.set(piece);
  return { have };
}

describe('PiecePicker', () => {
  it('prefers the rarest piece that the peer has', () => {
    const picker = new PiecePicker(4, new SeededRandom(1), 'rarest');
    for (const piece of [0, 1, 2, 3]) picker.addAvailability(piece);
    for (const piece of [0, 1, 3]) picker.addAvailability(piece);
    picker.addAvailability(0);
    expect(picker.pick(everything)).toBe(2);
    expect(picker.pick(only((piece) => piece === 0))).toBe(0);
    expect(picker.pick(offer(4, [0]))).toBe(0);
    expect(picker.pick(only(() => false))).toBe(-1);
    expect(picker.pick(offer(4, []))).toBe(-1);
  });

  it('puts priority before rarity and never picks what is not wanted', () => {
    const picker = new PiecePicker(3, new SeededRandom(1), 'rarest');
    picker.addAvailability(2);
    picker.setPriority(2, 7);
    expect(picker.pick(everything)).toBe(2);
    picker.setPriority(2, 0);
    expect(picker.wantedPieces).toBe(2);
    expect(picker.pick(offer(3, [2]))).toBe(-1);
    expect(picker.pickRandom(offer(3, [2]))).toBe(-1);
  });

  it('goes by priority and then by index when sequential, whatever was put back', () => {
    const picker = new PiecePicker(5, new SeededRandom(1), 'sequential');
    picker.take(0);
    picker.take(1);
    expect(picker.pick(everything)).toBe(2);
    picker.putBack(0);
    expect(picker.pick(everything)).toBe(0);
    expect(picker.pick(only((piece) => piece !== 0))).toBe(2);
    picker.setPriority(4, 7);
    picker.setPriority(0, 1);
    expect(picker.pick(everything)).toBe(4);
    expect(picker.pick(offer(5, [0, 3]))).toBe(3);
  });

  it('goes on with the piece behind the last one among equals, and only there', () => {
    const picker = new PiecePicker(1000, new SeededRandom(1), 'rarest');
    expect(picker.pick(everything, 500)).toBe(501);
    expect(
      picker.pick(
        only((piece) => piece !== 501),
        500,
      ),
    ).not.toBe(501);
    picker.addAvailability(501);
    expect(picker.pick(everything, 500)).not.toBe(501);
    expect(picker.pick(offer(1000, [501, 502]), 500)).toBe(502);
    picker.setPriority(501, 7);
    expect(picker.pick(everything, 500)).toBe(501);
    picker.take(501);
    expect(picker.pick(everything, 500)).not.toBe(501);
    expect(picker.pick(everything, 999)).toBeGreaterThanOrEqual(0);
  });

  it('lets peers that begin at the same time begin far from each other', () => {
    const picker = new PiecePicker(200, new SeededRandom(2), 'rarest');
    const runs = [-1, -1, -1, -1];
    const starts: number[] = [];
    for (let round = 0; round < 10; round++) {
      for (const [peer, last] of runs.entries()) {
        const piece = picker.pick(everything, last);
        if (piece !== last + 1 || last === -1) starts.push(piece);
        picker.take(piece);
        runs[peer] = piece;
      }
    }
    // Four beginnings and the few times that a run met the end or another's.
    expect(starts.length).toBeLessThan(9);
    expect(new Set(starts.slice(0, 4).map((piece) => Math.floor(piece / 10))).size).toBe(4);
  });

  it('gives runs past rarer pieces, unless those are rare indeed', () => {
    const random = new SeededRandom(5);
    const picker = new PiecePicker(256, random, 'rarest');
    for (let i = 0; i < 5000; i++) picker.addAvailability(random.below(256));
    let last = -1;
    let breaks = 0;
    for (let i = 0; i < 256; i++) {
      const piece = picker.pick(everything, last, 16);
      expect(picker.isOpen(piece)).toBe(true);
      if (piece !== last + 1) breaks++;
      picker.take(piece);
      last = piece;
    }
    // Sixteen runs, and what lay before the place where each began.
    expect(breaks).toBeLessThan(64);
    picker.putBack(3);
    picker.putBack(5);
    picker.setPriority(5, 7);
    expect(picker.pick(everything, 2, 16)).toBe(5);
    const rare = new PiecePicker(64, random, 'rarest');
    for (let i = 0; i < 64; i++) if (i !== 40) rare.addAvailability(i);
    expect(rare.pick(everything, 2, 16)).toBe(40);
    // Among equals the first of a run, where nobody is at work in it.
    rare.take(40);
    expect(rare.pick(everything, -1, 16) % 16).toBe(0);
    const begun = new PiecePicker(16, random, 'rarest');
    begun.take(0);
    begun.take(1);
    expect(begun.pick(offer(16, [9]), -1, 16)).toBe(9);
  });

  it('finds the one piece that a source has among a million, by priority', () => {
    const length = 1_000_000;
    const picker = new PiecePicker(length, new SeededRandom(3), 'rarest');
    expect(picker.pick(offer(length, [777_777]))).toBe(777_777);
    picker.setPriority(31, 7);
    expect(picker.pick(offer(length, [31, 777_777]))).toBe(31);
    expect(picker.pickRandom(offer(length, [777_777]))).toBe(777_777);
    picker.take(777_777);
    expect(picker.pick(offer(length, [777_777]))).toBe(-1);
    // Of a few it takes the rarest, though all others are as rare.
    const few = Array.from({ length: 30 }, (_, i) => 30_000 * i + 7);
    for (const piece of few) picker.addAvailability(piece);
    for (const piece of few) if (piece !== 240_007) picker.addAvailability(piece);
    expect(picker.pick(offer(length, few))).toBe(240_007);
  });

  it('gives up a source that may give nothing of what it has', () => {
    const picker = new PiecePicker(100_000, new SeededRandom(3), 'rarest');
    let asked = 0;
    const never = only(() => {
      asked++;
      return false;
    });
    expect(picker.pick(never)).toBe(-1);
    expect(asked).toBeLessThan(2000);
  });

  it('counts a peer that has all but some by what it lacks', () => {
    const picker = new PiecePicker(5, new SeededRandom(3), 'rarest');
    picker.addToAll();
    picker.removeAvailability(2);
    expect([0, 2].map((piece) => picker.availability(piece))).toEqual([1, 0]);
    expect(picker.pick(everything)).toBe(2);
    picker.removeFromAll();
    picker.addAvailability(2);
    expect(picker.availability(2)).toBe(0);
  });

  describe('beside a naive model', () => {
    interface ModelPiece {
      have: number;
      state: 'open' | 'taken' | 'verified';
      priority: number;
    }

    const kinds = [
      'have',
      'unhave',
      'take',
      'finish',
      'putBack',
      'priority',
      'bits',
      'unbits',
      'pick',
    ] as const;

    function check(
      strategy: 'rarest' | 'sequential',
      count: number,
      steps: readonly { kind: (typeof kinds)[number]; piece: number; value: number; pieces: number[] }[],
    ): void {
      const picker = new PiecePicker(count, new SeededRandom(7), strategy);
      const model: ModelPiece[] = Array.from({ length: count }, () => ({
        have: 0,
        state: 'open',
        priority: 4,
      }));
      for (const { kind, piece, value, pieces } of steps) {
        const state = model[piece]!;
        const { have } = offer(count, pieces);
        if (kind === 'have') {
          picker.addAvailability(piece);
          state.have++;
        } else if (kind === 'unhave' && state.have > 0) {
          picker.removeAvailability(piece);
          state.have--;
        } else if (kind === 'bits') {
          picker.addPieces(have!);
          for (const each of have!.indexes()) model[each]!.have++;
        } else if (kind === 'unbits' && pieces.every((each) => model[each]!.have > 0)) {
          picker.removePieces(have!);
          for (const each of have!.indexes()) model[each]!.have--;
        } else if (kind === 'take') {
          picker.take(piece);
          if (state.state === 'open') state.state = 'taken';
        } else if (kind === 'finish') {
          picker.finish(piece);
          state.state = 'verified';
        } else if (kind === 'putBack') {
          picker.putBack(piece);
          state.state = 'open';
        } else if (kind === 'priority') {
          picker.setPriority(piece, value);
          state.priority = value;
        } else if (kind === 'pick') {
          checkPick(picker, model, strategy, pieces, piece);
        }
        const open = model.filter((each) => each.state === 'open' && each.priority > 0);
        expect(picker.openPieces).toBe(open.length);
        expect(picker.wantedPieces).toBe(model.filter((each) => each.priority > 0).length);
        expect(picker.availability(piece)).toBe(state.have);
        expect(picker.isOpen(piece)).toBe(state.state === 'open' && state.priority > 0);
        const missing = model.flatMap((each, i) =>
          each.state !== 'verified' && each.priority > 0 ? [i] : [],
        );
        expect([...picker.missing.indexes()]).toEqual(missing);
      }
      checkPick(picker, model, strategy, [...model.keys()], 0);
    }

    function checkPick(
      picker: PiecePicker,
      model: readonly ModelPiece[],
      strategy: 'rarest' | 'sequential',
      pieces: readonly number[],
      next: number,
    ): void {
      const candidates = [...new Set(pieces)].filter(
        (i) => model[i]!.state === 'open' && model[i]!.priority > 0,
      );
      const offered = offer(model.length, pieces);
      const picked = picker.pick(offered, next - 1);
      const random = picker.pickRandom(offered);
      if (candidates.length === 0) {
        expect([picked, random]).toEqual([-1, -1]);
        return;
      }
      const best = Math.max(...candidates.map((i) => model[i]!.priority));
      const foremost = candidates.filter((i) => model[i]!.priority === best);
      expect(foremost).toContain(random);
      if (strategy === 'sequential') {
        expect(picked).toBe(Math.min(...foremost));
        return;
      }
      const rarest = Math.min(...foremost.map((i) => model[i]!.have));
      const equals = foremost.filter((i) => model[i]!.have === rarest);
      expect(equals).toContain(picked);
      if (next > 0 && equals.includes(next)) expect(picked).toBe(next);
    }

    const stepsOf = (count: number, maxLength: number): fc.Arbitrary<Parameters<typeof check>[2]> =>
      fc.array(
        fc.record({
          kind: fc.constantFrom(...kinds),
          piece: fc.nat(count - 1),
          value: fc.nat(7),
          pieces: fc.uniqueArray(fc.nat(count - 1), { maxLength: count }),
        }),
        { maxLength, size: 'max' },
      );

    it.each(['rarest', 'sequential'] as const)('agrees under any sequence of operations: %s', (strategy) => {
      fc.assert(
        fc.property(stepsOf(12, 80), (steps) => check(strategy, 12, steps)),
        { numRuns: 200 },
      );
    });

    it('keeps its sums and the best priority with buckets that are given up and made anew', () => {
      // So many pieces that a bitfield moves more of them than is worth while.
      const count = 3000;
      const random = new SeededRandom(11);
      const picker = new PiecePicker(count, random, 'rarest');
      const model = Array.from({ length: count }, () => ({ have: 0, open: true, priority: 4 }));
      for (let step = 0; step < 3000; step++) {
        const piece = random.below(count);
        const state = model[piece]!;
        const kind = random.below(100);
        if (kind < 2) {
          const have = new Bitfield(count);
          for (let i = 0; i < count; i++) if (random.below(2) === 0) have.set(i);
          picker.addPieces(have);
          for (const each of have.indexes()) model[each]!.have++;
        } else if (kind < 40) {
          picker.addAvailability(piece);
          state.have++;
        } else if (kind < 50) {
          const priority = random.below(8);
          picker.setPriority(piece, priority);
          state.priority = priority;
        } else if (kind < 55) {
          picker.putBack(piece);
          state.open = true;
        } else {
          const picked = picker.pick(everything);
          const open = model.filter((each) => each.open && each.priority > 0);
          expect(picker.openPieces).toBe(open.length);
          if (open.length === 0) {
            expect(picked).toBe(-1);
            continue;
          }
          const best = Math.max(...open.map((each) => each.priority));
          const rarest = Math.min(...open.filter((each) => each.priority === best).map((each) => each.have));
          expect(model[picked]).toEqual({ open: true, priority: best, have: rarest });
          picker.take(picked);
          model[picked]!.open = false;
        }
      }
    });
  });
});
