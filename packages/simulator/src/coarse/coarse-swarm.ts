/**
 * The coarse model: viewers, pieces and rates in steps of time, where the detailed mode has engines, blocks and packets.
 * What is in it: who has which piece, lines shared by the transfers on them, upload slots, connections and the time they
 * take, the origin's line, the same player, and a policy that says what is fetched from whom. What is not: packets, round
 * trips within a transfer, choking by merit, NATs, hashes, the tracker's messages.
 */

import type { Clock } from 'freshet/engine';
import { sharedDraw, type UrgentPiece } from 'freshet/engine';
import type { SeededRandom } from 'freshet/memory';
import type { VisitorEvents } from '../actors/visitor.ts';
import type { Film } from '../film.ts';
import type { LineOptions } from '../network/network.ts';
import { CoarseViewer, PIECE, type Transfer } from './coarse-viewer.ts';
import type { CoarsePolicy, Demand } from './policies.ts';

export interface CoarseSetup {
  readonly clock: Clock;
  readonly film: Film;
  readonly pieceLength: number;
  /** The origin's line. */
  readonly origin: LineOptions;
  readonly policy: CoarsePolicy;
  readonly random: SeededRandom;
}

/** Milliseconds of a step. */
const STEP = 200;
/** Milliseconds from arrival to the first peers: tracker, offers, ICE and DTLS at 80 ms. Calibrated with detailed runs. */
const CONNECT = 1200;
/** Peers that a viewer meets at first, and has at most. Calibrated with detailed runs. */
const FIRST_PEERS = 8;
const MAX_PEERS = 55;
/** Pieces that a viewer fetches at a time, from all sources. */
const MAX_TRANSFERS = 24;
/** Pieces that a viewer sends at a time. */
const UPLOADS = 12;
/** Of a piece that is needed within so many milliseconds several peers send parts, so many at most, none smaller than that. */
const SOON = 10_000;
const MAX_SOURCES = 8;
const MIN_PART = 32 * 1024;
/** Seconds of film beyond which viewers hold back: fifteen, and ten that the player has read already. */
const LATER = 25;
/** Pieces compared for the rarest one. */
const SAMPLE = 12;

/** Time, viewers and what moves between them. */
export class CoarseSwarm {
  /** Viewers that are there. */
  readonly present: CoarseViewer[] = [];
  /** Copies of each piece among them. */
  readonly copies: Uint32Array;
  /** Requests to the origin, and bytes that it sent. */
  requests = 0;
  bytes = 0;
  steps = 0;
  /** Viewers so far. */
  arrived = 0;
  readonly #setup: CoarseSetup;
  readonly #http: Transfer[] = [];

  constructor(setup: CoarseSetup) {
    this.#setup = setup;
    this.copies = new Uint32Array(Math.ceil(setup.film.length / setup.pieceLength));
    this.#arm();
  }

  get pieceCount(): number {
    return this.copies.length;
  }

  add(line: LineOptions, events: VisitorEvents): CoarseViewer {
    const { clock, film, pieceLength } = this.#setup;
    const viewer = new CoarseViewer(this, clock, { line, film, pieceLength }, events);
    this.present.push(viewer);
    return viewer;
  }

  /** The viewer leaves, with all that it had. */
  remove(viewer: CoarseViewer): void {
    viewer.gone = true;
    const { present } = this;
    present[present.indexOf(viewer)] = present.at(-1)!;
    present.pop();
    for (const transfer of viewer.transfers) this.#end(transfer);
    viewer.transfers.length = 0;
    viewer.fetches.clear();
    for (const peer of viewer.peers) {
      peer.peers.splice(peer.peers.indexOf(viewer), 1);
      for (let i = peer.transfers.length - 1; i >= 0; i--) {
        const transfer = peer.transfers[i]!;
        if (transfer.from !== viewer) continue;
        peer.transfers[i] = peer.transfers.at(-1)!;
        peer.transfers.pop();
        if (--transfer.fetch.sources > 0) continue;
        // What came of it so far is not lost, but somebody else has to be asked.
        peer.pieces[transfer.fetch.piece] = PIECE.missing;
      }
    }
    viewer.peers.length = 0;
    for (let piece = 0; piece < this.pieceCount; piece++) if (viewer.has(piece)) this.copies[piece]!--;
  }

