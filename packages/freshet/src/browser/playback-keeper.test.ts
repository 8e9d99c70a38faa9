import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PlaybackKeeper } from './playback-keeper.ts';

/** As much of `<video>` as matters here. */
class FakeVideo extends EventTarget {
  src = '';
  currentTime = 0;
  paused = true;
  error: { code: number } | null = null;
  readonly calls: string[] = [];
  /** Errors that a listener of the page has heard of. */
  heard = 0;

  load(): void {
    this.calls.push('load');
    this.error = null;
    this.currentTime = 0;
    this.paused = true;
  }
  async play(): Promise<void> {
    this.calls.push(`play at ${this.currentTime}`);
    this.paused = false;
  }
  fail(code: number): void {
    this.error = { code };
    this.dispatchEvent(new Event('error'));
  }
}

function keep(local = true, from?: { time: number; playing: boolean }) {
  const video = new FakeVideo();
  let failed = 0;
  const keeper = new PlaybackKeeper(video as unknown as HTMLVideoElement, 'film', {
    local,
    from,
    onFailed: () => failed++,
  });
  video.addEventListener('error', () => video.heard++);
  return { video, keeper, failed: () => failed };
}

const NETWORK = 2;
const DECODE = 3;
const NOT_SUPPORTED = 4;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('PlaybackKeeper', () => {
  it('goes on where the film broke off, and the page hears of nothing', async () => {
    const { video, failed } = keep();
    expect(video.src).toBe('film');
    await video.play();
    video.currentTime = 40;
    video.fail(NETWORK);
    await vi.runAllTimersAsync();
    expect(video.calls).toEqual(['play at 0', 'load', 'play at 40']);
    expect([video.heard, failed()]).toEqual([0, 0]);
  });

  it('leaves a film paused that was', async () => {
    const { video } = keep();
    video.currentTime = 12;
    video.fail(NETWORK);
    await vi.runAllTimersAsync();
    expect(video.calls).toEqual(['load']);
    expect(video.currentTime).toBe(12);
  });

  it.each([
    [true, 5, 7_500],
    [false, 8, 31_500],
  ])('keeps the place through attempts that come to nothing (local: %s)', async (local, attempts, time) => {
    const { video, failed } = keep(local);
    await video.play();
    video.currentTime = 40;
    const began = Date.now();
    video.fail(NETWORK);
    while (failed() === 0 && vi.getTimerCount() > 0) {
      await vi.runAllTimersAsync();
      // Without a first byte the browser knows neither place nor state, and no type.
      video.currentTime = 0;
      video.paused = true;
      video.fail(NOT_SUPPORTED);
    }
    expect(Date.now() - began).toBe(time);
    expect(video.calls.filter((call) => call === 'play at 40')).toHaveLength(attempts);
    expect([video.heard, failed()]).toEqual([0, 1]);
  });

  it('begins to count anew once the film has gone on', async () => {
    const { video, failed } = keep();
    await video.play();
    for (let time = 10; time < 300; time += 10) {
      video.currentTime = time;
      video.fail(NETWORK);
      await vi.runAllTimersAsync();
    }
    expect(failed()).toBe(0);
    expect(video.calls.at(-1)).toBe('play at 290');
  });

  it('tells at once of an address that never gave anything, where there is another', () => {
    const { video, failed } = keep(false);
    video.fail(NOT_SUPPORTED);
    expect([video.heard, failed()]).toEqual([0, 1]);
  });

  it('leaves to the page what it can do nothing about', () => {
    for (const code of [DECODE, NOT_SUPPORTED]) {
      const { video, failed } = keep();
      video.fail(code);
      expect([video.heard, failed()]).toEqual([1, 0]);
    }
    const { video, failed } = keep(false);
    video.fail(DECODE);
    expect([video.heard, failed()]).toEqual([1, 0]);
  });

  it('tells where the film was when it ends, and begins there', async () => {
    const { video, keeper } = keep();
    expect(keeper.end()).toBeUndefined();
    const again = keep();
    await again.video.play();
    again.video.currentTime = 33;
    again.video.fail(NETWORK);
    expect(again.keeper.end()).toEqual({ time: 33, playing: true });
    await vi.runAllTimersAsync();
    expect(again.video.calls).toEqual(['play at 0']);
    expect(keep(true, { time: 33, playing: true }).video.calls).toEqual(['play at 33']);
    video.fail(NETWORK);
    expect(video.heard).toBe(1);
  });

  it('lets go of an element that the page gives something else', async () => {
    const { video, failed } = keep();
    video.src = 'other';
    video.fail(NETWORK);
    await vi.runAllTimersAsync();
    expect(video.calls).toEqual([]);
    expect([video.heard, failed()]).toEqual([1, 0]);
  });

  it('is content with whatever has a src', () => {
    const plain = { src: '' };
    const keeper = new PlaybackKeeper(plain, 'picture', { local: false, onFailed: () => undefined });
    expect(plain.src).toBe('picture');
    expect(keeper.end()).toBeUndefined();
  });
});
