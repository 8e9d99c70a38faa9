import type { Clock, Timer } from 'freshet/engine';
import type { Film } from './film.ts';

/** Bytes of a film, in order from some position on, that come as they can. */
export interface FilmStream {
  /** No more bytes for now: the buffer is full. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Where bytes come from: an engine's reader, or a web server. */
export interface FilmSource {
  /** `onBytes` is not called from within, and not after `close`. */
  open(position: number, onBytes: (count: number) => void, onEnd: () => void): FilmStream;
}

/**
 * The numbers are those of Chromium's `<video>` on a progressive file (multibuffer_data_source.cc): it keeps ten seconds
 * ahead of the demuxer, at least 2 MiB and at most 50, more by a tenth of what it has loaded until that is twice as much;
 * it stops a mebibyte above that and goes on below it.
 */
const AHEAD_SECONDS = 10;
const MIN_AHEAD = 2 * 1024 * 1024;
const MAX_AHEAD = 50 * 1024 * 1024;
const SLOW_PRELOAD = 0.1;
const HYSTERESIS = 1024 * 1024;
/** Milliseconds of film that the decoders want before the first picture: 200 of sound and a handful of pictures. */
const TO_BEGIN = 300;
/** And to go on after they ran dry, when they ask for more than before. */
const TO_RESUME = 600;

/**
 * The state between the bytes of a film and its picture. `waiting`: before the first picture, or the first one after a
 * seek. `stalled`: dry in the middle of the film. `over`: shown to its end.
 */
export type PlaybackState = 'waiting' | 'playing' | 'paused' | 'stalled' | 'over' | 'closed';

export interface PlaybackEvents {
  /** The first picture. */
  onStart?(): void;
  onStall?(): void;
  /** Shown to the end. */
  onOver?(): void;
}

/** What a `<video>` element does with a stream: it fills a buffer as fast as it may, and plays from it at the film's rate. */
export class Playback {
  /** Milliseconds from the begin to the first picture. */
  startupMs: number | undefined;
  stalls = 0;
  readonly seekMs: number[] = [];
  readonly #clock: Clock;
  readonly #film: Film;
  readonly #source: FilmSource;
  readonly #events: PlaybackEvents;
  readonly #begunAt: number;
  /** As of `#shownAt`. */
  readonly #played: [number, number][] = [];
  #state: PlaybackState = 'waiting';
  #stream: FilmStream | undefined;
  /** Bytes that are there: all from where the stream was opened up to `#read`. */
  #openedAt = 0;
  #read = 0;
  #loaded = 0;
  #ended = false;
  #full = false;
  /** The file position that is shown, as of `#shownAt`; it moves on from there while playing. */
  #position: number;
  #shownAt: number;
  /** Since when it waits for a picture. */
  #since: number;
  #stalledMs = 0;
  #watchedMs = 0;
  #sought = false;
  #userPaused = false;
  #timer: Timer | undefined;

  /** @param begunAt when the viewer came; default now. */
  constructor(clock: Clock, film: Film, source: FilmSource, events: PlaybackEvents = {}, begunAt?: number) {
    this.#clock = clock;
    this.#film = film;
    this.#source = source;
    this.#events = events;
    this.#begunAt = begunAt ?? clock.now();
    this.#since = this.#begunAt;
    this.#shownAt = clock.now();
    this.#position = film.head;
    this.#open(0);
  }

  get state(): PlaybackState {
    return this.#state;
  }

  /** The first byte of what is shown now. */
  get position(): number {
    return this.#positionAt(this.#clock.now());
  }

  /** Ranges of the file that were played up to now, as pairs of first byte and end; they may overlap. */
  get played(): readonly (readonly [number, number])[] {
    this.#settle(this.#clock.now());
    return this.#played;
  }

  /** Milliseconds without a picture after the first one, seeks not counted. */
  get stalledMs(): number {
    return this.#stalledMs + (this.#state === 'stalled' ? this.#clock.now() - this.#since : 0);
  }

  /** Milliseconds of film shown. */
  get watchedMs(): number {
    return this.#watchedMs + ((this.position - this.#position) * 1000) / this.#film.rate;
  }

