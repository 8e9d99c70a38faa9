/** What a viewer costs the operator of a web seed: bytes asked for and sent against bytes of use. */

import { describe, expect, it } from 'vitest';
import type { HttpClient, HttpRequest } from '../ports.ts';
import { HandPeer, Harness, makeTorrent, type TestTorrent } from './web-seed-harness.contract.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PIECE = 64 * KIB;
const URL = 'http://seed.example/film.mp4';

/** A torrent behind a web seed that counts what it sends, and how many answers are being sent. */
class Metered {
  readonly h: Harness;
  sent = 0;
  open = 0;
  pauses = 0;
  resumes = 0;
  aborts = 0;
  readonly torrent: TestTorrent;

  constructor(length: number, bytesPerSecond: number, maxConnections = 4) {
    this.torrent = makeTorrent(length, PIECE);
    this.h = new Harness(this.torrent, {
      latencyMs: 20,
      bytesPerSecond,
      chunkBytes: 16 * KIB,
      maxConnections,
    });
    const { http } = this.h;
    const get = http.get.bind(http);
    const metered: HttpClient['get'] = (request, handler) => {
      this.open++;
      let over = false;
      const end = (): void => {
        if (!over) this.open--;
        over = true;
      };
      const exchange = get(request, {
        onHead: (head) => handler.onHead(head),
        onData: (chunk) => {
          this.sent += chunk.length;
          handler.onData(chunk);
        },
        onEnd: () => {
          end();
          handler.onEnd();
        },
        onError: (error) => {
          end();
          handler.onError(error);
        },
      });
      return {
        pause: () => {
          this.pauses++;
          exchange.pause();
        },
        resume: () => {
          this.resumes++;
          exchange.resume();
        },
        abort: () => {
          if (!over) this.aborts++;
          end();
          exchange.abort();
        },
      };
    };
    http.get = metered;
    this.h.serveAll(URL);
    this.h.seeds.add(URL);
  }

  /** Bytes of all ranges that were asked for. */
  get asked(): number {
    return this.h.http.requests.reduce((sum, request) => sum + lengthOf(request), 0);
  }

  /** A viewer's deadlines from this byte on, a megabyte each second, two megabytes ahead. */
  watch(from: number): void {
    const { h } = this;
    const now = h.clock.now();
    const first = Math.floor(from / PIECE);
    const last = Math.min(first + (2 * MIB) / PIECE, this.torrent.info.pieceCount) - 1;
    h.urgent = [];
    for (let piece = first; piece <= last; piece++) {
      h.urgent.push({ piece, deadline: now + ((piece - first) * PIECE) / 1000 });
    }
    h.streaming = true;
    h.seeds.update();
  }

  /** Plays from here at a megabyte a second for so long, waiting where something is missing. */
  async play(from: number, milliseconds: number, each: () => void = () => {}): Promise<number> {
    const { h } = this;
    let at = from;
    for (let t = 0; t < milliseconds && at < this.torrent.info.length; t += 100) {
      each();
      this.watch(at);
      await h.clock.advanceAsync(100);
      if (h.store.verified.get(Math.floor(at / PIECE))) at += 100_000;
    }
    return at;
  }

  /** Nothing is left behind. */
  expectClean(): void {
    this.h.seeds.stop();
    expect(this.open).toBe(0);
    expect(this.h.clock.pending).toBe(0);
  }
}

function lengthOf({ range }: HttpRequest): number {
  return range === undefined ? 0 : range.last - range.first + 1;
}

