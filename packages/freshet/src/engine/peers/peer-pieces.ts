import { Bitfield } from '../../protocol/index.ts';
import type { PieceStore } from '../pieces/piece-store.ts';

/**
 * Which pieces a peer has, and how many of them we still want. Before the number of pieces is known it keeps what
 * the peer said; afterwards it also keeps the picker's availability.
 */
export class PeerPieces {
  #store: PieceStore | undefined;
  #have: Bitfield | undefined;
  #all = false;
  /** What came before the metadata. */
  #earlyBits: Uint8Array | undefined;
  #earlyHaves: number[] = [];
  /** The peer's pieces are in the picker's availability. */
  #counted = false;
  /** Pieces that the peer has and we want. */
  wanted = 0;

  get isSeed(): boolean {
    return this.#all || this.#have?.isFull === true;
  }

  /** Fraction of the torrent, 0..1. */
  get progress(): number {
    if (this.#all) return 1;
    if (this.#have === undefined || this.#have.length === 0) return 0;
    return this.#have.count / this.#have.length;
  }

  has(piece: number): boolean {
    return this.#all || this.#have?.get(piece) === true;
  }

  /** The number of pieces is known now. Returns false if what the peer said before does not fit. */
  adopt(store: PieceStore): boolean {
    this.#store = store;
    let fits = true;
    if (this.#all) {
      this.#count();
    } else if (this.#earlyBits !== undefined) {
      fits = this.setBits(this.#earlyBits);
    }
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
    if (this.#store !== undefined) this.#count();
  }

  setNone(): void {
    this.#forget();
    this.#all = false;
    this.#have = undefined;
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
      this.#counted = true;
      for (const piece of have.indexes()) store.picker.addAvailability(piece);
    }
    this.#count();
    return true;
  }

  /** Returns false if there is no such piece. */
  add(piece: number): boolean {
    const store = this.#store;
    if (store === undefined) {
      // Bounded by what a bitfield may claim too.
      if (this.#earlyHaves.length < 100_000) this.#earlyHaves.push(piece);
      return true;
    }
    if (piece >= store.info.pieceCount) return false;
    if (this.has(piece)) return true;
    if (this.#have === undefined) {
      this.#have = new Bitfield(store.info.pieceCount);
      this.#counted = true;
    }
    this.#have.set(piece);
    if (this.#counted) store.picker.addAvailability(piece);
    if (this.#wants(piece)) this.wanted++;
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
    if (!this.#counted) {
      this.#counted = true;
      for (let i = 0; i < store.info.pieceCount; i++) store.picker.addAvailability(i);
    }
    this.#have.unset(piece);
    store.picker.removeAvailability(piece);
    if (this.#wants(piece)) this.wanted--;
    return true;
  }

  /** We have the piece now. */
  onVerified(piece: number): void {
    if (this.has(piece) && this.#store !== undefined && this.#store.picker.priority(piece) > 0) this.wanted--;
  }

  /** The selection has changed, or pieces were lost: counts anew. */
  recount(): void {
    if (this.#store !== undefined) this.#count();
  }

  /** The peer is gone. */
  close(): void {
    this.#forget();
  }

  #wants(piece: number): boolean {
    const store = this.#store!;
    return !store.verified.get(piece) && store.picker.priority(piece) > 0;
  }

  #count(): void {
    const { pieceCount } = this.#store!.info;
    let wanted = 0;
    for (let piece = 0; piece < pieceCount; piece++) {
      if (this.has(piece) && this.#wants(piece)) wanted++;
    }
    this.wanted = wanted;
  }

  #forget(): void {
    if (this.#counted && this.#have !== undefined && this.#store !== undefined) {
      for (const piece of this.#have.indexes()) this.#store.picker.removeAvailability(piece);
    }
    this.#counted = false;
    this.wanted = 0;
  }
}
