/** A pair of links in one process, on any clock: latency, bandwidth, back-pressure and faults, all repeatable. */

import type { Clock, Link, LinkHandler, Random, Timer, Transport } from '../engine/ports.ts';
import type { PeerAddress } from '../protocol/index.ts';
import { Bandwidth } from './bandwidth.ts';

export interface MemoryLinkOptions {
  /** One way, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** In each direction. Default unlimited. */
  readonly bytesPerSecond?: number | undefined;
  /** Default 256 KiB. */
  readonly highWater?: number | undefined;
  /** Bytes that the network still takes for an end that does not read. Default 256 KiB. */
  readonly window?: number | undefined;
  /** Most bytes in a delivered chunk. Default: what the line carries in 5 ms, within 1460 and 64 KiB. */
  readonly chunkBytes?: number | undefined;
  /** Splits and merges delivered chunks at random. */
  readonly random?: Random | undefined;
  /** Overwrites a chunk after its delivery, so that who keeps it is found out. Default true. */
  readonly poison?: boolean | undefined;
}

/** One end's side of the pair. */
export interface MemoryLinkEnd {
  readonly transport?: Transport | undefined;
  /** Address of this end, as the other sees it. */
  readonly address?: PeerAddress | undefined;
  /** What its host can send and receive over all of its links. */
  readonly up?: Bandwidth | undefined;
  readonly down?: Bandwidth | undefined;
}

export interface MemoryLinkPair {
  readonly a: MemoryLink;
  readonly b: MemoryLink;
  /** Breaks the connection now: both ends are told `error` and what was under way is lost. */
  cut(error: Error): void;
}

const DEFAULT_HIGH_WATER = 256 * 1024;
const DEFAULT_WINDOW = 256 * 1024;
const POISON = 0xdb;

export function memoryLinkPair(
  clock: Clock,
  options: MemoryLinkOptions = {},
  endA: MemoryLinkEnd = {},
  endB: MemoryLinkEnd = {},
): MemoryLinkPair {
  const a = new MemoryLink(clock, options, endA, endB);
  const b = new MemoryLink(clock, options, endB, endA);
  MemoryLink.connect(a, b);
  return {
    a,
    b,
    cut: (error) => {
      a.breakOff(error);
      b.breakOff(error);
    },
  };
}

interface Arrival {
  readonly time: number;
  /** `undefined` is the end of the stream. */
  readonly bytes: Uint8Array | undefined;
}

/** One end of a pair. Sending state belongs to it, and the bytes on their way to it. */
export class MemoryLink implements Link {
  readonly transport: Transport;
  readonly remote: PeerAddress | undefined;
  readonly highWater: number;

  readonly #clock: Clock;
  readonly #latency: number;
  readonly #window: number;
  readonly #chunkBytes: number;
  readonly #random: Random | undefined;
  readonly #poison: boolean;
  readonly #lines: readonly Bandwidth[];
  #other!: MemoryLink;
  #handler: LinkHandler | undefined;

  // Sending.
  #queue: Uint8Array[] = [];
  #queueStart = 0;
  #queuedBytes = 0;
  #wasAbove = false;
  #transmission: Timer | undefined;

  // Receiving.
  readonly #arrivals: Arrival[] = [];
  #arrivalTimer: Timer | undefined;
  #underWay = 0;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #endHeld = false;
  #paused = false;
  #delivery: Timer | undefined;

  /** `open`; `closing`: closed by its owner, what is queued still leaves; `ended`: nothing happens any more. */
  #state: 'open' | 'closing' | 'ended' = 'open';

