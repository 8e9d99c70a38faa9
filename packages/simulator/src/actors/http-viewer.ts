import type { Host } from '../host.ts';
import type { LineOptions } from '../network/network.ts';
import { Playback } from '../playback.ts';
import { httpSource } from './sources.ts';
import { neededBy, noteVisit, type Site, type Totals, type Visitor, type VisitorEvents } from './visitor.ts';

/** The baseline: a plain `<video src>`, with the same player on the same line, and no engine. */
export class HttpViewer implements Visitor {
  readonly line: LineOptions;
  readonly arrivedAt: number;
  readonly playback: Playback;
  completedAt: number | undefined;
  readonly #site: Site;
  readonly #host: Host;
  #received = 0;

  /** @param url of the film; it is fetched from there and nowhere else. */
  constructor(
    site: Site,
    options: { readonly line: LineOptions; readonly url: string },
    events: VisitorEvents,
  ) {
    const { world, film } = site;
    this.#site = site;
    this.line = options.line;
    this.arrivedAt = world.clock.now();
    this.#host = world.host({ kind: 'browser', line: options.line });
    const source = httpSource(this.#host.ports.http, options.url, film.length, {
      onBytes: (count) => {
        this.#received += count;
        if (this.#received >= film.length) this.completedAt ??= world.clock.now();
      },
      onError: (error) => world.loop.fail(error),
    });
    this.playback = new Playback(world.clock, film, source, {
      onStart: () => noteVisit(world.trace, world.clock.now(), 'started', 0),
      onStall: () => noteVisit(world.trace, world.clock.now(), 'stalled', this.playback.stalls),
      onOver: () => events.onFinished(),
    });
  }

  get needed(): number {
    return neededBy(this.playback, this.#site.film).bytes;
  }

  get neededRanges(): readonly (readonly [number, number])[] {
    return neededBy(this.playback, this.#site.film).ranges;
  }

  totals(): Totals {
    return { fromPeers: 0, fromSeeder: 0, fromHttp: this.#received, uploaded: 0, wasted: 0 };
  }

  /** Nobody else could have it from here. */
  has(_piece: number): boolean {
    return false;
  }

  leave(silently: boolean): void {
    this.playback.close();
    if (silently) this.#site.world.network.setOnline(this.#host.address, false);
  }
}