  /** Shows the film from that byte on. What is in the buffer is shown at once; browsers open a new request for the rest. */
  seek(position: number): void {
    if (this.#state === 'closed') return;
    const now = this.#clock.now();
    this.#settle(now);
    const to = Math.min(Math.max(position, this.#film.head), this.#film.length);
    // Who seeks before the last seek has shown a picture has waited from the first one on.
    if (this.#state === 'stalled') this.#stalledMs += now - this.#since;
    if (this.startupMs !== undefined && !(this.#sought && this.#state === 'waiting')) {
      this.#since = now;
      this.#sought = true;
    }
    this.#state = 'waiting';
    this.#position = to;
    this.#shownAt = now;
    this.#played.push([to, to]);
    const buffered = to >= this.#openedAt && to <= this.#read && this.#headThere();
    if (!buffered && this.#headThere()) this.#open(to);
    else this.#keepFull();
    this.#tryToPlay();
  }

  /** The person pauses; the buffer goes on filling. */
  pause(): void {
    if (this.#userPaused || this.#state === 'closed') return;
    this.#settle(this.#clock.now());
    this.#userPaused = true;
    if (this.#state === 'playing') this.#state = 'paused';
    this.#arm();
  }

  resume(): void {
    if (!this.#userPaused) return;
    this.#userPaused = false;
    this.#shownAt = this.#clock.now();
    if (this.#state === 'paused') this.#state = 'playing';
    this.#tryToPlay();
    this.#arm();
  }

  close(): void {
    if (this.#state === 'closed') return;
    const now = this.#clock.now();
    this.#settle(now);
    if (this.#state === 'stalled') this.#stalledMs += now - this.#since;
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#stream?.close();
    this.#stream = undefined;
  }

  #positionAt(now: number): number {
    if (this.#state !== 'playing') return this.#position;
    return Math.min(this.#read, this.#position + ((now - this.#shownAt) * this.#film.rate) / 1000);
  }

  /** Writes down what was shown up to now. */
  #settle(now: number): void {
    const at = this.#positionAt(now);
    if (at > this.#position) {
      this.#watchedMs += ((at - this.#position) * 1000) / this.#film.rate;
      const last = this.#played.at(-1);
      if (last !== undefined && last[1] >= this.#position) last[1] = at;
      else this.#played.push([this.#position, at]);
    }
    this.#position = at;
    this.#shownAt = now;
  }

  /** Nothing can be shown, and no place be sought, before the description of the film is there. */
  #headThere(): boolean {
    return this.#openedAt >= this.#film.head || this.#read >= this.#film.head;
  }

  #open(position: number): void {
    this.#stream?.close();
    this.#openedAt = position;
    this.#read = position;
    this.#full = false;
    this.#ended = false;
    const stream = this.#source.open(
      position,
      (count) => {
        if (this.#stream === stream) this.#onBytes(count);
      },
      () => {
        if (this.#stream === stream) this.#onEnd();
      },
    );
    this.#stream = stream;
  }

  #onBytes(count: number): void {
    this.#read += count;
    this.#loaded += count;
    if (this.#openedAt < this.#film.head && this.#read >= this.#film.head && this.#position > this.#read) {
      // Somebody sought while the description was on its way.
      this.#open(this.#position);
      return;
    }
    this.#keepFull();
    this.#tryToPlay();
  }

  #onEnd(): void {
    this.#ended = true;
    this.#tryToPlay();
    this.#arm();
  }

  /** Bytes ahead of the picture below which more is asked for. */
  #ahead(): number {
    const wanted = Math.min(MAX_AHEAD, Math.max(MIN_AHEAD, AHEAD_SECONDS * this.#film.rate));
    return wanted + Math.min(wanted, SLOW_PRELOAD * this.#loaded);
  }

  #keepFull(): void {
    const there = this.#read - this.position;
    if (!this.#full && there >= this.#ahead() + HYSTERESIS) {
      this.#full = true;
      this.#stream?.pause();
      this.#arm();
    } else if (this.#full && there < this.#ahead()) {
      this.#full = false;
      this.#stream?.resume();
    }
  }

  #tryToPlay(): void {
    if (this.#state !== 'waiting' && this.#state !== 'stalled') return;
    if (!this.#headThere()) return;
    const there = ((this.#read - this.#position) * 1000) / this.#film.rate;
    const enough = there >= (this.#state === 'stalled' ? TO_RESUME : TO_BEGIN);
    if (!enough && !(this.#ended && this.#read >= this.#position)) return;
    const now = this.#clock.now();
    const waited = now - this.#since;
    if (this.startupMs === undefined) {
      this.startupMs = waited;
      this.#events.onStart?.();
      if ((this.#state as PlaybackState) === 'closed') return;
    } else if (this.#state === 'stalled') this.#stalledMs += waited;
    else this.seekMs.push(waited);
    this.#sought = false;
    this.#state = this.#userPaused ? 'paused' : 'playing';
    this.#shownAt = now;
    this.#arm();
  }

  /** One timer: for when the buffer wants more, or has run dry. Bytes that come meanwhile make it look again. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#state !== 'playing') return;
    const there = this.#read - this.position;
    const left = this.#full ? there - this.#ahead() : there;
    // A millisecond's fraction later rather than sooner, or it would look again at the same moment.
    const delay = Math.max(0, (left * 1000) / this.#film.rate) + 0.001;
    this.#timer = this.#clock.setTimer(delay, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#keepFull();
    const now = this.#clock.now();
    const dryAt = this.#shownAt + ((this.#read - this.#position) * 1000) / this.#film.rate;
    if (this.#full || dryAt > now) {
      this.#arm();
      return;
    }
    this.#settle(now);
    if (this.#ended || this.#read >= this.#film.length) {
      this.#state = 'over';
      this.#events.onOver?.();
      return;
    }
    this.#state = 'stalled';
    this.#since = now;
    this.stalls++;
    this.#events.onStall?.();
  }
}
