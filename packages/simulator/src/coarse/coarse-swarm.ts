/**
 * The coarse model: viewers, pieces and rates in steps of time, where the detailed mode has engines, blocks and packets.
 * What is in it: who has which piece, lines shared by the transfers on them, upload slots, connections and the time they
 * take, the origin's line, a player's buffer, and a policy that says what is fetched from whom. What is not: packets,
 * round trips within a transfer, choking by merit, hashes, the tracker's messages.
 */

import type { SeededRandom } from 'freshet/memory';
import type { CoarsePolicy, Demand } from './policies.ts';

/** One tab, as it will come and go. Milliseconds; bytes per second. */
export interface CoarseArrival {
  readonly at: number;
  /** When its tab is closed, from its arrival. */
  readonly stayMs: number;
  readonly up: number;
  readonly down: number;
}

export interface CoarseSetup {
  readonly arrivals: readonly CoarseArrival[];
  readonly film: { readonly seconds: number; readonly bytesPerSecond: number; readonly pieceLength: number };
  /** Bytes per second that the origin sends over HTTP. */
  readonly originUp: number;
  /** There and back, between any two. */
  readonly roundTripMs: number;
  /** From arrival to the first peers, and how many a viewer ends up with. */
  readonly connectMs: number;
  readonly maxPeers: number;
  /** Film that must be there to begin, and to go on after a stall. */
  readonly beginMs: number;
  readonly resumeMs: number;
  readonly policy: CoarsePolicy;
  readonly random: SeededRandom;
  /** Milliseconds of a step. */
  readonly stepMs: number;
}

/** Pieces that a viewer fetches at a time, from all sources. */
const MAX_TRANSFERS = 12;
/** Peers that a viewer sends to at a time: what the engine's upload slots come to on such lines. */
const UPLOAD_SLOTS = 8;
/** Pieces fetched ahead of the play position in their order: the engine's read-ahead. */
const READ_AHEAD_BYTES = 32 * 1024 * 1024;
/** Pieces compared for the rarest one. */
const SAMPLE = 12;

export interface CoarseViewer {
  readonly index: number;
  readonly arrival: CoarseArrival;
  /** 1: there; 2: on its way. */
  readonly pieces: Uint8Array;
  readonly peers: CoarseViewer[];
  readonly transfers: Transfer[];
  held: number;
  /** Its transfers to others. */
  sending: number;
  /** Bytes per second that it receives in this step, and that are left of its lines. */
  downLeft: number;
  upLeft: number;
  /** Bytes of film played. */
  position: number;
  playing: boolean;
  startupMs: number | undefined;
  stalls: number;
  stalledMs: number;
  fromPeers: number;
  fromHttp: number;
  uploaded: number;
  requests: number;
  connected: boolean;
  gone: boolean;
  leftAt: number;
  completedAt: number | undefined;
}

interface Transfer {
  readonly to: CoarseViewer;
  /** `undefined` is the origin. */
  readonly from: CoarseViewer | undefined;
  readonly piece: number;
  /** Not before then: the request is on its way. */
  readonly startsAt: number;
  left: number;
  rate: number;
}

/** Time, viewers and what moves between them. */
export class CoarseSwarm {
  now = 0;
  readonly viewers: CoarseViewer[] = [];
  /** Viewers that are there. */
  readonly present: CoarseViewer[] = [];
  /** Copies of each piece among them. */
  readonly copies: Uint32Array;
  readonly pieceCount: number;
  /** Payload moved so far. */
  fromPeers = 0;
  fromHttp = 0;
  requests = 0;
  steps = 0;
  readonly #setup: CoarseSetup;
  readonly #length: number;
  readonly #http: Transfer[] = [];
  #next = 0;

