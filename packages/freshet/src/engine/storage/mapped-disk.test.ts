import { describe, expect, it } from 'vitest';
import { FaultPlan, MemoryFileStore } from '../../memory/index.ts';
import { type ContractFile, diskContract } from '../contracts/disk.contract.ts';
import { rejection } from '../contracts/file-store.contract.ts';
import { DiskError } from '../ports.ts';
import { openDisk, PARTS, readAll } from './memory-files.contract.ts';

for (const maxOpenFiles of [1, 2, 64]) {
  diskContract(`mapped over memory, ${maxOpenFiles} open`, async (files) => {
    const store = new MemoryFileStore();
    return {
      disk: openDisk(files, store, { maxOpenFiles }),
      reopen: async (wanted) => openDisk(files, store, { maxOpenFiles, wanted }),
      fileExists: async (path) => (await store.stat(path)).size >= 0,
      dispose: () => {
        expect(store.handles.most).toBeLessThanOrEqual(maxOpenFiles);
      },
    };
  });
}

const THREE: readonly ContractFile[] = [
  { path: ['a'], length: 100 },
  { path: ['d', 'b'], length: 50 },
  { path: ['c'], length: 100 },
];

function bytes(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + i) & 0xff);
}

describe('MappedDisk', () => {
  it('creates nothing before it is asked to', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk([...THREE, { path: ['empty'], length: 0 }], store);
    expect(await disk.read(0, new Uint8Array(10))).toBe(0);
    expect((await disk.fingerprints()).map(({ size }) => size)).toEqual([-1, -1, -1, -1]);
    expect(store.paths()).toEqual([]);
    await disk.flush();
    expect(store.paths()).toEqual(['empty']);
    await disk.close();
  });

  it('cuts off what a file has too much when it is written to, and not before', async () => {
    const store = new MemoryFileStore();
    for (const path of [['a'], ['d', 'b'], ['c']]) {
      const file = await store.open(path, true);
      await file.write(0, [bytes(300)]);
      await file.close();
    }
    const disk = openDisk(THREE, store, { wanted: [true, false, true] });
    const sizes = (): number[] => [['a'], ['d', 'b'], ['c']].map((path) => store.peek(path).size);
    await disk.fingerprints();
    await readAll(disk);
    await disk.flush();
    expect(sizes()).toEqual([300, 300, 300]);
    // The end of one file and all of the next, which nobody wants.
    await disk.write(90, [bytes(60, 90)]);
    expect(sizes()).toEqual([100, 300, 300]);
    expect((await disk.fingerprints()).map(({ size }) => size)).toEqual([100, 300, 300]);
    expect(await disk.changedFiles?.(3)).toEqual([]);
    await disk.trim?.();
    expect(sizes()).toEqual([100, 300, 100]);
    expect(disk.trim?.()).toBeUndefined();
    await disk.close();
  });

  it('tells when a file cannot be cut, and tries again', async () => {
    const store = new MemoryFileStore();
    const file = await store.open(['a'], true);
    await file.write(0, [bytes(300)]);
    await file.close();
    const disk = openDisk(THREE, store);
    await disk.fingerprints();
    store.readOnly = true;
    expect((await rejection(disk.trim!()!)).code).toBe('READ_ONLY');
    expect(store.peek(['a']).size).toBe(300);
    store.readOnly = false;
    await disk.trim?.();
    expect(store.peek(['a']).size).toBe(100);
    await disk.close();
  });

  it('removes the parts file when its last bytes have moved, and leaves no handle open', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [true, false, true] });
    await disk.write(0, [bytes(250)]);
    await disk.flush();
    expect(store.paths()).toEqual([PARTS, 'a', 'c']);
    disk.setWanted([true, true, true]);
    await disk.flush();
    expect(store.paths()).toEqual(['a', 'c', 'd/b']);
    expect(await readAll(disk)).toEqual(bytes(250));
    await disk.close();
    expect(store.handles.open).toBe(0);
  });

  it('gives no file what the parts file has before it is known what is wanted', async () => {
    const store = new MemoryFileStore();
    const first = openDisk(THREE, store, { wanted: [true, false, true] });
    await first.write(0, [bytes(250)]);
    await first.close();
    const again = openDisk(THREE, store);
    expect(await readAll(again)).toEqual(bytes(250));
    expect(store.paths()).toEqual([PARTS, 'a', 'c']);
    // Two wishes in one turn: the last one counts, whatever has begun for the first.
    again.setWanted([true, true, true]);
    again.setWanted([true, false, true]);
    await again.flush();
    expect(store.paths()).toEqual([PARTS, 'a', 'c']);
    again.setWanted([true, true, true]);
    await again.flush();
    expect(store.paths()).toEqual(['a', 'c', 'd/b']);
    expect(await readAll(again)).toEqual(bytes(250));
    await again.close();
  });

  it('does not let the parts file grow when the same bytes come again', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [true, false, true] });
    await disk.write(90, [bytes(100)]);
    const { size } = await store.stat([PARTS]);
    for (let i = 0; i < 10; i++) await disk.write(90, [bytes(100, i)]);
    expect((await store.stat([PARTS])).size).toBe(size);
    const into = new Uint8Array(100);
    expect(await disk.read(90, into)).toBe(100);
    expect(into).toEqual(bytes(100, 9));
  });

  it('uses one record for a row of unwanted files', async () => {
    const store = new MemoryFileStore({ faults: new FaultPlan() });
    const many = Array.from({ length: 5000 }, (_, i) => ({ path: ['many', `${i}`], length: 3 }));
    const disk = openDisk(many, store, { wanted: many.map((_, i) => i === 4999) });
    await disk.write(0, [bytes(15_000)]);
    await disk.flush();
    expect(store.paths()).toEqual([PARTS, 'many/4999']);
    expect((await store.stat([PARTS])).size).toBe(64 + 32 + 14_997 + 32);
    expect(await readAll(disk)).toEqual(bytes(15_000));
  });

  it('survives a kill at any point while bytes move to a file that has become wanted', async () => {
    const data = bytes(250);
    let faultsSeen = 0;
    for (let nth = 0; nth < 40; nth++) {
      const faults = new FaultPlan();
      const store = new MemoryFileStore({ faults });
      const first = openDisk(THREE, store, { wanted: [false, false, true] });
      await first.write(0, [data]);
      await first.flush();
      // From here every write and flush fails, as if the process were gone.
      for (let i = nth; i < 60; i++) {
        faults.fail('write', i, new Error('killed'));
        faults.fail('flush', i, new Error('killed'));
      }
      first.setWanted([true, true, true]);
      await first.flush().catch(() => {});
      await first.close();
      if (faults.fired > 0) faultsSeen++;
      const left = new FaultPlan();
      const copy = new MemoryFileStore({ faults: left });
      for (const path of store.paths()) {
        const source = await store.open(path.split('/'), false);
        const target = await copy.open(path.split('/'), true);
        const content = new Uint8Array((await store.stat(path.split('/'))).size);
        await source.read(0, content);
        await target.write(0, [content]);
        await source.close();
        await target.close();
      }
      const again = openDisk(THREE, copy);
      expect(await readAll(again)).toEqual(data);
      await again.flush();
      expect(copy.paths()).toEqual(['a', 'c', 'd/b']);
      await again.close();
    }
    expect(faultsSeen).toBeGreaterThan(3);
  });

  it('ends the parts log at a torn record, and goes on from there', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [false, false, true] });
    await disk.write(0, [bytes(20)]);
    await disk.write(40, [bytes(20, 40)]);
    await disk.close();
    // The second record's head has never reached the medium.
    const file = await store.open([PARTS], true);
    await file.write(64 + 32 + 20, [new Uint8Array(32)]);
    await file.close();
    const again = openDisk(THREE, store, { wanted: [false, false, true] });
    const into = new Uint8Array(20);
    expect(await again.read(0, into)).toBe(20);
    expect(into).toEqual(bytes(20));
    expect(await again.read(40, into)).toBe(0);
    await again.write(100, [bytes(20, 100)]);
    await again.close();
    const third = openDisk(THREE, store);
    expect(await third.read(100, into)).toBe(20);
    expect(into).toEqual(bytes(20, 100));
  });

  it('leaves a foreign file in the place of the parts file alone', async () => {
    const store = new MemoryFileStore();
    const foreign = await store.open([PARTS], true);
    await foreign.write(0, [bytes(500, 7)]);
    await foreign.close();
    const disk = openDisk(THREE, store, { wanted: [false, true, true] });
    const error = await rejection(disk.write(0, [bytes(10)]));
    expect(error.message).toContain('not the parts file of this torrent');
    await disk.write(100, [bytes(150)]);
    await disk.destroy();
    expect(store.paths()).toEqual([PARTS]);
  });

  it('says what is wrong: disk full, read-only folder, unsafe path, a folder in the way', async () => {
    const full = openDisk(
      [{ path: ['big'], length: 300_000 }],
      new MemoryFileStore({ space: { free: 65536 } }),
    );
    await full.write(0, [bytes(1000)]);
    const fullError = await rejection(full.write(65_000, [bytes(200_000)]));
    expect([fullError.code, fullError.path]).toEqual(['FULL', 'big']);
    // What was there before is not lost.
    const into = new Uint8Array(1000);
    expect(await full.read(0, into)).toBe(1000);

    const store = new MemoryFileStore();
    store.readOnly = true;
    expect((await rejection(openDisk(THREE, store).write(0, [bytes(1)]))).code).toBe('READ_ONLY');

    const unsafe = openDisk([{ path: ['..', 'x'], length: 10 }], new MemoryFileStore());
    expect((await rejection(unsafe.write(0, [bytes(1)]))).code).toBe('UNSAFE_PATH');
    expect((await rejection(unsafe.read(0, new Uint8Array(1)))).code).toBe('UNSAFE_PATH');

    const folder = new MemoryFileStore();
    await (await folder.open(['a', 'inner'], true)).close();
    const folderError = await rejection(openDisk(THREE, folder).write(0, [bytes(1)]));
    expect(folderError.message).toContain('is a folder');
  });

  it('wraps faults of other kinds, with their cause', async () => {
    const faults = new FaultPlan();
    const disk = openDisk(THREE, new MemoryFileStore({ faults }));
    const cause = new Error('EIO');
    faults.fail('write', 0, cause);
    const error = await rejection(disk.write(120, [bytes(10)]));
    expect([error.code, error.path, error.cause]).toEqual(['IO', 'd/b', cause]);
    expect(error).toBeInstanceOf(DiskError);
    expect((await rejection(disk.write(245, [bytes(10)]))).code).toBe('IO');
    expect(faults.fired).toBe(1);
    await disk.write(120, [bytes(10)]);
  });

  it('tells on flush that bytes could not move, and moves them when they can', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [false, true, true] });
    await disk.write(0, [bytes(250)]);
    store.readOnly = true;
    disk.setWanted([true, true, true]);
    expect((await rejection(disk.flush())).code).toBe('READ_ONLY');
    expect(await readAll(disk)).toEqual(bytes(250));
    store.readOnly = false;
    await disk.flush();
    expect(store.paths()).toEqual(['a', 'c', 'd/b']);
    expect(await readAll(disk)).toEqual(bytes(250));
  });

  it('prefers what is written to a file to older bytes that could not move there', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [false, true, true] });
    await disk.write(0, [bytes(100)]);
    store.readOnly = true;
    disk.setWanted([true, true, true]);
    await rejection(disk.flush());
    store.readOnly = false;
    await disk.write(10, [new Uint8Array(50).fill(0xff)]);
    const expected = bytes(100);
    expected.fill(0xff, 10, 60);
    const into = new Uint8Array(100);
    expect(await disk.read(0, into)).toBe(100);
    expect(into).toEqual(expected);
    await disk.flush();
    await disk.close();
    expect(store.paths()).toEqual(['a']);
    expect(await openDisk(THREE, store).read(0, into)).toBe(100);
    expect(into).toEqual(expected);
  });

  it('takes nothing from a parts file that was cut off in a record', async () => {
    const store = new MemoryFileStore();
    const disk = openDisk(THREE, store, { wanted: [false, false, true] });
    await disk.write(0, [bytes(20)]);
    await disk.write(40, [bytes(80, 40)]);
    await disk.close();
    const whole = await store.open([PARTS], false);
    const content = new Uint8Array(64 + 32 + 20 + 32 + 50);
    await whole.read(0, content);
    await whole.close();
    await store.remove([PARTS]);
    const cut = await store.open([PARTS], true);
    await cut.write(0, [content]);
    await cut.close();
    const again = openDisk(THREE, store, { wanted: [false, false, true] });
    const into = new Uint8Array(20);
    expect(await again.read(0, into)).toBe(20);
    expect(await again.read(40, into)).toBe(0);
  });

  it('tells when the log of the parts file cannot be read, keeps it, and reads it later', async () => {
    const faults = new FaultPlan();
    const store = new MemoryFileStore({ faults });
    const first = openDisk(THREE, store, { wanted: [false, true, true] });
    await first.write(0, [bytes(250)]);
    await first.close();
    faults.fail('stat', 0, new Error('EIO'));
    faults.fail('stat', 1, new Error('EIO'));
    const again = openDisk(THREE, store);
    expect((await rejection(again.flush())).code).toBe('IO');
    expect(faults.fired).toBe(2);
    await again.flush();
    expect(await readAll(again)).toEqual(bytes(250));
  });

  it('makes files durable that were closed in the meantime', async () => {
    const faults = new FaultPlan();
    const store = new MemoryFileStore({ faults });
    const disk = openDisk(THREE, store, { maxOpenFiles: 1 });
    await disk.write(0, [bytes(250)]);
    await disk.flush();
    expect(faults.count('flush')).toBe(3);
    await disk.flush();
    expect(faults.count('flush')).toBe(3);
    faults.fail('flush', 0, new Error('EIO'));
    await disk.write(0, [bytes(10)]);
    await rejection(disk.flush());
    await disk.flush();
    expect(faults.count('flush')).toBe(5);
  });
});
