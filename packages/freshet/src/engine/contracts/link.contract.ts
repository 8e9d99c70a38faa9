/** What every `Link` must do, whatever it runs over. */

import { afterEach, describe, expect, it } from 'vitest';
import type { Link, LinkHandler } from '../ports.ts';
import { type Advance, pass, testBytes, testRandom, until } from './waiting.contract.ts';

export interface LinkPair {
  readonly a: Link;
  readonly b: Link;
  /** Moves virtual time; absent where time is real. */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
  /** False where the transport cannot hold back data (then only loss is tested, not silence). Default true. */
  readonly canPause?: boolean | undefined;
  dispose(): Promise<void> | void;
}

/** Keeps what a link says, and fails on what it must not say. */
class Recorder implements LinkHandler {
  readonly chunks: Uint8Array[] = [];
  length = 0;
  drains = 0;
  closes = 0;
  error: Error | undefined;
  onChunk: ((chunk: Uint8Array) => void) | undefined;
  onDrained: (() => void) | undefined;

  onData(chunk: Uint8Array): void {
    expect(this.closes, 'data after onClose').toBe(0);
    expect(chunk.length).toBeGreaterThan(0);
    this.chunks.push(chunk.slice());
    this.length += chunk.length;
    this.onChunk?.(chunk);
  }
  onDrain(): void {
    this.drains++;
    this.onDrained?.();
  }
  onClose(error: Error | undefined): void {
    this.closes++;
    this.error = error;
  }
  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}

function same(actual: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(actual, expected) === 0;
}

