import { concatBytes } from '../../protocol/index.ts';
import type { Reader, ReaderOptions } from '../torrent-types.ts';
import { Pace } from './pace.ts';
import { type Padding, paddingBehind } from './padding.ts';

export type ReaderErrorCode = 'NO_METADATA' | 'OUT_OF_RANGE' | 'BUSY' | 'CLOSED' | 'READ_FAILED';

/** A read that cannot be answered. */
export class ReaderError extends Error {
  override readonly name: string = 'ReaderError';
  readonly code: ReaderErrorCode;
  constructor(code: ReaderErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What a reader needs of its torrent. */
export interface ReaderHost {
  readonly pieceLength: number;
  now(): number;
  isVerified(piece: number): boolean;
  /** Bytes of the piece from `begin` on that are right: all of them once it is verified, with v2 blocks before that. */
  readableFrom(piece: number, begin: number): number;
  /** Bytes per second of the media file at this position, where the file says so. */
  mediaRate(position: number): number | undefined;
  /** Views of verified bytes, or `undefined` when they are being fetched from disk and `wake` will be called. */
  readVerified(
    piece: number,
    begin: number,
    length: number,
    wake: () => void,
  ): Uint8Array[] | Error | undefined;
  /** Readers give views of memory that is shared, in place of copies. Default false. @see Disk.lend */
  readonly sharesMemory?: boolean | undefined;
  /** The reader moved or waits: its deadlines have changed. */
  onMoved(reader: TorrentReader, jumped: boolean): void;
  onClosed(reader: TorrentReader): void;
}

interface Waiting {
  readonly maxBytes: number;
  resolve(bytes: Uint8Array | undefined): void;
  reject(error: Error): void;
}

/** Least read-ahead, in bytes: about the start of a film. */
const MIN_READ_AHEAD = 1024 * 1024;
const MAX_READ_AHEAD = 32 * 1024 * 1024;
/** Most bytes of one read: what must be in memory at once, however long the pieces are. */
const MAX_READ = 1024 * 1024;

/** A position in the torrent that moves as bytes are delivered, each verified before. */
export class TorrentReader implements Reader {
  readonly end: number;
  readonly #start: number;
  readonly #host: ReaderHost;
  #position: number;
  #waiting: Waiting | undefined;
  #closed = false;
  #ended: (() => void) | undefined;
  /** Bytes delivered in a row since the last jump: what the read-ahead grows with. */
  #contiguous = 0;
  readonly #pace: Pace;
  readonly #padding: readonly Padding[];

  /** @param padding what lies in the range and is not delivered, in order. */
  constructor(host: ReaderHost, options: ReaderOptions, padding: readonly Padding[] = []) {
    this.#host = host;
    this.#padding = padding;
    this.#start = options.start;
    this.#position = options.start;
    this.end = options.end;
    this.#pace = new Pace(host.now());
  }

  /** The last piece within its read-ahead that was asked for on its account. */
  reach = -1;

  get position(): number {
    return this.#position;
  }

  /** Whether a read waits for bytes at the position. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Bytes ahead of the position that should be fetched before anything else. */
  get readAhead(): number {
    const wanted = Math.max(MIN_READ_AHEAD, 2 * this.#host.pieceLength, 2 * this.#contiguous);
    return Math.min(wanted, MAX_READ_AHEAD, this.end - this.#position);
  }

  /** Bytes per second at which the position is taken to move. */
  rate(now: number): number {
    return this.#pace.deadlineRate(now, this.#host.mediaRate(this.#position));
  }

  /**
   * Milliseconds by which the reader is ahead of playback. A player reads as fast as it can until its buffer is full;
   * what lies there gives the bytes behind it time to come from peers.
   */
  lead(now: number): number {
    return this.#pace.lead(now);
  }

  read(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#closed) return Promise.reject(new ReaderError('CLOSED', 'The reader is closed.'));
    if (this.#waiting !== undefined) {
      return Promise.reject(
        new ReaderError('BUSY', 'The reader is still answering the read before this one.'),
      );
    }
    if (!(maxBytes >= 1)) {
      return Promise.reject(new ReaderError('OUT_OF_RANGE', `A read of ${maxBytes} bytes is not possible.`));
    }
    this.#pace.onAsked(this.#host.now());
    return new Promise((resolve, reject) => {
      this.#waiting = { maxBytes, resolve, reject };
      if (!this.#deliver()) this.#host.onMoved(this, false);
    });
  }

  seek(position: number): void {
    if (this.#closed || position === this.#position) return;
    this.#position = Math.min(Math.max(position, this.#start), this.end);
    this.#contiguous = 0;
    this.#pace.onJumped(this.#host.now());
    // Also when the bytes at the new place are there already: what follows them may be missing.
    this.#host.onMoved(this, true);
    this.#deliver();
  }

  close(): void {
    this.fail(new ReaderError('CLOSED', 'The reader is closed.'));
  }

  /** Ends the reader with an error for whoever waits. */
  fail(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#host.onClosed(this);
    this.#ended?.();
    waiting?.reject(error);
  }

  /** Calls `ended` once when the reader is closed. */
  onClose(ended: () => void): void {
    this.#ended = ended;
  }

  /** The piece is verified, or right blocks of it are there: answers a read that waits for them. */
  onVerified(piece: number): void {
    if (this.#waiting !== undefined && piece === Math.floor(this.#position / this.#host.pieceLength)) {
      this.#deliver();
    }
  }

  /** Answers the waiting read if it can be answered now. */
  #deliver(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#closed) return false;
    const limit = this.#skipPadding();
    if (this.#position >= this.end) {
      this.#waiting = undefined;
      waiting.resolve(undefined);
      return true;
    }
    const { pieceLength } = this.#host;
    const piece = Math.floor(this.#position / pieceLength);
    const begin = this.#position - piece * pieceLength;
    const readable = this.#host.readableFrom(piece, begin);
    if (readable <= 0) return false;
    const length = Math.min(waiting.maxBytes, MAX_READ, readable, limit - this.#position);
    const position = this.#position;
    const views = this.#host.readVerified(piece, begin, length, () => {
      // After a seek meanwhile this simply tries the new position.
      this.#deliver();
    });
    if (views === undefined) return true;
    this.#waiting = undefined;
    if (views instanceof Error) {
      waiting.reject(
        new ReaderError('READ_FAILED', `Reading at byte ${position} failed: ${views.message}`, {
          cause: views,
        }),
      );
      return true;
    }
    this.#position += length;
    this.#contiguous += length;
    this.#pace.onDelivered(this.#host.now(), length, this.#host.mediaRate(position));
    const bytes = this.#host.sharesMemory === true && views.length === 1 ? views[0]! : concatBytes(views);
    this.#host.onMoved(this, false);
    waiting.resolve(bytes);
    return true;
  }

  /** Moves past padding. Returns where the bytes that may be delivered end. */
  #skipPadding(): number {
    const padding = this.#padding;
    for (let i = paddingBehind(padding, this.#position); i < padding.length; i++) {
      const { start, end } = padding[i]!;
      if (start > this.#position) return Math.min(start, this.end);
      this.#position = Math.min(end, this.end);
    }
    return this.end;
  }
}
