import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { REQUESTED } from '../pieces/partial-piece.ts';
import { HIGH_DEMAND, type UrgentPiece } from '../pieces/scheduler.ts';
import type { Timer } from '../ports.ts';
import type { WebSeedStatus } from '../torrent-types.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import { planRun, type RunMap, runLength } from './web-seed-plan.ts';
import type { WebSeedRun } from './web-seed-run.ts';
import { WebSeedSource } from './web-seed-source.ts';

/** Milliseconds before its deadline at which a piece that no peer has is fetched. */
const ALONE_DEMAND = 3 * HIGH_DEMAND;
/** A piece needed now that a run would reach only after so many bytes or milliseconds gets a run of its own. */
const NEAR_BYTES = 256 * 1024;
const NEAR_TIME = 500;
/** A block that a viewer waits for counts as late after this many milliseconds at least. */
const MIN_LATE = 400;
/** Bytes fetched ahead at a time for what no peer has. */
const PREFETCH = 1024 * 1024;
const TICK = 950;

/**
 * The web seeds of one torrent (BEP 19): sources of the same pieces as the peers, for what these cannot give in
 * time. With no peer to take from they are the main source; with some, and somebody watching, they fetch what is
 * needed at once, and now and then what no peer has, so that each viewer brings in what the others share.
 */
export class WebSeeds {
  readonly #host: WebSeedHost;
  readonly #sources = new Map<string, WebSeedSource>();
  #running = false;
  #updating = false;
  #again = false;
  #retry: Timer | undefined;
  #retryTime = Number.POSITIVE_INFINITY;
  #later: Timer | undefined;
  #tickAt = Number.NEGATIVE_INFINITY;
  /** Where the last run without a deadline ended; the next one goes on there if it may. */
  #cursor = -1;

  constructor(host: WebSeedHost) {
    this.#host = host;
  }

