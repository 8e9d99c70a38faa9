import { beforeAll, describe, expect, it } from 'vitest';
import { answerer } from '../../../testing/hash-answers.ts';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { settled } from '../../../testing/store-fixture.ts';
import { MemoryHasher } from '../../memory/index.ts';
import type { HashRequest } from '../../protocol/index.ts';
import { type HashClient, LeafServer } from './leaf-server.ts';
import { MerkleStore } from './merkle-store.ts';

const KiB = 1024;
const PIECE = 128 * KiB;

let sample: SampleTorrent;
let expected: (request: HashRequest) => Uint8Array | undefined;
beforeAll(async () => {
  const files = [
    { path: ['a'], length: 21 * PIECE + 100 },
    { path: ['b'], length: 90 * KiB },
  ];
  sample = await sampleTorrent(0, PIECE, { files, version: 2 });
  expected = await answerer(sample);
});

class Client implements HashClient {
  readonly id: number;
  amChoking = false;
  open = true;
  wake: (() => void) | undefined;
  readonly sent: { request: HashRequest; hashes: Uint8Array | undefined }[] = [];
  constructor(id: number) {
    this.id = id;
  }
  mayUpload(wake: () => void): boolean {
    if (!this.open) this.wake = wake;
    return this.open;
  }
  sendHashes(request: HashRequest, hashes: Uint8Array): void {
    this.sent.push({ request, hashes });
  }
  sendHashReject(request: HashRequest): void {
    this.sent.push({ request, hashes: undefined });
  }
  get rejected(): number {
    return this.sent.filter(({ hashes }) => hashes === undefined).length;
  }
}

function bench(
  options: { readonly layers?: boolean; readonly lacks?: readonly number[]; readonly gone?: boolean } = {},
) {
  const lacks = new Set(options.lacks);
  let reads = 0;
  const server = new LeafServer({
    info: sample.info,
    hashes: new MerkleStore(sample.info, options.layers === false ? undefined : sample.pieceLayers),
    hasher: new MemoryHasher(),
    isVerified: (piece) => !lacks.has(piece),
    read: (piece, begin, length, wake) => {
      reads++;
      if (options.gone) return new Error('gone');
      // Every other time the disk has to be asked first.
      if (reads % 2 === 1) {
        void Promise.resolve().then(wake);
        return undefined;
      }
      const at = piece * PIECE + begin;
      return [sample.content.subarray(at, at + 20), sample.content.subarray(at + 20, at + length)];
    },
  });
  return { server, lacks, reads: () => reads };
}

const rootOf = (file: number): Uint8Array =>
  sample.info.files.filter(({ padding }) => !padding)[file]!.piecesRoot!;

function ask(file: number, baseLayer: number, index: number, length: number, proofLayers = 0): HashRequest {
  return { piecesRoot: rootOf(file), baseLayer, index, length, proofLayers };
}

async function flush(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await settled();
}

