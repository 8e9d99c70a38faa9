import { describe, expect, it } from 'vitest';
import { MemoryFileStore, SeededRandom } from '../../memory/index.ts';
import type { ContractFile } from '../contracts/disk.contract.ts';
import { layout, openDisk, PARTS, readAll } from './memory-files.contract.ts';

describe('MappedDisk', () => {
  it('equals a flat array over random layouts, wishes, restarts and handles', async () => {
    let partsSeen = 0;
    for (let seed = 0; seed < 60; seed++) {
      const random = new SeededRandom(seed);
      const files: ContractFile[] = Array.from({ length: 1 + random.below(12) }, (_, i) => ({
        path: random.below(2) === 0 ? [`f${i}`] : [`d${random.below(3)}`, `f${i}`],
        length: random.below(4) === 0 ? 0 : 1 + random.below(random.below(3) === 0 ? 3000 : 40),
        padding: random.below(6) === 0,
      }));
      const info = layout(files);
      const store = new MemoryFileStore();
      const expected = new Uint8Array(info.length);
      const known = new Uint8Array(info.length);
      for (const file of info.files) if (file.padding) known.fill(1, file.offset, file.offset + file.length);
      let wanted = files.map(() => random.below(2) === 0);
      const ever = wanted.slice();
      const maxOpenFiles = 1 + random.below(5);
      let disk = openDisk(files, store, { wanted, maxOpenFiles });

      const write = async (): Promise<void> => {
        const start = random.below(info.length + 1);
        const data = new Uint8Array(random.below(Math.min(500, info.length - start) + 1));
        random.fill(data);
        for (const file of info.files) {
          if (!file.padding) continue;
          const from = Math.max(start, file.offset);
          const to = Math.min(start + data.length, file.offset + file.length);
          if (from < to) data.fill(0, from - start, to - start);
        }
        expected.set(data, start);
        known.fill(1, start, start + data.length);
        const cut = random.below(data.length + 1);
        await disk.write(start, [data.subarray(0, cut), data.subarray(cut)]);
      };
      const check = async (start: number, length: number): Promise<void> => {
        const into = new Uint8Array(length);
        const count = await disk.read(start, into);
        // It may only end where something was never written.
        if (count < length) expect(known[start + count]).toBe(0);
        for (let i = 0; i < count; i++) {
          if (into[i] !== expected[start + i]) {
            expect({ seed, at: start + i, byte: into[i] }).toEqual({
              seed,
              at: start + i,
              byte: expected[start + i],
            });
          }
        }
      };

      for (let step = 0; step < 40; step++) {
        switch (random.below(8)) {
          case 0:
          case 1:
          case 2:
            await write();
            break;
          case 3: {
            const index = random.below(files.length);
            wanted = wanted.map((flag, i) => (i === index ? !flag : flag));
            for (let i = 0; i < files.length; i++) ever[i] ||= wanted[i]!;
            disk.setWanted(wanted);
            // At once, while the bytes are on the move.
            await Promise.all([write(), check(0, 0)]);
            break;
          }
          case 4:
            await disk.flush();
            break;
          case 5:
            await disk.close();
            disk = openDisk(files, store, { wanted, maxOpenFiles });
            break;
          default: {
            const start = random.below(info.length + 1);
            await check(start, random.below(info.length - start + 1));
          }
        }
        if (store.paths().includes(PARTS)) partsSeen++;
      }
      await disk.flush();
      const there = new Set(store.paths());
      for (let i = 0; i < files.length; i++) {
        const path = files[i]!.path.join('/');
        if (files[i]!.padding === true || !ever[i]) expect(there.has(path), `${seed} ${path}`).toBe(false);
        else if (wanted[i] && files[i]!.length === 0) expect(there.has(path), `${seed} ${path}`).toBe(true);
      }
      expect(store.handles.most).toBeLessThanOrEqual(maxOpenFiles);
      disk.setWanted(files.map(() => true));
      const rest = expected.slice();
      await disk.write(0, [rest]);
      await disk.flush();
      expect(await readAll(disk)).toEqual(expected);
      expect(store.paths()).not.toContain(PARTS);
      await disk.destroy();
      expect(store.paths()).toEqual([]);
      expect(store.handles.open).toBe(0);
    }
    expect(partsSeen).toBeGreaterThan(200);
  });
});
