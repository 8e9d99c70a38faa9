import { Bitfield } from '../../protocol/index.ts';
import type { Random } from '../ports.ts';

/** A connection, as far as super-seeding goes. */
export interface SuperSeededPeer {
  readonly id: number;
  readonly isSeed: boolean;
  /** It wants something of what it was told of. */
  readonly peerInterested: boolean;
  has(piece: number): boolean;
  /** Tells the peer that we have the piece. */
  reveal(piece: number): void;
}

export interface SuperSeedingOptions {
  readonly pieceCount: number;
  readonly random: Random;
  /** Those connected now, by id. */
  readonly peers: ReadonlyMap<number, SuperSeededPeer>;
  /** How many peers that are no seeds have the piece. */
  availability(piece: number): number;
  /** Whether we have it still. */
  isVerified(piece: number): boolean;
  /** Those who know already what we have, by id: we have become complete while they were connected. */
  readonly knowing?: Iterable<number> | undefined;
}

/** A peer that has nothing to take, or whose piece nobody takes from it, for so many milliseconds is told of others. */
const PATIENCE = 30_000;
/** Most pieces that a peer is told of at a time, when it alone takes any. */
const MAX_BURST = 64;
/** Pieces looked at for the rarest one, when each has been given away once. */
const SAMPLE = 32;
/** Pieces told to each peer at a time once there is another seed: 9 bytes each. */
const BATCH = 1024;

interface Told {
  readonly revealed: Bitfield;
  /** Told last, and not seen elsewhere yet; -1 when there is none. */
  piece: number;
  /** Since when it has nothing to do here, in clock milliseconds. */
  idleSince: number | undefined;
  /** Pieces that it is told of at the next timeout. */
  burst: number;
}

/**
 * Super-seeding (BEP 16): a first seed with little to spare sends each piece once. It claims to have nothing, tells
 * each peer of one piece, another to each, and of the next when the former has been seen at somebody else: so peers
 * must pass on what they get to get more. It is over when there is another seed.
 */
export class SuperSeeding {
  readonly #options: SuperSeedingOptions;
  readonly #told = new Map<number, Told>();
  /** They need not be told, and may ask for anything. */
  readonly #knowing: Set<number>;
  /** Pieces that nobody has been told of, at the end the next one. */
  readonly #fresh: number[];
  #over = false;

  constructor(options: SuperSeedingOptions) {
    this.#options = options;
    this.#knowing = new Set(options.knowing);
    this.#fresh = Array.from({ length: options.pieceCount }, (_, piece) => piece);
    for (let i = this.#fresh.length - 1; i > 0; i--) {
      const j = options.random.below(i + 1);
      const swapped = this.#fresh[i]!;
      this.#fresh[i] = this.#fresh[j]!;
      this.#fresh[j] = swapped;
    }
  }

  /** There is another seed: who connects from now on is told of everything at once. */
  get over(): boolean {
    return this.#over;
  }

