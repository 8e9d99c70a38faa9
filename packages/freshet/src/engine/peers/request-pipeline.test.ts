import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { openStore, type StoreFixture } from '../../../testing/store-fixture.ts';
import { SeededRandom } from '../../memory/index.ts';
import { BLOCK_LENGTH, type BlockRequest } from '../../protocol/index.ts';
import { Scheduler, type UrgentPiece } from '../pieces/scheduler.ts';
import { type PipelineWire, RequestPipeline } from './request-pipeline.ts';

const BLOCKS = 8;
const PIECES = 20;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * BLOCKS * BLOCK_LENGTH, BLOCKS * BLOCK_LENGTH);
});

class FakeWire implements PipelineWire {
  readonly id: number;
  readonly isOrigin = false;
  suggestion(): number {
    return -1;
  }
  readonly have = undefined;
  readonly requests: string[] = [];
  readonly cancels: string[] = [];
  readonly bans: string[] = [];
  discarded = 0;
  payload = 0;
  waste = 0;
  constructor(id: number) {
    this.id = id;
  }
  together(action: () => void): void {
    action();
  }
  sendRequests(requests: readonly BlockRequest[]): void {
    for (const { piece, begin } of requests) this.requests.push(`${piece}/${begin / BLOCK_LENGTH}`);
  }
  sendCancel(piece: number, begin: number): void {
    this.cancels.push(`${piece}/${begin / BLOCK_LENGTH}`);
  }
  discardPayload(): void {
    this.discarded++;
  }
  onPayload(bytes: number): void {
    this.payload += bytes;
  }
  onWaste(bytes: number): void {
    this.waste += bytes;
  }
  ban(reason: string): void {
    this.bans.push(reason);
  }
}

let fixture: StoreFixture;
let scheduler: Scheduler;
let urgent: UrgentPiece[];
let now: number;

beforeEach(() => {
  fixture = openStore(sample);
  urgent = [];
  now = 0;
  scheduler = new Scheduler(
    fixture.store,
    new SeededRandom(2),
    () => urgent,
    () => urgent.length > 0,
  );
});

function connect(id: number): { wire: FakeWire; pipeline: RequestPipeline } {
  const wire = new FakeWire(id);
  return { wire, pipeline: new RequestPipeline(wire, fixture.store, scheduler) };
}

function begin(pipeline: RequestPipeline, key: string): Uint8Array | undefined {
  const [piece, block] = key.split('/').map(Number) as [number, number];
  const place = pipeline.onBlockStart(piece, block * BLOCK_LENGTH, BLOCK_LENGTH, now);
  const at = (piece * BLOCKS + block) * BLOCK_LENGTH;
  place?.set(sample.content.subarray(at, at + BLOCK_LENGTH));
  return place;
}

function end(pipeline: RequestPipeline, key: string): void {
  const [piece, block] = key.split('/').map(Number) as [number, number];
  pipeline.onBlockEnd(piece, block * BLOCK_LENGTH, BLOCK_LENGTH);
}

function answer(pipeline: RequestPipeline, key: string): void {
  begin(pipeline, key);
  end(pipeline, key);
}

/** Sum of what all partials believe is asked for. */
function requested(): number {
  let sum = 0;
  for (const partial of fixture.store.partials.values()) {
    for (let block = 0; block < partial.blockCount; block++) sum += partial.requesters(block);
  }
  return sum;
}

