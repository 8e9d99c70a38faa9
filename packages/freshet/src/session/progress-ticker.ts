/** Turns what an engine reports by the block into a few events a second. */

import type { Clock, Timer } from '../engine/ports.ts';

/** Milliseconds between two progress events while something changes. */
const TICK = 100;
/** Milliseconds between them while only the speeds fall. */
const SLOW_TICK = 1_000;
/** Milliseconds between two lists of peers. */
const PEERS_TICK = 1_000;

export interface TickerHost {
  readonly clock: Clock;
  tellProgress(downloaded: number, uploaded: number, verified: readonly number[]): void;
  tellPeers(): void;
  /** Bytes still flow, or peers are connected, by the latest figures. */
  readonly isMoving: boolean;
}

export class ProgressTicker {
  readonly #host: TickerHost;
  #downloaded = 0;
  #uploaded = 0;
  #verified: number[] = [];
  #timer: Timer | undefined;
  #dueAt = 0;
  #lastTick = Number.NEGATIVE_INFINITY;
  #lastPeers = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(host: TickerHost) {
    this.#host = host;
  }

  downloaded(bytes: number): void {
    this.#downloaded += bytes;
    this.changed();
  }

  uploaded(bytes: number): void {
    this.#uploaded += bytes;
    this.changed();
  }

  verified(piece: number): void {
    this.#verified.push(piece);
    this.changed();
  }

  /** Something that the figures show is different. */
  changed(): void {
    const { clock } = this.#host;
    this.#schedule(Math.max(0, this.#lastTick + TICK - clock.now()));
  }

  /** Tells at once what there is to tell. */
  flush(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#host.clock.now();
    this.#lastTick = now;
    const verified = this.#verified;
    const [downloaded, uploaded] = [this.#downloaded, this.#uploaded];
    this.#verified = [];
    this.#downloaded = 0;
    this.#uploaded = 0;
    this.#host.tellProgress(downloaded, uploaded, verified);
    if (now - this.#lastPeers >= PEERS_TICK) {
      this.#lastPeers = now;
      this.#host.tellPeers();
    }
    // What was told may have led to a change, or to the end.
    if (!this.#closed && this.#host.isMoving) this.#schedule(SLOW_TICK);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(delay: number): void {
    if (this.#closed) return;
    const dueAt = this.#host.clock.now() + delay;
    if (this.#timer !== undefined) {
      if (this.#dueAt <= dueAt) return;
      this.#timer.cancel();
    }
    this.#dueAt = dueAt;
    this.#timer = this.#host.clock.setTimer(delay, () => {
      this.#timer = undefined;
      this.flush();
    });
  }
}