  /** The peer believes that we have nothing. */
  add(peer: SuperSeededPeer, now: number): void {
    if (this.#over || this.#told.has(peer.id) || this.#knowing.has(peer.id)) return;
    const told: Told = {
      revealed: new Bitfield(this.#options.pieceCount),
      piece: -1,
      idleSince: now,
      burst: 1,
    };
    this.#told.set(peer.id, told);
    this.#revealFresh(peer, told);
  }

  remove(id: number): void {
    this.#knowing.delete(id);
    const told = this.#told.get(id);
    if (told === undefined) return;
    this.#told.delete(id);
    this.#giveBack(told);
  }

  /** Whether the peer may ask for the piece: nobody gets what it was not told of. */
  allows(id: number, piece: number): boolean {
    return this.#over || this.#knowing.has(id) || this.#told.get(id)?.revealed.get(piece) === true;
  }

  /** The peer has other pieces than before. */
  onHave(peer: SuperSeededPeer, now: number): void {
    if (this.#over) return;
    if (peer.isSeed) {
      this.end();
      return;
    }
    for (const [id, told] of [...this.#told]) {
      if (told.piece < 0) continue;
      const holder = this.#options.peers.get(id);
      if (holder === undefined) continue;
      const passedOn = id === peer.id ? this.#everybodyHas(told.piece) : peer.has(told.piece);
      // A piece that came in from elsewhere first says nothing of the holder.
      if (!passedOn || !holder.has(told.piece)) continue;
      told.burst = 1;
      told.idleSince = now;
      this.#revealFresh(holder, told);
    }
  }

  /** Once a second. */
  tick(now: number): void {
    for (const [id, told] of [...this.#told]) {
      const peer = this.#options.peers.get(id);
      if (peer === undefined) continue;
      if (this.#over) {
        this.#revealRest(peer, told);
        continue;
      }
      const idle = told.piece < 0 || peer.has(told.piece) || !peer.peerInterested;
      if (!idle) told.idleSince = undefined;
      else told.idleSince ??= now;
      if (told.idleSince === undefined || now - told.idleSince < PATIENCE) continue;
      told.idleSince = now;
      this.#giveBack(told);
      for (let i = 0; i < told.burst; i++) {
        if (!this.#revealFresh(peer, told)) this.#reveal(peer, told, this.#rarest(peer, told));
      }
      told.burst = Math.min(MAX_BURST, 2 * told.burst);
    }
  }

  /** Tells everybody of everything from now on. */
  end(): void {
    this.#over = true;
  }

  /** Tells the peer of a piece that nobody has been told of. Returns whether there was one. */
  #revealFresh(peer: SuperSeededPeer, told: Told): boolean {
    told.piece = -1;
    for (let piece = this.#fresh.pop(); piece !== undefined; piece = this.#fresh.pop()) {
      // Somebody has it from elsewhere.
      if (this.#options.availability(piece) > 0) continue;
      this.#reveal(peer, told, piece);
      return true;
    }
    return false;
  }

  #reveal(peer: SuperSeededPeer, told: Told, piece: number): void {
    if (piece < 0 || !this.#options.isVerified(piece)) return;
    told.piece = piece;
    told.revealed.set(piece);
    peer.reveal(piece);
  }

  /** A rare piece that the peer lacks and has not been told of; -1 when none was found. */
  #rarest(peer: SuperSeededPeer, told: Told): number {
    const { pieceCount, random, availability } = this.#options;
    let best = -1;
    for (let i = 0; i < Math.min(SAMPLE, 4 * pieceCount); i++) {
      const piece = random.below(pieceCount);
      if (peer.has(piece) || told.revealed.get(piece)) continue;
      if (best < 0 || availability(piece) < availability(best)) best = piece;
    }
    if (best >= 0) return best;
    for (let piece = told.revealed.firstUnset(); piece >= 0; piece = told.revealed.firstUnset(piece + 1)) {
      if (!peer.has(piece)) return piece;
    }
    return -1;
  }

  /** What the peer was told of and nobody has got is told to others. */
  #giveBack(told: Told): void {
    const { piece } = told;
    told.piece = -1;
    if (piece >= 0 && this.#options.availability(piece) === 0) this.#fresh.push(piece);
  }

  #everybodyHas(piece: number): boolean {
    for (const peer of this.#options.peers.values()) if (!peer.isSeed && !peer.has(piece)) return false;
    return true;
  }

  #revealRest(peer: SuperSeededPeer, told: Told): void {
    let piece = told.revealed.firstUnset();
    for (let i = 0; i < BATCH && piece >= 0; piece = told.revealed.firstUnset(piece + 1)) {
      told.revealed.set(piece);
      if (peer.has(piece) || !this.#options.isVerified(piece)) continue;
      peer.reveal(piece);
      i++;
    }
    if (piece < 0) this.#told.delete(peer.id);
  }
}
