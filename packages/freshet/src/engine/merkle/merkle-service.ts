import type { Info } from '../../protocol/index.ts';
import type { PieceStore } from '../pieces/piece-store.ts';
import type { Hasher } from '../ports.ts';
import { HashExchange } from './hash-exchange.ts';
import { LeafServer } from './leaf-server.ts';
import type { MerkleStore } from './merkle-store.ts';

export interface MerkleServiceOptions {
  /** With v2. */
  readonly info: Info;
  readonly store: MerkleStore;
  readonly hasher: Hasher;
  now(): number;
  /** Pieces that readers need, soonest first. */
  urgent(): readonly { readonly piece: number }[];
  /** The roots of pieces have become known. */
  onRoots(): void;
  /** Pieces that are right by their SHA-1 do not make the file that the torrent says, by its root. */
  onInconsistent(piece: number): void;
}

/** The trees of a torrent's files (BEP 52) while its storage is open: what is known, who is asked, who is answered. */
export class MerkleService {
  readonly store: MerkleStore;
  readonly exchange: HashExchange;
  readonly server: LeafServer;
  readonly #options: MerkleServiceOptions;
  readonly #pieces: () => PieceStore;

  /** @param pieces the piece store, which is made after this. */
  constructor(options: MerkleServiceOptions, pieces: () => PieceStore) {
    const { info, hasher } = options;
    this.#options = options;
    this.#pieces = pieces;
    this.store = options.store;
    this.exchange = new HashExchange({
      hashes: this.store,
      now: () => options.now(),
      urgent: () => options.urgent(),
      isWanted: (piece) => pieces().picker.priority(piece) > 0,
      wantsLeaves: (piece) => pieces().wantsLeaves(piece),
      onRoots: (roots) => {
        pieces().onPieceHashes(roots);
        options.onRoots();
      },
      onLeaves: (piece) => pieces().onLeaves(piece),
      onNoLeaves: (piece) => pieces().onNoLeaves(piece),
    });
    this.server = new LeafServer({
      info,
      hashes: this.store,
      hasher,
      isVerified: (piece) => pieces().verified.get(piece),
      read: (piece, begin, length, wake) => pieces().read(piece, begin, length, wake),
    });
  }

  /** The piece is verified. @param leaves the hashes of its blocks. */
  onVerified(piece: number, leaves: Uint8Array | undefined): void {
    if (leaves !== undefined) {
      this.server.remember(piece, leaves);
      const right = this.store.claim(piece, leaves);
      if (right === true) this.#options.onRoots();
      else if (right === false) this.#options.onInconsistent(piece);
    }
    if (!this.#pieces().wantsLeaves(piece)) this.store.dropLeaves(piece);
  }

  close(): void {
    this.exchange.close();
    this.server.close();
  }
}
