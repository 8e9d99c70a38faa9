import { describe, expect, it } from 'vitest';
import { DiskError } from '../engine/ports.ts';
import { MemoryFileStore } from '../memory/file-store.ts';
import { withRoomMaking } from './room-making.ts';

const MIB = 1024 * 1024;

describe('withRoomMaking', () => {
  it('writes again once there is room, and asks for it once for all that wait', async () => {
    const space = { free: MIB };
    const asked: number[] = [];
    const store = withRoomMaking(new MemoryFileStore({ space }), async (bytes) => {
      asked.push(bytes);
      space.free += 8 * MIB;
      return 8 * MIB;
    });
    const file = await store.open(['film'], true);
    const part = new Uint8Array(MIB).fill(7);
    await Promise.all([0, 1, 2, 3].map((index) => file.write(index * MIB, [part])));
    expect(asked).toEqual([MIB]);
    const back = new Uint8Array(4 * MIB);
    expect(await file.read(0, back)).toBe(4 * MIB);
    expect(back.every((byte) => byte === 7)).toBe(true);
  });

  it('goes on making room for as long as there is something to free', async () => {
    const space = { free: 0 };
    let left = 5;
    const store = withRoomMaking(new MemoryFileStore({ space }), async () => {
      if (left === 0) return 0;
      left--;
      space.free += MIB / 4;
      return MIB / 4;
    });
    const file = await store.open(['film'], true);
    await file.write(0, [new Uint8Array(MIB)]);
    expect(left).toBe(1);
    await expect(file.write(MIB, [new Uint8Array(MIB)])).rejects.toMatchObject({ code: 'FULL' });
    expect(left).toBe(0);
  });

  it('lets other faults pass, and keeps the first one when room cannot be made', async () => {
    const inner = new MemoryFileStore({ space: { free: 0 } });
    let asked = 0;
    const store = withRoomMaking(inner, async () => {
      asked++;
      throw new Error('cannot');
    });
    await expect(store.open(['none'], false)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const file = await store.open(['film'], true);
    await expect(file.write(0, [new Uint8Array(1)])).rejects.toBeInstanceOf(DiskError);
    expect(asked).toBe(1);
    await file.close();
    await expect(file.write(0, [new Uint8Array(1)])).rejects.toMatchObject({ code: 'CLOSED' });
    expect(asked).toBe(1);
  });
});