  /** Adds an address; one that is known already is left alone. */
  add(url: string): void {
    if (this.#sources.has(url)) return;
    const source = new WebSeedSource(
      this.#host,
      url,
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
    if (store.picker.openPieces > 0 || store.partials.size > 0) {
      if (downloadLimiter.rate !== 0) this.#assign(now, ticked);
    }
    this.#armRetry(now);
  }

  #assign(now: number, ticked: boolean): void {
    const { scheduler } = this.#host;
    const peers = this.#host.usefulPeers();
    const streaming = this.#host.streaming();
    // A fast server would have sent the whole film before the first peer is there to be asked.
    const waiting = peers === 0 && this.#host.expectsPeers();
    if (streaming && !this.#assignUrgent(now, peers, waiting)) return;
    if (streaming && waiting) return;
    if (peers > 0 && streaming) {
      const lucky = ticked && this.#host.random.below(peers + 1) === 0;
      if (!lucky || this.#runs().length > 0) return;
      const alone = (piece: number): boolean => !scheduler.leaveToFree(piece, Number.POSITIVE_INFINITY);
      const source = this.#bestSource(now, () => true);
      if (source !== undefined) this.#beginFar(source, now, PREFETCH, alone);
      return;
    }
    for (const source of this.#sources.values()) {
      while (source.wantsRun(now) && this.#beginFar(source, now, runLength(source.rate), () => true));
    }
  }

  /** Returns whether there is room for what nobody waits for. */
  #assignUrgent(now: number, peers: number, waiting: boolean): boolean {
    const deadlines = new Map<number, number>();
    for (const due of this.#host.urgent()) {
      if (this.#isDue(due, now, peers, waiting)) deadlines.set(due.piece, due.deadline);
    }
    if (deadlines.size === 0) return true;
    for (const [piece, deadline] of deadlines) {
      const needs = this.#needs(now, this.#lateAfter(deadline - now));
      this.#abortDetour(piece, deadline, deadlines, now, this.#firstNeeded(piece, needs));
      if (this.#firstNeeded(piece, needs) < 0) continue;
      if (this.#mustWait(deadline, deadlines, now)) return false;
      const source = this.#bestSource(now, (candidate) => {
        return candidate.canTake(piece) && ![...candidate.runs].some((run) => run.covers(piece));
      });
      if (source === undefined) continue;
      this.#begin(source, piece, runLength(source.rate), true, needs, (other) => deadlines.has(other));
      return false;
    }
    // All that is due is on its way; until it is here, the line is not shared with what is not due.
    return !this.#runs().some((run) => run.coversAny(deadlines));
  }

  /** Whether a missing piece with a deadline is for the web seeds to fetch. */
  #isDue({ piece, deadline }: UrgentPiece, now: number, peers: number, waiting: boolean): boolean {
    if (!this.#host.store.isMissing(piece)) return false;
    const slack = deadline - now;
    if (slack < HIGH_DEMAND) return true;
    if (waiting) return false;
    if (peers === 0) return true;
    return slack < ALONE_DEMAND && !this.#host.scheduler.leaveToFree(piece, slack);
  }

  /**
   * Gives up runs that keep a piece due soon from coming at once. `needed` is the offset of the first byte of it that
   * nobody brings, or -1.
   */
  #abortDetour(
    piece: number,
    deadline: number,
    deadlines: ReadonlyMap<number, number>,
    now: number,
    needed: number,
  ): void {
    if (deadline - now > 2 * HIGH_DEMAND) return;
    for (const source of this.#sources.values()) {
      for (const run of [...source.runs]) {
        if (run.sequential) {
          // A stream does not turn round.
          if (needed < 0 || run.position <= needed) continue;
        } else if (run.covers(piece)) {
          const distance = piece * this.#host.info.pieceLength - run.position;
          if (distance <= Math.max(NEAR_BYTES, (source.rate * NEAR_TIME) / 1000)) continue;
          if ((deadlines.get(run.nextPiece) ?? Number.POSITIVE_INFINITY) <= deadline) continue;
        } else if (needed < 0 || run.coversAny(deadlines)) {
          continue;
        }
        source.abortRun(run);
      }
    }
  }

  /**
   * Whether a piece should wait for the run that is out: it brings what is needed earlier, and a second one would
   * take half of its line.
   */
  #mustWait(deadline: number, deadlines: ReadonlyMap<number, number>, now: number): boolean {
    for (const source of this.#sources.values()) {
      for (const run of source.runs) {
        if (run.stalled(now) || (!run.sequential && run.bytesLeft <= source.lead)) continue;
        const next = deadlines.get(run.nextPiece);
        if (next !== undefined ? next <= deadline : deadline - now > 2 * HIGH_DEMAND) return true;
      }
    }
    return false;
  }

  /**
   * A run for no deadline: on from where the last one ended, or at the piece the picker would begin. Returns
   * whether there was anything to begin.
   */
  #beginFar(source: WebSeedSource, now: number, maxBytes: number, may: (piece: number) => boolean): boolean {
    const { store, info } = this.#host;
    const { picker } = store;
    const allowed = (piece: number): boolean => may(piece) && source.canTake(piece);
    let piece = picker.pick(allowed);
    const on = this.#cursor;
    if (piece >= 0 && on >= 0 && on < info.pieceCount && picker.isOpen(on) && allowed(on)) {
      const good = picker.priority(on) >= picker.priority(piece);
      if (good && picker.availability(on) <= picker.availability(piece)) piece = on;
    }
    const late = this.#needs(now, this.#host.scheduler.lateAfter);
    const needs = (other: number, block: number): boolean =>
      late(other, block) && !source.asksFor(other, block);
    // What is begun and not asked of anybody comes first, or it would take up memory for ever.
    for (const partial of store.partials.values()) {
      const { index } = partial;
      if ((partial.freeBlocks === 0 && piece >= 0) || picker.priority(index) === 0 || !allowed(index))
        continue;
      if (this.#firstNeeded(index, needs) < 0) continue;
      piece = index;
      break;
    }
    if (piece < 0) return false;
    const end = this.#begin(source, piece, maxBytes, false, needs, may);
    if (end > 0) this.#cursor = Math.ceil(end / info.pieceLength);
    return end > 0;
  }

  /** Returns where the run will end, or 0 when there was nothing to begin. */
  #begin(
    source: WebSeedSource,
    piece: number,
    maxBytes: number,
    urgent: boolean,
    needs: (piece: number, block: number) => boolean,
    may: (piece: number) => boolean,
  ): number {
    if (!this.#running) return 0;
    const own = (other: number, block: number): boolean =>
      needs(other, block) && !source.asksFor(other, block);
    const plan = planRun(this.#map(source, own, may), piece, maxBytes);
    return plan !== undefined && source.begin(plan, urgent, own) ? plan.end : 0;
  }

  #map(
    source: WebSeedSource,
    needs: (piece: number, block: number) => boolean,
    may: (piece: number) => boolean,
  ): RunMap {
    const { info, store } = this.#host;
    return {
      pieceLength: info.pieceLength,
      length: info.length,
      mayTake: (piece) =>
        store.isMissing(piece) && store.picker.priority(piece) > 0 && source.canTake(piece) && may(piece),
      needs,
    };
  }

  /** Blocks that nobody is asked for, or that one source is late with. */
  #needs(now: number, late: number): (piece: number, block: number) => boolean {
    const { store } = this.#host;
    const runs = this.#runs();
    return (piece, block) => {
      const partial = store.partials.get(piece);
      if (partial === undefined) return store.isMissing(piece);
      if (partial.requesters(block) === 0) return partial.state(block) < REQUESTED;
      if (partial.state(block) !== REQUESTED || partial.requesters(block) > 1) return false;
      const run = runs.find((candidate) => candidate.asksFor(piece, block));
      return run === undefined ? now - partial.requestedAt(block) > late : run.stalled(now);
    };
  }

  /** Offset of the first byte of the piece that is needed; -1 for none. */
  #firstNeeded(piece: number, needs: (piece: number, block: number) => boolean): number {
    const { store, info } = this.#host;
    const blocks = Math.ceil(store.pieceLength(piece) / BLOCK_LENGTH);
    for (let block = 0; block < blocks; block++) {
      if (needs(piece, block)) return piece * info.pieceLength + block * BLOCK_LENGTH;
    }
    return -1;
  }

  /** Milliseconds after which a block with this much time left is late: the less time, the less patience. */
  #lateAfter(slack: number): number {
    return Math.max(MIN_LATE, Math.min(this.#host.scheduler.lateAfter, slack / 2));
  }

  /** The fastest that may begin a run; one not tried yet counts as fastest. */
  #bestSource(now: number, may: (source: WebSeedSource) => boolean): WebSeedSource | undefined {
    let best: WebSeedSource | undefined;
    let bestScore = -1;
    for (const source of this.#sources.values()) {
      if (!source.usable(now) || !may(source) || (!source.ranges && source.runs.size > 0)) continue;
      const share = source.rate / (source.runs.size + 1);
      const score = source.meter.total === 0 && source.runs.size === 0 ? Number.MAX_VALUE : share;
      if (score > bestScore) {
        best = source;
        bestScore = score;
      }
    }
    return best;
  }

  #runs(): WebSeedRun[] {
    const runs: WebSeedRun[] = [];
    for (const source of this.#sources.values()) runs.push(...source.runs);
    return runs;
  }

  #armRetry(now: number): void {
    let at = Number.POSITIVE_INFINITY;
    for (const source of this.#sources.values()) at = Math.min(at, source.retryAt(now));
    if (at === this.#retryTime) return;
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