  constructor(setup: CoarseSetup) {
    const { film } = setup;
    this.#setup = setup;
    this.#length = Math.round(film.seconds * film.bytesPerSecond);
    this.pieceCount = Math.ceil(this.#length / film.pieceLength);
    this.copies = new Uint32Array(this.pieceCount);
  }

  /** All have come and gone. */
  get over(): boolean {
    return this.#next === this.#setup.arrivals.length && this.present.length === 0;
  }

  /** One step of time. */
  step(): void {
    const { stepMs } = this.#setup;
    this.#arrive();
    for (const viewer of this.present) if (!viewer.gone) this.#request(viewer);
    this.#share();
    this.#move();
    for (const viewer of this.present) this.#play(viewer, stepMs);
    this.now += stepMs;
    this.steps++;
    this.#leave();
  }

  #arrive(): void {
    const { arrivals, connectMs } = this.#setup;
    for (let next = arrivals[this.#next]; next !== undefined && next.at <= this.now; next = arrivals[this.#next]) {
      const viewer: CoarseViewer = {
        index: this.#next++,
        arrival: next,
        pieces: new Uint8Array(this.pieceCount),
        peers: [],
        transfers: [],
        held: 0,
        sending: 0,
        downLeft: 0,
        upLeft: 0,
        position: 0,
        playing: false,
        startupMs: undefined,
        stalls: 0,
        stalledMs: 0,
        fromPeers: 0,
        fromHttp: 0,
        uploaded: 0,
        requests: 0,
        connected: false,
        gone: false,
        leftAt: 0,
        completedAt: undefined,
      };
      this.viewers.push(viewer);
      this.present.push(viewer);
    }
    if (!this.#setup.policy.peers) return;
    for (const viewer of this.present) {
      if (viewer.connected || this.now < viewer.arrival.at + connectMs) continue;
      viewer.connected = true;
      this.#connect(viewer);
    }
  }

  /** Meets viewers by chance, as the tracker introduces them, until one side has as many as it may. */
  #connect(viewer: CoarseViewer): void {
    const { maxPeers, random } = this.#setup;
    const { present } = this;
    const wanted = Math.ceil(maxPeers / 2);
    for (let tries = 0; tries < 4 * wanted && viewer.peers.length < wanted; tries++) {
      const other = present[random.below(present.length)]!;
      if (other === viewer || !other.connected || other.peers.length >= maxPeers) continue;
      if (viewer.peers.includes(other)) continue;
      viewer.peers.push(other);
      other.peers.push(viewer);
    }
  }

  // --- what is asked of whom

  #request(viewer: CoarseViewer): void {
    const { policy, film } = this.#setup;
    const { pieces, transfers } = viewer;
    if (viewer.held === this.pieceCount || transfers.length >= MAX_TRANSFERS) return;
    const first = Math.floor(viewer.position / film.pieceLength);
    const expectsPeers = policy.peers && !viewer.connected;
    if (policy.order === 'deadlines') {
      const beyond = Math.min(this.pieceCount, first + Math.ceil(READ_AHEAD_BYTES / film.pieceLength));
      for (let piece = first; piece < beyond && transfers.length < MAX_TRANSFERS; piece++) {
        if (pieces[piece] === 0) this.#fetch(viewer, piece, expectsPeers);
      }
    } else if (policy.order === 'sequential') {
      for (let piece = first; piece < this.pieceCount && transfers.length < MAX_TRANSFERS; piece++) {
        if (pieces[piece] === 0 && !this.#fetch(viewer, piece, expectsPeers)) break;
      }
    }
    if (policy.fill === 'rarest') {
      while (transfers.length < MAX_TRANSFERS && this.#fetchRare(viewer)) {}
    }
    this.#prefetch(viewer);
  }

  /** Begins a transfer of the piece from a peer, or from the origin where the policy says so. */
  #fetch(viewer: CoarseViewer, piece: number, expectsPeers: boolean): boolean {
    const { policy, film } = this.#setup;
    const slackMs = (1000 * (piece * film.pieceLength - viewer.position)) / film.bytesPerSecond;
    const peer = this.#supplier(viewer, piece);
    const demand: Demand = {
      slackMs,
      peers: viewer.peers.length,
      expectsPeers,
      someoneHas: peer.has,
    };
    if (peer.free !== undefined && !policy.prefersHttp(demand)) {
      this.#begin(viewer, piece, peer.free);
      return true;
    }
    if (policy.http(demand)) {
      this.#begin(viewer, piece, undefined);
      return true;
    }
    return false;
  }

  /** Of some pieces drawn by chance, the one with the fewest copies that a peer can send. */
  #fetchRare(viewer: CoarseViewer): boolean {
    const { random, policy } = this.#setup;
    let best = -1;
    let from: CoarseViewer | undefined;
    for (let i = 0; i < SAMPLE; i++) {
      const piece = random.below(this.pieceCount);
      if (viewer.pieces[piece] !== 0) continue;
      if (best >= 0 && this.copies[piece]! >= this.copies[best]!) continue;
      const { free } = this.#supplier(viewer, piece);
      if (free === undefined && !policy.httpFill) continue;
      best = piece;
      from = free;
    }
    if (best < 0) return false;
    this.#begin(viewer, best, from);
    return true;
  }

