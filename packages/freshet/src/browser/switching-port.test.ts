import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../memory/clock.ts';
import { SeededRandom } from '../memory/random.ts';
import type { Port } from './port.ts';
import { SwitchingPort } from './switching-port.ts';

/** An end of a pipe whose messages take their time. */
class LatePort implements Port {
  other!: LatePort;
  closed = false;
  posted = 0;
  readonly #delay: () => number;
  readonly #clock: VirtualClock;
  readonly #keeps: boolean;
  readonly #kept: unknown[] = [];
  #onMessage: ((message: unknown) => void) | undefined;
  #last = 0;

  constructor(clock: VirtualClock, delay: () => number, keeps: boolean) {
    this.#clock = clock;
    this.#delay = delay;
    this.#keeps = keeps;
  }

  get onMessage(): ((message: unknown) => void) | undefined {
    return this.#onMessage;
  }

  set onMessage(listener: ((message: unknown) => void) | undefined) {
    this.#onMessage = listener;
    for (const message of this.#kept.splice(0)) listener?.(message);
  }

  post(message: unknown): void {
    this.posted += 1;
    const { other } = this;
    const at = Math.max(this.#last, this.#clock.now() + this.#delay());
    this.#last = at;
    this.#clock.setTimer(at - this.#clock.now(), () => other.#receive(message));
  }

  #receive(message: unknown): void {
    if (this.closed) return;
    if (this.#onMessage !== undefined) this.#onMessage(message);
    else if (this.#keeps) this.#kept.push(message);
  }

  close(): void {
    this.closed = true;
  }
}

function latePipe(clock: VirtualClock, delay: () => number, keeps: boolean): [LatePort, LatePort] {
  const [one, other] = [new LatePort(clock, delay, keeps), new LatePort(clock, delay, keeps)];
  one.other = other;
  other.other = one;
  return [one, other];
}

function pair(seed = 1) {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const first = latePipe(clock, () => random.below(30), false);
  const second = latePipe(clock, () => random.below(5), true);
  const ends = [new SwitchingPort(first[0]), new SwitchingPort(first[1])] as const;
  const heard: [unknown[], unknown[]] = [[], []];
  ends[0].onMessage = (message) => heard[0].push(message);
  ends[1].onMessage = (message) => heard[1].push(message);
  return { clock, random, first, second, ends, heard };
}

describe('a pipe that changes to another', () => {
  it('keeps every message in its place, whenever it changes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.array(fc.nat(8), { minLength: 10, maxLength: 60 }),
        fc.nat(9),
        (seed, waits, when) => {
          const { clock, second, first, ends, heard } = pair(seed);
          for (const [index, wait] of waits.entries()) {
            ends[index % 2]!.post(index);
            if (index === when) {
              ends[0].adopt(second[0], false);
              // The other end of the pipe takes its time to get there.
              clock.setTimer(wait * 3, () => ends[1].adopt(second[1], true));
            }
            clock.advance(wait);
          }
          clock.advance(500);
          const before = [...first].map(({ posted }) => posted);
          ends[0].post('last');
          ends[1].post('last');
          clock.advance(100);
          const sent = [...waits.keys()];
          expect(heard[1]).toEqual([...sent.filter((index) => index % 2 === 0), 'last']);
          expect(heard[0]).toEqual([...sent.filter((index) => index % 2 === 1), 'last']);
          // In the end the first pipe carries nothing.
          expect([...first].map(({ posted }) => posted)).toEqual(before);
        },
      ),
    );
  });

  it('stays on the first pipe when the other end never gets its end of the second', () => {
    const { clock, second, ends, heard } = pair();
    ends[0].adopt(second[0], false);
    for (const message of [1, 2, 3]) ends[0].post(message);
    ends[1].post(4);
    clock.advance(100);
    expect(heard).toEqual([[4], [1, 2, 3]]);
    expect(second[0].posted).toBe(0);
  });

  it('takes one other pipe, closes what else it is given, and all of them at its end', () => {
    const { clock, first, second, ends } = pair();
    const third = latePipe(clock, () => 0, true);
    ends[0].adopt(second[0], false);
    ends[0].adopt(third[0], false);
    expect(third[0].closed).toBe(true);
    ends[0].close();
    expect([first[0].closed, second[0].closed]).toEqual([true, true]);
  });

  it('passes over a switch that it knows nothing of', () => {
    const { clock, second, ends, heard } = pair();
    ends[1].adopt(second[1], true);
    clock.advance(100);
    ends[0].post('still here');
    clock.advance(100);
    expect(heard[1]).toEqual(['still here']);
  });
});
