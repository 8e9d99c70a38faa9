import { BLOCK_LENGTH } from '../../protocol/index.ts';
import { placeBytes } from '../../protocol/place-bytes.ts';
import type { BlockSource } from '../pieces/block-source.ts';
import { type PartialPiece, RECEIVED } from '../pieces/partial-piece.ts';
import type { BlockPlace } from './web-seed-claims.ts';
import type { WebSeedHost } from './web-seed-host.ts';

interface Arrival extends BlockPlace {
  readonly target: Uint8Array;
  /** The target is not the piece itself, where another source's payload is arriving. */
  readonly aside: boolean;
  /** Bytes that came over the network so far. */
  received: number;
}

/** The block whose bytes are arriving in a run: where they go, and what becomes of them. */
export class BlockArrival {
  readonly #host: WebSeedHost;
  readonly #source: BlockSource;
  #arrival: Arrival | undefined;
  #aside: Uint8Array | undefined;

  constructor(host: WebSeedHost, source: BlockSource) {
    this.#host = host;
    this.#source = source;
  }

  get current(): BlockPlace | undefined {
    return this.#arrival;
  }

  is(piece: number, block: number): boolean {
    return this.#arrival?.partial.index === piece && this.#arrival.block === block;
  }

  /** The block's first byte comes next. */
  begin(partial: PartialPiece, block: number): void {
    const place = partial.claim(block, this.#source.id);
    if (place === undefined) this.#aside ??= new Uint8Array(BLOCK_LENGTH);
    const target = place ?? this.#aside!;
    this.#arrival = { partial, block, target, aside: place === undefined, received: 0 };
  }

  /** The next bytes of the block. @param network they were sent, and are not padding. */
  write(bytes: Uint8Array, at: number, network: boolean): void {
    const arrival = this.#arrival;
    if (arrival === undefined) {
      if (network) this.#host.onWasted(bytes.length);
      return;
    }
    placeBytes(arrival.target, at, bytes);
    if (network) arrival.received += bytes.length;
  }

  /** The block will not come to its end. */
  drop(): void {
    const arrival = this.#arrival;
    if (arrival === undefined) return;
    this.#arrival = undefined;
    arrival.partial.unclaim(arrival.block, this.#source.id);
    if (arrival.received > 0) this.#host.onWasted(arrival.received);
  }

  /** All bytes are there, and the block is not asked of anybody any more. The store may tell the world of it. */
  end(): void {
    const arrival = this.#arrival;
    if (arrival === undefined) return;
    this.#arrival = undefined;
    const { partial, block, received } = arrival;
    if (partial.state(block) === RECEIVED) {
      if (received > 0) this.#host.onWasted(received);
      return;
    }
    if (arrival.aside) {
      partial.buffer.set(arrival.target.subarray(0, partial.blockLength(block)), block * BLOCK_LENGTH);
    }
    if (received > 0) this.#host.onReceived(received);
    this.#host.store.receive(partial, block, this.#source);
  }
}
