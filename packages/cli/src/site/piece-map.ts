/** Draws the map of the pieces, and where playback is. */

import { type Cell, type PieceFacts, pieceCells } from './piece-cells.ts';

export interface MapState {
  /** First and last piece of what is shown, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly facts: PieceFacts;
  /** Changes whenever a piece does: only then are pieces looked at. */
  readonly revision: string;
  /** Part of the film that is behind the viewer, 0 to 1; `undefined` when nothing is played. */
  readonly played: number | undefined;
  /** Parts of the film that the player holds ready, as fractions. */
  readonly buffered: readonly (readonly [from: number, to: number])[];
}

/** Least width of a cell, in CSS pixels. */
const CELL = 3;
/** Height of the line that shows what is buffered, in CSS pixels, and of the gap above it. */
const LINE = 3;
const GAP = 3;

export class PieceMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  #colours: Record<Cell | 'playhead' | 'soft', string>;
  #width = 0;
  #height = 0;
  #scale = 1;
  #cells: Cell[] = [];
  #cellsFor = '';
  #drawn = '';
  #state: MapState | undefined;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#colours = readColours();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#colours = readColours();
      this.#drawn = '';
      this.#draw();
    });
    // Sizes come from the observer, so that drawing never asks for a layout.
    new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      this.#width = entry.contentRect.width;
      this.#height = entry.contentRect.height;
      this.#scale = devicePixelRatio;
      canvas.width = Math.round(this.#width * this.#scale);
      canvas.height = Math.round(this.#height * this.#scale);
      this.#drawn = '';
      this.#draw();
    }).observe(canvas);
  }

  /** Draws if that changes a pixel. */
  show(state: MapState): void {
    this.#state = state;
    this.#draw();
  }

  #draw(): void {
    const context = this.#context;
    const state = this.#state;
    if (context === null || state === undefined || this.#width === 0) return;
    const { first, last, played, buffered, revision } = state;
    const cellsFor = `${revision} ${first} ${last} ${this.#width}`;
    const x = (fraction: number): number => Math.round(fraction * this.#width * this.#scale);
    const marks = [played === undefined ? '' : x(played), ...buffered.flatMap((range) => range.map(x))];
    const drawing = `${cellsFor} ${marks.join()}`;
    if (drawing === this.#drawn) return;
    this.#drawn = drawing;
    if (cellsFor !== this.#cellsFor) {
      this.#cellsFor = cellsFor;
      this.#cells = pieceCells(first, last, this.#width / CELL, state.facts);
      const here = this.#cells.filter((cell) => cell === 'verified' || cell === 'kept').length;
      const part = Math.floor((100 * here) / (this.#cells.length || 1));
      this.#canvas.setAttribute('aria-label', `Map of the film\u2019s pieces: ${part}% are here`);
    }
    this.#paint(context, x, state);
  }

  #paint(context: CanvasRenderingContext2D, x: (fraction: number) => number, state: MapState): void {
    const { width, height } = this.#canvas;
    const line = Math.round(LINE * this.#scale);
    const bottom = height - line - Math.round(GAP * this.#scale);
    const count = this.#cells.length;
    // A gap between cells where they are wide enough to have one.
    const wide = this.#width / count >= 5;
    context.clearRect(0, 0, width, height);
    for (const kind of ['missing', 'partial', 'kept', 'verified'] as const) {
      context.fillStyle = this.#colours[kind];
      for (let cell = 0; cell < count; cell++) {
        if (this.#cells[cell] !== kind) continue;
        const left = x(cell / count);
        const right = x((cell + 1) / count);
        context.fillRect(left, 0, right - left - (wide ? this.#scale : 0), bottom);
      }
    }
    context.fillStyle = this.#colours.missing;
    context.fillRect(0, height - line, width, line);
    context.fillStyle = this.#colours.soft;
    for (const [from, to] of state.buffered) context.fillRect(x(from), height - line, x(to) - x(from), line);
    if (state.played === undefined) return;
    context.fillStyle = this.#colours.playhead;
    const at = Math.min(width - line, x(state.played));
    context.fillRect(0, height - line, at, line);
    context.fillRect(at, 0, line, height);
  }
}

function readColours(): Record<Cell | 'playhead' | 'soft', string> {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    missing: colour('missing'),
    partial: colour('partial'),
    verified: colour('verified'),
    kept: colour('kept'),
    playhead: colour('playhead'),
    soft: colour('soft'),
  };
}