  constructor(clock: Clock, options: MemoryLinkOptions, own: MemoryLinkEnd, other: MemoryLinkEnd) {
    this.transport = own.transport ?? 'memory';
    this.remote = other.address;
    this.highWater = options.highWater ?? DEFAULT_HIGH_WATER;
    this.#clock = clock;
    this.#latency = options.latencyMs ?? 0;
    this.#window = options.window ?? DEFAULT_WINDOW;
    const rate = options.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    this.#lines = [new Bandwidth(rate), own.up, other.down].filter((line) => line !== undefined);
    const slowest = Math.min(...this.#lines.map((line) => line.bytesPerSecond));
    this.#chunkBytes = options.chunkBytes ?? Math.max(1460, Math.min(65536, Math.floor(slowest / 200)));
    this.#random = options.random;
    this.#poison = options.poison ?? true;
  }

  static connect(a: MemoryLink, b: MemoryLink): void {
    a.#other = b;
    b.#other = a;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Nothing can happen on this end any more. */
  get isEnded(): boolean {
    return this.#state === 'ended';
  }

  attach(handler: LinkHandler): void {
    if (this.#handler !== undefined) throw new Error('A link was attached twice.');
    this.#handler = handler;
    this.#deliverSoon();
    if (this.#wasAbove) this.#transmitSoon();
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#state !== 'open') return;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#queue.push(part);
      this.#queuedBytes += part.length;
    }
    if (this.#queuedBytes > this.highWater) this.#wasAbove = true;
    if (this.#queuedBytes > 0) this.#transmitSoon();
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliverSoon();
    this.#other.#transmitSoon();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#handler = undefined;
    this.#dropReceived();
    // The other end must not wait for a reader that has gone.
    this.#other.#transmitSoon();
    this.#transmitSoon();
  }

  /** Ends this end at once, as a broken cable does. */
  breakOff(error: Error): void {
    if (this.#state === 'ended') return;
    const handler = this.#state === 'open' ? this.#handler : undefined;
    this.#end();
    if (handler !== undefined) this.#clock.setTimer(0, () => handler.onClose(error));
  }

  #end(): void {
    this.#state = 'ended';
    this.#handler = undefined;
    this.#dropQueue();
    this.#dropReceived();
    this.#transmission?.cancel();
    this.#transmission = undefined;
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queueStart = 0;
    this.#queuedBytes = 0;
  }

  #dropReceived(): void {
    this.#arrivals.length = 0;
    this.#arrivalTimer?.cancel();
    this.#arrivalTimer = undefined;
    this.#delivery?.cancel();
    this.#delivery = undefined;
    this.#held = [];
    this.#heldBytes = 0;
    this.#underWay = 0;
  }

  // --- sending

  #transmitSoon(): void {
    if (this.#state === 'ended' || this.#transmission !== undefined) return;
    this.#transmission = this.#clock.setTimer(0, () => this.#transmit());
  }

  /** Hands chunks to the line one at a time, so that links that share it take turns. */
  #transmit(): void {
    this.#transmission = undefined;
    const other = this.#other;
    while (this.#queuedBytes > 0) {
      if (other.#state !== 'open') {
        this.#dropQueue();
        break;
      }
      if (other.#isFull()) break;
      const length = Math.min(this.#chunkBytes, this.#queuedBytes);
      const now = this.#clock.now();
      let sentAt = now;
      for (const line of this.#lines) sentAt = Math.max(sentAt, line.book(now, length));
      const bytes = this.#takeQueued(length);
      other.#arrive(sentAt + this.#latency, bytes);
      if (sentAt > now) {
        this.#transmission = this.#clock.setTimer(sentAt - now, () => this.#transmit());
        break;
      }
    }
    if (this.#state === 'closing') {
      if (this.#queuedBytes === 0 && this.#transmission === undefined) {
        other.#arrive(this.#clock.now() + this.#latency, undefined);
        this.#end();
      }
      return;
    }
    if (this.#wasAbove && this.#queuedBytes <= this.highWater / 2 && this.#handler !== undefined) {
      this.#wasAbove = false;
      this.#handler.onDrain();
    }
  }

  /** A copy: once it is handed to the network the sender may reuse its memory. */
  #takeQueued(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let at = 0;
    let index = this.#queueStart;
    while (at < length) {
      const part = this.#queue[index]!;
      const take = Math.min(part.length, length - at);
      bytes.set(take === part.length ? part : part.subarray(0, take), at);
      at += take;
      if (take === part.length) index++;
      else this.#queue[index] = part.subarray(take);
    }
    this.#queueStart = index;
    this.#queuedBytes -= length;
    if (index === this.#queue.length) {
      this.#queue.length = 0;
      this.#queueStart = 0;
    } else if (index > 1024) {
      this.#queue.splice(0, index);
      this.#queueStart = 0;
    }
    return bytes;
  }

  // --- receiving

  #isFull(): boolean {
    const reads = this.#handler !== undefined && !this.#paused;
    return !reads && this.#underWay + this.#heldBytes >= this.#window;
  }

  #arrive(time: number, bytes: Uint8Array | undefined): void {
    if (this.#state !== 'open') return;
    // A line that became faster must not let later bytes overtake earlier ones.
    const last = this.#arrivals.at(-1)?.time ?? 0;
    this.#arrivals.push({ time: Math.max(time, last), bytes });
    this.#underWay += bytes?.length ?? 0;
    this.#watchArrivals();
  }

  #watchArrivals(): void {
    const next = this.#arrivals[0];
    if (next === undefined || this.#arrivalTimer !== undefined) return;
    this.#arrivalTimer = this.#clock.setTimer(next.time - this.#clock.now(), () => {
      this.#arrivalTimer = undefined;
      const now = this.#clock.now();
      let count = 0;
      for (; count < this.#arrivals.length && this.#arrivals[count]!.time <= now; count++) {
        const { bytes } = this.#arrivals[count]!;
        if (bytes === undefined) {
          this.#endHeld = true;
        } else {
          this.#underWay -= bytes.length;
          this.#held.push(bytes);
          this.#heldBytes += bytes.length;
        }
      }
      this.#arrivals.splice(0, count);
      this.#watchArrivals();
      this.#deliver();
    });
  }

  #deliverSoon(): void {
    if (this.#state !== 'open' || this.#delivery !== undefined) return;
    if (this.#heldBytes === 0 && !this.#endHeld) {
      this.#other.#transmitSoon();
      return;
    }
    this.#delivery = this.#clock.setTimer(0, () => {
      this.#delivery = undefined;
      this.#deliver();
      this.#other.#transmitSoon();
    });
  }

  #deliver(): void {
    if (this.#random !== undefined && this.#held.length > 0) this.#recut(this.#random);
    while (this.#heldBytes > 0) {
      if (this.#handler === undefined || this.#paused) return;
      const chunk = this.#held.shift()!;
      this.#heldBytes -= chunk.length;
      this.#handler.onData(chunk);
      if (this.#poison) chunk.fill(POISON);
    }
    if (!this.#endHeld || this.#handler === undefined || this.#paused) return;
    const handler = this.#handler;
    this.#end();
    handler.onClose(undefined);
  }

  /** Puts other borders between the chunks that wait: the engine must take input split anywhere. */
  #recut(random: Random): void {
    const whole = new Uint8Array(this.#heldBytes);
    let at = 0;
    for (const chunk of this.#held) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    this.#held = [];
    for (let start = 0; start < whole.length; ) {
      const most = random.below(4) === 0 ? 8 : this.#chunkBytes * 2;
      const end = Math.min(whole.length, start + 1 + random.below(most));
      this.#held.push(whole.subarray(start, end));
      start = end;
    }
  }
}
