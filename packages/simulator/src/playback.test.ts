import { VirtualClock } from 'freshet/memory';
import { describe, expect, it } from 'vitest';
import { type Film, filmOf, positionOf } from './film.ts';
import { type FilmSource, Playback } from './playback.ts';

const KB = 1000;
const MIB = 1024 * 1024;

/** 1,000 bytes of head, 100,000 bytes a second for 100 seconds. */
const FILM: Film = { length: 1 * KB + 100 * 100 * KB, head: 1 * KB, seconds: 100, rate: 100 * KB };

/** A source whose bytes the test hands out; it remembers what the player did. */
function handOut(clock: VirtualClock, film: Film = FILM) {
  const opened: number[] = [];
  const log: string[] = [];
  let give: (count: number) => void = () => {};
  let end: () => void = () => {};
  const source: FilmSource = {
    open: (position, onBytes, onEnd) => {
      opened.push(position);
      give = onBytes;
      end = onEnd;
      return {
        pause: () => log.push(`pause ${clock.now()}`),
        resume: () => log.push(`resume ${Math.round(clock.now())}`),
        close: () => log.push('close'),
      };
    },
  };
  const events: string[] = [];
  const playback = new Playback(clock, film, source, {
    onStart: () => events.push(`start ${Math.round(clock.now())}`),
    onStall: () => events.push(`stall ${Math.round(clock.now())}`),
    onOver: () => events.push(`over ${Math.round(clock.now())}`),
  });
  return { playback, opened, log, events, give: (n: number) => give(n), end: () => end() };
}

describe('playback', () => {
  it('begins with the head and 300 ms of film, stalls when dry, and goes on with 600 ms', () => {
    const clock = new VirtualClock();
    const { playback, events, give } = handOut(clock);
    clock.advance(200);
    give(1 * KB + 29_999);
    clock.advance(100);
    expect(playback.startupMs).toBeUndefined();
    give(1);
    expect([playback.startupMs, playback.state]).toEqual([300, 'playing']);
    // 300 ms of film, and another 200 that come while they are shown.
    clock.advance(100);
    give(20 * KB);
    clock.advance(399);
    expect(playback.state).toBe('playing');
    clock.advance(2);
    expect(playback.state).toBe('stalled');
    expect(playback.watchedMs).toBeCloseTo(500);
    give(59 * KB);
    clock.advance(699);
    expect(playback.stalledMs).toBeCloseTo(700, 1);
    give(1 * KB);
    expect(playback.state).toBe('playing');
    clock.advance(250);
    expect(playback.stalledMs).toBeCloseTo(700, 1);
    expect(playback.stalls).toBe(1);
    expect(playback.watchedMs).toBeCloseTo(750, 1);
    playback.close();
    expect(events).toEqual(['start 300', 'stall 800']);
    expect(playback.played).toEqual([[1 * KB, expect.closeTo(1 * KB + 75 * KB, -2)]]);
    expect(clock.pending).toBe(0);
  });

  it('reads until it has ten seconds, or 2 MiB, and a mebibyte; goes on below them', () => {
    const clock = new VirtualClock();
    const { log, give } = handOut(clock);
    const ahead = 2 * MIB;
    // All at once: a tenth of what was loaded is added to what it keeps.
    const enough = Math.ceil((ahead + MIB + FILM.head) / 0.9);
    give(enough - 10 * KB);
    expect(log).toEqual([]);
    give(10 * KB);
    expect(log).toEqual(['pause 0']);
    // It plays until there is less than 2 MiB and that tenth ahead.
    const left = enough - FILM.head - (ahead + enough / 10);
    clock.advance((left * 1000) / FILM.rate - 1);
    expect(log).toHaveLength(1);
    clock.advance(2);
    expect(log[1]).toBe(`resume ${Math.round((left * 1000) / FILM.rate)}`);
    expect(clock.pending).toBe(1);
  });

  it('keeps ten seconds of a film that needs more than 2 MiB for them', () => {
    const clock = new VirtualClock();
    const film = filmOf(600, 500 * KB);
    expect(film).toEqual({ length: 300_000 * KB, head: 240 * KB, seconds: 600, rate: 499_600 });
    const { log, give } = handOut(clock, film);
    give(film.head + 5 * 1000 * KB);
    expect(log).toEqual([]);
    give(2 * MIB);
    expect(log).toEqual(['pause 0']);
  });

  it('shows the rest when the stream has ended, and is over', () => {
    const clock = new VirtualClock();
    const { playback, events, give, end } = handOut(clock);
    give(1 * KB + 10 * KB);
    clock.advance(50);
    expect(playback.state).toBe('waiting');
    end();
    expect(playback.startupMs).toBe(50);
    clock.advance(101);
    expect(playback.state).toBe('over');
    expect([playback.stalls, events]).toEqual([0, ['start 50', 'over 150']]);
    expect(playback.watchedMs).toBeCloseTo(100);
  });

  it('seeks within what is there at once, and elsewhere by a new request', () => {
    const clock = new VirtualClock();
    const { playback, opened, log, give } = handOut(clock);
    give(1 * KB + 500 * KB);
    clock.advance(1000);
    playback.seek(positionOf(FILM, 3000));
    expect([playback.state, playback.seekMs]).toEqual(['playing', [0]]);
    clock.advance(1000);
    playback.seek(positionOf(FILM, 60_000));
    expect([playback.state, opened, log]).toEqual(['waiting', [0, 6001 * KB], ['close']]);
    clock.advance(150);
    // Sought again before there was a picture: it has waited from the first time on.
    playback.seek(positionOf(FILM, 70_000));
    clock.advance(100);
    give(30 * KB);
    expect(playback.seekMs).toEqual([0, 250]);
    clock.advance(100);
    expect(playback.stalls).toBe(0);
    expect(playback.watchedMs).toBeCloseTo(2100);
    playback.close();
    expect(playback.played.map(([from, to]) => [from / KB, Math.round(to / KB)])).toEqual([
      [1, 101],
      [301, 401],
      [6001, 6001],
      [7001, 7011],
    ]);
  });

  it('waits for the head before it goes where it was sent', () => {
    const clock = new VirtualClock();
    const { playback, opened, give } = handOut(clock);
    playback.seek(positionOf(FILM, 50_000));
    expect(opened).toEqual([0]);
    clock.advance(80);
    give(2 * KB);
    expect(opened).toEqual([0, positionOf(FILM, 50_000)]);
    clock.advance(20);
    give(30 * KB);
    expect([playback.startupMs, playback.seekMs]).toEqual([100, []]);
  });

  it('does not count a pause as watching, nor as a stall', () => {
    const clock = new VirtualClock();
    const { playback, give } = handOut(clock);
    give(1 * KB + 100 * KB);
    clock.advance(500);
    playback.pause();
    clock.advance(60_000);
    expect(playback.watchedMs).toBeCloseTo(500);
    expect(clock.pending).toBe(0);
    playback.resume();
    clock.advance(499);
    expect(playback.state).toBe('playing');
    clock.advance(2);
    expect([playback.state, playback.stalls]).toEqual(['stalled', 1]);
    // It is paused while it waits: the picture comes, and stands.
    playback.pause();
    give(100 * KB);
    clock.advance(5000);
    expect(playback.state).toBe('paused');
    expect(playback.watchedMs).toBeCloseTo(1000);
  });
});
