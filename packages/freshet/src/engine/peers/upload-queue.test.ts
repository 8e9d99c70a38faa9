import { beforeAll, describe, expect, it } from 'vitest';
import { type SampleTorrent, sampleTorrent } from '../../../testing/memory-swarm.ts';
import { openStore, type StoreFixture, settled } from '../../../testing/store-fixture.ts';
import { FaultPlan, MemoryDisk, VirtualClock } from '../../memory/index.ts';
import { Bitfield, type BlockRequest } from '../../protocol/index.ts';
import type { Link } from '../ports.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { UPLOAD_QUEUE_LENGTH, UploadQueue, type UploadWire } from './upload-queue.ts';

const PIECE = 100_000;
const PIECES = 10;

let sample: SampleTorrent;
beforeAll(async () => {
  sample = await sampleTorrent(PIECES * PIECE, PIECE);
});

interface Bench extends UploadWire {
  readonly queue: UploadQueue;
  readonly sent: Uint8Array[];
  readonly rejected: BlockRequest[];
  readonly errors: Error[];
  readonly clock: VirtualClock;
  readonly fixture: StoreFixture;
  readonly limiter: RateLimiter;
  queued: number;
  uploaded: number;
}

/** All pieces but the tenth are there. */
async function bench(rate?: number, torrent: SampleTorrent = sample): Promise<Bench> {
  const faults = new FaultPlan();
  const disk = new MemoryDisk({ length: torrent.content.length, faults });
  await disk.write(0, [torrent.content]);
  const verified = new Bitfield(torrent.info.pieceCount);
  for (let piece = 0; piece < PIECES - 1; piece++) verified.set(piece);
  const fixture = { ...openStore(torrent, { disk, verified }), faults };
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock, rate);
  const link = {
    highWater: 64 * 1024,
    get queuedBytes(): number {
      return made.queued;
    },
    send: (parts: readonly Uint8Array[]): void => {
      for (const part of parts) {
        made.sent.push(part);
        made.queued += part.length;
      }
    },
  } as Partial<Link> as Link;
  const wire: UploadWire = {
    link,
    sendReject: (request) => void made.rejected.push(request),
    onUploaded: (bytes) => {
      made.uploaded += bytes;
    },
    onReadError: (_, error) => void made.errors.push(error),
  };
  const made: Bench = {
    ...wire,
    queue: new UploadQueue(wire, fixture.store, limiter),
    sent: [],
    rejected: [],
    errors: [],
    clock,
    fixture,
    limiter,
    queued: 0,
    uploaded: 0,
  };
  return made;
}

const request = (piece: number, begin: number, length = 16_384): BlockRequest => ({ piece, begin, length });

