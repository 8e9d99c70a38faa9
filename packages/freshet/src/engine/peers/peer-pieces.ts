import { Bitfield } from '../../protocol/index.ts';
import type { PieceStore } from '../pieces/piece-store.ts';

/** Pieces that a peer may announce before the metadata is known: as many as a bitfield could. */
const MAX_EARLY = 100_000;

/** How the peer is part of the picker's availability. */
type Counted =
  /** Not at all, as seeds are. */
  | 'not'
  /** By each piece that it has. */
  | 'by piece'
  /** As having all but those that it lacks: it was a seed once. */
  | 'as all';

/**
 * Which pieces a peer has, and whether we want any of them. Before the number of pieces is known it keeps what the peer
 * said; afterwards it also keeps the picker's availability.
 */
export class PeerPieces {
  #store: PieceStore | undefined;
  #have: Bitfield | undefined;
  #all = false;
  /** What came before the metadata. */
  #earlyBits: Uint8Array | undefined;
  #earlyHaves: number[] = [];
  #counted: Counted = 'not';
  /** A piece that the peer has and that was missing when it was last looked. */
  #witness = -1;
  /** There was no such piece at this generation of missing pieces. */
  #barrenSince = -1;

  get isSeed(): boolean {
    return this.#all || this.#have?.isFull === true;
  }

  /** Fraction of the torrent, 0..1. */
  get progress(): number {
    if (this.#all) return 1;
    if (this.#have === undefined || this.#have.length === 0) return 0;
    return this.#have.count / this.#have.length;
  }

  /** Pieces that it has, as far as their number is known. */
  get count(): number {
    if (this.#all) return this.#store?.info.pieceCount ?? 0;
    return this.#have?.count ?? 0;
  }

  has(piece: number): boolean {
    return this.#all || this.#have?.get(piece) === true;
  }

  /** The pieces, once their number is known; `undefined` when the peer has all. Not to be changed. */
  get have(): Bitfield | undefined {
    if (this.isSeed) return undefined;
    this.#have ??= new Bitfield(this.#store?.info.pieceCount ?? 0);
    return this.#have;
  }

  /** The peer has a piece that we want and lack. */
  get interesting(): boolean {
    if (this.#store === undefined) return false;
    const { missing, missingGeneration } = this.#store.picker;
    if (this.isSeed) return !missing.isEmpty;
    const have = this.#have;
    if (have === undefined || this.#barrenSince === missingGeneration) return false;
    if (have.get(this.#witness) && missing.get(this.#witness)) return true;
    // On from the last one, so that each stretch is searched once in a download.
    this.#witness = have.firstCommon(missing, this.#witness + 1);
    if (this.#witness < 0) this.#witness = have.firstCommon(missing);
    if (this.#witness < 0) this.#barrenSince = missingGeneration;
    return this.#witness >= 0;
  }

  /** The number of pieces is known now. Returns false if what the peer said before does not fit. */
  adopt(store: PieceStore): boolean {
    this.#store = store;
    let fits = true;
    if (this.#earlyBits !== undefined) fits = this.setBits(this.#earlyBits);
    for (const piece of this.#earlyHaves) if (!this.add(piece)) fits = false;
    this.#earlyBits = undefined;
    this.#earlyHaves = [];
    return fits;
  }

  setAll(): void {
    this.#forget();
    this.#all = true;
    this.#earlyBits = undefined;
    this.#earlyHaves = [];
  }

  setNone(): void {
    this.#forget();
    this.#all = false;
    this.#earlyBits = undefined;
    this.#earlyHaves = [];
  }

  /** Returns false if the bitfield is not one of this torrent. */
  setBits(bits: Uint8Array): boolean {
    const store = this.#store;
    if (store === undefined) {
      this.setNone();
      this.#earlyBits = bits;
      return true;
    }
    const have = Bitfield.fromBytes(bits, store.info.pieceCount);
    if (have === undefined) return false;
    this.#forget();
    this.#all = false;
    this.#have = have;
    if (!have.isFull) {
      this.#counted = 'by piece';
      store.picker.addPieces(have);
    }
    return true;
  }

  /** Returns false if there is no such piece. */
  add(piece: number): boolean {
    const store = this.#store;
    if (store === undefined) {
      if (this.#earlyHaves.length < MAX_EARLY) this.#earlyHaves.push(piece);
      return true;
    }
    if (piece >= store.info.pieceCount) return false;
    if (this.has(piece)) return true;
    if (this.#counted === 'not') this.#counted = 'by piece';
    this.#have ??= new Bitfield(store.info.pieceCount);
    this.#have.set(piece);
    store.picker.addAvailability(piece);
    if (store.picker.missing.get(piece) && !this.interesting) {
      this.#witness = piece;
      this.#barrenSince = -1;
    }
    return true;
  }

  /** The peer no longer has the piece (BEP 54). Returns whether it had it. */
  drop(piece: number): boolean {
    const store = this.#store;
    if (store === undefined || piece >= store.info.pieceCount || !this.has(piece)) return false;
    if (this.#all || this.#have === undefined) {
      this.#have = new Bitfield(store.info.pieceCount);
      this.#have.setAll();
      this.#all = false;
    }
    if (this.#counted === 'not') {
      this.#counted = 'as all';
      store.picker.addToAll();
    }
    this.#have.unset(piece);
    store.picker.removeAvailability(piece);
    return true;
  }

  /** The peer is gone. */
  close(): void {
    this.#forget();
    this.#store = undefined;
  }

  /** Takes back what the peer has said. */
  #forget(): void {
    const have = this.#have;
    if (have !== undefined && this.#store !== undefined) {
      const { picker } = this.#store;
      if (this.#counted === 'by piece') picker.removePieces(have);
      if (this.#counted === 'as all') {
        picker.removeFromAll();
        for (let piece = have.firstUnset(); piece >= 0; piece = have.firstUnset(piece + 1)) {
          picker.addAvailability(piece);
        }
      }
    }
    this.#counted = 'not';
    this.#have = undefined;
    this.#witness = -1;
    this.#barrenSince = -1;
  }
}
