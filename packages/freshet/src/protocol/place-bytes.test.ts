import { describe, expect, it } from 'vitest';
import { placeBytes } from './place-bytes.ts';

describe('bytes and their place', () => {
  it('are copied from elsewhere', () => {
    const target = new Uint8Array(6);
    placeBytes(target, 2, Uint8Array.of(1, 2, 3));
    expect([...target]).toEqual([0, 0, 1, 2, 3, 0]);
  });

  it('are copied from elsewhere in the same memory, also where both overlap', () => {
    const memory = Uint8Array.of(1, 2, 3, 4, 5, 6);
    placeBytes(memory.subarray(2), 0, memory.subarray(0, 4));
    expect([...memory]).toEqual([1, 2, 1, 2, 3, 4]);
  });

  it('are copied to the same offset of other memory', () => {
    const target = new Uint8Array(4);
    placeBytes(target, 1, Uint8Array.of(9, 8, 7, 6).subarray(1, 3));
    expect([...target]).toEqual([0, 8, 7, 0]);
  });

  it('are not touched where they are already', () => {
    const memory = Uint8Array.of(1, 2, 3, 4);
    const target = memory.subarray(1);
    let copies = 0;
    target.set = (): void => {
      copies++;
    };
    placeBytes(target, 1, memory.subarray(2, 4));
    expect(copies).toBe(0);
    placeBytes(target, 0, memory.subarray(2, 4));
    expect(copies).toBe(1);
  });
});
