import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { LazySet } from '../../protocol/lazy-collections.ts';
import type { GivesWay, UrgentPiece } from '../pieces/scheduler.ts';
import type { LayoutFile } from '../storage/layout.ts';
import type { ReaderOptions } from '../torrent-types.ts';
import { MediaSurvey } from './media-survey.ts';
import { paddingWithin } from './padding.ts';
import { type ReaderHost, TorrentReader } from './reader.ts';

/** Pieces per reader that get a deadline at a time. */
const MAX_PIECES = 256;
/** By how much a deadline must have come nearer to be news, in milliseconds. */
const NEARER = 500;
/** Pieces whose deadline is nearer than this after a jump make others give way, in milliseconds. */
const SOON = 2000;
const NOTHING_DUE: ReadonlyMap<number, number> = new Map();

export interface StreamingHost extends Omit<ReaderHost, 'onMoved' | 'onClosed' | 'mediaRate'> {
  /** Of the torrent, in the order of their bytes. */
  readonly files: readonly LayoutFile[];
  /**
   * Deadlines have changed.
   * @param givesWay set when pieces are needed soon that nobody thought of: whether a request stands in
   * their way.
   */
  onUrgent(givesWay: GivesWay | undefined): void;
  /** v2: readers get blocks before their piece is complete. */
  readonly blockwise: boolean;
  /** Whether the piece is selected, or lent to a reader. */
  isWanted(piece: number): boolean;
}

/** All readers of one torrent, and the pieces they need, in the order in which they need them. */
export class Streaming {
  readonly #host: StreamingHost;
  readonly #readers = new LazySet<TorrentReader>();
  /** Pieces asked for at once by `critical`, until verified. */
  readonly #critical = new LazySet<number>();
  /** Made with the first reader. */
  #surveyMade: MediaSurvey | undefined;
  #urgent: readonly UrgentPiece[] = [];
  /** Deadline of each of them. */
  #deadlines: ReadonlyMap<number, number> = NOTHING_DUE;
  #dirty = false;

  constructor(host: StreamingHost) {
    this.#host = host;
  }

