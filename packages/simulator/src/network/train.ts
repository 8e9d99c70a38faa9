import type { Pipe } from './pipe.ts';

/** Payload of a packet: 1500 bytes less headers. */
export const PACKET = 1460;
/**
 * Most bytes that a pipe sends in its turn: a block of 16 KiB with its header, so that they travel together. A larger
 * one would make others wait longer, a smaller one would cost more events.
 */
export const QUANTUM: number = 16_384 + 256;

/** In place of views that are not needed any more, so that arrays need not shrink and grow again. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Packets of one pipe that travel in a row. */
export class Train {
  pipe: Pipe | undefined;
  /** The first `count` of them are its views. */
  readonly parts: Uint8Array[] = [];
  count = 0;
  length = 0;
  /** The last one: the pipe has ended. */
  end = false;
  /** A packet was lost and sent again. */
  lost = false;
  sentAt = 0;
  /** When the receiver's line can begin with it; of a single packet: when it is received. */
  time = 0;
  /** Its turn on the receiver's line. */
  tag = 0;
  sequence = 0;
  next: Train | undefined;
}

/** Trains that are used again, as there are millions. */
export class TrainYard {
  #free: Train | undefined;
  #sequence = 0;

  take(pipe: Pipe, now: number): Train {
    const train = this.#free ?? new Train();
    this.#free = train.next;
    train.next = undefined;
    train.pipe = pipe;
    train.sentAt = now;
    train.sequence = this.#sequence++;
    return train;
  }

  give(train: Train): void {
    train.pipe = undefined;
    for (let i = 0; i < train.count; i++) train.parts[i] = NO_BYTES;
    train.count = 0;
    train.length = 0;
    train.end = false;
    train.lost = false;
    train.next = this.#free;
    this.#free = train;
  }
}

/** Trains by time of arrival or by turn. */
export class TrainHeap {
  readonly #trains: Train[] = [];
  readonly #key: 'time' | 'tag';

  constructor(key: 'time' | 'tag') {
    this.#key = key;
  }

  get first(): Train | undefined {
    return this.#trains[0];
  }

  get length(): number {
    return this.#trains.length;
  }

  add(train: Train): void {
    const trains = this.#trains;
    let at = trains.length;
    trains.push(train);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(train, trains[parent]!)) break;
      trains[at] = trains[parent]!;
      at = parent;
    }
    trains[at] = train;
  }

  shift(): Train {
    const trains = this.#trains;
    const first = trains[0]!;
    const last = trains.pop()!;
    const { length } = trains;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#isBefore(trains[child + 1]!, trains[child]!)) child++;
      if (!this.#isBefore(trains[child]!, last)) break;
      trains[at] = trains[child]!;
      at = child;
    }
    trains[at] = last;
    return first;
  }

  #isBefore(a: Train, b: Train): boolean {
    const x = this.#key === 'time' ? a.time : a.tag;
    const y = this.#key === 'time' ? b.time : b.tag;
    return x < y || (x === y && a.sequence < b.sequence);
  }
}
