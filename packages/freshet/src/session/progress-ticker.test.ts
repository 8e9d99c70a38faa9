import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../memory/index.ts';
import { ProgressTicker } from './progress-ticker.ts';

function world(moving = false): {
  clock: VirtualClock;
  ticker: ProgressTicker;
  told: [number, number, number, number[]][];
  peers: number[];
} {
  const clock = new VirtualClock();
  const origin = clock.now();
  const told: [number, number, number, number[]][] = [];
  const peers: number[] = [];
  const ticker = new ProgressTicker({
    clock,
    tellProgress: (down, up, verified) => told.push([clock.now() - origin, down, up, [...verified]]),
    tellPeers: () => peers.push(clock.now() - origin),
    isMoving: moving,
  });
  return { clock, ticker, told, peers };
}

describe('ProgressTicker', () => {
  it('gathers what happens within 100 ms and keeps silent when nothing does', () => {
    const { clock, ticker, told } = world();
    ticker.downloaded(1);
    clock.advance(0);
    ticker.downloaded(2);
    ticker.uploaded(5);
    clock.advance(50);
    ticker.downloaded(4);
    ticker.verified(7);
    clock.advance(5_000);
    expect(told).toEqual([
      [0, 1, 0, []],
      [100, 6, 5, [7]],
    ]);
  });

  it('tells at once when asked to, and not twice', () => {
    const { clock, ticker, told } = world();
    clock.advance(10);
    ticker.verified(1);
    ticker.flush();
    clock.advance(1_000);
    expect(told).toEqual([[10, 0, 0, [1]]]);
  });

  it('goes on once a second while something moves, with the peers, until it is closed', () => {
    const { clock, ticker, told, peers } = world(true);
    ticker.changed();
    clock.advance(2_500);
    expect(told.map(([time]) => time)).toEqual([0, 1_000, 2_000]);
    expect(peers).toEqual([0, 1_000, 2_000]);
    ticker.close();
    ticker.downloaded(1);
    ticker.flush();
    clock.advance(5_000);
    expect(told).toHaveLength(3);
  });
});
