import { type Agenda, EPSILON, type Target } from './agenda.ts';
import type { Pipe } from './pipe.ts';
import { PACKET, type Train, TrainHeap, type TrainYard } from './train.ts';

/** Single packets pass the trains; when they alone take the line for this long, they wait in line. */
const MAX_EXPRESS_MS = 20;

/** What a host sends. Its pipes take turns; single packets slip in between the packets of the others. */
export class UpLine implements Target {
  /** 0 for a line without limit. */
  msPerByte = 0;
  readonly #agenda: Agenda;
  readonly #ring: (Pipe | undefined)[] = [];
  #first = 0;
  #last = 0;
  #busyUntil = 0;
  #expressUntil = 0;
  #due = Number.POSITIVE_INFINITY;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  hasExpress(now: number): boolean {
    return this.#expressUntil - now <= MAX_EXPRESS_MS;
  }

  /** Sends single packets at once; returns when the last of them has left. */
  express(now: number, length: number): number {
    const duration = length * this.msPerByte;
    // One packet of each of the others goes first.
    const others = (this.#last - this.#first + 1) * PACKET * this.msPerByte;
    const wait = Math.min(Math.max(0, this.#busyUntil - now), others);
    this.#expressUntil = Math.max(now + wait, this.#expressUntil) + duration;
    this.#busyUntil = Math.max(now, this.#busyUntil) + duration;
    return this.#expressUntil;
  }

  /** The pipe has something to send. */
  join(pipe: Pipe, now: number): void {
    this.#ring[this.#last++] = pipe;
    this.#arm(Math.max(now, this.#busyUntil));
  }

  fire(now: number): boolean {
    if (now + EPSILON < this.#due) return false;
    this.#due = Number.POSITIVE_INFINITY;
    return this.serve(now);
  }

  /** Lets pipes send while the line is free. */
  serve(now: number): boolean {
    let called = false;
    while (this.#first < this.#last) {
      if (this.#busyUntil > now + EPSILON) {
        this.#arm(this.#busyUntil);
        break;
      }
      const pipe = this.#ring[this.#first]!;
      this.#ring[this.#first++] = undefined;
      const length = pipe.transmit(now);
      if (length > 0) this.#busyUntil = now + length * this.msPerByte;
      if (pipe.isReady) this.#ring[this.#last++] = pipe;
      if (pipe.tellDrain()) called = true;
    }
    if (this.#first === this.#last) {
      this.#first = 0;
      this.#last = 0;
    } else if (this.#first > 256) {
      this.#ring.copyWithin(0, this.#first, this.#last);
      this.#last -= this.#first;
      this.#ring.fill(undefined, this.#last, this.#last + this.#first);
      this.#first = 0;
    }
    return called;
  }

  #arm(time: number): void {
    if (time >= this.#due) return;
    this.#due = time;
    this.#agenda.add(time, this);
  }
}

/**
 * What a host receives: trains that have arrived are received one after the other, each pipe in its turn (self-clocked
 * fair queueing). The line is not asked when a train arrives but when one has been received: one event for each.
 */
export class DownLine implements Target {
  msPerByte = 0;
  /** Bytes that may wait. */
  queueBytes = 65_536;
  readonly #agenda: Agenda;
  readonly #yard: TrainYard;
  readonly #coming: TrainHeap = new TrainHeap('time');
  readonly #waiting: TrainHeap = new TrainHeap('tag');
  #waitingBytes = 0;
  #waitingPipes = 0;
  #current: Train | undefined;
  #busyUntil = 0;
  #turn = 0;
  #expressUntil = 0;
  /** Single packets since the current train began: the next one is later by them. */
  #expressBytes = 0;
  #due = Number.POSITIVE_INFINITY;

  constructor(agenda: Agenda, yard: TrainYard) {
    this.#agenda = agenda;
    this.#yard = yard;
  }

  hasExpress(now: number): boolean {
    return this.#expressUntil - now <= MAX_EXPRESS_MS;
  }

  /** How long single packets take from arrival until they are received. */
  express(now: number, length: number): number {
    const duration = length * this.msPerByte;
    this.#expressUntil = Math.max(now, this.#expressUntil) + duration;
    this.#expressBytes += length;
    const others = this.#waitingPipes + (this.#current === undefined ? 0 : 1);
    return duration + others * PACKET * this.msPerByte;
  }

  /** A train is on its way; `train.time` says when it is there. */
  expect(train: Train): void {
    this.#coming.add(train);
    if (this.#current === undefined && this.#coming.first === train) {
      this.#arm(Math.max(this.#busyUntil, train.time) + train.length * this.msPerByte);
    }
  }

  fire(now: number): boolean {
    if (now + EPSILON < this.#due) return false;
    this.#due = Number.POSITIVE_INFINITY;
    const train = this.#current ?? this.#begin(now);
    if (train === undefined) return false;
    if (this.#busyUntil > now + EPSILON) {
      this.#arm(this.#busyUntil);
      return false;
    }
    this.#current = undefined;
    const called = train.pipe!.receiveTrain(train, now);
    this.#yard.give(train);
    const next = this.#current ?? this.#begin(now);
    if (next !== undefined) this.#arm(this.#busyUntil);
    return called;
  }

  /** Takes the next train, if the line could begin with one by now; else sees to it that it is asked again. */
  #begin(now: number): Train | undefined {
    const { first } = this.#coming;
    let start = this.#busyUntil;
    if (this.#waiting.length === 0) {
      if (first === undefined) return undefined;
      if (first.time > start) {
        start = first.time;
        this.#expressBytes = 0;
      }
      if (start > now + EPSILON) {
        this.#arm(start + first.length * this.msPerByte);
        return undefined;
      }
    }
    this.#admit(start, now);
    const train = this.#waiting.shift();
    const pipe = train.pipe!;
    this.#waitingBytes -= train.length;
    pipe.waitingBytes -= train.length;
    if (pipe.waitingBytes === 0 && train.length > 0) this.#waitingPipes--;
    this.#turn = train.tag;
    this.#current = train;
    const length = pipe.isDead ? 0 : train.length;
    this.#busyUntil = start + (length + this.#expressBytes) * this.msPerByte;
    this.#expressBytes = 0;
    return train;
  }

  /** What has arrived waits for its turn. */
  #admit(until: number, now: number): void {
    for (;;) {
      const { first } = this.#coming;
      if (first === undefined || first.time > until + EPSILON) return;
      const train = this.#coming.shift();
      const pipe = train.pipe!;
      pipe.tag = Math.max(this.#turn, pipe.tag) + train.length;
      train.tag = pipe.tag;
      if (pipe.waitingBytes === 0 && train.length > 0) this.#waitingPipes++;
      pipe.waitingBytes += train.length;
      this.#waitingBytes += train.length;
      this.#waiting.add(train);
      // The pipes with the most in the queue lose packets, as in fair queues.
      const share = this.#waitingBytes / this.#waitingPipes;
      if (this.#waitingBytes > this.queueBytes && pipe.waitingBytes >= share) pipe.onQueueFull(now);
    }
  }

  #arm(time: number): void {
    if (time >= this.#due) return;
    this.#due = time;
    this.#agenda.add(time, this);
  }
}