  /** Now and then the origin is asked for something that nobody has: each viewer brings in what others share. */
  #prefetch(viewer: CoarseViewer): void {
    const { policy, random, stepMs } = this.#setup;
    const chance = policy.prefetchPerSecond(viewer.peers.length);
    if (chance <= 0 || !viewer.connected || random.below(1e6) >= (chance * stepMs * 1e6) / 1000) return;
    for (let i = 0; i < SAMPLE; i++) {
      const piece = random.below(this.pieceCount);
      if (viewer.pieces[piece] === 0 && !this.#supplier(viewer, piece).has) {
        this.#begin(viewer, piece, undefined);
        return;
      }
    }
  }

  #supplier(viewer: CoarseViewer, piece: number): { free: CoarseViewer | undefined; has: boolean } {
    const { peers } = viewer;
    const count = peers.length;
    let has = false;
    let free: CoarseViewer | undefined;
    const start = count === 0 ? 0 : this.#setup.random.below(count);
    for (let i = 0; i < count; i++) {
      const peer = peers[(start + i) % count]!;
      if (peer.pieces[piece] !== 1) continue;
      has = true;
      if (peer.sending >= UPLOAD_SLOTS) continue;
      if (free === undefined || peer.sending < free.sending) free = peer;
      if (free.sending === 0) break;
    }
    return { free, has };
  }

  #begin(to: CoarseViewer, piece: number, from: CoarseViewer | undefined): void {
    const { film, roundTripMs } = this.#setup;
    const left = Math.min(film.pieceLength, this.#length - piece * film.pieceLength);
    // A request travels there and the answer back; the first over HTTP has a connection to make before (TCP and TLS).
    const trips = from !== undefined ? 1 : to.requests === 0 ? 3 : 1;
    const transfer: Transfer = { to, from, piece, left, startsAt: this.now + trips * roundTripMs, rate: 0 };
    to.pieces[piece] = 2;
    to.transfers.push(transfer);
    if (from === undefined) {
      this.#http.push(transfer);
      to.requests++;
      this.requests++;
    } else from.sending++;
  }

  // --- how fast it moves

  /** Shares all lines: each gives its transfers equal parts, and what one cannot use goes to the others, twice. */
  #share(): void {
    const { originUp } = this.#setup;
    for (const viewer of this.present) {
      viewer.upLeft = viewer.arrival.up;
      viewer.downLeft = viewer.arrival.down;
      for (const transfer of viewer.transfers) transfer.rate = 0;
    }
    let originLeft = originUp;
    for (let pass = 0; pass < 2; pass++) {
      const originShare = originLeft / Math.max(1, this.#http.length);
      for (const viewer of this.present) {
        const count = viewer.transfers.length;
        if (count === 0) continue;
        const downShare = viewer.downLeft / count;
        for (const transfer of viewer.transfers) {
          const { from } = transfer;
          if (transfer.startsAt > this.now) continue;
          const upShare = from === undefined ? originShare : from.arrival.up / Math.max(1, from.sending);
          const most = from === undefined ? originLeft : from.upLeft;
          const rate = Math.min(pass === 0 ? upShare : most, downShare, most);
          transfer.rate += rate;
          viewer.downLeft -= rate;
          if (from === undefined) originLeft -= rate;
          else from.upLeft -= rate;
        }
      }
    }
  }

  #move(): void {
    const seconds = this.#setup.stepMs / 1000;
    for (const viewer of this.present) {
      const { transfers } = viewer;
      for (let i = transfers.length - 1; i >= 0; i--) {
        const transfer = transfers[i]!;
        const bytes = Math.min(transfer.left, transfer.rate * seconds);
        if (bytes <= 0) continue;
        transfer.left -= bytes;
        if (transfer.from === undefined) {
          viewer.fromHttp += bytes;
          this.fromHttp += bytes;
        } else {
          viewer.fromPeers += bytes;
          transfer.from.uploaded += bytes;
          this.fromPeers += bytes;
        }
        if (transfer.left > 0.5) continue;
        transfers[i] = transfers.at(-1)!;
        transfers.pop();
        this.#end(transfer);
        viewer.pieces[transfer.piece] = 1;
        this.copies[transfer.piece]!++;
        if (++viewer.held === this.pieceCount) viewer.completedAt = this.now;
      }
    }
  }

  #end(transfer: Transfer): void {
    if (transfer.from !== undefined) {
      transfer.from.sending--;
      return;
    }
    const at = this.#http.indexOf(transfer);
    this.#http[at] = this.#http.at(-1)!;
    this.#http.pop();
  }

  // --- what is seen

  #play(viewer: CoarseViewer, stepMs: number): void {
    const { film, beginMs, resumeMs } = this.#setup;
    if (viewer.position >= this.#length) return;
    if (!viewer.playing) {
      const needed = ((viewer.startupMs === undefined ? beginMs : resumeMs) * film.bytesPerSecond) / 1000;
      if (this.#ahead(viewer, needed) >= Math.min(needed, this.#length - viewer.position)) {
        viewer.playing = true;
        // Pieces end anywhere in the step: half of it is right on average.
        viewer.startupMs ??= this.now + stepMs / 2 - viewer.arrival.at;
      } else if (viewer.startupMs !== undefined) viewer.stalledMs += stepMs;
      return;
    }
    const step = (film.bytesPerSecond * stepMs) / 1000;
    const there = this.#ahead(viewer, step);
    viewer.position += Math.min(step, there);
    if (there >= step || viewer.position >= this.#length) return;
    viewer.playing = false;
    viewer.stalls++;
    viewer.stalledMs += stepMs * (1 - there / step);
  }

  /** Bytes in a row from the play position on, as far as anybody wants to know. */
  #ahead(viewer: CoarseViewer, enough: number): number {
    const { pieceLength } = this.#setup.film;
    let piece = Math.floor(viewer.position / pieceLength);
    while (
      piece < this.pieceCount &&
      viewer.pieces[piece] === 1 &&
      piece * pieceLength - viewer.position < enough
    ) {
      piece++;
    }
    return Math.max(0, Math.min(piece * pieceLength, this.#length) - viewer.position);
  }

  #leave(): void {
    const { present } = this;
    for (let i = present.length - 1; i >= 0; i--) {
      const viewer = present[i]!;
      const over = viewer.position >= this.#length;
      if (!over && this.now < viewer.arrival.at + viewer.arrival.stayMs) continue;
      present[i] = present.at(-1)!;
      present.pop();
      this.#remove(viewer);
    }
  }

  #remove(viewer: CoarseViewer): void {
    viewer.gone = true;
    viewer.leftAt = this.now;
    for (const transfer of viewer.transfers) this.#end(transfer);
    viewer.transfers.length = 0;
    for (const peer of viewer.peers) {
      peer.peers.splice(peer.peers.indexOf(viewer), 1);
      for (let i = peer.transfers.length - 1; i >= 0; i--) {
        const transfer = peer.transfers[i]!;
        if (transfer.from !== viewer) continue;
        peer.pieces[transfer.piece] = 0;
        peer.transfers[i] = peer.transfers.at(-1)!;
        peer.transfers.pop();
      }
    }
    viewer.peers.length = 0;
    for (let piece = 0; piece < this.pieceCount; piece++) {
      if (viewer.pieces[piece] === 1) this.copies[piece]!--;
    }
  }
}
