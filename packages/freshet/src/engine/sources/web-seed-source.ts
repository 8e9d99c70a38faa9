import type { BlockSource } from '../pieces/block-source.ts';
import type { HttpExchange } from '../ports.ts';
import { RateMeter } from '../rate-meter.ts';
import type { WebSeedStatus } from '../torrent-types.ts';
import { originOf } from './origin-limits.ts';
import { OriginPace } from './origin-pace.ts';
import { FileLayout, PieceLayout, type Resource, type SeedLayout } from './seed-layout.ts';
import type { RunOwner, WebSeedHost } from './web-seed-host.ts';
import { Parallelism } from './web-seed-parallel.ts';
import type { RunPlan } from './web-seed-plan.ts';
import { type Asked, MAX_SKIP, type RunFailure } from './web-seed-response.ts';
import { WebSeedRun } from './web-seed-run.ts';
import { isHttpUrl } from './web-seed-url.ts';

/** Milliseconds before the first retry after a fault; doubled with each further one. */
const FIRST_RETRY = 2000;
const MAX_RETRY = 300_000;
/** Milliseconds until a file that was not there is asked for again. */
const MISSING_RETRY = 600_000;
/** Milliseconds for which the address behind a redirect is used directly. */
const REDIRECT_LIFE = 300_000;
/** So many files that are not there mean that none is, unless something was there. */
const MANY_MISSING = 5;

/** `files`: a folder or file on a web server (BEP 19). `pieces`: a script that is asked for pieces (BEP 17). */
export type WebSeedKind = 'files' | 'pieces';

/** One web seed address: its runs, its faults, and what is known of its server. */
export class WebSeedSource implements BlockSource, RunOwner {
  readonly id: number;
  readonly url: string;
  readonly runs: Set<WebSeedRun> = new Set();
  readonly meter: RateMeter = new RateMeter();
  readonly pace: OriginPace = new OriginPace();
  readonly #parallel: Parallelism = new Parallelism();
  /** False once the server has sent a whole file instead of a range. */
  ranges = true;
  readonly #host: WebSeedHost;
  readonly #changed: () => void;
  readonly #changedLater: () => void;
  readonly layout: SeedLayout;
  readonly #origin: string;
  readonly #redirects = new Map<number, { readonly url: string; readonly until: number }>();
  /** Files that cannot be had here, and when to ask again. */
  readonly #refused = new Map<number, number>();
  /** Files whose absence was told. */
  readonly #warned = new Set<number>();
  readonly #lingering = new Set<HttpExchange>();
  #downloaded = 0;
  /** Bytes that were asked for and came, and others. */
  #used = 0;
  #thrownAway = 0;
  /** Until when it is left alone because of them, in clock milliseconds; -1 when it is not. */
  #wastefulUntil = -1;
  /** Milliseconds from request to head. */
  #latency = 0;
  #faults = 0;
  #retryAt = 0;
  #lastError: string | undefined;
  /** Never to be used again. */
  #dead = false;

  constructor(
    host: WebSeedHost,
    url: string,
    kind: WebSeedKind,
    changed: () => void,
    changedLater: () => void,
  ) {
    this.id = host.nextSourceId();
    this.url = url;
    this.#host = host;
    this.#changed = changed;
    this.#changedLater = changedLater;
    this.#origin = originOf(url);
    this.layout =
      kind === 'files' ? new FileLayout(url, host.info) : new PieceLayout(url, host.info, host.infoHash);
    if (!isHttpUrl(url)) {
      this.#dead = true;
      this.#lastError = `The web seed ${url} is no HTTP address.`;
    }
  }

