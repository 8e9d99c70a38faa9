import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../memory/index.ts';
import { RateLimiter, type RateShare } from './rate-limiter.ts';

const KB = 1000;
const MB = 1000 * KB;

/** A user that takes chunks as long as it may; some only later, as what they let in takes time to arrive. */
class User {
  bytes = 0;
  readonly #share: RateShare;
  readonly #chunk: number;
  readonly #delay: number | undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, limiter: RateLimiter, chunk: number, delay?: number) {
    this.#clock = clock;
    this.#share = limiter.share();
    this.#chunk = chunk;
    this.#delay = delay;
  }

  go(): void {
    if (!this.#share.open) {
      this.#share.wait(() => this.go());
    } else if (this.#delay === undefined) {
      this.#take();
    } else {
      this.#clock.setTimer(this.#delay, () => this.#take());
    }
  }

  stop(): void {
    this.#share.forget();
  }

  #take(): void {
    this.#share.take(this.#chunk);
    this.bytes += this.#chunk;
    this.go();
  }
}

function sum(users: readonly User[]): number {
  return users.reduce((total, user) => total + user.bytes, 0);
}

describe('one limit', () => {
  const cases = [10 * KB, 100 * KB, 1 * MB, 10 * MB, 50 * MB].flatMap((rate) =>
    [1, 50].flatMap((count) =>
      [undefined, 20].map((delay) => ({ rate, count, chunk: rate >= 10 * MB ? 65_536 : 16_384, delay })),
    ),
  );
  /** Those whose users could take more than the limit. */
  const possible = cases.filter(
    ({ rate, count, chunk, delay }) => (count * chunk * 1000) / (delay ?? 1) > 2 * rate,
  );

  it.each(possible)(
    'holds $rate bytes/s within 3 % over any 10 s: $count users, delay $delay',
    ({ rate, count, chunk, delay }) => {
      const clock = new VirtualClock();
      const limiter = new RateLimiter(clock, rate);
      const users = Array.from({ length: count }, () => new User(clock, limiter, chunk, delay));
      for (const user of users) user.go();
      for (let window = 0; window < 6; window++) {
        const before = sum(users);
        clock.advance(10_000);
        // A chunk that straddles the end of the window is not the limiter's fault; of those that take time to arrive
        // several may.
        const straddling =
          chunk * (delay === undefined ? 1 : Math.min(count, 2 + Math.ceil((rate * 0.12) / chunk)));
        expect(Math.abs(sum(users) - before - rate * 10)).toBeLessThanOrEqual(0.03 * rate * 10 + straddling);
      }
      // Over the whole minute not even that counts.
      const slack = Math.max(0.03 * rate * 60, 2 * chunk * Math.sqrt(count));
      expect(Math.abs(sum(users) - rate * 60)).toBeLessThan(slack + 0.01 * rate * 60);
    },
  );

  it('shares equally, whoever takes more at a time', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1 * MB);
    const users = [4096, 16_384, 65_536, 131_072].map((chunk) => new User(clock, limiter, chunk));
    for (const user of users) user.go();
    clock.advance(40_000);
    for (const user of users) expect(Math.abs(user.bytes / (10 * MB) - 1)).toBeLessThan(0.03);
  });

  it('lets a newcomer have its share at once, and no more for its absence', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1 * MB);
    const old = Array.from({ length: 4 }, () => new User(clock, limiter, 16_384));
    for (const user of old) user.go();
    clock.advance(30_000);
    const late = new User(clock, limiter, 16_384);
    late.go();
    clock.advance(10_000);
    expect(late.bytes / (2 * MB)).toBeGreaterThan(0.95);
    expect(late.bytes / (2 * MB)).toBeLessThan(1.05);
  });

  it('does not open for everybody at once when what they let in takes time to come', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 100 * KB);
    let woken = 0;
    for (let i = 0; i < 50; i++) {
      const share = limiter.share();
      if (i === 0) share.take(1);
      share.wait(() => woken++);
    }
    clock.advance(6);
    expect(woken).toBe(1);
    clock.advance(90);
    expect(woken).toBe(1);
    // Those who do not use their turn lose it.
    clock.advance(500);
    expect(woken).toBeGreaterThan(3);
    limiter.close();
    expect(clock.pending).toBe(0);
  });

  it('lets everything pass without a limit, and wakes all when it is lifted', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, undefined);
    const first = limiter.share();
    first.take(1e12);
    expect(first.open).toBe(true);
    limiter.setRate(10);
    first.take(1e6);
    let woken = 0;
    for (let i = 0; i < 5; i++) limiter.share().wait(() => woken++);
    limiter.setRate(undefined);
    clock.advance(1);
    expect(woken).toBe(5);
    expect(clock.pending).toBe(0);
  });

  it('lets nothing pass with a limit of 0, from the start and later, and sets no timer', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1 * MB);
    const share = limiter.share();
    clock.advance(1000);
    expect(share.open).toBe(true);
    limiter.setRate(0);
    expect(share.open).toBe(false);
    let woken = 0;
    share.wait(() => woken++);
    clock.advance(1e6);
    expect([woken, clock.pending]).toEqual([0, 0]);
    limiter.setRate(1000);
    clock.advance(100);
    expect(woken).toBe(1);
  });

  it('is in force at once when it changes, whatever was overdrawn before', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 50 * MB);
    const users = Array.from({ length: 5 }, () => new User(clock, limiter, 65_536));
    for (const user of users) user.go();
    clock.advance(3000);
    for (const rate of [100 * KB, 20 * MB, 500 * KB, 5 * MB]) {
      limiter.setRate(rate);
      const before = sum(users);
      clock.advance(1000);
      expect(Math.abs(sum(users) - before - rate)).toBeLessThan(0.1 * rate + 2 * 65_536);
    }
  });

  it('keeps no timer for those who were forgotten', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 10);
    const share = limiter.share();
    share.take(1000);
    share.wait(() => undefined);
    share.wait(() => undefined);
    expect(clock.pending).toBe(1);
    share.forget();
    expect(clock.pending).toBe(0);
  });

  it('saves up a twentieth of a second, no more', () => {
    const clock = new VirtualClock();
    const limiter = new RateLimiter(clock, 1 * MB);
    const share = limiter.share();
    clock.advance(60_000);
    let passed = 0;
    while (share.open) {
      share.take(KB);
      passed += KB;
    }
    expect(passed).toBe(50 * KB);
  });
});

