import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../memory/index.ts';
import { PiecePicker } from './picker.ts';

const everything = (): boolean => true;

describe('PiecePicker', () => {
  it('prefers the rarest piece that the peer has', () => {
    const picker = new PiecePicker(4, new SeededRandom(1), 'rarest');
    for (const piece of [0, 1, 2, 3]) picker.addAvailability(piece);
    for (const piece of [0, 1, 3]) picker.addAvailability(piece);
    picker.addAvailability(0);
    expect(picker.pick(everything)).toBe(2);
    expect(picker.pick((piece) => piece === 0)).toBe(0);
    expect(picker.pick(() => false)).toBe(-1);
  });

  it('puts priority before rarity and never picks what is not wanted', () => {
    const picker = new PiecePicker(3, new SeededRandom(1), 'rarest');
    picker.addAvailability(2);
    picker.setPriority(2, 7);
    expect(picker.pick(everything)).toBe(2);
    picker.setPriority(2, 0);
    expect(picker.wantedPieces).toBe(2);
    expect(picker.pick((piece) => piece === 2)).toBe(-1);
  });

  it('goes by index when sequential, whatever was put back', () => {
    const picker = new PiecePicker(5, new SeededRandom(1), 'sequential');
    picker.take(0);
    picker.take(1);
    expect(picker.pick(everything)).toBe(2);
    picker.putBack(0);
    expect(picker.pick(everything)).toBe(0);
    picker.setPriority(4, 7);
    expect(picker.pick((piece) => piece !== 0)).toBe(2);
  });

  it('goes on with the piece behind the last one among equals, and only there', () => {
    const picker = new PiecePicker(1000, new SeededRandom(1), 'rarest');
    expect(picker.pick(everything, 500)).toBe(501);
    expect(picker.pick((piece) => piece !== 501, 500)).not.toBe(501);
    picker.addAvailability(501);
    expect(picker.pick(everything, 500)).not.toBe(501);
    expect(picker.pick((piece) => piece === 501 || piece === 502, 500)).toBe(502);
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

  it('agrees with a naive model under any sequence of operations', () => {
    const operation = fc.tuple(
      fc.constantFrom('have', 'unhave', 'take', 'putBack', 'priority'),
      fc.nat(11),
      fc.nat(7),
    );
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 80 }),
        fc.nat(4095),
        fc.nat(12),
        (operations, hasMask, next) => {
          const picker = new PiecePicker(12, new SeededRandom(7), 'rarest');
          const model = Array.from({ length: 12 }, () => ({ have: 0, taken: false, priority: 4 }));
          for (const [kind, piece, value] of operations) {
            const state = model[piece]!;
            if (kind === 'have') {
              picker.addAvailability(piece);
              state.have++;
            } else if (kind === 'unhave' && state.have > 0) {
              picker.removeAvailability(piece);
              state.have--;
            } else if (kind === 'take' && !state.taken) {
              picker.take(piece);
              state.taken = true;
            } else if (kind === 'putBack') {
              picker.putBack(piece);
              state.taken = false;
            } else if (kind === 'priority') {
              picker.setPriority(piece, value);
              state.priority = value;
            }
          }
          const has = (piece: number): boolean => (hasMask & (1 << piece)) !== 0;
          const open = model.filter((state) => !state.taken && state.priority > 0);
          expect(picker.openPieces).toBe(open.length);
          expect(picker.wantedPieces).toBe(model.filter((state) => state.priority > 0).length);
          const candidates = open.filter((state) => has(model.indexOf(state)));
          const picked = picker.pick(has, next - 1);
          if (candidates.length === 0) {
            expect(picked).toBe(-1);
            return;
          }
          const bestPriority = Math.max(...candidates.map((state) => state.priority));
          const rarest = Math.min(
            ...candidates.filter((state) => state.priority === bestPriority).map((state) => state.have),
          );
          expect(has(picked)).toBe(true);
          expect(model[picked]).toMatchObject({ taken: false, priority: bestPriority, have: rarest });
          const following = model[next];
          if (next > 0 && following !== undefined && candidates.includes(following)) {
            const equal = following.priority === bestPriority && following.have === rarest;
            expect(picked === next || !equal).toBe(true);
          }
        },
      ),
    );
  });
});
