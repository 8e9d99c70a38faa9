import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { openStore } from '../../../testing/store-fixture.ts';
import { MemoryHasher, VirtualClock } from '../../memory/index.ts';
import type { HashRequest } from '../../protocol/index.ts';
import { MerkleService } from '../merkle/merkle-service.ts';
import { MerkleStore } from '../merkle/merkle-store.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { type HashWire, PeerHashes } from './peer-hashes.ts';

const PIECE = 32 * 1024;
const HASHES = 22;
const HASH_REJECT = 23;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(512 * PIECE, PIECE, { version: 2 });
});

class Wire implements HashWire {
  readonly id = 1;
  readonly amChoking = true;
  backlog = 0;
  readonly sent: number[] = [];
  wasted = 0;
  has(): boolean {
    return true;
  }
  send(message: Uint8Array): void {
    this.sent.push(message[4]!);
    this.backlog += message.length;
  }
  onHashBytes(): void {}
  onWaste(bytes: number): void {
    this.wasted += bytes;
  }
  ban(): void {}
}

function bench(rate?: number) {
  const clock = new VirtualClock();
  const store = new MerkleStore(sample.info, sample.pieceLayers);
  const { store: pieces } = openStore(sample, { hashes: store });
  const options = {
    info: sample.info,
    store,
    hasher: new MemoryHasher(),
    now: () => clock.now(),
    urgent: () => [],
    onRoots: () => {},
    onInconsistent: () => {},
  };
  const service = new MerkleService(options, () => pieces);
  const wire = new Wire();
  return { wire, clock, peer: new PeerHashes(wire, service, new RateLimiter(clock, rate)) };
}

const request = (): HashRequest => ({
  piecesRoot: sample.info.files[0]!.piecesRoot!,
  baseLayer: 1,
  index: 0,
  length: 512,
  proofLayers: 0,
});

describe('PeerHashes', () => {
  it('sends no more than the peer reads, however much it asks for', () => {
    const { wire, peer } = bench();
    for (let i = 0; i < 10_000; i++) peer.onHashRequest(request());
    const answers = (): number => wire.sent.filter((kind) => kind === HASHES).length;
    // 16 KiB each, up to 256 KiB.
    expect(answers()).toBe(16);
    expect(wire.sent.filter((kind) => kind === HASH_REJECT)).toHaveLength(10_000 - 16 - 64);
    wire.backlog = 300_000;
    peer.onDrain();
    expect(answers()).toBe(16);
    wire.backlog = 200_000;
    peer.onDrain();
    expect(answers()).toBe(20);
    peer.close();
    wire.backlog = 0;
    peer.onDrain();
    expect(answers()).toBe(20);
  });

  it('keeps to the upload limit', async () => {
    const { wire, peer, clock } = bench(20_000);
    for (let i = 0; i < 50; i++) peer.onHashRequest(request());
    await clock.advanceAsync(10_000);
    const sent = wire.sent.length;
    expect(sent).toBeGreaterThan(8);
    expect(sent).toBeLessThan(17);
    peer.close();
  });

  it('counts hashes that nobody asked for as waste', () => {
    const { wire, peer } = bench();
    peer.onHashes(request(), new Uint8Array(512 * 32));
    expect(wire.wasted).toBe(512 * 32);
  });
});
