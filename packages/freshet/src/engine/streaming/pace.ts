/** Playback rate assumed before one is known, in bytes per second (8 Mbit/s). */
const ASSUMED_RATE = 1_000_000;
/** The first milliseconds after a jump are a player filling its buffer, which says nothing about the film. */
const FILLING = 5000;
/** After so many milliseconds, who reads so many times faster than the film plays does more than fill a buffer. */
const SETTLED = 60_000;
const FAST = 1.5;
/** By how much films go above their average rate for a while, as deadlines of the next minutes go. */
const PEAK = 1.25;
/**
 * Most milliseconds that a reader counts as ahead. Browsers keep ten seconds and more; what is not known of them, as
 * of a film played at another speed, costs at most this much of it.
 */
const MAX_LEAD = 10_000;
/** Who asks for nothing for so many milliseconds lives on what it has: its lead does not shrink any further. */
const SILENCE = 2000;

/** How fast one reader's bytes are played, and how far it is ahead of that. A seek begins anew. */
export class Pace {
  #jumpedAt: number;
  /** Bytes delivered since. */
  #delivered = 0;
  #lead = 0;
  /** The time up to which the lead has shrunk. */
  #shrunkAt: number;
  /** Since when the reader asks for nothing. */
  #silentSince: number | undefined;

  constructor(now: number) {
    this.#jumpedAt = now;
    this.#shrunkAt = now;
    this.#silentSince = now;
  }

  onJumped(now: number): void {
    this.#jumpedAt = now;
    this.#shrunkAt = now;
    this.#delivered = 0;
    this.#lead = 0;
  }

  /** Bytes are wanted. */
  onAsked(now: number): void {
    this.#shrink(now);
    this.#silentSince = undefined;
  }

  /** They are there. @param mediaRate bytes per second of the film, where it says so. */
  onDelivered(now: number, bytes: number, mediaRate: number | undefined): void {
    this.#shrink(now);
    this.#silentSince = now;
    this.#delivered += bytes;
    const played = (bytes * 1000) / this.#playedRate(now, mediaRate);
    this.#lead = Math.min(MAX_LEAD, this.#lead + played);
  }

  /** Milliseconds, 0 to 10,000. */
  lead(now: number): number {
    this.#shrink(now);
    return this.#lead;
  }

  /** Bytes per second at which what lies ahead should come. */
  deadlineRate(now: number, mediaRate: number | undefined): number {
    if (mediaRate !== undefined) return PEAK * this.#playedRate(now, mediaRate);
    // Not less, or who is given little would be asked for less and less.
    return Math.max(ASSUMED_RATE / 8, this.#measured(now) ?? ASSUMED_RATE);
  }

  #playedRate(now: number, mediaRate: number | undefined): number {
    const measured = this.#measured(now);
    if (mediaRate === undefined) return Math.max(ASSUMED_RATE, measured ?? 0);
    const fast = measured !== undefined && now - this.#jumpedAt > SETTLED && measured > FAST * mediaRate;
    return fast ? measured : mediaRate;
  }

  /** Bytes per second since the jump, once that means anything. */
  #measured(now: number): number | undefined {
    const elapsed = now - this.#jumpedAt;
    return elapsed < FILLING ? undefined : (this.#delivered * 1000) / elapsed;
  }

  #shrink(now: number): void {
    const silent = this.#silentSince;
    const until = silent === undefined ? now : Math.min(now, silent + SILENCE);
    this.#lead = Math.max(0, this.#lead - Math.max(0, until - this.#shrunkAt));
    this.#shrunkAt = now;
  }
}