describe('limits of torrents below that of the client', () => {
  it('shares the client equally between torrents, however many connections they have', () => {
    const clock = new VirtualClock();
    const client = new RateLimiter(clock, 2 * MB);
    const torrents = [1, 5, 50].map((count) => {
      const limiter = new RateLimiter(clock, undefined, client);
      return Array.from({ length: count }, () => new User(clock, limiter, 16_384));
    });
    for (const user of torrents.flat()) user.go();
    clock.advance(30_000);
    for (const users of torrents) {
      expect(Math.abs(sum(users) / (20 * MB) - 1)).toBeLessThan(0.03);
      const fair = sum(users) / users.length;
      for (const user of users) expect(Math.abs(user.bytes - fair)).toBeLessThan(0.03 * fair + 16_384);
    }
  });

  it('holds both, and others get what a limited torrent leaves', () => {
    const clock = new VirtualClock();
    const client = new RateLimiter(clock, 1 * MB);
    const slow = new RateLimiter(clock, 100 * KB, client);
    const free = new RateLimiter(clock, undefined, client);
    const [a, b] = [slow, free].map((limiter) =>
      Array.from({ length: 10 }, () => new User(clock, limiter, 16_384)),
    );
    for (const user of [...a!, ...b!]) user.go();
    clock.advance(20_000);
    expect(Math.abs(sum(a!) / (2 * MB) - 1)).toBeLessThan(0.03);
    expect(Math.abs(sum(b!) / (18 * MB) - 1)).toBeLessThan(0.03);
    expect([slow.rate, free.rate]).toEqual([100 * KB, 1 * MB]);
  });

  it('does not let a torrent make up for what the client did not have', () => {
    const clock = new VirtualClock();
    const client = new RateLimiter(clock, 50 * KB);
    const limiter = new RateLimiter(clock, 1 * MB, client);
    const users = Array.from({ length: 3 }, () => new User(clock, limiter, 16_384));
    for (const user of users) user.go();
    clock.advance(30_000);
    client.setRate(undefined);
    const before = sum(users);
    clock.advance(1000);
    expect((sum(users) - before) / MB).toBeLessThan(1.1);
    expect((sum(users) - before) / MB).toBeGreaterThan(0.9);
  });

  it('stops all while the client has 0, and one while the torrent has', () => {
    const clock = new VirtualClock();
    const client = new RateLimiter(clock, 0);
    const limiters = [undefined, 1 * MB].map((rate) => new RateLimiter(clock, rate, client));
    const users = limiters.map((limiter) => new User(clock, limiter, 16_384));
    for (const user of users) user.go();
    clock.advance(10_000);
    expect([sum(users), clock.pending]).toEqual([0, 0]);
    limiters[0]!.setRate(0);
    client.setRate(2 * MB);
    clock.advance(10_000);
    expect(users[0]!.bytes).toBe(0);
    expect(Math.abs(users[1]!.bytes / (10 * MB) - 1)).toBeLessThan(0.03);
    client.setRate(undefined);
    limiters[0]!.setRate(undefined);
    limiters[1]!.setRate(0);
    const before = users[1]!.bytes;
    let lifted = 0;
    const share = limiters[0]!.share();
    share.wait(() => lifted++);
    for (const user of users) user.stop();
    clock.advance(10);
    expect([lifted, users[1]!.bytes, clock.pending]).toEqual([1, before, 0]);
  });

  it('leaves nothing behind when a torrent ends, and the others go on', () => {
    const clock = new VirtualClock();
    const client = new RateLimiter(clock, 1 * MB);
    const [first, second] = [0, 1].map(() => new RateLimiter(clock, 600 * KB, client));
    const ended = [1, 2, 3].map(() => new User(clock, first!, 16_384));
    const left = new User(clock, second!, 16_384);
    for (const user of [...ended, left]) user.go();
    clock.advance(1003);
    for (const user of ended) user.stop();
    first!.close();
    const before = left.bytes;
    clock.advance(10_000);
    expect(Math.abs((left.bytes - before) / (6 * MB) - 1)).toBeLessThan(0.03);
    left.stop();
    expect(clock.pending).toBe(0);
  });
});
