import type { UrgentPiece } from '../pieces/scheduler.ts';
import type { ReaderOptions } from '../torrent-types.ts';
import { type ReaderHost, TorrentReader } from './reader.ts';

/** Pieces per reader that get a deadline at a time. */
const MAX_PIECES = 256;
/** Pieces whose deadline is nearer than this after a jump make others give way, in milliseconds. */
const SOON = 2000;

export interface StreamingHost extends Omit<ReaderHost, 'onMoved' | 'onClosed'> {
  /** Deadlines have changed. @param jumped pieces are needed soon that nobody thought of: others must give way. */
  onUrgent(jumped: boolean): void;
  /** Whether the piece is selected, or lent to a reader. */
  isWanted(piece: number): boolean;
}

/** All readers of one torrent, and the pieces they need, in the order in which they need them. */
export class Streaming {
  readonly #host: StreamingHost;
  readonly #readers = new Set<TorrentReader>();
  /** Pieces asked for at once by `critical`, until verified. */
  readonly #critical = new Set<number>();
  #urgent: readonly UrgentPiece[] = [];
  #urgentPieces: ReadonlySet<number> = new Set();
  #dirty = false;

  constructor(host: StreamingHost) {
    this.#host = host;
  }

  get active(): boolean {
    return this.#readers.size > 0 || this.#critical.size > 0;
  }

  open(options: ReaderOptions): TorrentReader {
    const reader = new TorrentReader(
      {
        pieceLength: this.#host.pieceLength,
        now: () => this.#host.now(),
        isVerified: (piece) => this.#host.isVerified(piece),
        readVerified: (piece, begin, length, wake) => this.#host.readVerified(piece, begin, length, wake),
        onMoved: (_moved, jumped) => this.#changed(jumped),
        onClosed: (closed) => {
          this.#readers.delete(closed);
          this.#dirty = true;
        },
      },
      options,
    );
    this.#readers.add(reader);
    this.#changed(true);
    return reader;
  }

  /** The pieces first..last are needed now. */
  critical(first: number, last: number): void {
    for (let piece = first; piece <= last; piece++) {
      if (!this.#host.isVerified(piece)) this.#critical.add(piece);
    }
    this.#changed(true);
  }

  /** Other pieces are wanted than before. */
  onSelected(): void {
    this.#dirty = true;
  }

  onVerified(piece: number): void {
    if (!this.active) return;
    this.#dirty = true;
    this.#critical.delete(piece);
    for (const reader of [...this.#readers]) reader.onVerified(piece);
  }

  /** The missing pieces with a deadline, earliest first. */
  urgent(): readonly UrgentPiece[] {
    if (this.#dirty) this.#compute();
    return this.#urgent;
  }

  /** Whether a piece is among the urgent ones. */
  isUrgent(piece: number): boolean {
    if (this.#dirty) this.#compute();
    return this.#urgentPieces.has(piece);
  }

  close(error: Error): void {
    for (const reader of [...this.#readers]) reader.fail(error);
    this.#critical.clear();
    this.#urgent = [];
    this.#urgentPieces = new Set();
    this.#dirty = false;
  }

  #changed(jumped: boolean): void {
    const before = this.#urgentPieces;
    this.#dirty = true;
    if (!jumped) {
      this.#host.onUrgent(false);
      return;
    }
    // Players open and close readers all the time: only what is new and near is worth cancelling others for.
    const soon = this.#host.now() + SOON;
    const fresh = this.urgent().some(({ piece, deadline }) => deadline < soon && !before.has(piece));
    this.#host.onUrgent(fresh);
  }

  #compute(): void {
    this.#dirty = false;
    const now = this.#host.now();
    const { pieceLength } = this.#host;
    const deadlines = new Map<number, number>();
    for (const piece of this.#critical) if (this.#host.isWanted(piece)) deadlines.set(piece, now);
    for (const reader of this.#readers) {
      if (reader.position >= reader.end) continue;
      const first = Math.floor(reader.position / pieceLength);
      const last = Math.floor((reader.position + reader.readAhead - 1) / pieceLength);
      const rate = reader.rate(now);
      const lead = reader.lead(now);
      for (let piece = first; piece <= last && piece - first < MAX_PIECES; piece++) {
        if (this.#host.isVerified(piece) || !this.#host.isWanted(piece)) continue;
        const ahead = Math.max(0, piece * pieceLength - reader.position);
        const deadline = now + lead + (ahead * 1000) / rate;
        if (deadline < (deadlines.get(piece) ?? Number.POSITIVE_INFINITY)) deadlines.set(piece, deadline);
      }
    }
    this.#urgent = [...deadlines]
      .map(([piece, deadline]) => ({ piece, deadline }))
      .sort((a, b) => a.deadline - b.deadline || a.piece - b.piece);
    this.#urgentPieces = new Set(deadlines.keys());
  }
}