describe('LeafServer', () => {
  it('gives roots of pieces and their proofs without reading anything', () => {
    const { server, reads } = bench();
    const client = new Client(1);
    // Five layers lie above that of the pieces, the root being the highest.
    for (const request of [ask(0, 3, 0, 22), ask(0, 3, 8, 8, 4), ask(0, 3, 20, 2, 4), ask(0, 3, 0, 32)]) {
      server.answer(client, request);
      expect(client.sent.at(-1)?.hashes).toEqual(expected(request));
    }
    expect(client.rejected).toBe(0);
    expect(reads()).toBe(0);
  });

  it('gives the hashes of blocks, and their proofs, from what is stored', async () => {
    const { server } = bench();
    const client = new Client(1);
    const requests = [
      ask(0, 0, 8, 8),
      ask(0, 0, 0, 4, 1),
      ask(0, 0, 16, 2, 7),
      ask(0, 0, 0, 16, 7),
      ask(0, 0, 168, 1, 2),
      ask(1, 0, 0, 6),
      ask(1, 0, 4, 2, 2),
      ask(1, 0, 0, 8),
    ];
    for (const request of requests) server.answer(client, request);
    await flush();
    expect(client.sent.map(({ request }) => request)).toEqual(requests);
    for (const { request, hashes } of client.sent) expect(hashes).toEqual(expected(request));
  });

  it('remembers what it has read, and what was verified a moment ago', async () => {
    const { server, reads } = bench();
    const client = new Client(1);
    server.answer(client, ask(0, 0, 8, 8));
    await flush();
    const before = reads();
    expect(before).toBeGreaterThan(0);
    server.answer(client, ask(0, 0, 8, 8));
    server.remember(3, expected(ask(0, 0, 24, 8))!);
    server.answer(client, ask(0, 0, 24, 8));
    expect(client.sent.map(({ hashes }) => hashes)).toEqual(
      [8, 8, 24].map((at) => expected(ask(0, 0, at, 8))),
    );
    expect(reads()).toBe(before);
  });

  it('rejects what it cannot or need not answer', async () => {
    const { server } = bench({ lacks: [5] });
    const client = new Client(1);
    const hostile = [
      { ...ask(0, 0, 0, 8), piecesRoot: new Uint8Array(32) },
      ask(0, 0, 0, 0),
      ask(0, 0, 3, 8),
      ask(0, 0, 0, 2 ** 32 - 1),
      ask(0, 0, 0, 1024),
      ask(0, 0, 2 ** 31, 8),
      ask(0, 0, 256, 8),
      ask(0, 2 ** 31, 0, 2),
      ask(0, 3, 0, 2, 2 ** 31),
      ask(0, 3, 64, 2),
      // Between the leaves and the pieces.
      ask(0, 1, 0, 4),
      // A piece that is not there.
      ask(0, 0, 40, 8),
      ask(0, 0, 32, 16),
      ask(1, 3, 0, 2),
    ];
    for (const request of hostile) server.answer(client, request);
    await flush();
    expect(client.sent).toEqual(hostile.map((request) => ({ request, hashes: undefined })));
  });

  it('rejects roots of pieces that it does not know itself', () => {
    const { server } = bench({ layers: false });
    const client = new Client(1);
    server.answer(client, ask(0, 3, 0, 22));
    expect(client.rejected).toBe(1);
  });

  it('rejects when the data is gone', async () => {
    const { server } = bench({ gone: true });
    const client = new Client(1);
    server.answer(client, ask(0, 0, 8, 8));
    await flush();
    expect(client.rejected).toBe(1);
  });

  it('reads no pieces for those who get no blocks', async () => {
    const { server, reads } = bench();
    const client = new Client(1);
    client.amChoking = true;
    server.answer(client, ask(0, 0, 8, 8));
    server.answer(client, ask(0, 3, 0, 22));
    await flush();
    expect(reads()).toBe(0);
    expect(client.sent.map(({ hashes }) => hashes !== undefined)).toEqual([false, true]);
  });

  it('keeps few requests of one peer, and answers another meanwhile', async () => {
    const { server } = bench();
    const [flood, other] = [new Client(1), new Client(2)] as const;
    for (let i = 0; i < 1000; i++) server.answer(flood, ask(0, 0, 8 * (i % 20), 8));
    server.answer(other, ask(0, 0, 160, 8));
    expect(flood.rejected).toBeGreaterThan(900);
    await flush();
    expect(other.sent.map(({ hashes }) => hashes)).toEqual([expected(ask(0, 0, 160, 8))]);
    expect(flood.sent).toHaveLength(1000);
  });

  it('waits for the upload limit, and forgets who is gone', async () => {
    const { server, reads } = bench();
    const [limited, gone] = [new Client(1), new Client(2)] as const;
    limited.open = false;
    server.answer(limited, ask(0, 3, 0, 22));
    server.answer(gone, ask(0, 0, 0, 8));
    server.removePeer(2);
    await flush();
    expect([limited.sent, gone.sent]).toEqual([[], []]);
    limited.open = true;
    limited.wake?.();
    expect(limited.sent).toHaveLength(1);
    server.close();
    const before = reads();
    server.answer(limited, ask(0, 0, 0, 8));
    await flush();
    expect(limited.sent).toHaveLength(1);
    expect(reads()).toBe(before);
  });
});
