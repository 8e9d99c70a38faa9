/** What every `Disk` must do. */

import { afterEach, describe, expect, it } from 'vitest';
import { type Disk, DiskError } from '../ports.ts';
import { testBytes, testRandom } from './waiting.contract.ts';

/** The files of the torrent that a suite wants to store; the offsets follow from the order. */
export interface ContractFile {
  readonly path: readonly string[];
  readonly length: number;
  /** A pad file (BEP 47). */
  readonly padding?: boolean | undefined;
}

export interface DiskFixture {
  readonly disk: Disk;
  /** The same torrent on the same medium again, after `close` of the first; absent where nothing survives. */
  readonly reopen?: ((wanted?: readonly boolean[]) => Promise<Disk>) | undefined;
  /** Whether a file is there, looked at past the disk; absent where there are no files. */
  readonly fileExists?: ((path: readonly string[]) => Promise<boolean>) | undefined;
  dispose(): Promise<void> | void;
}

const FILES: readonly ContractFile[] = [
  { path: ['first.bin'], length: 70_001 },
  { path: ['empty.txt'], length: 0 },
  { path: ['folder', 'small'], length: 3 },
  { path: ['folder', 'pad'], length: 5000, padding: true },
  { path: ['folder', 'deep', 'second.bin'], length: 150_000 },
  { path: ['folder', 'last empty'], length: 0 },
  { path: ['third'], length: 29_996 },
];
const LENGTH = FILES.reduce((sum, file) => sum + file.length, 0);
const OFFSETS = FILES.map((_, i) => FILES.slice(0, i).reduce((sum, file) => sum + file.length, 0));

/** Bytes for the whole torrent, with zeros where the pad file is. */
function torrentBytes(seed: number): Uint8Array {
  const bytes = testBytes(LENGTH, seed);
  bytes.fill(0, OFFSETS[3]!, OFFSETS[4]!);
  return bytes;
}

async function code(promise: Promise<unknown>): Promise<string> {
  const reason: unknown = await promise.then(
    () => 'no rejection',
    (error: unknown) => (error instanceof DiskError ? error.code : error),
  );
  return String(reason);
}

