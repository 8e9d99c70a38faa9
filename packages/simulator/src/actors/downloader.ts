import type { LineOptions } from '../network/network.ts';
import { Tab, type TabOptions } from './tab.ts';
import type { Site, Totals, Visitor, VisitorEvents } from './visitor.ts';

/** Somebody who wants the file, and does not look at it before it is there. */
export class Downloader implements Visitor {
  readonly line: LineOptions;
  readonly playback: undefined = undefined;
  readonly #tab: Tab;

  constructor(site: Site, options: TabOptions, events: VisitorEvents) {
    this.line = options.line;
    this.#tab = new Tab(site, options, {
      onReady: () => {},
      onPiece: (piece) => events.onPiece(piece),
      onDone: () => events.onFinished(),
    });
  }

  get arrivedAt(): number {
    return this.#tab.arrivedAt;
  }

  get completedAt(): number | undefined {
    return this.#tab.completedAt;
  }

  get needed(): number {
    const { fromPeers, fromSeeder, fromHttp } = this.totals();
    return fromPeers + fromSeeder + fromHttp;
  }

  get neededRanges(): readonly (readonly [number, number])[] {
    return [[0, this.needed]];
  }

  totals(): Totals {
    return this.#tab.totals();
  }

  has(piece: number): boolean {
    return this.#tab.has(piece);
  }

  leave(silently: boolean): void {
    this.#tab.close(silently);
  }
}
