/** Whatever blocks can be asked of: a peer or a web seed. */
export interface BlockSource {
  /** Unique within the engine's run, above 0. */
  readonly id: number;
  /** The block has arrived from another source: withdraw the request for it, if there is one. */
  cancelBlock(piece: number, block: number): void;
  /** The buffer of the piece goes away: forget requests for it, and let nothing more be written into it. */
  dropPiece(piece: number): void;
  /** The source sent wrong data, proven. It must not be used again. */
  ban(reason: string): void;
}