describe('RequestPipeline', () => {
  it('fills the window at once, and again an eighth of it at a time', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    expect(wire.requests).toHaveLength(32);
    expect(pipeline.outstanding).toBe(32);
    answer(pipeline, wire.requests[0]!);
    pipeline.fill(0);
    expect(wire.requests).toHaveLength(32);
    for (const key of wire.requests.slice(1, 4)) answer(pipeline, key);
    pipeline.fill(0);
    expect(pipeline.outstanding).toBe(36);
    expect(requested()).toBe(36);
    expect(wire.payload).toBe(4 * BLOCK_LENGTH);
  });

  it('takes a payload it asked for and no other', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    const bytes: [number, number, number][] = [
      [19, 0, BLOCK_LENGTH],
      [0, 5, BLOCK_LENGTH],
      [0, 0, BLOCK_LENGTH - 1],
      [0, BLOCKS * BLOCK_LENGTH, BLOCK_LENGTH],
      [4_000_000_000, 4_000_000_000, 1],
    ];
    for (const [piece, at, length] of bytes) {
      expect(pipeline.onBlockStart(piece, at, length, 0)).toBeUndefined();
      pipeline.onBlockEnd(piece, at, length);
    }
    expect(wire.payload).toBe(0);
    expect(wire.waste).toBe(4 * BLOCK_LENGTH);
    // The one with a wrong length was an answer all the same; the one beyond its piece was not that of the next.
    expect(pipeline.outstanding).toBe(31);
    expect(requested()).toBe(31);
  });

  it('gives blocks to others when nothing comes, still takes them, and asks for one at a time', () => {
    const { wire, pipeline } = connect(1);
    const other = connect(2);
    pipeline.fill(0);
    now = 9000;
    expect(pipeline.tick(now, 0, false)).toBe(false);
    now = 10_001;
    expect(pipeline.tick(now, 0, false)).toBe(true);
    expect(pipeline.outstanding).toBe(0);
    expect(requested()).toBe(0);
    other.pipeline.fill(now);
    expect(other.wire.requests.slice(0, 32).sort()).toEqual([...wire.requests].sort());
    pipeline.fill(now);
    expect(wire.requests).toHaveLength(33);
    // The first was given up, comes late, and is withdrawn from the other.
    answer(pipeline, wire.requests[0]!);
    expect(wire.payload).toBe(BLOCK_LENGTH);
    expect(other.wire.cancels).toEqual([wire.requests[0]]);
    // The one that it is asked for now keeps nobody from asking others.
    expect(pipeline.outstanding).toBe(1);
    expect(requested()).toBe(other.pipeline.outstanding);
    // What never comes is forgotten.
    now = 80_000;
    pipeline.tick(now, 0, false);
    pipeline.close();
    expect(requested()).toBe(other.pipeline.outstanding);
  });

  it.each([
    ['a byte a second', 1, true],
    ['slowly', 1500, false],
  ])('a block that arrives %s is no progress for ever', (_, bytesPerSecond, gaveUp) => {
    const { wire, pipeline } = connect(1);
    const other = connect(2);
    pipeline.fill(0);
    const [piece, block] = wire.requests[0]!.split('/').map(Number) as [number, number];
    expect(pipeline.onBlockStart(piece, block * BLOCK_LENGTH, BLOCK_LENGTH, now)).toBeDefined();
    let timedOut = false;
    for (let second = 1; second <= 10; second++) {
      now = second * 1001;
      pipeline.onBlockData(second * bytesPerSecond, now);
      timedOut ||= pipeline.tick(now, bytesPerSecond, false);
    }
    expect(timedOut).toBe(gaveUp);
    other.pipeline.fill(now);
    expect(other.wire.requests.includes(wire.requests[0]!)).toBe(gaveUp);
  });

  it('is not taken in by blocks that nobody asked for, or of another length', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    const [piece, block] = wire.requests[0]!.split('/').map(Number) as [number, number];
    let timedOut = false;
    for (now = 0; now < 12_000; now += 1000) {
      pipeline.onBlockStart(piece, block * BLOCK_LENGTH, 1, now);
      pipeline.onBlockEnd(piece, (block + BLOCKS) * BLOCK_LENGTH, 1);
      timedOut ||= pipeline.tick(now, 0, false);
    }
    expect(timedOut).toBe(true);
  });

  it('lets two payloads of one block arrive at the same time, and takes the first that is whole', () => {
    const slow = connect(1);
    const fast = connect(2);
    slow.pipeline.fill(0);
    const key = slow.wire.requests[0]!;
    const place = begin(slow.pipeline, key)!;
    now = 20_000;
    slow.pipeline.tick(30_000, 0, false);
    fast.pipeline.fill(now);
    expect(fast.wire.requests).toContain(key);
    const aside = begin(fast.pipeline, key)!;
    expect(aside.buffer).not.toBe(place.buffer);
    end(fast.pipeline, key);
    expect(slow.wire.discarded).toBe(1);
    expect(fast.wire.payload).toBe(BLOCK_LENGTH);
    end(slow.pipeline, key);
    expect(slow.wire.waste).toBe(BLOCK_LENGTH);
    const partial = fixture.store.partials.get(Number(key.split('/')[0]))!;
    expect(partial.receivedBlocks).toBe(1);
    const at = partial.index * BLOCKS * BLOCK_LENGTH;
    expect(
      Buffer.from(partial.buffer.subarray(0, BLOCK_LENGTH)).equals(
        sample.content.subarray(at, at + BLOCK_LENGTH),
      ),
    ).toBe(true);
  });

  it('gives the place of a block back when the connection ends in the middle of it', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    const key = wire.requests[0]!;
    begin(pipeline, key);
    pipeline.close();
    expect(requested()).toBe(0);
    const other = connect(2);
    other.pipeline.fill(0);
    answer(other.pipeline, key);
    expect(other.wire.payload).toBe(BLOCK_LENGTH);
  });

  it('forgets everything at a choke without the fast extension, apart from what is arriving', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    const key = wire.requests[3]!;
    begin(pipeline, key);
    pipeline.onChoke();
    expect(pipeline.outstanding).toBe(1);
    end(pipeline, key);
    expect(wire.payload).toBe(BLOCK_LENGTH);
    expect(pipeline.outstanding).toBe(0);
    expect(requested()).toBe(0);
  });

  it('cancels for a seek what is not urgent, in a queue that would take long', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    urgent = [{ piece: 15, deadline: 0 }];
    const first = Number(wire.requests[0]!.split('/')[0]);
    pipeline.cancelWhere((piece) => piece !== first);
    expect(wire.cancels).toHaveLength(24);
    pipeline.fill(0);
    expect(wire.requests.slice(32, 40).every((key) => key.startsWith('15/'))).toBe(true);
    // Nearly through: not worth it.
    const quick = connect(2);
    quick.pipeline.fill(0);
    quick.pipeline.tick(1, 1e9, true);
    quick.pipeline.cancelWhere(() => true);
    expect(quick.wire.cancels).toEqual([]);
  });

  it('does not take the reject of a cancelled request for one of the request made after it', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    pipeline.cancelWhere(() => true);
    expect(pipeline.outstanding).toBe(0);
    pipeline.fill(0);
    expect(wire.requests.slice(32).sort()).toEqual(wire.requests.slice(0, 32).sort());
    // The peer rejects what was cancelled, and answers what was asked again.
    for (const key of wire.requests.slice(0, 32)) {
      const [piece, block] = key.split('/').map(Number) as [number, number];
      pipeline.onReject(piece, block * BLOCK_LENGTH, false, 0);
    }
    expect(pipeline.outstanding).toBe(32);
    const cancels = wire.cancels.length;
    for (const key of wire.requests.slice(32)) answer(pipeline, key);
    expect(wire.waste).toBe(0);
    expect(wire.cancels).toHaveLength(cancels);
    expect(wire.payload).toBe(32 * BLOCK_LENGTH);
  });

  it('withdraws the second request when the first is answered after all', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    pipeline.cancelWhere(() => true);
    pipeline.fill(0);
    const cancels = wire.cancels.length;
    const key = wire.requests[0]!;
    answer(pipeline, key);
    expect(wire.cancels.slice(cancels)).toEqual([key]);
    expect(wire.payload).toBe(BLOCK_LENGTH);
  });

  it('leaves a peer alone for a while that rejects everything', () => {
    const { wire, pipeline } = connect(1);
    let rounds = 0;
    for (; rounds < 100; rounds++) {
      const before = wire.requests.length;
      pipeline.fill(now);
      if (wire.requests.length === before) break;
      for (const key of wire.requests.slice(before)) {
        const [piece, block] = key.split('/').map(Number) as [number, number];
        pipeline.onReject(piece, block * BLOCK_LENGTH, false, now);
      }
    }
    expect(rounds).toBe(1);
    expect(requested()).toBe(0);
    now = 10_001;
    pipeline.fill(now);
    expect(wire.requests.length).toBe(64);
  });

  it('does not hold it against a peer that it rejects after a choke', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    for (const key of [...wire.requests]) {
      const [piece, block] = key.split('/').map(Number) as [number, number];
      pipeline.onReject(piece, block * BLOCK_LENGTH, true, 0);
    }
    expect(pipeline.outstanding).toBe(0);
    pipeline.fill(1);
    expect(wire.requests).toHaveLength(64);
  });

  it('withdraws its requests for a piece whose buffer goes away, and writes no more into it', () => {
    const { wire, pipeline } = connect(1);
    pipeline.fill(0);
    const key = wire.requests[0]!;
    begin(pipeline, key);
    const partial = fixture.store.partials.get(Number(key.split('/')[0]))!;
    fixture.store.abandon(partial);
    expect(wire.discarded).toBe(1);
    expect(wire.cancels).toHaveLength(7);
    end(pipeline, key);
    expect(wire.payload).toBe(0);
    expect(pipeline.outstanding).toBe(24);
  });
});
