import type { UrgentPiece } from '../pieces/scheduler.ts';
import { MIN_INTERVAL } from './origin-pace.ts';
import { isCrowded, SHARED_RUN, type SharedState, sharedDraw } from './shared-fetching.ts';
import type { WebSeedHost } from './web-seed-host.ts';
import { MIN_LATE, SeedNeeds } from './web-seed-needs.ts';
import { gridEnd, MAX_RUN, planRun, type RunMap, runLength } from './web-seed-plan.ts';
import { completePolicy } from './web-seed-policy.ts';
import type { WebSeedRun } from './web-seed-run.ts';
import type { WebSeedSource } from './web-seed-source.ts';

/** A piece needed now that a run would reach only after so many bytes or milliseconds gets a run of its own. */
const NEAR_BYTES = 256 * 1024;
const NEAR_TIME = 500;
/** Bytes fetched at a time while somebody watches: what must be given up after a seek is then little. */
const STREAM_RUN = 1024 * 1024;
/** Bytes fetched at a time meanwhile. */
const WAITING_RUN = 256 * 1024;
/**
 * Requests side by side to a server that has not sent anything yet: their connections are slow at first, and what is
 * needed for the first picture is there sooner over two of them.
 */
const FIRST_RUNS = 2;
/** Milliseconds within which a run that ends by itself is not paused for another. */
const NEARLY_THROUGH = 200;
/** Milliseconds after which a paused run is given up: its server would, too. */
const MAX_HELD = 20_000;
/** Missing pieces looked at for the next run. */
const MAX_LOOKS = 1024;
/** Milliseconds between two runs of all viewers together, at most. */
const LEAST_ASKED = 2000;

/**
 * What the web seeds of a torrent fetch, and when: what the peers cannot give in time. With no peer to take from they are
 * the main source; with some, and somebody watching, they fetch what is needed at once, and now and then what no peer
 * has, so that each viewer brings in what the others share.
 */
export class WebSeedPlanner {
  readonly #host: WebSeedHost;
  readonly #policy: ReturnType<typeof completePolicy>;
  readonly #sources: ReadonlyMap<string, WebSeedSource>;
  readonly #isRunning: () => boolean;
  readonly #needs: SeedNeeds;
  /** Where the last run without a deadline ended; the next one goes on there if it may. */
  #cursor = -1;
  /** When a piece becomes due that was not when it was last looked, in clock milliseconds; infinite for never. */
  nextDue: number = Number.POSITIVE_INFINITY;
  /** As of the last second. @see isCrowded */
  #crowded = false;
  /** Milliseconds that should lie between two runs of busy web seeds, as of the last second; `MIN_INTERVAL` while one is not busy. */
  #interval: number = MIN_INTERVAL;
  /** Whether what peers have is asked for in this second when it is due. */
  #rescues = true;

  constructor(host: WebSeedHost, sources: ReadonlyMap<string, WebSeedSource>, isRunning: () => boolean) {
    this.#host = host;
    this.#policy = completePolicy(host.policy);
    this.#sources = sources;
    this.#isRunning = isRunning;
    this.#needs = new SeedNeeds(host, sources);
  }