describe('UploadQueue', () => {
  it('sends header and bytes in the order of the requests, as far as the link takes them', async () => {
    const b = await bench();
    for (let i = 0; i < 6; i++) b.queue.add(request(i, 1000 * i));
    b.queue.pump();
    await settled();
    expect(b.queued).toBeGreaterThan(64 * 1024);
    expect(b.queue.length).toBe(2);
    b.queued = 0;
    b.queue.pump();
    await settled();
    expect(b.queue.length).toBe(0);
    expect(b.uploaded).toBe(6 * 16_384);
    const payload = Buffer.concat(b.sent.filter((part) => part.length !== 13));
    const wanted = Buffer.concat(
      [0, 1, 2, 3, 4, 5].map((i) => sample.content.subarray(i * (PIECE + 1000), i * (PIECE + 1000) + 16_384)),
    );
    expect(payload.equals(wanted)).toBe(true);
  });

  it.each([
    ['a piece that is missing', request(PIECES - 1, 0)],
    ['a piece that does not exist', request(4e9, 0)],
    ['nothing', request(0, 0, 0)],
    ['too much', request(0, 0, 128 * 1024 + 1)],
    ['more than the piece has', request(0, PIECE - 100, 101)],
    ['bytes far behind', request(0, 4e9, 10)],
  ])('rejects a request for %s', async (_, bad) => {
    const b = await bench();
    b.queue.add(bad);
    expect(b.rejected).toEqual([bad]);
    expect(b.queue.length).toBe(0);
  });

  it('keeps as many as it announces, rejects the rest, and all of them at a choke', async () => {
    const b = await bench(0);
    for (let i = 0; i < UPLOAD_QUEUE_LENGTH + 5; i++) b.queue.add(request(0, i));
    expect(b.rejected).toHaveLength(5);
    b.queue.pump();
    b.queue.cancel(request(0, 3));
    b.queue.cancel(request(0, 3));
    expect(b.rejected).toHaveLength(6);
    b.queue.clear();
    expect(b.rejected).toHaveLength(UPLOAD_QUEUE_LENGTH + 5);
    expect(b.clock.pending).toBe(0);
    expect(b.sent).toEqual([]);
  });

  it('goes on when the limit allows, and forgets it when closed', async () => {
    const b = await bench(16_384);
    for (let i = 0; i < 4; i++) b.queue.add(request(0, i * 16_384));
    b.queue.pump();
    for (let i = 0; i < 4; i++) await b.clock.advanceAsync(1000);
    expect(b.uploaded).toBeGreaterThanOrEqual(3 * 16_384);
    b.queued = 1e6;
    b.queue.add(request(1, 0));
    b.queue.close();
    await b.clock.advanceAsync(10_000);
    expect(b.clock.pending).toBe(0);
  });

  it('tells what cannot be read, rejects it, and serves the rest', async () => {
    const b = await bench();
    b.fixture.faults.fail('read', 0, new Error('scratched'));
    b.queue.add(request(0, 0));
    b.queue.add(request(5, 0));
    b.queue.pump();
    await settled();
    expect(b.rejected).toEqual([request(0, 0)]);
    expect(b.errors).toEqual([new Error('scratched')]);
    expect(b.uploaded).toBe(16_384);
  });

  it('rejects what was asked for and is gone when its turn comes', async () => {
    const b = await bench(0);
    b.queue.add(request(0, 0));
    b.fixture.store.distrust(0);
    b.limiter.setRate(undefined);
    b.queue.pump();
    expect(b.rejected).toEqual([request(0, 0)]);
  });

  it.each([
    ['one after the other', (i: number) => i, 10],
    ['in any order', (i: number) => (i * 37) % 64, 64],
    ['in runs of four', (i: number) => (((i >> 2) * 7) % 16) * 4 + (i & 3), 20],
  ])('reads what it sends and no more when pieces are asked for %s', async (_, pieceAt, most) => {
    const small = await sampleTorrent(64 * 32_768, 32_768);
    const faults = new FaultPlan();
    const disk = new MemoryDisk({ length: small.content.length, faults });
    await disk.write(0, [small.content]);
    let read = 0;
    const counted = Object.assign(disk, {
      read: (offset: number, into: Uint8Array) => {
        read += into.length;
        return MemoryDisk.prototype.read.call(disk, offset, into);
      },
    });
    const verified = new Bitfield(64);
    for (let piece = 0; piece < 64; piece++) verified.set(piece);
    const { store } = openStore(small, { disk: counted, verified });
    const sent: Uint8Array[] = [];
    const wire: UploadWire = {
      link: {
        highWater: 64 * 1024,
        queuedBytes: 0,
        send: (parts: readonly Uint8Array[]) => sent.push(...parts),
      } as unknown as Link,
      sendReject: () => expect.unreachable('nothing is rejected'),
      onUploaded: () => undefined,
      onReadError: (_piece, error) => expect.unreachable(error.message),
    };
    const queue = new UploadQueue(wire, store, new RateLimiter(new VirtualClock(), undefined));
    for (let i = 0; i < 64; i++) {
      queue.add(request(pieceAt(i), 0));
      queue.add(request(pieceAt(i), 16_384));
    }
    queue.pump();
    for (let turn = 0; turn < 20; turn++) await settled();
    const payload = Buffer.concat(sent.filter((part) => part.length !== 13));
    const wanted = Array.from({ length: 64 }, (__, i) =>
      small.content.subarray(pieceAt(i) * 32_768, (pieceAt(i) + 1) * 32_768),
    );
    expect(payload.equals(Buffer.concat(wanted))).toBe(true);
    expect(read).toBe(payload.length);
    expect(faults.count('read')).toBeLessThanOrEqual(most);
  });

  it('gives zeros for the padding behind the files of version 2, up to the end of the piece', async () => {
    const files = [
      { path: ['a'], length: 40_000 },
      { path: ['b'], length: 70_000 },
    ];
    for (const version of [2, 'hybrid'] as const) {
      const torrent = await sampleTorrent(0, 65_536, { files, version });
      const it = await bench(undefined, torrent);
      it.fixture.store.verified.setAll();
      const asked = [request(0, 32_768), request(0, 49_152), request(2, 0), request(2, 16_384, 32_768)];
      for (const each of asked) it.queue.add(each);
      for (const beyond of [request(2, 65_536), request(2, 60_000), request(0, 65_536)]) it.queue.add(beyond);
      expect(it.rejected).toHaveLength(3);
      it.queue.pump();
      await settled();
      const sent = Buffer.concat(it.sent);
      const all = new Uint8Array(3 * 65_536);
      all.set(torrent.content);
      let at = 0;
      for (const { piece, begin, length } of asked) {
        const from = piece * 65_536 + begin;
        expect(sent.subarray(at + 13, at + 13 + length).equals(all.subarray(from, from + length))).toBe(true);
        at += 13 + length;
      }
      expect(sent).toHaveLength(at);
    }
  });
});
