/** How far a simulation is: one line that changes on a terminal, a line now and then elsewhere. */

import { formatClock, formatCount, formatMany, formatMs, formatNumber } from './format.ts';

export interface ProgressAt {
  /** Virtual milliseconds since the begin. */
  readonly now: number;
  /** Virtual milliseconds after which the run is expected to end, where that is known. */
  readonly end?: number | undefined;
  /** Viewers who are there. */
  readonly viewers: number;
  readonly events: number;
}

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Milliseconds between two lines. */
const ON_TERMINAL = 200;
const ELSEWHERE = 15_000;

/** Shows the progress of one run. It must be told often; it speaks seldom. */
export class Progress {
  readonly #label: string;
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #begun: number;
  readonly #terminal: boolean;
  #spokeAt: number;
  #eventsThen = 0;
  #rate = 0;
  #shown = false;

  /** @param now real milliseconds from any begin */
  constructor(label: string, stream: ProgressStream, now: () => number) {
    this.#label = label;
    this.#stream = stream;
    this.#now = now;
    this.#terminal = stream.isTTY === true;
    this.#begun = now();
    this.#spokeAt = this.#begun;
  }

  update(at: ProgressAt): void {
    const now = this.#now();
    const passed = now - this.#spokeAt;
    if (passed < (this.#terminal ? ON_TERMINAL : ELSEWHERE)) return;
    this.#rate = ((at.events - this.#eventsThen) / passed) * 1000;
    this.#spokeAt = now;
    this.#eventsThen = at.events;
    const line = this.#line(at, now - this.#begun);
    if (!this.#terminal) this.#stream.write(`${line}\n`);
    else this.#stream.write(`\r\x1b[K${line.slice(0, (this.#stream.columns ?? 80) - 1)}`);
    this.#shown = true;
  }

  /** Removes the line from a terminal. */
  end(): void {
    if (this.#shown && this.#terminal) this.#stream.write('\r\x1b[K');
  }

  #line({ now, end, viewers, events }: ProgressAt, passed: number): string {
    const time = end === undefined ? formatClock(now) : `${formatClock(now)} of about ${formatClock(end)}`;
    const parts = [this.#label, time, formatMany(viewers, 'viewers')];
    const rate = this.#rate >= 1000 ? `${formatNumber(this.#rate / 1000)}k` : formatCount(this.#rate);
    parts.push(`${formatCount(events)} events, ${rate}/s`);
    if (end !== undefined && now > 0 && end > now) {
      parts.push(`${formatMs(Math.ceil((passed * (end - now)) / now / 1000) * 1000)} left`);
    }
    return parts.join(' · ');
  }
}