  /** Begins, pauses and gives up runs. @param ticked a second has passed since this was last so. */
  assign(now: number, ticked: boolean): void {
    this.nextDue = Number.POSITIVE_INFINITY;
    for (const source of this.#sources.values()) source.pace.look(source.runs, now);
    const useful = this.#host.usefulPeers();
    // Counting them is a look at each connection: only when it matters.
    const rivals = useful === 0 || ticked ? this.#host.rivals() : 0;
    // Who is connected may be useful in a moment.
    const peers = Math.max(useful, Math.min(1, rivals));
    const streaming = this.#host.streaming();
    // A fast server would have sent the whole film before the first peer is there to be asked.
    const waiting = useful === 0 && this.#host.expectsPeers();
    this.#dropHeld(now);
    if (ticked) {
      this.#measure(now);
      this.#share(streaming && rivals > 0 ? this.#sharedState(now) : undefined);
      // As often as one viewer should ask, and one of all who know each other does.
      this.#rescues = !this.#busy || this.#draws(MIN_INTERVAL / (this.#interval * Math.max(1, rivals)));
    }
    if (streaming && !this.#assignUrgent(now, peers, waiting)) return;
    this.#releaseHeld(streaming && peers > 0);
    if (streaming && waiting) return;
    // Who closes the tab has no use for the rest, and it was paid for.
    if (streaming && (peers > 0 || this.#host.demand() > 0)) return;
    for (const source of this.#sources.values()) {
      while (
        source.wantsRun(now) &&
        (streaming ? this.#beginNext(source, now) : this.#beginFar(source, now))
      );
    }
  }

  #measure(now: number): void {
    let interval = Number.POSITIVE_INFINITY;
    for (const source of this.#sources.values()) {
      if (!source.dead) interval = Math.min(interval, source.pace.interval(now));
    }
    // However slow a server is, one of all viewers asks it every few seconds.
    interval = Math.min(interval, LEAST_ASKED * this.#host.viewers());
    this.#interval = interval > this.#policy.busyInterval ? interval : MIN_INTERVAL;
  }

  get #busy(): boolean {
    return this.#interval > MIN_INTERVAL;
  }

  #draws(chance: number): boolean {
    return this.#host.random.below(1_000_000) < chance * 1_000_000;
  }

  /** Gives up paused runs that are of no use any more, or that a server would not keep much longer. */
  #dropHeld(now: number): void {
    for (const source of this.#sources.values()) {
      for (const run of [...source.runs]) {
        if (run.held && (!run.wanted || now - run.heldAt > MAX_HELD)) source.abortRun(run);
      }
    }
  }

  /**
   * Nothing is needed at once: what gave way goes on, though not far when peers could give the rest. Returns whether
   * anything did.
   */
  #releaseHeld(shorten: boolean): boolean {
    let any = false;
    for (const source of this.#sources.values()) {
      for (const run of [...source.runs]) {
        if (!run.held) continue;
        if (shorten) run.truncate(gridEnd(run.position, STREAM_RUN));
        run.release();
        any ||= !run.ended;
      }
    }
    return any;
  }

  /** Now and then, fetches something for all who watch. @see sharedDraw */
  #share(state: SharedState | undefined): void {
    this.#crowded = state !== undefined && isCrowded(state);
    const { random } = this.#host;
    if (state === undefined || this.#needs.runs().some((run) => run.shared)) return;
    const { pieces, chance } = sharedDraw(state);
    if (!this.#draws(chance)) return;
    let place = random.below(pieces.length);
    // What is needed first twice as often as on average.
    if (this.#busy) place = Math.min(place, random.below(pieces.length));
    const { piece } = pieces[place]!;
    const source = this.#bestSource(state.now, true, (candidate) => candidate.canTake(piece));
    if (source === undefined) return;
    const needs = this.#needs.of(state.now, Number.POSITIVE_INFINITY, () => false);
    const may = (other: number): boolean => this.#isAlone(other);
    this.#begin(source, piece, SHARED_RUN, false, needs, may, true, true);
  }

  #sharedState(now: number): SharedState {
    let rate = 0;
    for (const source of this.#sources.values()) rate = Math.max(rate, source.rate);
    const { sharedCopies, aloneDemand } = this.#policy;
    return {
      now,
      alone: this.#host.urgent().filter(({ piece }) => this.#isAlone(piece)),
      pieceLength: this.#host.info.pieceLength,
      rate,
      viewers: this.#host.viewers(),
      copies: sharedCopies,
      aloneDemand,
      interval: this.#interval,
    };
  }

  /** Whether nobody else could send the missing piece. */
  #isAlone(piece: number): boolean {
    const { store, scheduler } = this.#host;
    return store.isMissing(piece) && !scheduler.leaveToFree(piece, Number.POSITIVE_INFINITY);
  }

  /** Returns whether there is room for what nobody waits for. */
  #assignUrgent(now: number, peers: number, waiting: boolean): boolean {
    const all = this.#due(now, peers, waiting);
    const due = this.#crowded ? all.filter(({ piece }) => !this.#isAlone(piece)) : all;
    if (due.length === 0) return true;
    const deadlines = new Map(due.map(({ piece, deadline }) => [piece, deadline]));
    for (const { piece, deadline, firstBlock = 0 } of due) {
      const slack = deadline - now;
      const tooSlow = (run: WebSeedRun, time: number): boolean =>
        time > Math.max(MIN_LATE, slack) && this.#needs.hasFaster(run, now);
      const whole = this.#needs.of(now, this.#needs.lateAfter(slack), tooSlow);
      const needs = this.#needs.behind(piece, firstBlock, whole);
      this.#makeWay(piece, deadline, deadlines, now, this.#needs.firstNeeded(piece, needs));
      const held = this.#needs.runs().find((run) => run.held && run.covers(piece));
      if (held === undefined && this.#needs.firstNeeded(piece, needs) < 0) continue;
      const hopeless = (run: WebSeedRun): boolean =>
        run.covers(piece) && tooSlow(run, this.#needs.timeTo(run, piece + 1, 0));
      if (!(waiting && this.#isFirst()) && this.#mustWait(deadline, deadlines, now, hopeless)) return false;
      // Time enough to bring home what gave way.
      if (deadline - now > this.#policy.highDemand && this.#releaseHeld(peers > 0)) return false;
      if (held !== undefined) {
        if (this.#isNear(held, piece, deadline - now)) {
          held.release();
          return false;
        }
        held.truncate(piece * this.#host.info.pieceLength);
      }
      const may = (candidate: WebSeedSource): boolean =>
        candidate.canTake(piece) && ![...candidate.runs].some((run) => run.covers(piece));
      const source = this.#bestSource(now, true, may) ?? this.#freeSource(now, may);
      if (source === undefined) continue;
      // Without peers what follows is fetched here anyway; a request for each piece as it comes due would cost more.
      const beyond = peers === 0 ? () => true : (other: number) => deadlines.has(other);
      this.#begin(source, piece, waiting ? WAITING_RUN : STREAM_RUN, true, needs, beyond, true);
      if (!(waiting && this.#isFirst())) return false;
    }
    // All that is due is on its way; until it is here, the line is not shared with what is not due.
    return !this.#needs.runs().some((run) => !run.held && !run.shared && run.coversAny(deadlines));
  }

  /** Whether what is asked now is among the first things that are asked of a server. */
  #isFirst(): boolean {
    if (this.#needs.runs().length >= FIRST_RUNS) return false;
    return [...this.#sources.values()].every((source) => source.meter.total === 0);
  }

  /** The missing pieces with a deadline that are for the web seeds to fetch, earliest first. */
  #due(now: number, peers: number, waiting: boolean): UrgentPiece[] {
    const { waitingDemand, highDemand, aloneDemand, soleDemand } = this.#policy;
    const whatever = peers === 0 ? soleDemand : Math.max(highDemand, aloneDemand);
    const horizon = now + (waiting ? waitingDemand : whatever);
    const due: UrgentPiece[] = [];
    for (const piece of this.#host.urgent()) {
      if (piece.deadline >= horizon) {
        this.nextDue = Math.min(this.nextDue, piece.deadline - (horizon - now));
        break;
      }
      if (this.#isDue(piece, now, peers, waiting)) due.push(piece);
      else if (piece.deadline - highDemand >= now) {
        this.nextDue = Math.min(this.nextDue, piece.deadline - highDemand);
      }
    }
    return due;
  }

  /** Whether a missing piece with a deadline is for the web seeds to fetch. */
  #isDue({ piece, deadline }: UrgentPiece, now: number, peers: number, waiting: boolean): boolean {
    if (!this.#host.store.isMissing(piece)) return false;
    const slack = deadline - now;
    if (waiting) return slack < this.#policy.waitingDemand;
    if (peers === 0) return true;
    if (slack < this.#policy.highDemand) {
      return this.#rescues || this.#host.store.picker.availability(piece) === 0;
    }
    return (
      slack < this.#policy.aloneDemand && !this.#host.scheduler.leaveToFree(piece, Number.POSITIVE_INFINITY)
    );
  }

  /**
   * Pauses runs that keep a piece due soon from coming at once. `needed` is the offset of the first byte of it that
   * nobody brings, or -1.
   */
  #makeWay(
    piece: number,
    deadline: number,
    deadlines: ReadonlyMap<number, number>,
    now: number,
    needed: number,
  ): void {
    if (deadline - now > 2 * this.#policy.highDemand) return;
    const awaited =
      deadline - now <= this.#policy.highDemand &&
      (needed >= 0 || this.#needs.runs().some((run) => !run.held && run.covers(piece)));
    for (const source of this.#sources.values()) {
      for (const run of [...source.runs]) {
        if (run.held || run.shared) continue;
        if (run.sequential) {
          // A stream does not turn round.
          if (needed >= 0 && run.position > needed) source.abortRun(run);
        } else if (run.covers(piece)) {
          if (this.#isNear(run, piece, deadline - now)) continue;
          if ((deadlines.get(run.nextPiece) ?? Number.POSITIVE_INFINITY) <= deadline) continue;
          run.hold();
        } else if (awaited && !run.coversAny(deadlines)) {
          if (run.bytesLeft > (source.rate * NEARLY_THROUGH) / 1000) run.hold();
        }
      }
    }
  }

  /** Whether the run will be at the piece soon enough. */
  #isNear(run: WebSeedRun, piece: number, slack: number): boolean {
    const distance = piece * this.#host.info.pieceLength - run.position;
    return distance <= Math.max(NEAR_BYTES, (run.rate * Math.max(NEAR_TIME, slack / 2)) / 1000);
  }

  /** A source that can take a run when a paused one gives up its connection. */
  #freeSource(now: number, may: (source: WebSeedSource) => boolean): WebSeedSource | undefined {
    for (const source of this.#sources.values()) {
      if (source.ranges && may(source) && source.freeConnection(now)) return source;
    }
    return undefined;
  }

  /**
   * Whether a piece should wait for the run that is out: it brings what is needed earlier, and a second one would
   * take half of its line.
   */
  #mustWait(
    deadline: number,
    deadlines: ReadonlyMap<number, number>,
    now: number,
    hopeless: (run: WebSeedRun) => boolean,
  ): boolean {
    for (const source of this.#sources.values()) {
      for (const run of source.runs) {
        if (run.shared || run.held || run.stalled(now) || (!run.sequential && run.bytesLeft <= source.lead))
          continue;
        if (hopeless(run)) continue;
        const next = deadlines.get(run.nextPiece);
        if (next !== undefined ? next <= deadline : deadline - now > this.#policy.highDemand) return true;
      }
    }
    return false;
  }

  /**
   * A run for no deadline: on from where the last one ended, or at the piece the picker would begin. Returns
   * whether there was anything to begin.
   */
  #beginFar(source: WebSeedSource, now: number): boolean {
    const { store, info } = this.#host;
    const { picker } = store;
    const allowed = (piece: number): boolean => source.canTake(piece);
    let piece = picker.pick({ have: undefined, may: allowed }, -1, Math.floor(MAX_RUN / info.pieceLength));
    const on = this.#cursor;
    if (piece >= 0 && on >= 0 && on < info.pieceCount && picker.isOpen(on) && allowed(on)) {
      const good = picker.priority(on) >= picker.priority(piece);
      if (good && picker.availability(on) <= picker.availability(piece)) piece = on;
    }
    const late = this.#needs.of(now, this.#host.scheduler.lateAfter, this.#needs.slowerThan(source));
    const needs = (other: number, block: number): boolean =>
      late(other, block) && !source.asksFor(other, block);
    const begin = (first: number): boolean =>
      this.#begin(source, first, runLength(source.rate), false, needs, () => true, false) > 0;
    // What is begun and not asked of anybody comes first, or it would take up memory for ever.
    const unasked = this.#firstOf(store.unasked.indexes(), needs, allowed);
    const next = unasked >= 0 ? unasked : piece;
    if (next >= 0 && begin(next)) return true;
    // There may be no memory for another piece; what others are late with has its own.
    const owed = this.#firstOf(store.partials.keys(), needs, allowed);
    return owed >= 0 && owed !== next && begin(owed);
  }

  /** The first of some pieces that is wanted, allowed and needed; -1 for none among those that are looked at. */
  #firstOf(
    pieces: Iterable<number>,
    needs: (piece: number, block: number) => boolean,
    allowed: (piece: number) => boolean,
  ): number {
    const { picker } = this.#host.store;
    let looks = MAX_LOOKS;
    for (const index of pieces) {
      if (looks-- === 0) break;
      if (picker.priority(index) === 0 || !allowed(index)) continue;
      if (this.#needs.firstNeeded(index, needs) >= 0) return index;
    }
    return -1;
  }

  /** A run behind what is needed at once, or from the start when there is nothing; for a viewer without peers. */
  #beginNext(source: WebSeedSource, now: number): boolean {
    const { store, info, scheduler } = this.#host;
    const late = this.#needs.of(now, scheduler.lateAfter, this.#needs.slowerThan(source));
    const needs = (piece: number, block: number): boolean =>
      late(piece, block) && !source.asksFor(piece, block);
    const from = this.#host.urgent()[0]?.piece ?? Math.max(0, this.#cursor);
    const { missing } = store.picker;
    let looks = MAX_LOOKS;
    for (const [begin, end] of [
      [from, info.pieceCount],
      [0, from],
    ] as const) {
      for (
        let piece = missing.firstSet(begin);
        piece >= 0 && piece < end;
        piece = missing.firstSet(piece + 1)
      ) {
        if (looks-- === 0) return false;
        if (!store.isMissing(piece) || !source.canTake(piece)) continue;
        if (this.#needs.firstNeeded(piece, needs) < 0) continue;
        return this.#begin(source, piece, STREAM_RUN, false, needs, () => true, true) > 0;
      }
    }
    return false;
  }

  /** Returns where the run will end, or 0 when there was nothing to begin. */
  #begin(
    source: WebSeedSource,
    piece: number,
    maxBytes: number,
    urgent: boolean,
    needs: (piece: number, block: number) => boolean,
    may: (piece: number) => boolean,
    aligned: boolean,
    shared: boolean = false,
  ): number {
    if (!this.#isRunning()) return 0;
    const own = (other: number, block: number): boolean =>
      needs(other, block) && !source.asksFor(other, block);
    const plan = planRun(this.#map(source, own, may), piece, maxBytes, aligned);
    if (plan === undefined || !source.begin({ ...plan, shared }, urgent, own)) return 0;
    this.#cursor = Math.ceil(plan.end / this.#host.info.pieceLength);
    return plan.end;
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

  /** The fastest that may begin a run; one not tried yet counts as fastest. */
  #bestSource(
    now: number,
    urgent: boolean,
    may: (source: WebSeedSource) => boolean,
  ): WebSeedSource | undefined {
    let best: WebSeedSource | undefined;
    let bestScore = -1;
    for (const source of this.#sources.values()) {
      if (!may(source) || !source.usable(now, urgent) || (!source.ranges && source.runs.size > 0)) continue;
      const share = source.rate / (source.activeRuns + 1);
      const score = source.meter.total === 0 && source.runs.size === 0 ? Number.MAX_VALUE : share;
      if (score > bestScore) {
        best = source;
        bestScore = score;
      }
    }
    return best;
  }
}