export function linkContract(name: string, makePair: () => Promise<LinkPair>): void {
  describe(`Link contract: ${name}`, () => {
    let pair: LinkPair | undefined;
    afterEach(async () => {
      await pair?.dispose();
      pair = undefined;
    });

    async function open(): Promise<LinkPair & { advance: Advance }> {
      pair = await makePair();
      return { ...pair, a: pair.a, b: pair.b, advance: pair.advance };
    }

    async function openAttached() {
      const { a, b, advance } = await open();
      const atA = new Recorder();
      const atB = new Recorder();
      a.attach(atA);
      b.attach(atB);
      return { a, b, advance, atA, atB };
    }

    it('delivers bytes in order in both directions, whatever the sizes', async () => {
      const { a, b, advance, atA, atB } = await openAttached();
      const random = testRandom(1);
      const toB = testBytes(700_000, 2);
      const toA = testBytes(300_000, 3);
      function sendSome(link: Link, source: Uint8Array, at: number): number {
        const parts: Uint8Array[] = [];
        for (let i = random(4); i >= 0 && at < source.length; i--) {
          const size = Math.min(source.length - at, random(10) === 0 ? random(100_000) : random(2000));
          parts.push(source.subarray(at, at + size));
          at += size;
        }
        link.send(parts);
        return at;
      }
      let sentToB = 0;
      let sentToA = 0;
      while (sentToB < toB.length || sentToA < toA.length) {
        if (sentToB < toB.length) sentToB = sendSome(a, toB, sentToB);
        if (sentToA < toA.length) sentToA = sendSome(b, toA, sentToA);
        if (random(8) === 0) await pass(1, advance);
      }
      await until(() => atB.length === toB.length && atA.length === toA.length, advance, 'all has arrived');
      expect(same(atB.bytes, toB)).toBe(true);
      expect(same(atA.bytes, toA)).toBe(true);
      expect(a.queuedBytes).toBe(0);
    });

    it('sends nothing for no parts and for empty parts', async () => {
      const { a, advance, atB } = await openAttached();
      a.send([]);
      a.send([new Uint8Array(0), new Uint8Array(0)]);
      a.send([new Uint8Array(0), Uint8Array.of(7), new Uint8Array(0)]);
      await until(() => atB.length === 1, advance, 'the byte has arrived');
      await pass(20, advance);
      expect([...atB.bytes]).toEqual([7]);
      expect(a.queuedBytes).toBe(0);
    });

    it('lets the sender reuse its memory once nothing is queued, and the receiver scribble on a chunk', async () => {
      const { a, advance, atB } = await openAttached();
      const source = testBytes(50_000, 4);
      const memory = source.slice();
      atB.onChunk = (chunk) => chunk.fill(0xaa);
      a.send([memory.subarray(0, 20_000), memory.subarray(20_000)]);
      await until(() => a.queuedBytes === 0, advance, 'all is sent');
      memory.fill(0x55);
      await until(() => atB.length === source.length, advance, 'all has arrived');
      expect(same(atB.bytes, source)).toBe(true);
      // The receiver's scribbling was its own affair.
      expect(memory.every((byte) => byte === 0x55)).toBe(true);
    });

    it('keeps data that arrives before attach, and does not deliver from within attach', async () => {
      const { a, b, advance } = await open();
      a.attach(new Recorder());
      const source = testBytes(40_000, 5);
      a.send([source]);
      await pass(60, advance);
      const atB = new Recorder();
      b.attach(atB);
      expect(atB.length).toBe(0);
      await until(() => atB.length === source.length, advance, 'the kept data is delivered');
      expect(same(atB.bytes, source)).toBe(true);
    });

    it('delivers data and end that came before attach, in this order and after attach has returned', async () => {
      const { a, b, advance } = await open();
      a.attach(new Recorder());
      const source = testBytes(5000, 6);
      a.send([source]);
      a.close();
      await pass(60, advance);
      const atB = new Recorder();
      b.attach(atB);
      expect(atB.length + atB.closes).toBe(0);
      await until(() => atB.closes === 1, advance, 'the end is told');
      expect(same(atB.bytes, source)).toBe(true);
    });

    it('can send before it is attached', async () => {
      const { a, b, advance } = await open();
      const atB = new Recorder();
      b.attach(atB);
      a.send([Uint8Array.of(1, 2, 3)]);
      await until(() => atB.length === 3, advance, 'the bytes have arrived');
      expect([...atB.bytes]).toEqual([1, 2, 3]);
      a.attach(new Recorder());
    });

    it('counts what is queued, lets it fall to 0, and tells when it is at half of highWater', async () => {
      const { a, advance, atA, atB } = await openAttached();
      expect(a.highWater).toBeGreaterThan(0);
      const queuedAtDrain: number[] = [];
      atA.onDrained = () => queuedAtDrain.push(a.queuedBytes);
      // More than any kernel takes at once.
      const block = testBytes(1 << 20, 7);
      const total = 16 * block.length;
      let drainedInSend = false;
      for (let sent = 0; sent < total; sent += block.length) {
        a.send([block]);
        drainedInSend ||= atA.drains > 0;
      }
      expect(drainedInSend, 'onDrain from within send').toBe(false);
      expect(a.queuedBytes).toBeGreaterThan(a.highWater);
      expect(a.queuedBytes).toBeLessThanOrEqual(total);
      await until(() => atB.length === total, advance, 'all has arrived', 15_000);
      await until(() => a.queuedBytes === 0, advance, 'nothing is queued');
      expect(atA.drains).toBeGreaterThanOrEqual(1);
      for (const queued of queuedAtDrain) expect(queued).toBeLessThanOrEqual(a.highWater / 2);
    });

    it('does not tell of a drain when it was never above highWater', async () => {
      const { a, advance, atA, atB } = await openAttached();
      for (let i = 0; i < 5; i++) {
        a.send([testBytes(100, i)]);
        await pass(5, advance);
      }
      await until(() => atB.length === 500, advance, 'all has arrived');
      await pass(20, advance);
      expect(atA.drains).toBe(0);
    });

    it('goes on from within onDrain', async () => {
      const { a, advance, atA, atB } = await openAttached();
      const block = testBytes(32 * 1024, 8);
      const wanted = 200;
      let sent = 0;
      const fill = (): void => {
        while (sent < wanted && a.queuedBytes <= a.highWater) {
          a.send([block]);
          sent++;
          // Transports that take everything at once never need onDrain; yield now and then.
          if (sent % 50 === 0 && a.queuedBytes <= a.highWater) break;
        }
      };
      atA.onDrained = fill;
      fill();
      for (let i = 0; i < 2000 && atB.length < wanted * block.length; i++) {
        if (a.queuedBytes === 0) fill();
        await pass(5, advance);
      }
      expect(sent).toBe(wanted);
      expect(atB.length).toBe(wanted * block.length);
    });

    it('holds data back while reading is paused, and loses none', async () => {
      const { a, b, advance, atB } = await openAttached();
      a.send([Uint8Array.of(1)]);
      await until(() => atB.length === 1, advance, 'the first byte has arrived');
      b.pauseReading();
      b.pauseReading();
      const source = testBytes(200_000, 9);
      a.send([source]);
      await pass(80, advance);
      if (pair?.canPause !== false) expect(atB.length).toBe(1);
      b.resumeReading();
      await until(() => atB.length === 1 + source.length, advance, 'all has arrived');
      b.resumeReading();
      expect(same(atB.bytes.subarray(1), source)).toBe(true);
    });

    it('can be paused from within onData', async () => {
      const { a, b, advance, atB } = await openAttached();
      const source = testBytes(600_000, 10);
      let paused = false;
      let whilePaused = 0;
      atB.onChunk = () => {
        if (paused) whilePaused++;
        b.pauseReading();
        paused = true;
      };
      a.send([source]);
      for (let i = 0; i < 4000 && atB.length < source.length; i++) {
        await pass(3, advance);
        if (paused) {
          paused = false;
          b.resumeReading();
        }
      }
      if (pair?.canPause !== false) expect(whilePaused).toBe(0);
      expect(same(atB.bytes, source)).toBe(true);
    });

    it('delivers what was queued at close, then onClose once at the other end and never at its own', async () => {
      const { a, b, advance, atA, atB } = await openAttached();
      const source = testBytes(400_000, 11);
      a.send([source]);
      a.close();
      a.close();
      await until(() => atB.closes > 0, advance, 'the end has arrived');
      await pass(40, advance);
      expect(same(atB.bytes, source)).toBe(true);
      expect(atB.closes).toBe(1);
      expect(atB.error).toBeUndefined();
      expect(atA.closes).toBe(0);
      b.close();
      await pass(20, advance);
      expect(atB.closes).toBe(1);
    });

    it('calls nothing after its own close', async () => {
      const { a, b, advance, atA, atB } = await openAttached();
      a.send([testBytes(100_000, 12)]);
      b.send([testBytes(100, 13)]);
      b.close();
      const before = atB.length;
      a.send([testBytes(1000, 14)]);
      await until(() => atA.closes === 1, advance, 'the other end knows');
      await pass(40, advance);
      expect(atB.length).toBe(before);
      expect(atB.closes + atB.drains).toBe(0);
      // An abrupt end may take along what was under way.
      expect(atA.length).toBeLessThanOrEqual(100);
    });

    it('stops at once when it is closed from within onData', async () => {
      const { a, b, advance, atB } = await openAttached();
      atB.onChunk = () => b.close();
      a.send([testBytes(500_000, 15)]);
      await until(() => atB.chunks.length > 0, advance, 'something has arrived');
      await pass(40, advance);
      expect(atB.chunks.length).toBe(1);
      expect(atB.closes).toBe(0);
    });

    it('ignores send after close and after the other end has gone', async () => {
      const { a, b, advance, atA, atB } = await openAttached();
      b.close();
      b.send([Uint8Array.of(1)]);
      await until(() => atA.closes === 1, advance, 'the other end knows');
      a.send([testBytes(100_000, 16)]);
      a.pauseReading();
      a.resumeReading();
      a.close();
      a.send([Uint8Array.of(2)]);
      await pass(30, advance);
      expect(atA.closes).toBe(1);
      expect(atA.length).toBe(0);
      expect(atB.length + atB.closes).toBe(0);
    });

    it('answers from within onData', async () => {
      const { a, b, advance, atA, atB } = await openAttached();
      atB.onChunk = (chunk) => b.send([chunk.slice()]);
      const source = testBytes(100_000, 17);
      a.send([source]);
      await until(() => atA.length === source.length, advance, 'the echo has arrived');
      expect(same(atA.bytes, source)).toBe(true);
    });
  });
}
