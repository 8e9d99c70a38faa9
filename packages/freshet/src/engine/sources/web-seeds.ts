import { LazyMap } from '../../protocol/lazy-collections.ts';
import type { Timer } from '../ports.ts';
import type { WebSeedStatus } from '../torrent-types.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import { WebSeedPlanner } from './web-seed-planner.ts';
import { type WebSeedKind, WebSeedSource } from './web-seed-source.ts';

/** Milliseconds between two looks at what is not due, a little less than those of a tick. */
const TICK = 950;

/** Milliseconds between two looks at what is due, at least. */
const MIN_WAIT = 50;

/** The web seeds of one torrent (BEP 17 and 19): sources of the same pieces as the peers. @see WebSeedPlanner */
export class WebSeeds {
  readonly #host: WebSeedHost;
  readonly #sources = new LazyMap<string, WebSeedSource>();
  #running = false;
  #updating = false;
  #again = false;
  #retry: Timer | undefined;
  #retryTime = Number.POSITIVE_INFINITY;
  #later: Timer | undefined;
  #tickAt = Number.NEGATIVE_INFINITY;
  /** Made with the first source. */
  #planner: WebSeedPlanner | undefined;

  constructor(host: WebSeedHost) {
    this.#host = host;
  }

  /** Adds an address; one that is known already is left alone. */
  add(url: string, kind: WebSeedKind = 'files'): void {
    if (this.#sources.has(url)) return;
    const source = new WebSeedSource(
      this.#host,
      url,
      kind,
      () => this.update(),
      () => this.#updateLater(),
    );
    this.#sources.set(url, source);
    if (source.dead) this.#host.onWarning(new Error(source.lastError));
    if (!this.#running) return;
    this.#host.store.addSource(source);
    this.update();
  }

  remove(url: string): void {
    const source = this.#sources.get(url);
    if (source === undefined) return;
    this.#sources.delete(url);
    source.stop();
    this.#host.store.removeSource(source);
    this.update();
  }

  /** The first request leaves within this call when something is wanted. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const source of this.#sources.values()) {
      source.reset();
      this.#host.store.addSource(source);
    }
    this.update();
  }

  /** Aborts all exchanges; `start` may follow. */
  stop(): void {
    this.#running = false;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#retryTime = Number.POSITIVE_INFINITY;
    this.#later?.cancel();
    this.#later = undefined;
    for (const source of this.#sources.values()) {
      source.stop();
      this.#host.store.removeSource(source);
    }
  }

  /** Something changed: deadlines moved, peers came or went, a second passed. */
  update(): void {
    if (!this.#running || this.#sources.size === 0) return;
    // What is verified while a run begins may lead back here.
    if (this.#updating) {
      this.#again = true;
      return;
    }
    this.#updating = true;
    try {
      do {
        this.#again = false;
        this.#plan(this.#host.clock.now());
      } while (this.#again && this.#running);
    } finally {
      this.#updating = false;
    }
  }

  status(): WebSeedStatus[] {
    const now = this.#host.clock.now();
    return [...this.#sources.values()].map((source) => source.status(now));
  }

  #updateLater(): void {
    if (!this.#running || this.#later !== undefined) return;
    this.#later = this.#host.clock.setTimer(0, () => {
      this.#later = undefined;
      this.update();
    });
  }

  #plan(now: number): void {
    const { store, downloadLimiter } = this.#host;
    const ticked = now - this.#tickAt >= TICK;
    if (ticked) this.#tickAt = now;
    if (!store.verified.isFull && (store.picker.openPieces > 0 || store.partials.size > 0)) {
      this.#planner ??= new WebSeedPlanner(this.#host, this.#sources, () => this.#running);
      if (downloadLimiter.rate !== 0) this.#planner.assign(now, ticked);
    }
    this.#armRetry(now);
  }

  #armRetry(now: number): void {
    let at = Number.POSITIVE_INFINITY;
    let busy = false;
    for (const source of this.#sources.values()) {
      at = Math.min(at, source.retryAt(now));
      busy ||= source.runs.size > 0;
    }
    // While nothing arrives, nobody else tells that the next piece is due.
    if (this.#planner !== undefined) at = Math.min(at, Math.max(now + MIN_WAIT, this.#planner.nextDue));
    // A server may fall silent while another one is idle and there is neither peer nor reader for whom time is told.
    if (busy && this.#sources.size > 1) at = Math.min(at, now + TICK);
    // One that rings early costs less than setting it again with each block.
    const early = this.#retry !== undefined && this.#retryTime <= at;
    if (at === this.#retryTime || (early && at !== Number.POSITIVE_INFINITY)) return;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#retryTime = at;
    if (!this.#running || at === Number.POSITIVE_INFINITY) return;
    this.#retry = this.#host.clock.setTimer(at - now, () => {
      this.#retry = undefined;
      this.#retryTime = Number.POSITIVE_INFINITY;
      this.update();
    });
  }
}