describe('bytes of the web seed', () => {
  it('are sent once to a viewer without peers who seeks', async () => {
    const m = new Metered(12 * MIB, 2 * MIB);
    m.h.seeds.start();
    await m.play(0, 1200);
    await m.play(8 * MIB + 5 * PIECE, 6000);
    await m.play(0, 30_000);
    await m.h.run(10_000);
    expect(m.h.store.verified.isFull).toBe(true);
    expect(await m.h.isStored()).toBe(true);
    expect(m.sent).toBeLessThanOrEqual(1.1 * 12 * MIB);
    expect(m.asked).toBeLessThanOrEqual(1.1 * 12 * MIB);
    expect(m.pauses).toBeGreaterThan(0);
    expect(m.aborts).toBe(0);
    expect(Math.max(...m.h.http.requests.map(lengthOf))).toBeLessThanOrEqual(1.25 * MIB);
    m.expectClean();
  });

  it('are not sent for what a peer gives', async () => {
    const m = new Metered(12 * MIB, 2 * MIB);
    const { h } = m;
    const peer = new HandPeer(h.nextId());
    h.store.addSource(peer);
    h.peers = 1;
    h.scheduler.hasFreeSeed = true;
    h.seeds.start();
    let next = 0;
    // The peer gives half of what is played, piece by piece in order.
    await m.play(0, 30_000, () => {
      while (next < m.torrent.info.pieceCount && !h.store.isMissing(next)) next += 1;
      if (next < m.torrent.info.pieceCount && h.store.partials.get(next) === undefined) h.give(peer, next);
    });
    await h.run(10_000);
    expect(h.received).toBeGreaterThan(0);
    expect(m.sent).toBeLessThanOrEqual(1.1 * h.received);
    expect(m.asked).toBeLessThanOrEqual(1.1 * h.received + MIB);
    m.expectClean();
  });

  it('are sent once, in large ranges, when nobody watches', async () => {
    const m = new Metered(24 * MIB, 4 * MIB);
    m.h.seeds.start();
    await m.h.run(60_000);
    expect(m.h.store.verified.isFull).toBe(true);
    expect(m.sent).toBe(24 * MIB);
    expect(m.asked).toBeLessThanOrEqual(1.1 * 24 * MIB);
    expect(Math.max(...m.h.http.requests.map(lengthOf))).toBeGreaterThan(2 * MIB);
    m.expectClean();
  });

  it('pauses a download for a viewer and resumes it when the viewer has enough', async () => {
    const m = new Metered(8 * MIB, MIB);
    const { h } = m;
    h.seeds.start();
    await h.run(300);
    const begun = h.http.requests[0]!.range!.first;
    const from = (begun + 4 * MIB) % (8 * MIB);
    const piece = Math.floor(from / PIECE);
    h.streaming = true;
    h.urgent = [{ piece, deadline: h.clock.now() }];
    h.seeds.update();
    expect({ pauses: m.pauses, aborts: m.aborts, open: m.open }).toEqual({ pauses: 1, aborts: 0, open: 2 });
    await h.run(10_000);
    expect(h.verified).toContain(Math.floor(begun / PIECE));
    expect(m.resumes).toBe(1);
    expect(m.aborts).toBe(0);
    m.expectClean();
  });

  it('gives up the paused run when there is no other connection', async () => {
    const m = new Metered(8 * MIB, MIB, 1);
    const { h } = m;
    h.seeds.start();
    await h.run(300);
    const begun = h.http.requests[0]!.range!.first;
    h.streaming = true;
    h.urgent = [{ piece: Math.floor(((begun + 4 * MIB) % (8 * MIB)) / PIECE), deadline: h.clock.now() }];
    h.seeds.update();
    expect({ aborts: m.aborts, open: m.open }).toEqual({ aborts: 1, open: 1 });
    m.expectClean();
  });

  it('leaves nothing open when it is stopped with a run paused', async () => {
    const m = new Metered(8 * MIB, MIB);
    const { h } = m;
    h.seeds.start();
    await h.run(300);
    const begun = h.http.requests[0]!.range!.first;
    m.watch((begun + 4 * MIB) % (8 * MIB));
    expect(m.open).toBe(2);
    m.expectClean();
    expect(
      [...h.store.partials.values()].every((p) => p.freeBlocks + p.receivedBlocks === p.blockCount),
    ).toBe(true);
  });
});
