import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeFileStore } from './files.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'freshet-relocation-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('NodeFileStore between folders', () => {
  it('takes a file over from another folder of the same device, and replaces nothing', async () => {
    const [one, two] = [new NodeFileStore(join(root, 'one')), new NodeFileStore(join(root, 'two'))];
    const file = await one.open(['a', 'b'], true);
    await file.write(0, [Uint8Array.of(1, 2, 3)]);
    await file.close();
    expect(await two.canAdopt(one)).toBe(true);
    expect(await two.adopt(one, ['a', 'b'])).toBe(true);
    expect([...readFileSync(join(root, 'two', 'a', 'b'))]).toEqual([1, 2, 3]);
    expect(existsSync(join(root, 'one', 'a'))).toBe(false);
    await (await one.open(['a', 'b'], true)).close();
    await expect(two.adopt(one, ['a', 'b'])).rejects.toMatchObject({ code: 'EXISTS' });
    expect([...readFileSync(join(root, 'two', 'a', 'b'))]).toEqual([1, 2, 3]);
  });

  it('knows how much may still be written, also where its folder is not made yet', async () => {
    const free = await new NodeFileStore(join(root, 'not', 'yet')).freeSpace();
    expect(free).toBeGreaterThan(0);
  });

  it('tells how much of the medium a file takes', async () => {
    writeFileSync(join(root, 'file'), new Uint8Array(100_000).fill(1));
    const { size, allocated } = await new NodeFileStore(root).stat(['file']);
    expect(size).toBe(100_000);
    expect(allocated).toBe(statSync(join(root, 'file')).blocks * 512);
  });
});
