import { describe, expect, it } from 'vitest';
import { MemorySwarm, type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import type { rangeResponse } from '../../memory/index.ts';
import type { HttpRequest } from '../ports.ts';
import type { TorrentSpec } from '../torrent-types.ts';

const PIECE = 32_768;
// One that ends in the middle of a block, an empty one, a tiny one, one of a piece exactly, one of a block exactly.
const LENGTHS = [100_000, 0, 1, PIECE, 16_384, 77_777];
const FILES = LENGTHS.map((length, i) => ({ path: [`f${i}`], length }));
const DATA = LENGTHS.reduce((sum, length) => sum + length, 0);
const SCRIPT = 'http://seed.example/s';

async function download(sample: SampleTorrent, spec: Partial<TorrentSpec>): Promise<void> {
  const swarm = new MemorySwarm(sample);
  for (const file of sample.info.files) {
    if (file.padding || file.length === 0) continue;
    const bytes = sample.content.subarray(file.offset, file.offset + file.length);
    swarm.http.serve(`http://seed.example/sample/${file.path.at(-1)}`, bytes);
  }
  swarm.http.route(`${SCRIPT}?*`, (request) => answerPiece(sample, request));
  const leech = await swarm.add({ spec });
  await swarm.until(() => leech.torrent.done, 30_000);
  expect(await swarm.hasContent(leech)).toBe(true);
  expect(leech.log.warnings).toEqual([]);
  // Padding is nobody's to send.
  expect(leech.torrent.stats().received.webseed).toBe(DATA);
  expect(leech.torrent.stats().wasted).toBe(0);
  await swarm.close();
  expect(swarm.clock.pending).toBe(0);
}

function answerPiece(sample: SampleTorrent, request: HttpRequest): ReturnType<typeof rangeResponse> {
  const { searchParams } = new URL(request.url.replace(/info_hash=[^&]*/, ''));
  const [, hash] = /info_hash=([^&]*)/.exec(request.url) ?? [];
  const escaped = [...sample.infoHash].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
  expect(hash).toBe(escaped.join(''));
  const begin = Number(searchParams.get('piece')) * PIECE;
  const piece = sample.content.subarray(begin, begin + PIECE);
  const [first, last] = (searchParams.get('ranges') ?? `0-${piece.length - 1}`).split('-').map(Number);
  return { body: piece.slice(first, last! + 1) };
}

describe.each([
  ['version 1', 1],
  ['version 2', 2],
  ['a hybrid', 'hybrid'],
] as const)('a torrent of %s', (_name, version) => {
  const sample = sampleTorrent(DATA, PIECE, { files: FILES, version });

  it('is fetched file by file (BEP 19), without its padding', async () => {
    await download(await sample, { webSeeds: ['http://seed.example/'] });
  });

  it('is fetched piece by piece (BEP 17), without its padding', async () => {
    await download(await sample, { httpSeeds: [SCRIPT] });
  });

  it('is fetched from both at a time', async () => {
    await download(await sample, { webSeeds: ['http://seed.example/'], httpSeeds: [SCRIPT] });
  });
});
