/** Where a command's words go: a live terminal, plain lines, JSON lines, or nowhere. */

import { sentenceOf } from '../exit.ts';
import { type CliEvent, jsonLine } from './json.ts';
import { LiveScreen } from './screen.ts';
import { printable } from './text.ts';
import { makeTheme, showsUnicode, type Theme } from './theme.ts';
import type { ViewSize } from './transfer-view.ts';

export type OutputMode = 'live' | 'plain' | 'json' | 'quiet';

/** One state, in every form that may be asked for; made only in the one that is shown. */
export interface View {
  lines(size: ViewSize, theme: Theme): string[];
  text(): string;
  json(): CliEvent;
}

/** Milliseconds between two updates by mode. */
const INTERVALS: Readonly<Record<OutputMode, number>> = {
  live: 250,
  plain: 5_000,
  json: 1_000,
  quiet: 60_000,
};

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** Words go to standard error, as standard output has data on it. */
  readonly toStderr?: boolean | undefined;
}

export class Output {
  readonly mode: OutputMode;
  readonly theme: Theme;
  readonly #stream: NodeJS.WriteStream;
  readonly #screen: LiveScreen | undefined;
  #timer: NodeJS.Timeout | undefined;
  #view: View | undefined;
  #lastText = '';

  constructor(options: OutputOptions) {
    this.#stream = options.toStderr === true ? process.stderr : process.stdout;
    const live = this.#stream.isTTY === true && process.env['TERM'] !== 'dumb';
    this.mode = options.json === true ? 'json' : options.quiet === true ? 'quiet' : live ? 'live' : 'plain';
    const colors = live && process.env['NO_COLOR'] === undefined;
    this.theme = makeTheme({ colors, unicode: showsUnicode(process.env) });
    this.#screen = this.mode === 'live' ? new LiveScreen(this.#stream) : undefined;
    // Whoever read us has gone, as `| head` does: there is nobody left to tell.
    this.#stream.on('error', () => process.exit(0));
  }

  /** Something for people, to stay; not with `--json` or `--quiet`. */
  say(text: string): void {
    if (this.#screen !== undefined) this.#screen.print(text);
    else if (this.mode === 'plain') this.#stream.write(`${text}\n`);
  }

  /** What the command was run for, such as a magnet link: also with `--quiet`. */
  result(text: string): void {
    if (this.#screen !== undefined) this.#screen.print(text);
    else if (this.mode !== 'json') this.#stream.write(`${text}\n`);
  }

  /** Something for programs. */
  event(event: CliEvent): void {
    if (this.mode === 'json') this.#stream.write(`${jsonLine(event)}\n`);
  }

  /** Something failed, and the command goes on. */
  warn(error: unknown): void {
    const message = printable(sentenceOf(error));
    this.event({ event: 'warning', message });
    if (this.mode === 'json' || this.mode === 'quiet') return;
    if (this.#screen !== undefined) this.#screen.print(this.theme.warn(`Warning: ${message}`));
    else process.stderr.write(`Warning: ${message}\n`);
  }

  /** Shows `view` from now on, again and again. */
  show(view: View): void {
    this.#view = view;
    this.#timer ??= setInterval(() => this.update(), INTERVALS[this.mode]);
    if (this.mode === 'live') this.update();
  }

  /** Shows the view as it is now. */
  update(): void {
    const view = this.#view;
    if (view === undefined) return;
    if (this.#screen !== undefined) {
      this.#screen.draw(view.lines({ columns: this.#screen.columns, rows: this.#screen.rows }, this.theme));
    } else if (this.mode === 'json') {
      this.event(view.json());
    } else if (this.mode === 'plain') {
      const text = view.text();
      // A seed without visitors must not fill a log with the same line.
      if (text !== this.#lastText) this.#stream.write(`${text}\n`);
      this.#lastText = text;
    }
  }

  /** Takes the view away without a last update. */
  hide(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#view = undefined;
    this.#screen?.draw([]);
  }

  /** Shows the view for the last time where that tells something: a log has it already. */
  settle(): void {
    if (this.mode !== 'plain') this.update();
  }

  /** Ends the display, which stays as it is, and puts the terminal right. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#view = undefined;
    this.#screen?.close();
  }
}
