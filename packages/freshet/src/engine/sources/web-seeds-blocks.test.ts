import { describe, expect, it } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { sampleTorrent } from '../../../testing/memory-swarm.ts';
import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { MerkleStore } from '../merkle/merkle-store.ts';
import { Harness } from './web-seed-harness.contract.ts';

const BLOCKS = 64;
const PIECE = BLOCKS * BLOCK_LENGTH;
const URL = 'http://seed.example/film';
/** Where a reader waits, in the middle of a piece. */
const [SOUGHT, BLOCK] = [3, 40];

/** A film of six pieces, somebody who has jumped into the fourth, and one web seed. */
async function sought(options: { readonly version: 1 | 2; readonly known: boolean; readonly peers: number }) {
  const sample = await sampleTorrent(6 * PIECE, PIECE, { version: options.version });
  const { info, content } = sample;
  const hashes = new MerkleStore(info, sample.pieceLayers);
  if (options.known) {
    const answer = await answerer(sample);
    for (const request of hashes.leafRequests(SOUGHT)) hashes.adopt(request, answer(request)!);
  }
  const h = new Harness(
    { info, content, file: () => content },
    {
      latencyMs: 20,
      bytesPerSecond: 2 * PIECE,
      hashes: options.version === 2 ? hashes : undefined,
    },
  );
  h.serveAll(URL);
  h.seeds.add(URL);
  h.peers = options.peers;
  h.streaming = true;
  h.urgent = [
    { piece: SOUGHT, deadline: 0, firstBlock: BLOCK },
    { piece: SOUGHT + 1, deadline: 1000, firstBlock: 0 },
  ];
  h.seeds.start();
  const first = h.http.requests[0]!.range!.first - SOUGHT * PIECE;
  return { h, first: first / BLOCK_LENGTH };
}

describe('a seek into the middle of a piece', () => {
  it('begins at its block where blocks can be verified, and reads on before it goes back', async () => {
    for (const peers of [0, 1]) {
      const { h, first } = await sought({ version: 2, known: true, peers });
      expect(first).toBe(BLOCK);
      await h.run(300);
      expect(h.store.readableFrom(SOUGHT, BLOCK * BLOCK_LENGTH)).toBe((BLOCKS - BLOCK) * BLOCK_LENGTH);
      await h.run(600);
      expect(h.verified).toEqual([SOUGHT + 1]);
      expect(h.wasted).toBe(0);
      h.seeds.stop();
      expect(h.clock.pending).toBe(0);
    }
  });

  it('begins there too while peers may give the hashes, and fetches the rest when they have not', async () => {
    const { h, first } = await sought({ version: 2, known: false, peers: 1 });
    expect(first).toBe(BLOCK);
    await h.run(1500);
    expect(h.verified).toContain(SOUGHT);
    expect(h.wasted).toBe(0);
    h.seeds.stop();
  });

  it('fetches the whole piece where only that can be verified', async () => {
    expect((await sought({ version: 2, known: false, peers: 0 })).first).toBe(0);
    expect((await sought({ version: 1, known: false, peers: 1 })).first).toBe(0);
  });
});
