import type { EngineOptions, TorrentSpec } from 'freshet/engine';
import type { LineOptions } from '../network/network.ts';
import { Playback } from '../playback.ts';
import { readerSource, VerifiedSource } from './sources.ts';
import { Tab } from './tab.ts';
import { neededBy, noteVisit, type Site, type Totals, type Visitor, type VisitorEvents } from './visitor.ts';

export interface ViewerOptions {
  readonly line: LineOptions;
  readonly spec?: Partial<TorrentSpec> | undefined;
  readonly engine?: EngineOptions | undefined;
  /** The player reads what is verified, and the engine does not know of it: no deadlines. Default `false`. */
  readonly aside?: boolean | undefined;
}

/** Somebody who watches the film in a page: an engine, a reader and a player. */
export class Viewer implements Visitor {
  readonly line: LineOptions;
  readonly #site: Site;
  readonly #tab: Tab;
  readonly #events: VisitorEvents;
  #playback: Playback | undefined;
  #verified: VerifiedSource | undefined;
  #left = false;

  constructor(site: Site, options: ViewerOptions, events: VisitorEvents) {
    this.#site = site;
    this.#events = events;
    this.line = options.line;
    this.#tab = new Tab(site, options, {
      onReady: () => this.#play(options.aside ?? false),
      onPiece: (piece) => {
        events.onPiece(piece);
        this.#verified?.advance();
      },
      onDone: () => {},
    });
  }

  get arrivedAt(): number {
    return this.#tab.arrivedAt;
  }

  get completedAt(): number | undefined {
    return this.#tab.completedAt;
  }

  get playback(): Playback | undefined {
    return this.#playback;
  }

  get needed(): number {
    return neededBy(this.#playback, this.#site.film).bytes;
  }

  get neededRanges(): readonly (readonly [number, number])[] {
    return neededBy(this.#playback, this.#site.film).ranges;
  }

  totals(): Totals {
    return this.#tab.totals();
  }

  has(piece: number): boolean {
    return this.#tab.has(piece);
  }

  leave(silently: boolean): void {
    if (this.#left) return;
    this.#left = true;
    this.#playback?.close();
    this.#tab.close(silently);
  }

  #play(aside: boolean): void {
    if (this.#left || this.#playback !== undefined) return;
    const { world, film, content } = this.#site;
    const { torrent } = this.#tab.peer;
    if (aside) {
      const { pieceLength } = content.info;
      this.#verified = new VerifiedSource(torrent, { length: film.length, pieceLength }, (action) => {
        world.clock.setTimer(0, action);
      });
    }
    const source = this.#verified ?? readerSource(torrent, film.length, (error) => world.loop.fail(error));
    const note = (what: 'started' | 'stalled'): void => {
      noteVisit(world.trace, world.clock.now(), what, this.#playback?.stalls ?? 0);
    };
    this.#playback = new Playback(
      world.clock,
      film,
      source,
      {
        onStart: () => note('started'),
        onStall: () => note('stalled'),
        onOver: () => this.#events.onFinished(),
      },
      this.arrivedAt,
    );
  }
}
