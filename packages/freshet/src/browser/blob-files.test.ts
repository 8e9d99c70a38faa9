import { expect, it } from 'vitest';
import { createBlobFileStore } from './blob-files.ts';

it('reads one part of a blob after the other, and goes on behind one that cannot be read', async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  let reading = 0;
  let most = 0;
  class SlowBlob extends Blob {
    override slice(start = 0, end = 0): Blob {
      const part = new Blob([bytes.subarray(start, end)]);
      const read = async (): Promise<ArrayBuffer> => {
        most = Math.max(most, ++reading);
        await new Promise((resolve) => setTimeout(resolve, 1));
        reading--;
        if (start === 40) throw new Error('gone');
        return bytes.slice(start, end).buffer;
      };
      return Object.assign(part, { arrayBuffer: read });
    }
  }
  const store = createBlobFileStore([{ path: ['film'], blob: new SlowBlob([bytes]) }]);
  // Whoever opens it again shares the blob.
  const [first, second] = [await store.open(['film'], false), await store.open(['film'], false)];
  const parts = [0, 20, 40, 60, 80].map(async (offset, i) => {
    const into = new Uint8Array(20);
    await (i % 2 === 0 ? first : second).read(offset, into);
    return into;
  });
  const read = await Promise.allSettled(parts);
  expect(most).toBe(1);
  expect(read.map((one) => (one.status === 'fulfilled' ? one.value[0] : one.reason.code))).toEqual([
    0,
    20,
    'CHANGED',
    60,
    80,
  ]);
});