  get source(): BlockSource {
    return this;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Bytes per second lately; 0 before anything has come. */
  get rate(): number {
    return this.meter.rate(this.#host.clock.now());
  }

  get lead(): number {
    return Math.ceil((this.rate * 2 * this.#latency) / 1000);
  }

  /** Whether a run may begin now. @param urgent somebody waits for what it brings. */
  usable(now: number, urgent: boolean): boolean {
    if (this.#dead || now < this.#waitsUntil || this.#allRefused(now)) return false;
    if (this.runs.size >= this.#host.maxConnections) return false;
    const { origins } = this.#host;
    if (origins.hasRoom(this.#origin, urgent)) return true;
    origins.wait(this.#origin, urgent, this.#changed);
    return false;
  }

  /** Nothing is asked of it before, in clock milliseconds. */
  get #waitsUntil(): number {
    return Math.max(this.#retryAt, this.#host.origins.deferredUntil(this.#origin));
  }

  /** When something may be possible that is not now, in clock milliseconds; infinite when nothing is to come. */
  retryAt(now: number): number {
    if (this.#dead) return Number.POSITIVE_INFINITY;
    const until = this.#waitsUntil;
    let at = until > now ? until : Number.POSITIVE_INFINITY;
    for (const time of this.#refused.values()) if (time > now && time < at) at = time;
    return at;
  }

  /** Whether there should be another run for what nobody waits for. */
  wantsRun(now: number): boolean {
    if (!this.usable(now, false)) return false;
    const active = this.activeRuns;
    if (active === 0) return true;
    if (!this.ranges) return false;
    this.#parallel.update(now, this.meter.rate(now), this.#host.maxConnections);
    if (active !== this.#parallel.count) return active < this.#parallel.count;
    // One that is nearly through gets its successor early, which saves the round trip.
    for (const run of this.runs) if (!run.held && run.bytesLeft <= this.lead) return true;
    return false;
  }

  /** Runs whose answers are not paused. */
  get activeRuns(): number {
    let active = 0;
    for (const run of this.runs) if (!run.held) active++;
    return active;
  }

  /** Whether only its connections stand in the way of another run, and one of them is held: gives that one up. */
  freeConnection(now: number): boolean {
    if (this.#dead || now < this.#waitsUntil) return false;
    const full = this.runs.size >= this.#host.maxConnections;
    if (!full && this.#host.origins.hasRoom(this.#origin, true)) return false;
    let least: WebSeedRun | undefined;
    for (const run of this.runs) {
      if (run.held && (least === undefined || run.bytesLeft > least.bytesLeft)) least = run;
    }
    if (least !== undefined) this.abortRun(least);
    return least !== undefined;
  }

  canTake(piece: number): boolean {
    if (this.#refused.size === 0) return true;
    const now = this.#host.clock.now();
    for (const resource of this.layout.ofPiece(piece)) {
      if ((this.#refused.get(resource) ?? 0) > now) return false;
    }
    return true;
  }

  asksFor(piece: number, block: number): boolean {
    for (const run of this.runs) if (run.asksFor(piece, block)) return true;
    return false;
  }

  /** Claims what the plan covers and sends the request. Returns whether there was anything to claim. */
  begin(plan: RunPlan, urgent: boolean, needs: (piece: number, block: number) => boolean): boolean {
    const run = new WebSeedRun(this.#host, this, plan, !this.ranges);
    if (this.ranges) {
      run.claim(urgent, needs);
      if (run.empty) return false;
    }
    this.runs.add(run);
    this.#host.origins.open(this.#origin);
    run.start();
    return true;
  }

  abortRun(run: WebSeedRun): void {
    this.#remove(run);
    run.abort();
  }

  #remove(run: WebSeedRun): void {
    if (this.runs.delete(run)) this.#host.origins.closed(this.#origin);
  }

  /** Ends all exchanges. */
  stop(): void {
    for (const run of [...this.runs]) this.abortRun(run);
    for (const exchange of [...this.#lingering]) {
      exchange.abort();
      this.lingered(exchange);
    }
    this.#parallel.reset();
    this.#host.origins.forget(this.#origin, this.#changed);
  }

  /** Forgets faults that were of the moment. */
  reset(): void {
    this.#retryAt = 0;
    this.#faults = 0;
  }

  status(now: number): WebSeedStatus {
    const waiting = now < this.#waitsUntil;
    const failed = this.#dead || this.#allRefused(now);
    return {
      url: this.url,
      state: failed ? 'failed' : this.runs.size > 0 ? 'active' : waiting ? 'waiting' : 'idle',
      downloaded: this.#downloaded,
      downloadRate: this.meter.rate(now),
      lastError: this.#lastError,
    };
  }

  cancelBlock(piece: number, block: number): void {
    for (const run of [...this.runs]) run.cancelBlock(piece, block);
  }

  dropPiece(piece: number): void {
    for (const run of [...this.runs]) run.dropPiece(piece);
  }

  ban(reason: string): void {
    if (this.#dead) return;
    this.#dead = true;
    this.stop();
    this.#lastError = `The web seed ${this.url} ${reason} and is not used any more.`;
    this.#host.onWarning(new Error(this.#lastError));
    // What it sent of other pieces is no better; kept, it would only make those fail too.
    const { store } = this.#host;
    for (const partial of [...store.partials.values()]) {
      if (partial.senders().has(this.id)) store.abandon(partial);
    }
    this.#changedLater();
  }

  ask(resource: Resource, first: number, last: number): Asked {
    const redirect = this.#redirects.get(resource.index);
    const moved =
      redirect !== undefined && redirect.until > this.#host.clock.now() ? redirect.url : undefined;
    return this.layout.ask(resource, first, last, moved);
  }

  /**
   * A script that gives whole pieces whatever is asked for may have us throw away as much as it brings, and a little:
   * each request for the end of a piece could cost all of it. After a while it may again, as nobody else may have the
   * rest.
   */
  allowance(): number {
    if (this.layout.movable) return MAX_SKIP;
    if (this.#wastefulUntil >= 0 && this.#host.clock.now() >= this.#wastefulUntil) {
      this.#wastefulUntil = -1;
      this.#used = 0;
      this.#thrownAway = 0;
    }
    return Math.max(MAX_SKIP, this.#host.info.pieceLength) + this.#used - this.#thrownAway;
  }

  onAnswer(asked: Asked, answered: string, latency: number, skip: number): void {
    this.#thrownAway += skip;
    this.#latency = this.#latency === 0 ? latency : this.#latency + 0.25 * (latency - this.#latency);
    this.#refused.delete(asked.file);
    if (!this.layout.movable || answered === asked.url || !isHttpUrl(answered)) return;
    this.#redirects.set(asked.file, { url: answered, until: this.#host.clock.now() + REDIRECT_LIFE });
  }

  onNoRanges(): void {
    this.ranges = false;
  }

  onBytes(bytes: number, thrownAway: number): void {
    this.#used += bytes - thrownAway;
    this.#faults = 0;
    this.#downloaded += bytes;
    this.meter.add(bytes, this.#host.clock.now());
  }

  onEnded(run: WebSeedRun, failure: RunFailure | undefined): void {
    this.#remove(run);
    if (failure !== undefined && failure.kind !== 'no-ranges') this.#onFailure(failure);
  }

  changed(): void {
    this.#changed();
  }

  changedLater(): void {
    this.#changedLater();
  }

  linger(exchange: HttpExchange): void {
    this.#lingering.add(exchange);
    // Its connection is not free yet.
    this.#host.origins.open(this.#origin);
  }

  lingered(exchange: HttpExchange): void {
    if (this.#lingering.delete(exchange)) this.#host.origins.closed(this.#origin);
  }

  #onFailure(failure: RunFailure): void {
    const { clock, random } = this.#host;
    const { file } = failure;
    const now = clock.now();
    // The address behind a redirect may be valid for a while only: the first one knows the next.
    const redirect = this.#redirects.get(file);
    this.#redirects.delete(file);
    if (redirect !== undefined && redirect.url === failure.url) return;
    this.#lastError = failure.message;
    if (failure.kind === 'wasteful') this.#wastefulUntil = now + MISSING_RETRY;
    if (failure.kind === 'missing' || failure.kind === 'wrong' || failure.kind === 'wasteful') {
      this.#refused.set(file, failure.kind === 'wrong' ? Number.POSITIVE_INFINITY : now + MISSING_RETRY);
      if (!this.#warned.has(file)) this.#host.onWarning(new Error(failure.message));
      this.#warned.add(file);
      return;
    }
    if (this.#faults === 0) this.#host.onWarning(new Error(failure.message));
    const backOff = Math.min(MAX_RETRY, FIRST_RETRY * 2 ** Math.min(this.#faults, 10));
    this.#faults++;
    const jittered = backOff * (0.75 + random.below(1000) / 2000);
    const wait = failure.wait ?? Math.max(FIRST_RETRY, Math.min(MAX_RETRY, jittered));
    this.#retryAt = Math.max(this.#retryAt, now + wait);
    // It is the server that is busy, whatever was asked of it.
    if (failure.wait !== undefined) this.#host.origins.defer(this.#origin, this.#retryAt);
  }

  #allRefused(now: number): boolean {
    if (this.#refused.size === 0) return false;
    let refused = 0;
    for (const until of this.#refused.values()) if (until > now) refused++;
    return refused >= this.layout.count || (refused >= MANY_MISSING && this.#downloaded === 0);
  }
}