  get #survey(): MediaSurvey {
    const host = this.#host;
    this.#surveyMade ??= new MediaSurvey({
      pieceLength: host.pieceLength,
      files: host.files,
      now: () => host.now(),
      readableFrom: (piece, begin) => host.readableFrom(piece, begin),
      readVerified: (piece, begin, length, wake) => host.readVerified(piece, begin, length, wake),
      onLearned: (essential) => {
        if (this.active) this.#changed(essential);
      },
    });
    return this.#surveyMade;
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
        readableFrom: (piece, begin) => this.#host.readableFrom(piece, begin),
        mediaRate: (position) => this.#survey.rate(position),
        readVerified: (piece, begin, length, wake) => this.#host.readVerified(piece, begin, length, wake),
        onMoved: (_moved, jumped) => this.#changed(jumped),
        onClosed: (closed) => {
          this.#readers.delete(closed);
          this.#left();
        },
      },
      options,
      paddingWithin(this.#host.files, options.start, options.end),
    );
    this.#readers.add(reader);
    this.#changed(true);
    this.#survey.open(options.start);
    return reader;
  }

  /** The pieces first..last are needed now. */
  critical(first: number, last: number): void {
    for (let piece = first; piece <= last; piece++) {
      if (!this.#host.isVerified(piece)) this.#critical.add(piece);
    }
    this.#changed(true);
  }

  /** v2: blocks of a piece that is not complete can be read. */
  onRightBlocks(piece: number): void {
    if (!this.active) return;
    this.#survey.onReadable(piece);
    for (const reader of [...this.#readers]) reader.onVerified(piece);
  }

  /** Other pieces are wanted than before. */
  onSelected(): void {
    this.#dirty = true;
  }

  onVerified(piece: number): void {
    if (!this.active) return;
    this.#dirty = true;
    this.#critical.delete(piece);
    this.#survey.onReadable(piece);
    for (const reader of [...this.#readers]) reader.onVerified(piece);
  }

  /** The missing pieces with a deadline, earliest first. */
  urgent(): readonly UrgentPiece[] {
    if (this.#dirty) this.#compute();
    return this.#urgent;
  }

  close(error: Error): void {
    this.#surveyMade?.close();
    for (const reader of [...this.#readers]) reader.fail(error);
    this.#critical.clear();
    this.#urgent = [];
    this.#deadlines = NOTHING_DUE;
    this.#dirty = false;
  }

  #now(): number {
    return this.#host.now();
  }

  /** A reader is gone. What only it needed makes room for others that need something soon. */
  #left(): void {
    const before = this.#deadlines;
    this.#dirty = true;
    if (!this.active) return;
    const first = this.urgent()[0];
    if (first === undefined || first.deadline > this.#now() + SOON) return;
    const deadlines = this.#deadlines;
    const isObsolete = (piece: number): boolean => before.has(piece) && !deadlines.has(piece);
    if ([...before.keys()].some(isObsolete)) this.#host.onUrgent(isObsolete);
  }

  #changed(jumped: boolean): void {
    const before = this.#deadlines;
    this.#dirty = true;
    if (!jumped) {
      this.#host.onUrgent(undefined);
      return;
    }
    // Players open and close readers all the time: only what is new and near is worth cancelling others for.
    const fresh = this.urgent().find(
      ({ piece, deadline }) => (before.get(piece) ?? Number.POSITIVE_INFINITY) > deadline + NEARER,
    );
    if (fresh === undefined || fresh.deadline > this.#now() + SOON) {
      this.#host.onUrgent(undefined);
      return;
    }
    // A peer answers in the order in which it was asked, and a player that seeks opens its new reader before it closes
    // the old one: what the old one needs later stands in the way, however urgent it was a moment ago.
    const deadlines = this.#deadlines;
    const firstBlock = this.#host.blockwise ? (fresh.firstBlock ?? 0) : 0;
    this.#host.onUrgent((piece, block) => {
      if (piece === fresh.piece) return block < firstBlock;
      return !((deadlines.get(piece) ?? Number.POSITIVE_INFINITY) <= fresh.deadline);
    });
  }

  #compute(): void {
    this.#dirty = false;
    const now = this.#now();
    const { pieceLength } = this.#host;
    const deadlines = new Map<number, number>();
    const firstBlocks = new Map<number, number>();
    /** `from` is the offset in the piece of what is waited for. */
    const need = (piece: number, deadline: number, from: number): void => {
      if (this.#host.isVerified(piece) || !this.#host.isWanted(piece)) return;
      // Who needs it first says where to begin; the others have their turn when they are there.
      if (deadline >= (deadlines.get(piece) ?? Number.POSITIVE_INFINITY)) return;
      deadlines.set(piece, deadline);
      firstBlocks.set(piece, Math.floor(Math.max(0, from) / BLOCK_LENGTH));
    };
    for (const piece of this.#critical) need(piece, now, 0);
    for (const reader of this.#readers) {
      if (reader.position >= reader.end) continue;
      const first = Math.floor(reader.position / pieceLength);
      const last = Math.floor((reader.position + reader.readAhead - 1) / pieceLength);
      const rate = reader.rate(now);
      const lead = reader.lead(now);
      for (let piece = first; piece <= last && piece - first < MAX_PIECES; piece++) {
        const ahead = piece * pieceLength - reader.position;
        need(piece, now + lead + (Math.max(0, ahead) * 1000) / rate, -ahead);
      }
      for (const { start, end, deadline } of this.#survey.early(reader.position)) {
        const beyond = Math.ceil(end / pieceLength);
        for (let piece = Math.floor(start / pieceLength); piece < beyond; piece++) {
          need(piece, deadline, start - piece * pieceLength);
        }
      }
    }
    this.#urgent = [...deadlines]
      .map(([piece, deadline]) => ({ piece, deadline, firstBlock: firstBlocks.get(piece) }))
      .sort((a, b) => a.deadline - b.deadline || a.piece - b.piece);
    this.#deadlines = deadlines;
  }
}
