import { SeededRandom, VirtualClock } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { diskContract } from '../../../freshet/src/engine/contracts/disk.contract.ts';
import { SimDisk, type SimDiskOptions } from './sim-disk.ts';

diskContract('simulated', async (files) => {
  let offset = 0;
  const placed = files.map((file) => {
    const at = { offset, length: file.length, padding: file.padding };
    offset += file.length;
    return at;
  });
  const clock = new VirtualClock();
  const medium = new SimDisk({ clock, random: new SeededRandom(1), length: offset, files: placed });
  return { disk: medium.open(), reopen: async () => medium.open(), dispose: () => {} };
});

const KiB = 1024;

function medium(options: Partial<SimDiskOptions> = {}) {
  const clock = new VirtualClock();
  const disk = new SimDisk({ clock, random: new SeededRandom(7), length: 256 * KiB, ...options });
  return { clock, disk };
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  );
}

describe('a simulated disk', () => {
  it('takes its time: one queue, a seek where the last operation did not end', async () => {
    const { clock, disk } = medium({ seekMs: 10, bytesPerSecond: 1_000_000 });
    const open = disk.open();
    const times: number[] = [];
    const note = (): void => void times.push(clock.now());
    const bytes = new Uint8Array(50_000);
    void open.write(0, [bytes]).then(note);
    void open.write(50_000, [bytes]).then(note);
    void open.read(0, bytes).then(note);
    void open.flush().then(note);
    await clock.advanceAsync(1000);
    expect(times).toEqual([50, 100, 160, 170]);
    expect(clock.pending).toBe(0);
  });

  it('fails as planned: once, so many times, for a while, for ever; and counts it', async () => {
    const { clock, disk } = medium();
    const open = disk.open();
    const write = (): Promise<unknown> => codeOf(open.write(0, [Uint8Array.of(1)]));
    const once = disk.fail({ operation: 'write', nth: 2, code: 'FULL' });
    expect([await write(), await write(), await write()]).toEqual(['done', 'FULL', 'done']);
    const twice = disk.fail({ operation: 'write', nth: 1, code: 'IO', times: 2 });
    expect([await write(), await write(), await write()]).toEqual(['IO', 'IO', 'done']);
    const while_ = disk.fail({ operation: 'read', nth: 1, code: 'IO', forMs: 100 });
    const read = (): Promise<unknown> => codeOf(open.read(0, new Uint8Array(1)));
    expect([await read(), await read()]).toEqual(['IO', 'IO']);
    clock.advance(100);
    expect(await read()).toBe('done');
    const forever = disk.fail({
      operation: 'flush',
      nth: 1,
      code: 'CHANGED',
      times: Number.POSITIVE_INFINITY,
    });
    expect([await codeOf(open.flush()), await codeOf(open.flush())]).toEqual(['CHANGED', 'CHANGED']);
    expect([once, twice, while_, forever].map((planned) => planned.fired)).toEqual([1, 2, 2, 2]);
    expect(disk.faults.failed).toEqual({ read: 2, write: 3, flush: 2 });
    disk.faults.clear();
    expect(await codeOf(open.flush())).toBe('done');
  });

  it('has so much room and no more', async () => {
    const space = { free: 64 * KiB };
    const open = medium({ space }).disk.open();
    expect(await codeOf(open.write(0, [new Uint8Array(64 * KiB)]))).toBe('done');
    expect(await codeOf(open.write(64 * KiB, [new Uint8Array(1)]))).toBe('FULL');
    space.free += 64 * KiB;
    expect(await codeOf(open.write(64 * KiB, [new Uint8Array(1)]))).toBe('done');
  });

  it('flips a bit in a write or at rest, and nobody is told', async () => {
    const { disk } = medium();
    const open = disk.open();
    disk.corruptWrite(2);
    const bytes = new Uint8Array(1000);
    await open.write(0, [bytes]);
    await open.write(1000, [bytes]);
    expect(ones(disk.peek(0, 1000))).toBe(0);
    expect(ones(disk.peek(1000, 1000))).toBe(1);
    const prints = await open.fingerprints();
    const at = disk.flipBit(0, 1000);
    expect(ones(disk.peek(at, 1))).toBe(1);
    expect(await open.fingerprints()).toEqual(prints);
    expect(disk.counters.flippedBits).toBe(2);
  });

  it('has what was flushed after a crash, and a part of the rest, the same with the same seed', async () => {
    const run = async (): Promise<{ disk: SimDisk; answered: boolean }> => {
      const { clock, disk } = medium({ bytesPerSecond: 1_000_000 });
      const open = disk.open();
      const pass = async (promise: Promise<unknown>): Promise<void> => {
        void promise.catch(() => {});
        await clock.advanceAsync(1000);
      };
      await pass(open.write(0, [new Uint8Array(64 * KiB).fill(1)]));
      await pass(open.flush());
      await pass(open.write(0, [new Uint8Array(64 * KiB).fill(2)]));
      await pass(open.write(32 * KiB, [new Uint8Array(64 * KiB).fill(3)]));
      let answered = false;
      void open.write(128 * KiB, [new Uint8Array(64 * KiB).fill(4)]).then(() => {
        answered = true;
      });
      disk.crash();
      await clock.advanceAsync(1000);
      expect(clock.pending).toBe(0);
      return { disk, answered };
    };
    const { disk, answered } = await run();
    expect(answered).toBe(false);
    const sector = (at: number): number => disk.peek(at, 1)[0]!;
    const found = (start: number, end: number): number[] => {
      const seen = new Set<number>();
      for (let at = start; at < end; at += 4 * KiB) {
        seen.add(sector(at));
        expect(new Set(disk.peek(at, 4 * KiB)).size).toBe(1);
      }
      return [...seen].sort();
    };
    expect(found(0, 32 * KiB)).toEqual([1, 2]);
    expect(found(32 * KiB, 64 * KiB)).toEqual([1, 2, 3]);
    expect(found(64 * KiB, 96 * KiB)).toEqual([0, 3]);
    expect(found(128 * KiB, 192 * KiB)).toEqual([0, 4]);
    expect(disk.counters).toMatchObject({ crashes: 1, unflushedWrites: 3 });
    const again = (await run()).disk;
    expect(Buffer.compare(again.peek(0, 256 * KiB), disk.peek(0, 256 * KiB))).toBe(0);
    // It can be used again.
    const open = disk.open();
    expect(await codeOf(open.read(0, new Uint8Array(0)))).toBe('done');
    expect(() => disk.open()).toThrow('close it first');
  });
});

function ones(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) for (let bit = 0; bit < 8; bit++) count += (byte >> bit) & 1;
  return count;
}
