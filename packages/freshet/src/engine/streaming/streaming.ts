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
const NOTHING_DUE: ReadonlyMap<number, UrgentPiece> = new Map();

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
  /** The same by piece, once somebody has asked. */
  #byPiece: ReadonlyMap<number, UrgentPiece> | undefined = NOTHING_DUE;
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
        sharesMemory: this.#host.sharesMemory,
        mediaRate: (position) => this.#survey.rate(position),
        readVerified: (piece, begin, length, wake) => this.#host.readVerified(piece, begin, length, wake),
        onMoved: (moved, jumped) => this.#onMoved(moved, jumped),
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

  /** Bytes per second at which what the readers need should come. */
  get demand(): number {
    const now = this.#now();
    let rate = 0;
    for (const reader of this.#readers) if (reader.position < reader.end) rate += reader.rate(now);
    return rate;
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
    this.#byPiece = NOTHING_DUE;
    this.#dirty = false;
  }

  /** As last computed. */
  get #deadlines(): ReadonlyMap<number, UrgentPiece> {
    this.#byPiece ??= byPiece(this.#urgent);
    return this.#byPiece;
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

  #onMoved(reader: TorrentReader, jumped: boolean): void {
    const reach = Math.floor((reader.position + reader.readAhead - 1) / this.#host.pieceLength);
    // Players read in small steps. As long as no piece comes into reach, and nobody waits, nothing new is needed.
    if (!jumped && !reader.isWaiting && reach <= reader.reach) {
      this.#dirty = true;
      return;
    }
    reader.reach = reach;
    this.#changed(jumped);
  }

  #changed(jumped: boolean): void {
    if (!jumped) {
      this.#dirty = true;
      this.#host.onUrgent(undefined);
      return;
    }
    const before = this.#deadlines;
    this.#dirty = true;
    // Players open and close readers all the time: only what is new and near is worth cancelling others for.
    const fresh = this.urgent().find(
      ({ piece, deadline }) => (before.get(piece)?.deadline ?? Number.POSITIVE_INFINITY) > deadline + NEARER,
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
      return !((deadlines.get(piece)?.deadline ?? Number.POSITIVE_INFINITY) <= fresh.deadline);
    });
  }

  #compute(): void {
    this.#dirty = false;
    const now = this.#now();
    const { pieceLength } = this.#host;
    const urgent: UrgentPiece[] = [];
    /** Needed when a piece may be named twice: one reader names each only once, and moves with each piece it gets. */
    let deadlines: Map<number, UrgentPiece> | undefined =
      this.#critical.size > 0 || this.#readers.size > 1 ? new Map() : undefined;
    /** `from` is the offset in the piece of what is waited for. */
    const need = (piece: number, deadline: number, from: number): void => {
      if (this.#host.isVerified(piece) || !this.#host.isWanted(piece)) return;
      // Who needs it first says where to begin; the others have their turn when they are there.
      const known = deadlines?.get(piece);
      if (known !== undefined && deadline >= known.deadline) return;
      const firstBlock = from > 0 ? Math.floor(from / BLOCK_LENGTH) : 0;
      const needed = { piece, deadline, firstBlock };
      if (deadlines === undefined) urgent.push(needed);
      else deadlines.set(piece, needed);
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
          if (this.#host.isVerified(piece)) continue;
          deadlines ??= byPiece(urgent);
          need(piece, deadline, start - piece * pieceLength);
        }
      }
    }
    this.#urgent = deadlines === undefined ? urgent : inTheirOrder([...deadlines.values()]);
    this.#byPiece = deadlines;
  }
}

function byPiece(urgent: readonly UrgentPiece[]): Map<number, UrgentPiece> {
  return new Map(urgent.map((needed) => [needed.piece, needed]));
}

/** Sorts it, in place. */
function inTheirOrder(urgent: UrgentPiece[]): UrgentPiece[] {
  // What one reader needs is in order already.
  if (!urgent.every((next, i) => i === 0 || inOrder(urgent[i - 1]!, next) <= 0)) urgent.sort(inOrder);
  return urgent;
}

function inOrder(a: UrgentPiece, b: UrgentPiece): number {
  return a.deadline - b.deadline || a.piece - b.piece;
}
