import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../memory/index.ts';
import { RateLimiter } from './rate-limiter.ts';

const KiB = 1024;

/** A user that takes chunks as long as it may; some only later, as what they let in arrives. */
class User {
  bytes = 0;
  readonly #limiter: RateLimiter;
  readonly #chunk: number;
  readonly #delay: number | undefined;
  readonly #clock: VirtualClock;
  readonly wake = (): void => this.go();

  constructor(clock: VirtualClock, limiter: RateLimiter, chunk: number, delay?: number) {
    this.#clock = clock;
    this.#limiter = limiter;
    this.#chunk = chunk;
    this.#delay = delay;
  }

  go(): void {
    if (!this.#limiter.open) {
      this.#limiter.wait(this.wake);
    } else if (this.#delay === undefined) {
      this.#take();
    } else {
      this.#clock.setTimer(this.#delay, () => this.#take());
    }
  }

  #take(): void {
    this.#limiter.take(this.#chunk);
    this.bytes += this.#chunk;
    this.go();
  }
}

describe('RateLimiter', () => {
  it.each([
    [20 * KiB, 3, 16 * KiB, undefined],
    [100 * KiB, 1, 16 * KiB, undefined],
    [1024 * KiB, 10, 16 * KiB, undefined],
    [1024 * KiB, 40, 16 * KiB, 20],
    [50_000 * KiB, 5, 64 * KiB, undefined],
    [8000 * KiB, 30, 64 * KiB, 5],
  ])(
    'holds %i bytes/s over 10 s within 3 %% for %i users, and shares it fairly',
    (rate, count, chunk, delay) => {
      const clock = new VirtualClock();
      const limiter = new RateLimiter(clock, rate);
      const users = Array.from({ length: count }, () => new User(clock, limiter, chunk, delay));
      for (const user of users) user.go();
      // What is taken before the first token is there is made up for within the first seconds.
      clock.advance(5000);
      const before = users.map((user) => user.bytes);
      const seconds = 40;
      clock.advance(seconds * 1000);
      const taken = users.map((user, i) => user.bytes - before[i]!);
      const sum = taken.reduce((a, b) => a + b, 0);
      // Chunks that straddle the ends of the measurement are not the limiter's fault.
      const slack = 0.03 * rate * seconds + 2 * chunk * (delay === undefined ? 1 : count);
      expect(Math.abs(sum - rate * seconds)).toBeLessThan(slack);
      const fair = sum / count;
      for (const bytes of taken) expect(Math.abs(bytes - fair)).toBeLessThan(0.2 * fair + 2 * chunk);
      limiter.close();
    },
  );

  it('does not open for everybody at once when what they let in takes time to come', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 100 * KiB);
    limiter.take(1);
    let woken = 0;
    for (let i = 0; i < 50; i++) limiter.wait(() => woken++);
    clock.advance(6);
    expect(woken).toBe(1);
    clock.advance(50);
    expect(woken).toBeLessThan(15);
    limiter.close();
    expect(clock.pending).toBe(0);
  });

  it('lets everything pass without a limit, and wakes all when it is lifted', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, undefined);
    limiter.take(1e12);
    expect(limiter.open).toBe(true);
    limiter.setRate(10);
    limiter.take(1e6);
    let woken = 0;
    for (let i = 0; i < 5; i++) limiter.wait(() => woken++);
    limiter.setRate(undefined);
    clock.advance(1);
    expect(woken).toBe(5);
    expect(clock.pending).toBe(0);
  });

  it('lets nothing pass with a limit of 0, from the start and later, and sets no timer', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1_000_000);
    clock.advance(1000);
    expect(limiter.open).toBe(true);
    limiter.setRate(0);
    expect(limiter.open).toBe(false);
    let woken = 0;
    limiter.wait(() => woken++);
    clock.advance(1e6);
    expect([woken, clock.pending]).toEqual([0, 0]);
    limiter.setRate(1000);
    clock.advance(100);
    expect(woken).toBe(1);
  });

  it('keeps no timer for those who were forgotten', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 10);
    limiter.take(1000);
    const wake = (): void => undefined;
    limiter.wait(wake);
    limiter.wait(wake);
    expect(clock.pending).toBe(1);
    limiter.forget(wake);
    expect(clock.pending).toBe(0);
  });

  it('saves up a quarter of a second, no more', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1000 * KiB);
    clock.advance(60_000);
    let passed = 0;
    while (limiter.open) {
      limiter.take(KiB);
      passed += KiB;
    }
    expect(passed).toBe(250 * KiB);
  });
});
