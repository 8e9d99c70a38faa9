import { describe, expect, it } from 'vitest';
import { MemoryFileStore } from '../../memory/index.ts';
import { openMappedDisk } from '../storage/mapped-disk.ts';
import { CachedReader, ReadCache } from './read-cache.ts';

describe('CachedReader', () => {
  it('reads a piece behind one that is not there yet', async () => {
    const pieceLength = 16_384;
    const files = ['a', 'b'].map((name, index) => ({
      path: [name],
      length: 2 * pieceLength,
      offset: index * 2 * pieceLength,
      padding: false,
    }));
    const disk = openMappedDisk({
      info: { length: 4 * pieceLength, files },
      infoHash: new Uint8Array(20),
      store: new MemoryFileStore(),
    });
    // The last piece of the second file; of the first file there is nothing.
    const piece = Uint8Array.from({ length: pieceLength }, (_, index) => (index % 255) + 1);
    await disk.write(3 * pieceLength, [piece]);
    const reader = new CachedReader(disk, new ReadCache(1 << 20), pieceLength);
    const read = (): Uint8Array[] | Error | undefined => reader.read(3 * pieceLength, pieceLength, wake);
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    expect(read()).toBeUndefined();
    await woken;
    expect(read()).toEqual([piece]);
    await disk.close();
  });
});