  #arm(): void {
    this.#setup.clock.setTimer(STEP, () => {
      this.#step();
      this.#arm();
    });
  }

  #step(): void {
    this.steps++;
    this.#share();
    this.#move();
    this.#meet();
    for (const viewer of this.present) this.#request(viewer);
  }

  #now(): number {
    return this.#setup.clock.now();
  }

  // --- who knows whom

  /** Viewers meet by chance, as the tracker introduces them, until one side has as many as it may. */
  #meet(): void {
    const { policy, random } = this.#setup;
    if (!policy.peers) return;
    const { present } = this;
    for (const viewer of present) {
      if (viewer.connected || this.#now() < viewer.arrivedAt + CONNECT) continue;
      viewer.connected = true;
      for (let tries = 0; tries < 4 * FIRST_PEERS && viewer.peers.length < FIRST_PEERS; tries++) {
        const other = present[random.below(present.length)]!;
        if (other === viewer || !other.connected || other.peers.length >= MAX_PEERS) continue;
        if (viewer.peers.includes(other)) continue;
        viewer.peers.push(other);
        other.peers.push(viewer);
      }
    }
  }

  // --- what is asked of whom

  #request(viewer: CoarseViewer): void {
    const { policy, pieceLength } = this.#setup;
    const { pieces, transfers } = viewer;
    if (viewer.held === this.pieceCount || transfers.length >= MAX_TRANSFERS) return;
    // The description of the film comes before anything else.
    const at = viewer.playback.startupMs === undefined ? 0 : viewer.playback.position;
    const first = Math.floor(at / pieceLength);
    if (policy.order === 'deadlines') {
      const beyond = this.#beyond(at);
      for (let piece = first; piece < beyond && transfers.length < MAX_TRANSFERS; piece++) {
        if (this.#isLater(viewer, piece, at) && viewer.later < pieceLength) break;
        if (pieces[piece] === PIECE.missing) this.#fetch(viewer, piece, at);
        else if (pieces[piece] === PIECE.asked) this.#hurry(viewer, piece, at);
      }
    } else if (policy.order === 'sequential') {
      const beyond = this.#beyond(at);
      for (let piece = first; piece < beyond && transfers.length < MAX_TRANSFERS; piece++) {
        if (pieces[piece] === PIECE.missing && !this.#fetch(viewer, piece, at)) break;
      }
    }
    if (policy.fill === 'rarest' && !policy.restrained)
      while (transfers.length < MAX_TRANSFERS && this.#fetchRare(viewer));
    if (this.steps % (1000 / STEP) === viewer.phase) this.#prefetch(viewer, at);
  }

  #beyond(at: number): number {
    const { pieceLength, policy } = this.#setup;
    return Math.min(
      this.pieceCount,
      Math.floor(at / pieceLength) + Math.ceil(policy.readAhead / pieceLength),
    );
  }

  #isLater(viewer: CoarseViewer, piece: number, at: number): boolean {
    const { policy, film, pieceLength } = this.#setup;
    return policy.restrained && viewer.peers.length > 0 && piece * pieceLength - at > LATER * film.rate;
  }

  /** Begins a transfer of the piece from a peer, or from the origin where the policy says so. */
  #fetch(viewer: CoarseViewer, piece: number, at: number): boolean {
    const { policy, film, pieceLength } = this.#setup;
    const { free, has } = this.#supplier(viewer, piece);
    const demand: Demand = {
      slackMs: (1000 * (piece * pieceLength - at)) / film.rate,
      peers: viewer.peers.length,
      expectsPeers: policy.peers && !viewer.connected,
      someoneHas: has,
    };
    if (free !== undefined && !policy.prefersHttp(demand)) {
      if (this.#isLater(viewer, piece, at)) viewer.later -= pieceLength;
      this.#begin(viewer, piece, free);
      return true;
    }
    if (viewer.atOrigin >= policy.httpAtOnce || this.#setup.origin.up === 0 || !policy.http(demand))
      return false;
    this.#begin(viewer, piece, undefined);
    return true;
  }

  /** Has another peer send parts of a piece that would come too late. */
  #hurry(viewer: CoarseViewer, piece: number, at: number): void {
    const { film, pieceLength } = this.#setup;
    const fetch = viewer.fetches.get(piece)!;
    const slackMs = (1000 * (piece * pieceLength - at)) / film.rate;
    if (slackMs > SOON || fetch.sources >= MAX_SOURCES || fetch.left < MIN_PART) return;
    if ((1000 * fetch.left) / fetch.rate < Math.max(STEP, slackMs / 2)) return;
    const { free } = this.#supplier(viewer, piece);
    if (free !== undefined) this.#begin(viewer, piece, free);
  }

  /** Of some pieces drawn by chance, the one with the fewest copies that a peer can send. */
  #fetchRare(viewer: CoarseViewer): boolean {
    const { random, policy } = this.#setup;
    let best = -1;
    let from: CoarseViewer | undefined;
    for (let i = 0; i < SAMPLE; i++) {
      const piece = random.below(this.pieceCount);
      if (viewer.pieces[piece] !== PIECE.missing) continue;
      if (best >= 0 && this.copies[piece]! >= this.copies[best]!) continue;
      const { free } = this.#supplier(viewer, piece);
      if (free === undefined && !(policy.httpFill && viewer.atOrigin < policy.httpAtOnce)) continue;
      best = piece;
      from = free;
    }
    if (best < 0) return false;
    this.#begin(viewer, best, from);
    return true;
  }

  /** Now and then the origin is asked for something that nobody has and all will want, as `sharedDraw` of the engine says. */
  #prefetch(viewer: CoarseViewer, at: number): void {
    const { policy, random, film, pieceLength } = this.#setup;
    if (policy.sharedCopies === 0 || !viewer.connected || viewer.peers.length === 0) return;
    const alone: UrgentPiece[] = [];
    const now = this.#now();
    const beyond = this.#beyond(at);
    for (let piece = Math.floor(at / pieceLength); piece < beyond; piece++) {
      if (viewer.pieces[piece] !== PIECE.missing || this.#supplier(viewer, piece).has) continue;
      alone.push({ piece, deadline: now + (1000 * (piece * pieceLength - at)) / film.rate });
    }
    const rate = viewer.originRate;
    const viewers = this.present.length;
    const state = {
      now,
      alone,
      pieceLength,
      rate,
      viewers,
      copies: policy.sharedCopies,
      aloneDemand: 5000,
      interval: 1000,
    };
    const { pieces, chance } = sharedDraw(state);
    if (random.below(1_000_000) >= chance * 1_000_000) return;
    this.#begin(viewer, pieces[random.below(pieces.length)]!.piece, undefined);
  }

  /** The peer with the piece that sends least, if one has a slot free; and whether any has the piece. */
  #supplier(viewer: CoarseViewer, piece: number): { free: CoarseViewer | undefined; has: boolean } {
    const { peers } = viewer;
    const count = peers.length;
    let has = false;
    let free: CoarseViewer | undefined;
    const start = count === 0 ? 0 : this.#setup.random.below(count);
    for (let i = 0; i < count; i++) {
      const peer = peers[(start + i) % count]!;
      if (peer.pieces[piece] !== PIECE.there) continue;
      has = true;
      if (peer.sending >= UPLOADS || (free !== undefined && peer.sending >= free.sending)) continue;
      free = peer;
      if (free.sending === 0) break;
    }
    return { free, has };
  }

  #begin(to: CoarseViewer, piece: number, from: CoarseViewer | undefined): void {
    const { film, pieceLength, origin } = this.#setup;
    let fetch = to.fetches.get(piece);
    if (fetch === undefined) {
      const left = Math.min(pieceLength, film.length - piece * pieceLength);
      fetch = { piece, left, sources: 0, rate: 0 };
      to.fetches.set(piece, fetch);
    }
    fetch.sources++;
    const roundTrip = 2 * ((to.line.latencyMs ?? 10) + ((from?.line ?? origin).latencyMs ?? 10));
    // A request goes there and the answer comes back; the first over HTTP has to connect before.
    const trips = from === undefined && to.requests === 0 ? 2 : 1;
    const startsAt = this.#now() + trips * roundTrip;
    const transfer: Transfer = { to, from, fetch, startsAt, rate: 0 };
    to.pieces[piece] = PIECE.asked;
    to.transfers.push(transfer);
    if (from !== undefined) {
      from.sending++;
      return;
    }
    this.#http.push(transfer);
    to.requests++;
    to.atOrigin++;
    this.requests++;
  }

  // --- how fast it moves

  /** Shares all lines: each gives its transfers equal parts; then those that can take more get what is left. */
  #share(): void {
    const { film, pieceLength } = this.#setup;
    const began = this.#now() - STEP;
    let originLeft = this.#setup.origin.up ?? Number.POSITIVE_INFINITY;
    for (const viewer of this.present) {
      viewer.upLeft = viewer.up;
      viewer.originRate = 0;
      // Half of the film's rate, as the engine's restraint has it, and two seconds' worth at once.
      viewer.later = Math.min(film.rate + pieceLength, viewer.later + (film.rate * STEP) / 2000);
      viewer.downLeft = viewer.down;
      for (const transfer of viewer.transfers) {
        transfer.rate = 0;
        transfer.fetch.rate = 0;
      }
    }
    const originShare = originLeft / Math.max(1, this.#http.length);
    for (const first of [true, false]) {
      for (const viewer of this.present) {
        for (const transfer of viewer.transfers) {
          if (transfer.startsAt >= began + STEP) continue;
          const { from } = transfer;
          const most = from === undefined ? originLeft : from.upLeft;
          const up = !first ? most : from === undefined ? originShare : from.up / Math.max(1, from.sending);
          const down = first ? viewer.down / viewer.transfers.length : viewer.downLeft;
          const rate = Math.max(0, Math.min(up, most, down, viewer.downLeft));
          transfer.rate += rate;
          transfer.fetch.rate += rate;
          viewer.downLeft -= rate;
          if (from === undefined) {
            originLeft -= rate;
            viewer.originRate += rate;
          }
          if (from !== undefined) from.upLeft -= rate;
        }
      }
    }
  }

  #move(): void {
    const now = this.#now();
    for (const viewer of [...this.present]) {
      const { transfers } = viewer;
      for (const transfer of transfers) {
        const { fetch, from } = transfer;
        const time = Math.min(STEP, now - transfer.startsAt);
        const bytes = Math.min(fetch.left, (transfer.rate * time) / 1000);
        if (!(bytes > 0)) continue;
        fetch.left -= bytes;
        if (from === undefined) {
          viewer.fromHttp += bytes;
          this.bytes += bytes;
        } else {
          viewer.fromPeers += bytes;
          from.uploaded += bytes;
        }
      }
      this.#complete(viewer, now);
    }
  }

  /** Pieces of which nothing is left. */
  #complete(viewer: CoarseViewer, now: number): void {
    const { transfers, fetches } = viewer;
    for (let i = transfers.length - 1; i >= 0; i--) {
      const transfer = transfers[i]!;
      if (transfer.fetch.left > 0.5) continue;
      transfers[i] = transfers.at(-1)!;
      transfers.pop();
      this.#end(transfer);
    }
    for (const { piece, left } of fetches.values()) {
      if (left > 0.5) continue;
      fetches.delete(piece);
      this.copies[piece]!++;
      viewer.take(piece);
      if (viewer.gone) return;
      if (viewer.held === this.pieceCount) viewer.completedAt = now;
    }
  }

  #end(transfer: Transfer): void {
    if (transfer.from !== undefined) {
      transfer.from.sending--;
      return;
    }
    transfer.to.atOrigin--;
    const at = this.#http.indexOf(transfer);
    this.#http[at] = this.#http.at(-1)!;
    this.#http.pop();
  }
}
