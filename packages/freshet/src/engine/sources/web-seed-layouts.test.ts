import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeResponse } from '../../memory/index.ts';
import { Harness, makeTorrent } from './web-seed-harness.contract.ts';

const files = fc.array(
  fc.record({
    length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 150_000 })),
    pad: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

describe('any layout of files', () => {
  it('arrives whole, whatever the server knows of ranges and however it cuts the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.constantFrom(16384, 32768, 40_000, 131_072),
        fc.integer({ min: 1, max: 70_000 }),
        fc.boolean(),
        fc.boolean(),
        async (layout, pieceLength, chunkBytes, ranges, flaky) => {
          const torrent = makeTorrent(
            layout.map(({ length, pad }, i) => ({ path: [`f${i}`], length, attr: pad ? 'p' : undefined })),
            pieceLength,
            'x',
          );
          const h = new Harness(torrent, { chunkBytes: Math.max(chunkBytes, 500) });
          let requests = 0;
          torrent.info.files.forEach((file, i) => {
            if (file.padding) return;
            h.http.route(`http://seed.example/x/f${i}`, (request) => {
              const body = torrent.file(i);
              const breakAfter =
                flaky && ++requests < 20 && requests % 3 === 2 ? Math.floor(body.length / 2) : undefined;
              return { ...(ranges ? rangeResponse(body, request) : { body }), breakAfter };
            });
          });
          h.seeds.add('http://seed.example/');
          h.seeds.start();
          await h.run(3_600_000);
          expect(await h.isStored()).toBe(true);
          expect(h.store.verified.isFull).toBe(true);
          const real = torrent.info.files.reduce((sum, file) => sum + (file.padding ? 0 : file.length), 0);
          if (ranges && !flaky) expect([h.received, h.wasted]).toEqual([real, 0]);
          h.seeds.stop();
          expect(h.clock.pending).toBe(0);
        },
      ),
      { numRuns: 150, seed: 11 },
    );
  });
});
