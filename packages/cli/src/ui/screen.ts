/** A few lines at the bottom of a terminal that are redrawn in place, with messages scrolling by above them. */

import { cut, displayWidth } from './text.ts';

/** The part of a terminal's output stream that is used. */
export interface TerminalStream {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
// Terminals that know these show nothing in between; the others ignore them.
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export class LiveScreen {
  readonly #stream: TerminalStream;
  #lines: string[] = [];
  #closed = false;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  get columns(): number {
    return Math.max(20, this.#stream.columns ?? 80);
  }

  get rows(): number {
    return Math.max(4, this.#stream.rows ?? 24);
  }

  /** Shows these lines instead of the last ones. They are cut to the width, and to one less than the height. */
  draw(lines: readonly string[]): void {
    if (this.#closed) return;
    // The last column stays free: writing to it makes some terminals wrap.
    const fitting = lines.slice(0, this.rows - 1).map((line) => cut(line, this.columns - 1));
    const body = fitting.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('');
    // One write, and no clearing before what is written over: that is what flickers.
    this.#stream.write(`${BEGIN_UPDATE}${HIDE_CURSOR}${this.#toTop()}${body}${CLEAR_BELOW}${END_UPDATE}`);
    this.#lines = fitting;
  }

  /** Prints above the lines, to stay. */
  print(text: string): void {
    const lines = this.#lines;
    this.#stream.write(`${this.#toTop()}${CLEAR_BELOW}${text}\n`);
    this.#lines = [];
    if (lines.length > 0) this.draw(lines);
  }

  /** Leaves the last lines where they are and gives the cursor back. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What is printed from now on comes below.
    this.#lines = [];
    this.#stream.write(SHOW_CURSOR);
  }

  /** To the first of the lines. In a terminal made narrower since, each takes several rows. */
  #toTop(): string {
    let rows = 0;
    for (const line of this.#lines) rows += Math.max(1, Math.ceil(displayWidth(line) / this.columns));
    return rows === 0 ? '' : `\u001b[${rows}A\r`;
  }
}
