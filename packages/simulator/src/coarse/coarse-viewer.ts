import type { Clock } from 'freshet/engine';
import { neededBy, type Totals, type Visitor, type VisitorEvents } from '../actors/visitor.ts';
import type { Film } from '../film.ts';
import type { LineOptions } from '../network/network.ts';
import { type FilmStream, Playback } from '../playback.ts';
import type { CoarseSwarm } from './coarse-swarm.ts';

/** Where a piece is, as far as a viewer goes. */
export const PIECE = { missing: 0, there: 1, asked: 2 } as const;

/** A piece on its way to a viewer. */
export interface Fetch {
  readonly piece: number;
  /** Bytes. */
  left: number;
  /** Sources that send parts of it. */
  sources: number;
  /** Bytes per second from all of them, in the last step. */
  rate: number;
}

/** What one source sends of a piece. */
export interface Transfer {
  readonly to: CoarseViewer;
  /** `undefined` is the origin. */
  readonly from: CoarseViewer | undefined;
  readonly fetch: Fetch;
  /** Not before then: the request is on its way. */
  readonly startsAt: number;
  /** Bytes per second in this step. */
  rate: number;
}

/** A viewer of the coarse model: the same player as in the detailed one, and pieces that come by steps. */
export class CoarseViewer implements Visitor {
  readonly line: LineOptions;
  readonly arrivedAt: number;
  readonly playback: Playback;
  /** By piece. @see PIECE */
  readonly pieces: Uint8Array;
  readonly peers: CoarseViewer[] = [];
  readonly transfers: Transfer[] = [];
  /** By piece. */
  readonly fetches: Map<number, Fetch> = new Map();
  /** Pieces that are there. */
  held = 0;
  /** Transfers to others. */
  sending = 0;
  /** Bytes per second of its lines that nobody uses in this step. */
  upLeft = 0;
  downLeft = 0;
  connected = false;
  /** Requests to the origin that are out. */
  atOrigin = 0;
  /** At which step of a second it looks what to fetch for all. */
  readonly phase: number;
  /** Bytes that it may ask for of what is needed later, where it holds back. */
  later = 0;
  /** Bytes per second from the origin in the last step. */
  originRate = 0;
  gone = false;
  requests = 0;
  completedAt: number | undefined;
  fromPeers = 0;
  fromHttp = 0;
  uploaded = 0;
  readonly #swarm: CoarseSwarm;
  readonly #film: Film;
  readonly #pieceLength: number;
  readonly #onPiece: (piece: number) => void;
  #deliver: (() => void) | undefined;

  constructor(
    swarm: CoarseSwarm,
    clock: Clock,
    options: { readonly line: LineOptions; readonly film: Film; readonly pieceLength: number },
    events: VisitorEvents,
  ) {
    this.#swarm = swarm;
    this.#film = options.film;
    this.#pieceLength = options.pieceLength;
    this.#onPiece = events.onPiece;
    this.line = options.line;
    this.arrivedAt = clock.now();
    this.phase = swarm.arrived++ % 5;
    this.pieces = new Uint8Array(Math.ceil(options.film.length / options.pieceLength));
    const source = {
      open: (position: number, onBytes: (count: number) => void, onEnd: () => void): FilmStream =>
        this.#open(clock, position, onBytes, onEnd),
    };
    this.playback = new Playback(clock, options.film, source, { onOver: () => events.onFinished() });
  }

  get up(): number {
    return this.line.up ?? Number.POSITIVE_INFINITY;
  }

  get down(): number {
    return this.line.down ?? Number.POSITIVE_INFINITY;
  }

  get needed(): number {
    return neededBy(this.playback, this.#film).bytes;
  }

  get neededRanges(): readonly (readonly [number, number])[] {
    return neededBy(this.playback, this.#film).ranges;
  }

  totals(): Totals {
    const { fromPeers, fromHttp, uploaded } = this;
    return { fromPeers, fromSeeder: 0, fromHttp, uploaded, wasted: 0 };
  }

  has(piece: number): boolean {
    return this.pieces[piece] === PIECE.there;
  }

  /** The piece is there, at the end of a step. */
  take(piece: number): void {
    this.pieces[piece] = PIECE.there;
    this.held++;
    this.#onPiece(piece);
    this.#deliver?.();
  }

  leave(): void {
    if (this.gone) return;
    this.playback.close();
    this.#swarm.remove(this);
  }

  /** Gives the player what is there in a row, now and whenever a piece has come. */
  #open(clock: Clock, position: number, onBytes: (count: number) => void, onEnd: () => void): FilmStream {
    let at = position;
    let paused = false;
    let closed = false;
    const deliver = (): void => {
      while (!paused && !closed && at < this.#film.length) {
        const piece = Math.floor(at / this.#pieceLength);
        if (this.pieces[piece] !== PIECE.there) return;
        const end = Math.min(this.#film.length, (piece + 1) * this.#pieceLength);
        const count = end - at;
        at = end;
        onBytes(count);
      }
      if (!closed && !paused && at >= this.#film.length) {
        closed = true;
        onEnd();
      }
    };
    this.#deliver = deliver;
    clock.setTimer(0, deliver);
    return {
      pause: () => {
        paused = true;
      },
      resume: () => {
        paused = false;
        clock.setTimer(0, deliver);
      },
      close: () => {
        closed = true;
      },
    };
  }
}
