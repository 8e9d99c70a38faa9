import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitfield } from './bitfield.ts';

describe('Bitfield', () => {
  it('behaves like an array of booleans', () => {
    const step = fc.record({ index: fc.integer({ min: -2, max: 70 }), on: fc.boolean() });
    fc.assert(
      fc.property(fc.nat(65), fc.array(step), fc.integer({ min: -1, max: 66 }), (length, steps, from) => {
        const model = new Array<boolean>(length).fill(false);
        const field = new Bitfield(length);
        for (const { index, on } of steps) {
          const changes = index >= 0 && index < length && model[index] !== on;
          expect(on ? field.set(index) : field.unset(index)).toBe(changes);
          if (changes) model[index] = on;
        }
        const set = model.flatMap((on, index) => (on ? [index] : []));
        expect([...field.indexes()]).toEqual(set);
        expect(field.count).toBe(set.length);
        expect(field.isEmpty).toBe(set.length === 0);
        expect(field.isFull).toBe(set.length === length);
        expect(field.firstUnset(from)).toBe(model.findIndex((on, index) => index >= from && !on));
        const copy = Bitfield.fromBytes(field.toBytes(), length)!;
        expect([...copy.indexes()]).toEqual(set);
        expect(copy.count).toBe(set.length);
        const clone = field.clone();
        clone.setAll();
        expect(clone.isFull).toBe(true);
        expect(Bitfield.fromBytes(clone.toBytes(), length)?.count).toBe(length);
        expect([...field.indexes()]).toEqual(set);
      }),
    );
  });

  it('has the first piece in the high bit of the first byte', () => {
    const field = new Bitfield(9);
    field.set(0);
    field.set(8);
    expect(field.toBytes()).toEqual(Uint8Array.of(0x80, 0x80));
  });

  it('refuses a wrong number of bytes and spare bits that are set', () => {
    expect(Bitfield.fromBytes(new Uint8Array(1), 9)).toBeUndefined();
    expect(Bitfield.fromBytes(new Uint8Array(3), 9)).toBeUndefined();
    for (let bit = 0; bit < 7; bit++)
      expect(Bitfield.fromBytes(Uint8Array.of(0xff, 1 << bit), 9)).toBeUndefined();
    expect(Bitfield.fromBytes(Uint8Array.of(0xff, 0x80), 9)?.isFull).toBe(true);
  });
});

describe('a search in a Bitfield', () => {
  // More bits than one word of each summary covers.
  const LENGTH = 70_000;
  const sparse = fc.uniqueArray(fc.nat(LENGTH - 1), { maxLength: 30 });
  const cleared = fc.uniqueArray(fc.nat(29), { maxLength: 30 });

  it('finds what a walk would find, also after bits were cleared', () => {
    fc.assert(
      fc.property(sparse, sparse, sparse, cleared, fc.nat(LENGTH), (one, two, both, gone, from) => {
        const a = new Bitfield(LENGTH);
        const b = new Bitfield(LENGTH);
        const ofA = new Set([...one, ...both]);
        const ofB = new Set([...two, ...both]);
        for (const index of ofA) a.set(index);
        for (const index of ofB) b.set(index);
        for (const which of gone) {
          const index = both[which];
          if (index === undefined) continue;
          a.unset(index);
          ofA.delete(index);
        }
        const least = (indexes: number[]): number => (indexes.length === 0 ? -1 : Math.min(...indexes));
        expect(a.firstSet(from)).toBe(least([...ofA].filter((index) => index >= from)));
        expect(a.firstCommon(b, from)).toBe(
          least([...ofA].filter((index) => index >= from && ofB.has(index))),
        );
        expect(b.firstCommon(a, from)).toBe(a.firstCommon(b, from));
        expect([...a.indexes()]).toEqual([...ofA].sort((x, y) => x - y));
        const counts = new Int16Array(LENGTH).fill(5);
        a.addTo(counts, -2);
        expect(
          counts.reduce((sum, count, index) => sum + (count === (ofA.has(index) ? 3 : 5) ? 1 : 0), 0),
        ).toBe(LENGTH);
        const copy = Bitfield.fromBytes(a.toBytes(), LENGTH)!;
        expect(copy.firstCommon(b, from)).toBe(a.firstCommon(b, from));
        expect(a.clone().firstCommon(b, from)).toBe(a.firstCommon(b, from));
      }),
    );
  });

  it('passes over long full and empty stretches', () => {
    const field = new Bitfield(LENGTH);
    field.setAll();
    expect(field.firstUnset()).toBe(-1);
    field.unset(69_999);
    expect(field.firstUnset(1)).toBe(69_999);
    expect(field.firstSet(69_999)).toBe(-1);
    expect(field.firstSet(LENGTH)).toBe(-1);
    expect(new Bitfield(0).firstSet()).toBe(-1);
    expect(new Bitfield(0).firstUnset()).toBe(-1);
  });
});
