import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../memory/index.ts';
import type { Link } from '../ports.ts';
import { RateLimiter } from '../rate-limiter.ts';
import { ReadThrottle } from './read-throttle.ts';

function setup(rate: number | undefined) {
  const clock = new VirtualClock();
  const limiter = new RateLimiter(clock, rate);
  clock.advance(1000);
  const events: string[] = [];
  const link: Partial<Link> = {
    pauseReading: () => void events.push('pause'),
    resumeReading: () => void events.push('resume'),
  };
  const throttle = new ReadThrottle(link as Link, () => events.push('resumed'));
  return { clock, limiter, share: limiter.share(), events, throttle };
}

describe('ReadThrottle', () => {
  it('does nothing while the limit allows more, or where there is none', () => {
    for (const rate of [undefined, 1000]) {
      const { share, events, throttle } = setup(rate);
      throttle.apply(share, true);
      expect([events, throttle.waiting, throttle.paused]).toEqual([[], false, false]);
    }
  });

  it('stops reading once while the limit is used up, and goes on when it allows more', () => {
    const { clock, share, events, throttle } = setup(1000);
    share.take(20_000);
    throttle.apply(share, true);
    throttle.apply(share, true);
    expect([events, throttle.waiting, throttle.paused]).toEqual([['pause'], true, true]);
    clock.advance(60_000);
    expect([events, throttle.waiting, throttle.paused]).toEqual([
      ['pause', 'resume', 'resumed'],
      false,
      false,
    ]);
  });

  it('goes on reading while nothing is on its way that counts', () => {
    const { clock, share, events, throttle } = setup(1000);
    share.take(20_000);
    throttle.apply(share, false);
    expect([events, throttle.waiting, throttle.paused]).toEqual([[], true, false]);
    throttle.apply(share, true);
    expect([events, throttle.paused]).toEqual([['pause'], true]);
    clock.advance(60_000);
    expect(events).toEqual(['pause', 'resume', 'resumed']);
  });

  it('stops reading while memory is full, beside the limit, and goes on when both allow it', () => {
    const { clock, share, events, throttle } = setup(1000);
    const woken: (() => void)[] = [];
    const store = {
      congested: false,
      whenRelieved: (wake: () => void) => void woken.push(wake),
      forgetRelief: () => void woken.pop(),
    };
    throttle.hold(store);
    expect([events, throttle.waiting]).toEqual([[], false]);
    store.congested = true;
    throttle.hold(store);
    throttle.hold(store);
    expect([events, throttle.waiting, throttle.paused, woken.length]).toEqual([['pause'], true, true, 1]);
    share.take(20_000);
    throttle.apply(share, true);
    woken.pop()!();
    expect([events, throttle.paused]).toEqual([['pause', 'resumed'], true]);
    clock.advance(60_000);
    expect([events, throttle.paused]).toEqual([['pause', 'resumed', 'resume', 'resumed'], false]);
    throttle.hold(store);
    throttle.close();
    expect([woken, throttle.waiting]).toEqual([[], false]);
  });

  it('waits for nothing any more when it is closed, also by another that is woken first', () => {
    const { clock, limiter, share, events, throttle } = setup(1000);
    const other = limiter.share();
    share.take(20_000);
    other.wait(() => throttle.close());
    throttle.apply(share, true);
    clock.advance(60_000);
    expect([events, throttle.waiting]).toEqual([['pause'], false]);
    expect(clock.pending).toBe(0);
  });
});
