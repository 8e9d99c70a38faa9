import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LazyMap, LazySet } from './lazy-collections.ts';

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('set' as const, 'delete' as const, 'clear' as const),
    key: fc.integer({ min: 0, max: 5 }),
  }),
  { maxLength: 40 },
);

describe('LazyMap and LazySet', () => {
  it('behave as Map and Set do', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const map = new LazyMap<number, string>();
        const set = new LazySet<number>();
        const realMap = new Map<number, string>();
        const realSet = new Set<number>();
        for (const { what, key } of list) {
          if (what === 'set') {
            expect(map.set(key, `v${key}`)).toBe(map);
            expect(set.add(key)).toBe(set);
            realMap.set(key, `v${key}`);
            realSet.add(key);
          } else if (what === 'delete') {
            expect(map.delete(key)).toBe(realMap.delete(key));
            expect(set.delete(key)).toBe(realSet.delete(key));
          } else {
            for (const collection of [map, set, realMap, realSet]) collection.clear();
          }
          expect([map.size, map.get(key), map.has(key)]).toEqual([
            realMap.size,
            realMap.get(key),
            realMap.has(key),
          ]);
          expect([set.size, set.has(key)]).toEqual([realSet.size, realSet.has(key)]);
          expect([...map]).toEqual([...realMap]);
          expect([[...map.keys()], [...map.values()]]).toEqual([[...realMap.keys()], [...realMap.values()]]);
          expect([[...set], [...set.keys()], [...set.entries()]]).toEqual([
            [...realSet],
            [...realSet.keys()],
            [...realSet.entries()],
          ]);
          const seen: unknown[] = [];
          map.forEach((value, key2, whole) => void seen.push([key2, value, whole === map]));
          set.forEach((value, again, whole) => void seen.push([value, again, whole === set]));
          expect(seen).toEqual([
            ...[...realMap].map(([k, v]) => [k, v, true]),
            ...[...realSet].map((v) => [v, v, true]),
          ]);
        }
      }),
    );
  });
});
