import { resultOf, type Totals, type Visitor } from '../actors/visitor.ts';
import type { World } from '../world.ts';
import { offloadBound, type SupplyWindow } from './offload-bound.ts';
import type { SwarmSample, ViewerResult } from './result.ts';

/** Milliseconds of virtual time between two samples. */
const INTERVAL = 5000;
const MAX_PARTS = 100;
/** Bytes per second that stand for a line without a limit. */
const UNLIMITED = 1.25e9;

interface Present {
  readonly index: number;
  readonly visitor: Visitor;
  /** As of the sample before. */
  totals: Totals;
  needed: number;
}

interface Gone {
  readonly index: number;
  readonly result: ViewerResult;
  readonly neededRanges: readonly (readonly [number, number])[];
}

/** Follows who is there, and what they have and get. It costs a look at each visitor every five seconds. */
export class Collector {
  readonly timeline: SwarmSample[] = [];
  readonly #world: World;
  readonly #pieces: number;
  readonly #parts: number;
  readonly #present = new Map<Visitor, Present>();
  readonly #gone: Gone[] = [];
  readonly #windows: SupplyWindow[] = [];
  /** Verified pieces of all who are there, by part. */
  readonly #copies: Float64Array;
  /** Since the sample before. */
  #sums = noSums();
  /** Bytes per second that all who are there can send. */
  #upload = 0;
  #integratedAt: number;

  constructor(world: World, pieces: number) {
    this.#world = world;
    this.#pieces = pieces;
    this.#parts = Math.min(MAX_PARTS, pieces);
    this.#copies = new Float64Array(this.#parts);
    this.#integratedAt = world.clock.now();
    this.#arm();
  }

  get present(): number {
    return this.#present.size;
  }

  /** Of those who have gone, in the order in which they came. */
  get results(): ViewerResult[] {
    return [...this.#gone].sort((a, b) => a.index - b.index).map(({ result }) => result);
  }

  arrived(index: number, visitor: Visitor): void {
    this.#integrate();
    this.#present.set(visitor, { index, visitor, totals: visitor.totals(), needed: 0 });
    this.#upload += uploadOf(visitor);
  }

  /** To be told before the visitor has left. */
  leaves(visitor: Visitor): void {
    const present = this.#present.get(visitor);
    if (present === undefined) return;
    this.#integrate();
    this.#count(present);
    this.#present.delete(visitor);
    this.#upload = this.#present.size === 0 ? 0 : this.#upload - uploadOf(visitor);
    for (let piece = 0; piece < this.#pieces; piece++) {
      if (visitor.has(piece)) this.#copies[this.#partOf(piece)]!--;
    }
    this.#gone.push({
      index: present.index,
      result: resultOf(visitor, this.#world.clock.now()),
      neededRanges: visitor.neededRanges,
    });
  }

  onPiece(visitor: Visitor, piece: number): void {
    if (this.#present.has(visitor)) this.#copies[this.#partOf(piece)]!++;
  }

  /** @see offloadBound. All must have left. */
  bound(): number {
    this.#sample();
    const received = this.#gone.reduce(
      (sum, { result }) => sum + result.fromPeers + result.fromSeeder + result.fromHttp,
      0,
    );
    const visits = this.#gone.map(({ result, neededRanges }) => ({ ...result, neededRanges }));
    return offloadBound(received, this.#windows, visits);
  }

  #arm(): void {
    this.#world.clock.setTimer(INTERVAL, () => {
      this.#sample();
      this.#arm();
    });
  }

  #partOf(piece: number): number {
    return Math.floor((piece * this.#parts) / this.#pieces);
  }

  /** What the lines could have sent up to now. */
  #integrate(): void {
    const now = this.#world.clock.now();
    if (this.#present.size >= 2) {
      this.#sums.uploadCapacity += (this.#upload * (now - this.#integratedAt)) / 1000;
    }
    this.#integratedAt = now;
  }

  #count(present: Present): void {
    const { visitor } = present;
    const totals = visitor.totals();
    const sums = this.#sums;
    sums.fromPeers += totals.fromPeers - present.totals.fromPeers;
    sums.fromSeeder += totals.fromSeeder - present.totals.fromSeeder;
    sums.fromHttp += totals.fromHttp - present.totals.fromHttp;
    const { needed } = visitor;
    sums.needed += needed - present.needed;
    present.totals = totals;
    present.needed = needed;
  }

  #sample(): void {
    this.#integrate();
    let playing = 0;
    let stalled = 0;
    for (const present of this.#present.values()) {
      this.#count(present);
      const state = present.visitor.playback?.state;
      if (state === 'playing') playing++;
      else if (state === 'stalled') stalled++;
    }
    const { needed, uploadCapacity, ...received } = this.#sums;
    this.#sums = noSums();
    this.#windows.push({ needed, capacity: uploadCapacity });
    this.timeline.push({
      at: this.#world.clock.now(),
      viewers: this.#present.size,
      playing,
      stalled,
      ...received,
      uploadCapacity,
      availability: Array.from(this.#copies, (copies, part) => copies / this.#piecesIn(part)),
    });
  }

  #piecesIn(part: number): number {
    const firstOf = (index: number): number => Math.ceil((index * this.#pieces) / this.#parts);
    return firstOf(part + 1) - firstOf(part);
  }
}

function noSums(): {
  fromPeers: number;
  fromSeeder: number;
  fromHttp: number;
  needed: number;
  uploadCapacity: number;
} {
  return { fromPeers: 0, fromSeeder: 0, fromHttp: 0, needed: 0, uploadCapacity: 0 };
}

function uploadOf({ line }: Visitor): number {
  return Math.min(UNLIMITED, line.up ?? UNLIMITED);
}