export function diskContract(
  name: string,
  make: (files: readonly ContractFile[]) => Promise<DiskFixture>,
): void {
  describe(`Disk contract: ${name}`, () => {
    let fixture: DiskFixture | undefined;
    afterEach(async () => {
      await fixture?.dispose();
      fixture = undefined;
    });
    async function open(files: readonly ContractFile[] = FILES): Promise<DiskFixture> {
      fixture = await make(files);
      return fixture;
    }
    async function readAll(disk: Disk, length: number = LENGTH): Promise<Uint8Array> {
      const into = new Uint8Array(length);
      const count = await disk.read(0, into);
      return into.subarray(0, count);
    }
    function expectSame(actual: Uint8Array, expected: Uint8Array): void {
      expect(actual.length).toBe(expected.length);
      expect(Buffer.compare(actual, expected)).toBe(0);
    }

    it('has the length of the torrent', async () => {
      const { disk } = await open();
      expect(disk.length).toBe(LENGTH);
    });

    it('reads back any range of what was written in one go', async () => {
      const { disk } = await open();
      const data = torrentBytes(1);
      await disk.write(0, [data]);
      expectSame(await readAll(disk), data);
      const random = testRandom(1);
      for (let i = 0; i < 60; i++) {
        const offset = random(LENGTH);
        const into = new Uint8Array(random(Math.min(80_000, LENGTH - offset) + 1));
        expect(await disk.read(offset, into)).toBe(into.length);
        expectSame(into, data.subarray(offset, offset + into.length));
      }
      // Around every edge between files.
      for (const edge of OFFSETS) {
        const start = Math.max(0, edge - 2);
        const into = new Uint8Array(Math.min(4, LENGTH - start));
        expect(await disk.read(start, into)).toBe(into.length);
        expectSame(into, data.subarray(start, start + into.length));
      }
    });

    it('takes several views in a write, in any place, many writes at a time', async () => {
      const { disk } = await open();
      const data = torrentBytes(2);
      const random = testRandom(2);
      const ranges: [number, number][] = [];
      for (let at = 0; at < LENGTH; ) {
        const size = Math.min(LENGTH - at, 1 + random(30_000));
        ranges.push([at, size]);
        at += size;
      }
      ranges.sort(() => random(2) - 0.5);
      await Promise.all(
        ranges.map(([start, size]) => {
          const parts: Uint8Array[] = [];
          for (let at = start; at < start + size; ) {
            const part = Math.min(start + size - at, random(9000));
            parts.push(data.subarray(at, at + part));
            at += part;
          }
          return disk.write(start, parts);
        }),
      );
      expectSame(await readAll(disk), data);
      await disk.write(10, []);
      await disk.write(LENGTH, [new Uint8Array(0)]);
      await disk.write(10, [data.subarray(10, 10)]);
      expect(await disk.read(LENGTH, new Uint8Array(0))).toBe(0);
      expectSame(await readAll(disk), data);
    });

    it('overwrites', async () => {
      const { disk } = await open();
      await disk.write(0, [torrentBytes(3)]);
      const data = torrentBytes(4);
      await disk.write(0, [data.subarray(0, 100_000)]);
      await disk.write(100_000, [data.subarray(100_000)]);
      expectSame(await readAll(disk), data);
    });

    it('counts what was never written as absent or reads it as zeros', async () => {
      const { disk } = await open();
      const into = new Uint8Array(LENGTH);
      const nothing = await disk.read(0, into);
      expect(into.subarray(0, nothing).every((byte) => byte === 0)).toBe(true);
      const data = torrentBytes(5);
      await disk.write(80_000, [data.subarray(80_000, 90_000)]);
      const inner = new Uint8Array(10_000);
      expect(await disk.read(80_000, inner)).toBe(10_000);
      expectSame(inner, data.subarray(80_000, 90_000));
      const around = new Uint8Array(20_000);
      const count = await disk.read(75_002, around);
      for (let i = 0; i < count; i++) {
        const expected = 75_002 + i >= 80_000 && 75_002 + i < 90_000 ? data[75_002 + i] : 0;
        if (around[i] !== expected) expect([i, around[i]]).toEqual([i, expected]);
      }
    });

    it('tells a fingerprint for each file', async () => {
      const { disk } = await open();
      expect((await disk.fingerprints()).length).toBe(FILES.length);
      await disk.write(0, [torrentBytes(6)]);
      await disk.flush();
      const prints = await disk.fingerprints();
      for (let i = 0; i < FILES.length; i++) {
        if (FILES[i]!.padding === true) continue;
        expect(prints[i]!.size, FILES[i]!.path.join('/')).toBe(FILES[i]!.length);
        expect(prints[i]!.modified).toBeGreaterThanOrEqual(0);
      }
      expect(await disk.fingerprints()).toEqual(prints);
    });

    it('never creates files that are not wanted, and keeps their bytes until they are', async () => {
      const { disk, fileExists } = await open();
      const wanted = FILES.map((_, i) => i === 4);
      disk.setWanted(wanted);
      const data = torrentBytes(7);
      // One write over an unwanted file, the pad, into the wanted one; one over its end.
      await disk.write(60_000, [data.subarray(60_000, 100_000)]);
      await disk.write(100_000, [data.subarray(100_000)]);
      await disk.flush();
      const into = new Uint8Array(LENGTH - 60_000);
      expect(await disk.read(60_000, into)).toBe(into.length);
      expectSame(into, data.subarray(60_000));
      if (fileExists !== undefined) {
        for (let i = 0; i < FILES.length; i++) {
          expect(await fileExists(FILES[i]!.path), FILES[i]!.path.join('/')).toBe(wanted[i]);
        }
        const prints = await disk.fingerprints();
        expect(prints[0]).toEqual({ size: -1, modified: 0 });
        expect(prints[4]!.size).toBe(150_000);
      }
      disk.setWanted(FILES.map(() => true));
      expect(await disk.read(60_000, into)).toBe(into.length);
      expectSame(into, data.subarray(60_000));
      await disk.flush();
      if (fileExists !== undefined) {
        for (const file of FILES) expect(await fileExists(file.path)).toBe(file.padding !== true);
      }
      await disk.write(0, [data.subarray(0, 60_000)]);
      expectSame(await readAll(disk), data);
      disk.setWanted(FILES.map(() => false));
      expectSame(await readAll(disk), data);
    });

    it('holds what was written after it was closed and opened again, wanted or not', async () => {
      const { disk, reopen } = await open();
      if (reopen === undefined) return;
      const wanted = FILES.map((_, i) => i === 4);
      disk.setWanted(wanted);
      const data = torrentBytes(8);
      await disk.write(0, [data]);
      await disk.flush();
      await disk.close();
      const again = await reopen(wanted);
      expectSame(await readAll(again), data);
      await again.close();
      const all = await reopen();
      expectSame(await readAll(all), data);
      await all.flush();
      expect((await all.fingerprints())[0]!.size).toBe(FILES[0]!.length);
      await all.close();
    });

    it('waits for running operations on close, is idempotent, and refuses work afterwards', async () => {
      const { disk, reopen } = await open();
      const data = torrentBytes(9);
      const order: string[] = [];
      const write = disk.write(0, [data]).then(() => order.push('write'));
      const read = disk.read(0, new Uint8Array(LENGTH)).then(() => order.push('read'));
      await Promise.all([
        disk.close().then(() => order.push('close')),
        disk.close().then(() => order.push('close')),
      ]);
      await Promise.all([write, read]);
      expect(order.slice(2)).toEqual(['close', 'close']);
      await disk.close();
      expect(await code(disk.read(0, new Uint8Array(1)))).toBe('CLOSED');
      expect(await code(disk.write(0, [Uint8Array.of(1)]))).toBe('CLOSED');
      expect(await code(disk.flush())).toBe('CLOSED');
      expect(await code(disk.fingerprints())).toBe('CLOSED');
      disk.setWanted(FILES.map(() => false));
      if (reopen !== undefined) {
        const again = await reopen();
        expectSame(await readAll(again), data);
        await again.close();
      }
    });

    it('removes all on destroy, also after close', async () => {
      for (const closeFirst of [false, true]) {
        const { disk, fileExists, reopen } = await open();
        disk.setWanted(FILES.map((_, i) => i !== 0));
        await disk.write(0, [torrentBytes(10)]);
        await disk.flush();
        if (closeFirst) await disk.close();
        await disk.destroy();
        await disk.destroy();
        expect(await code(disk.read(0, new Uint8Array(1)))).toBe('CLOSED');
        if (fileExists !== undefined) {
          for (const file of FILES) expect(await fileExists(file.path)).toBe(false);
        }
        if (reopen !== undefined) {
          const again = await reopen();
          const left = await readAll(again);
          expect(left.every((byte) => byte === 0)).toBe(true);
          await again.close();
        }
        await fixture?.dispose();
        fixture = undefined;
      }
    });

    it('stores a torrent of one file', async () => {
      const { disk } = await open([{ path: ['single'], length: 100_000 }]);
      const data = testBytes(100_000, 11);
      await disk.write(0, [data.subarray(0, 99_999)]);
      await disk.write(99_999, [data.subarray(99_999)]);
      expectSame(await readAll(disk, 100_000), data);
      expect((await disk.fingerprints())[0]!.size).toBe(100_000);
    });
  });
}
